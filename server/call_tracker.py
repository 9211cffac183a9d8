"""Counts the calls that are running, so that the server knows when it may stop."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager


class CallTracker:
    """The MCP calls of this process; used from the event loop's thread only."""

    def __init__(self) -> None:
        """Start with no calls."""
        self.running = 0
        self.cut_off = 0
        self.draining = False
        self._last_activity = time.monotonic()

    @contextmanager
    def call(self) -> Iterator[None]:
        """Count one call as running for the length of the block, and as cut off when the server cancels it."""
        self.running += 1
        self._last_activity = time.monotonic()
        try:
            yield
        except asyncio.CancelledError:
            self.cut_off += 1
            raise
        finally:
            self.running -= 1
            self._last_activity = time.monotonic()

    def drain(self) -> None:
        """Say that the server is about to stop: answers now ask clients to reconnect elsewhere."""
        self.draining = True
        self._last_activity = time.monotonic()

    def quiet_seconds(self) -> float:
        """Return how long no call has been running, arriving or ending, in seconds; 0 while one runs."""
        return 0.0 if self.running else time.monotonic() - self._last_activity
