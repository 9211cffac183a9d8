"""The tool ``hang``: blocks its thread for longer than it may."""

import time

TIMEOUT_SECONDS = 0.3
MAX_CONCURRENCY = 2


def hang(seconds: float) -> str:
    """Sleep."""
    time.sleep(seconds)
    return "slept"
