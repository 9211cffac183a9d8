"""The tool ``leak``: a careless use of a secret setting."""

import logging

from server.tool_secrets import tool_secret


def leak(key: str) -> str:
    """Log the secret `key`, print it, and raise an error that holds it."""
    value = tool_secret(key)
    logging.getLogger("leak").warning("the value is %s", value, extra={"value": value, "nested": {"list": [value]}})
    print(value)
    raise ValueError(f"cannot use {value}")
