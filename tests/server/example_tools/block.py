"""The tool ``block``: a call that blocks its thread."""

import time


def block(seconds: float) -> str:
    """Sleep for `seconds` and say so."""
    time.sleep(seconds)
    return f"blocked {seconds}"
