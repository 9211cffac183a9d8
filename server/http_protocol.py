"""uvicorn's HTTP protocol with bounds that uvicorn itself has not: on the size of a request's head, and on how long a
request may take to arrive.
"""

import asyncio
import logging

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_logger = logging.getLogger("server.entrance")
_SPARE_SECONDS = 2
"""The application knows what a slow body is for and answers; the connection is closed only where it did not."""

LARGEST_HEAD_BYTES = 128 * 1024
"""Twice what MAX_HEADER_BYTES may be: up to there the application answers, beyond it nobody keeps what arrives."""


def timed_protocol(seconds: int) -> type[HttpToolsProtocol]:
    """Return a protocol that closes a connection whose request, once begun, is not whole after about `seconds`, or
    whose head grows beyond `LARGEST_HEAD_BYTES`.

    A connection on which no request begins is closed like one that was kept alive for nothing.
    """

    class TimedProtocol(HttpToolsProtocol):
        _unfinished: asyncio.TimerHandle | None = None
        _is_whole = True
        _head_bytes: int | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self._is_whole:
                if self._unfinished is not None:
                    self._forget()
                return
            if self._unfinished is None:
                self._unfinished = self.loop.call_later(seconds + _SPARE_SECONDS, self._give_up, "request too slow")
            if self._head_bytes is not None:
                self._head_bytes += len(data)
                if self._head_bytes > LARGEST_HEAD_BYTES:
                    self._give_up("head too large")

        def on_message_begin(self) -> None:
            self._is_whole = False
            self._head_bytes = 0
            super().on_message_begin()

        def on_header(self, name: bytes, value: bytes) -> None:
            # The parser leaves what may stand behind a value (RFC 9110, section 5.5).
            super().on_header(name, value.rstrip(b" \t"))

        def on_headers_complete(self) -> None:
            self._head_bytes = None
            super().on_headers_complete()

        def on_message_complete(self) -> None:
            self._is_whole = True
            super().on_message_complete()

        def connection_lost(self, exc: Exception | None) -> None:
            self._forget()
            super().connection_lost(exc)

        def _forget(self) -> None:
            if self._unfinished is not None:
                self._unfinished.cancel()
                self._unfinished = None

        def _give_up(self, reason: str) -> None:
            self._forget()
            _logger.warning("connection closed", extra={"reason": reason})
            self.transport.close()

    return TimedProtocol
