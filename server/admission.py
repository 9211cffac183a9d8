"""Who may call now, who waits, and who is told to come again.

Calls that are running take places; those beyond wait in a queue, the first first, for a bounded time. Where the queue
is full, the time is over or memory is nearly used up, the answer is 429 and not 503: the load balancer's alarms take a
5xx for a broken deployment and would undo it. Health checks take no place.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from server.refusals import TOO_MANY_CALLS, RefusedRequest


class Admission:
    """The places for calls of one process; used from the event loop's thread only."""

    def __init__(
        self, places: int, queue: int, queue_seconds: float, memory_is_short: Callable[[], bool] = lambda: False
    ) -> None:
        """Give `places` at a time, let `queue` calls wait for one for `queue_seconds`, and none begin while
        `memory_is_short` says so.
        """
        self.taken = 0
        self._places = places
        self._queue = queue
        self._seconds = queue_seconds
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._memory_is_short = memory_is_short

    @property
    def waiting(self) -> int:
        """How many calls wait for a place."""
        return len(self._waiting)

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Hold a place for the length of the block. Raises RefusedRequest (429) where there is none to be had."""
        if self._memory_is_short():
            raise _refused("This server's memory is nearly used up; try again in a second.", "memory is short")
        if self.taken >= self._places or self._waiting:
            await self._wait()
        else:
            self.taken += 1
        try:
            yield
        finally:
            self._give_on()

    async def _wait(self) -> None:
        if len(self._waiting) >= self._queue:
            raise self._full()
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(self._seconds):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                # The place came in the same moment: it goes to the next.
                self._give_on()
            else:
                self._waiting.remove(turn)
            if isinstance(error, TimeoutError):
                raise self._full() from None
            raise

    def _give_on(self) -> None:
        if self._waiting:
            self._waiting.popleft().set_result(None)
        else:
            self.taken -= 1

    def _full(self) -> RefusedRequest:
        return _refused(
            f"This server runs {self._places} calls at a time and all are taken; try again in a second.",
            "too many calls at a time",
        )


def _refused(message: str, reason: str) -> RefusedRequest:
    return RefusedRequest(429, TOO_MANY_CALLS, message, reason, {"retry-after": "1"})
