"""uvicorn's HTTP protocol with a bound on how long a request may take to arrive, which uvicorn itself has not."""

import asyncio
import logging

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

_logger = logging.getLogger("server.entrance")
_SPARE_SECONDS = 2
"""The application knows what a slow body is for and answers; the connection is closed only where it did not."""


def timed_protocol(seconds: int) -> type[H11Protocol]:
    """Return a protocol that closes a connection whose request, once begun, is not whole after about `seconds`.

    A connection on which no request begins is closed like one that was kept alive for nothing.
    """

    class TimedProtocol(H11Protocol):
        _unfinished: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self._is_whole():
                self._forget()
            elif self._unfinished is None:
                self._unfinished = self.loop.call_later(seconds + _SPARE_SECONDS, self._give_up)

        def connection_lost(self, exc: Exception | None) -> None:
            self._forget()
            super().connection_lost(exc)

        def _is_whole(self) -> bool:
            if self.conn.their_state is h11.IDLE:
                return not self.conn.trailing_data[0]
            return self.conn.their_state is not h11.SEND_BODY

        def _forget(self) -> None:
            if self._unfinished is not None:
                self._unfinished.cancel()
                self._unfinished = None

        def _give_up(self) -> None:
            self._unfinished = None
            _logger.warning("connection closed", extra={"reason": "request too slow"})
            self.transport.close()

    return TimedProtocol
