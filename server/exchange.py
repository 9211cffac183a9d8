"""One request and its answer, which is one JSON document unless it has to be a stream.

It becomes an event stream with the first notification of the tool, or when the tool has been silent for a ping
interval, so that nothing between the client and the server takes the connection for dead. A client of the modern era
that closes its connection cancels the call, which is how that era cancels (MCP 2026-07-28, streamable HTTP).
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import anyio
from mcp.server._streamable_http_modern import _SSE_HEADERS
from mcp.shared.dispatcher import CallOptions
from mcp.shared.exceptions import NoBackChannelError
from mcp.shared.message import MessageMetadata, ServerMessageMetadata
from mcp.shared.transport_context import TransportContext
from starlette.requests import Request
from starlette.types import Receive, Send

_WATCHED_AFTER_SECONDS = 0.05
"""Calls that end sooner need nobody who waits for the client to leave, or for the time of a ping."""


@dataclass(eq=False)
class Exchange:
    """The `mcp.shared.dispatcher.DispatchContext` of one request."""

    request_id: str | int
    request: Request
    progress_token: str | int | None
    send: Send
    can_send_request: bool = field(default=False, init=False)
    streaming: bool = field(default=False, init=False)

    @cached_property
    def cancel_requested(self) -> anyio.Event:
        """Never set: what cancels a call here cancels its task."""
        return anyio.Event()

    @cached_property
    def transport(self) -> TransportContext:
        """What the request came by."""
        return TransportContext(kind="streamable-http", can_send_request=False, headers=self.request.headers)

    @cached_property
    def message_metadata(self) -> MessageMetadata:
        """What came with the message."""
        return ServerMessageMetadata(request_context=self.request)

    async def send_raw_request(
        self, method: str, params: Mapping[str, Any] | None, opts: CallOptions | None = None
    ) -> dict[str, Any]:
        """Refuse: a server without sessions cannot ask its client."""
        raise NoBackChannelError(method)

    async def notify(self, method: str, params: Mapping[str, Any] | None, opts: CallOptions | None = None) -> None:
        """Stream a notification, where the answer can be a stream."""
        message: dict[str, Any] = {"jsonrpc": "2.0", "method": method}
        if params is not None:
            message["params"] = dict(params)
        await self.stream(event(json.dumps(message, separators=(",", ":")).encode()))

    async def progress(self, progress: float, total: float | None = None, message: str | None = None) -> None:
        """Stream a progress notification, where the client asked for it."""
        if self.progress_token is None:
            return
        params: dict[str, Any] = {"progressToken": self.progress_token, "progress": progress}
        if total is not None:
            params["total"] = total
        if message is not None:
            params["message"] = message
        await self.notify("notifications/progress", params)

    async def stream(self, data: bytes, *, last: bool = False) -> None:
        """Send `data` as a part of the event stream, which begins with it if it has not begun."""
        if not self.streaming:
            self.streaming = True
            await self.send({"type": "http.response.start", "status": 200, "headers": list(_SSE_HEADERS)})
        await self.send({"type": "http.response.body", "body": data, "more_body": not last})


def event(message: bytes) -> bytes:
    """Return a JSON-RPC message as an event of a stream."""
    return b"event: message\r\ndata: " + message + b"\r\n\r\n"


async def watched(
    exchange: Exchange,
    receive: Receive,
    ping_seconds: float,
    work: Callable[[], Awaitable[None]],
    *,
    leaving_cancels: bool,
) -> bool:
    """Run `work` while pings are sent in its silence; return False when the client left and that cancelled it."""
    loop = asyncio.get_running_loop()
    caller = asyncio.current_task()
    watcher: asyncio.Task[None] | None = None
    left = False

    async def watch() -> None:
        nonlocal left
        leaving = asyncio.ensure_future(_left(receive))
        try:
            wait = ping_seconds - _WATCHED_AFTER_SECONDS
            while not (await asyncio.wait({leaving}, timeout=wait))[0]:
                await exchange.stream(b": ping\r\n\r\n")
                wait = ping_seconds
            if leaving_cancels and caller is not None:
                left = True
                caller.cancel()
        finally:
            leaving.cancel()

    def begin() -> None:
        nonlocal watcher
        watcher = loop.create_task(watch())

    timer = loop.call_later(_WATCHED_AFTER_SECONDS, begin)
    try:
        await work()
    except asyncio.CancelledError:
        # Another's cancellation goes on; this one was for the work alone.
        if not left or caller is None or caller.uncancel() > 0:
            raise
        return False
    finally:
        timer.cancel()
        if watcher is not None:
            watcher.cancel()
    return not left


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
