"""Threads for functions that block.

asyncio's and anyio's own pools do the same at two to eight times the cost: they queue futures of futures and wake the
event loop twice a call. What a function finds in its thread is the same: the context variables of the call, and
`anyio.from_thread` to get back to the event loop.
"""

import asyncio
import contextvars
import queue
import threading
from collections.abc import Callable
from typing import Any, ClassVar

from anyio._backends._asyncio import AsyncIOBackend
from anyio._core._eventloop import claim_worker_thread, threadlocals


class ThreadTimeoutError(Exception):
    """A call in a thread took longer than it was given."""


_Work = tuple[contextvars.Context, Callable[[], Any], Callable[[Any, BaseException | None], None]]


class WorkerThreads:
    """A pool that grows with the calls that run at a time; used from its event loop's thread."""

    current: "ClassVar[WorkerThreads | None]" = None

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start without threads."""
        self._loop = loop
        self._work: queue.SimpleQueue[_Work] = queue.SimpleQueue()
        self._idle = 0

    @classmethod
    def of_running_loop(cls) -> "WorkerThreads":
        """Return the pool of the running event loop; of one loop at a time, as a server has only one."""
        loop = asyncio.get_running_loop()
        if cls.current is None or cls.current._loop is not loop:
            cls.current = cls(loop)
        return cls.current

    async def run(self, call: Callable[[], Any], ended: Callable[[], None], seconds: float | None = None) -> Any:
        """Return what `call` returns in a thread, or raise what it raises, or ThreadTimeoutError after `seconds`.

        `ended` is called in the event loop when the thread has ended the call, which is later than this where the
        caller was cancelled or the time is over: the call itself goes on.
        """
        loop = self._loop
        future: asyncio.Future[Any] = loop.create_future()

        def done(value: Any, error: BaseException | None) -> None:
            self._idle += 1
            ended()
            if future.done():
                return
            if error is None:
                future.set_result(value)
            elif isinstance(error, StopIteration):
                # A future takes no StopIteration.
                stopped = RuntimeError("coroutine raised StopIteration")
                stopped.__cause__ = error
                future.set_exception(stopped)
            else:
                future.set_exception(error)

        if self._idle:
            self._idle -= 1
        else:
            threading.Thread(target=self._serve, args=(loop,), name="tool", daemon=True).start()
        self._work.put((contextvars.copy_context(), call, done))
        if seconds is None:
            return await future
        timer = loop.call_later(seconds, _expire, future)
        try:
            return await future
        finally:
            timer.cancel()

    def _serve(self, loop: asyncio.AbstractEventLoop) -> None:
        with claim_worker_thread(AsyncIOBackend, loop):
            threadlocals.current_cancel_scope = None
            while True:
                context, call, done = self._work.get()
                value, error = None, None
                try:
                    value = context.run(call)
                except BaseException as raised:
                    error = raised
                try:
                    loop.call_soon_threadsafe(done, value, error)
                except RuntimeError:
                    # The event loop has ended, and the process is about to.
                    return
                del context, call, done, value, error


def _expire(future: asyncio.Future[Any]) -> None:
    if not future.done():
        future.set_exception(ThreadTimeoutError())
