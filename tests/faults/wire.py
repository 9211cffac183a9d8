"""The wire between the deployer and AWS: it records every call and does to one of them what a fault says.

It stands on loopback in the emulator's place and passes requests on as they are, their `Host` included, so that
signatures stay valid. What is no call of AWS's, such as the resolver's questions, passes unseen.
"""

import http.client
import os
import signal
import socket
import struct
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, Self

from tests.faults import answers
from tests.faults.answers import Answer
from tests.faults.calls import Call, read
from tests.faults.faults import ANYWHERE, Fault, Point, Sequence

_SECONDS: Final = 120
_RESET: Final = struct.pack("ii", 1, 0)
"""SO_LINGER with no time: closing sends a reset (socket(7))."""
_HOP: Final = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "expect"})


class Wire:
    """A proxy before the AWS on `port`; each fault happens once, at the first call that makes its point.

    A context manager. `victim` is asked for the process that signals are meant for.
    """

    def __init__(self, port: int, victim: Callable[[], int], faults: Mapping[Point, Fault] | None = None) -> None:
        self._upstream = port
        self._victim = victim
        self._lock = threading.Lock()
        self._lasting: Fault | None = None
        self.waiting = dict(faults or {})
        self.sequence = Sequence()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.cut()

    def decide(self, call: Call) -> Fault | None:
        """Takes note of a call and returns what happens to it."""
        with self._lock:
            if self._lasting is not None:
                return self._lasting
            point = self.sequence.add(call)
            fault = self.waiting.pop(point, None) or self.waiting.pop(Point(call.name, ANYWHERE), None)
            if fault in (Fault.EXPIRED, Fault.LOST):
                self._lasting = fault
            return fault

    def serve(self, handler: "_Handler", call: Call, fault: Fault | None, body: bytes) -> None:
        """Answers one request, or does not."""
        if fault is None:
            handler.answer(handler.forwarded(body))
        elif fault is Fault.THROTTLED:
            handler.answer(answers.throttled(call))
        elif fault is Fault.BROKEN_BEFORE:
            handler.answer(answers.broken(call))
        elif fault is Fault.EXPIRED:
            handler.answer(answers.expired(call))
        elif fault is Fault.LOST:
            self._server.refuse()
        elif fault is Fault.INTERRUPTED:
            os.kill(self._victim(), signal.SIGINT)
            handler.answer(handler.forwarded(body))
        else:
            if fault.executed:
                handler.forwarded(body)
            if fault in (Fault.KILLED_BEFORE, Fault.KILLED_AFTER):
                os.kill(self._victim(), signal.SIGKILL)
            if fault is Fault.BROKEN_AFTER:
                handler.answer(answers.broken(call))
            else:
                handler.reset()

    def upstream(self) -> http.client.HTTPConnection:
        """Returns a new connection to the AWS behind."""
        return http.client.HTTPConnection("127.0.0.1", self._upstream, timeout=_SECONDS)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(address, handler)
        self._open: set[socket.socket] = set()
        self._changing = threading.Lock()
        self.refusing = False

    def finish_request(self, request: Any, client_address: Any) -> None:
        with self._changing:
            self._open.add(request)
        try:
            if not self.refusing:
                super().finish_request(request, client_address)
        finally:
            with self._changing:
                self._open.discard(request)

    def refuse(self) -> None:
        """Refuses every connection from now on and ends those that there are."""
        self.refusing = True
        self.shutdown()
        self.cut()

    def cut(self) -> None:
        """Stops listening and ends every connection."""
        self.server_close()
        self._end_all()

    def _end_all(self) -> None:
        with self._changing:
            for connection in self._open:
                _reset(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says nothing of clients that went away: they were killed."""


def _reset(connection: socket.socket) -> None:
    try:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


class _Handler(BaseHTTPRequestHandler):
    """One connection of the deployer's and the one behind it."""

    protocol_version = "HTTP/1.1"
    wire: Wire
    _behind: http.client.HTTPConnection | None = None

    def handle_any(self) -> None:
        """Serves one request."""
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        headers = {name.lower(): value for name, value in self.headers.items()}
        call = read(self.command, self.path, headers, body)
        if call is None:
            self.answer(self.forwarded(body))
        else:
            self.wire.serve(self, call, self.wire.decide(call), body)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = handle_any  # noqa: N815  # http.server's names

    def forwarded(self, body: bytes) -> Answer:
        """Sends the request on and returns the answer."""
        if self._behind is None:
            self._behind = self.wire.upstream()
        self._behind.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in _HOP:
                self._behind.putheader(name, value)
        self._behind.putheader("content-length", str(len(body)))
        self._behind.endheaders(body)
        response = self._behind.getresponse()
        content = response.read()
        kept = {name: value for name, value in response.getheaders() if name.lower() not in _HOP}
        length = response.getheader("content-length")
        if self.command == "HEAD" and length is not None:
            kept["content-length"] = length
        return Answer(response.status, content, kept)

    def answer(self, answer: Answer) -> None:
        """Sends an answer."""
        self.send_response_only(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if "content-length" not in answer.headers:
            self.send_header("content-length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)
            self.wfile.flush()

    def reset(self) -> None:
        """Ends the connection without an answer."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.connection.close()

    def finish(self) -> None:
        """Ends the connection behind with the one before."""
        if self._behind is not None:
            self._behind.close()
        try:
            super().finish()
        except OSError:
            return

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # as http.server names it
        """Says nothing."""


def _handler(wire: Wire) -> type[_Handler]:
    return type("Handler", (_Handler,), {"wire": wire})
