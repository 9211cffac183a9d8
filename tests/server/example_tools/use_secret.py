"""The tool ``use_secret``: a proper use of a secret setting."""

import os

from server.tool_secrets import tool_secret


def use_secret(key: str) -> dict[str, int | bool]:
    """Return how long the secret `key` is, and whether the environment still holds the secrets."""
    return {"length": len(tool_secret(key)), "in_environment": "TOOL_SECRETS" in os.environ}
