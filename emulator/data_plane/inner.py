"""The data plane's own HTTP server on loopback: what a proxy has no notion of is answered here.

It is reached only through the front (load balancer actions, AWS's own host names), by server tasks (container metadata)
and by clients of the plain form of the gateway.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from hypercorn.asyncio import serve
from hypercorn.config import Config

from emulator.data_plane.exchange import Handler, Reply, Request
from emulator.data_plane.processes import free_port

# A call may pass here four times (gateway, token check, public keys, token endpoint), each holding a thread.
_THREADS = 64
# The AgentCore quota for a payload (AgentCore developer guide, quotas); larger bodies are refused.
_LARGEST_BODY = 6 * 1024 * 1024

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class InnerServer:
    """Serves a list of handlers; the first that gives a reply answers. ``start`` returns when it listens."""

    def __init__(self, handlers: tuple[Handler, ...]) -> None:
        self._handlers = handlers
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="data-plane")
        self._loop = asyncio.new_event_loop()
        self._ended: asyncio.Event | None = None
        self._listening = threading.Event()
        self._thread = threading.Thread(target=self._run, name="data-plane-server", daemon=True)

    def start(self) -> None:
        """Listen. Raises RuntimeError when the port cannot be had within ten seconds."""
        self._thread.start()
        if not self._listening.wait(10):
            raise RuntimeError("the data plane's own server does not start; try again")

    def stop(self) -> None:
        """Stop listening and end the threads."""
        if self._ended is not None:
            self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(10)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        config = Config()
        config.bind = [f"127.0.0.1:{self.port}"]
        config.accesslog = None
        config.errorlog = None
        config.include_server_header = False
        config.graceful_timeout = 1
        config.shutdown_timeout = 2
        config.keep_alive_timeout = 65
        self._ended = asyncio.Event()
        try:
            self._loop.run_until_complete(
                serve(self._application, config, shutdown_trigger=self._ended.wait, mode="asgi")  # type: ignore[arg-type]  # hypercorn's scopes are TypedDicts of its own
            )
        finally:
            self._loop.close()

    async def _application(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send, self._listening)
            return
        if scope["type"] != "http":
            return
        request = await _read(scope, receive)
        if request is None:
            await _send(send, Reply(413, b'{"message":"Request body exceeds 6 MB"}'))
            return
        loop = asyncio.get_running_loop()
        reply = await loop.run_in_executor(self._pool, self._answer, request)
        if isinstance(reply.body, bytes):
            await _send(send, reply)
        else:
            await self._stream(send, reply, reply.body)

    def _answer(self, request: Request) -> Reply:
        for handler in self._handlers:
            reply = handler(request)
            if reply is not None:
                return reply
        return Reply(404, b'{"message":"Not Found"}', {"content-type": "application/json"})

    async def _stream(self, send: Send, reply: Reply, pieces: Iterator[bytes]) -> None:
        loop = asyncio.get_running_loop()
        await send({"type": "http.response.start", "status": reply.status, "headers": _encode(reply.headers)})
        while (piece := await loop.run_in_executor(self._pool, next, pieces, None)) is not None:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


async def _lifespan(receive: Receive, send: Send, listening: threading.Event) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
        listening.set()


async def _read(scope: Scope, receive: Receive) -> Request | None:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > _LARGEST_BODY:
            return None
        if message["type"] != "http.request" or not message.get("more_body"):
            break
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1").partition("?")[0]
    query = scope.get("query_string", b"").decode("latin-1")
    target = f"{path}?{query}" if query else path
    return Request(scope["method"], scope["path"], query, target, headers, bytes(body))


async def _send(send: Send, reply: Reply) -> None:
    body = reply.body if isinstance(reply.body, bytes) else b"".join(reply.body)
    headers = {"content-length": str(len(body)), **reply.headers}
    await send({"type": "http.response.start", "status": reply.status, "headers": _encode(headers)})
    await send({"type": "http.response.body", "body": body})


def _encode(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
