"""The MCP endpoint: both protocol eras over streamable HTTP, stateless.

FastMCP serves a path either with JSON answers or with event streams. An agent runtime wants both: a plain call
answers with one JSON body, and a call that reports progress, or runs longer than a load balancer waits, streams. So
two FastMCP applications stand here over the same tools, and each request goes to the one that suits it:

- 2026-07-28: the streaming one, which answers with one JSON body unless the call reports progress or stays silent
  for PING_INTERVAL_SECONDS;
- 2025-03-26 to 2025-11-25, where a stream can only be chosen beforehand: JSON, but for a request with a progress
  token;
- a client that does not accept event streams: always JSON.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastmcp import FastMCP
from fastmcp.server.http import StarletteWithLifespan
from mcp.server import _streamable_http_modern as modern_transport
from mcp.server.streamable_http import check_accept_headers
from mcp.server.streamable_http_manager import DEFAULT_MAX_REQUEST_BODY_SIZE
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from sse_starlette import EventSourceResponse
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from server.call_tracker import CallTracker
from server.settings import Settings

PATH = "/mcp"


class McpEndpoint:
    """ASGI application for `PATH`, whatever path it is mounted at; `lifespan` must be running while it serves."""

    def __init__(self, server: FastMCP, settings: Settings, calls: CallTracker) -> None:
        """Serve the tools of `server`, and close connections once `calls` says that the server drains."""
        self._plain = _application(server, settings, json_response=True)
        self._streaming = _application(server, settings, json_response=False)
        self._calls = calls
        _set_ping_interval(settings.ping_interval_seconds)

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Start both applications; end them on exit."""
        async with self._plain.lifespan(self._plain), self._streaming.lifespan(self._streaming):
            yield

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""

        async def send_and_close(message: Message) -> None:
            # Asked here and not before the call: the call may have begun before the signal.
            if self._calls.draining and message["type"] == "http.response.start":
                MutableHeaders(scope=message)["connection"] = "close"
            await send(message)

        application, receive = await self._choose(scope, receive)
        await application({**scope, "path": PATH, "raw_path": PATH.encode()}, receive, send_and_close)

    async def _choose(self, scope: Scope, receive: Receive) -> tuple[StarletteWithLifespan, Receive]:
        request = Request(scope)
        _, accepts_stream = check_accept_headers(request)
        if request.method != "POST" or not accepts_stream:
            return self._plain, receive
        version = request.headers.get("mcp-protocol-version")
        if version is not None and version not in HANDSHAKE_PROTOCOL_VERSIONS:
            return self._streaming, receive
        body, replay = await _read_ahead(receive)
        # A false match costs nothing but an event stream that the client has said it accepts.
        return (self._streaming if b'"progressToken"' in body else self._plain), replay


def _application(server: FastMCP, settings: Settings, *, json_response: bool) -> StarletteWithLifespan:
    return server.http_app(
        path=PATH,
        stateless_http=True,
        json_response=json_response,
        host_origin_protection="auto",
        allowed_hosts=list(settings.allowed_hosts) or None,
    )


def _set_ping_interval(seconds: int) -> None:
    # Neither library takes the interval as an argument on this way in.
    if not hasattr(modern_transport, "_SSE_PING_INTERVAL") or not hasattr(EventSourceResponse, "DEFAULT_PING_INTERVAL"):
        raise RuntimeError("This version of mcp or sse-starlette keeps its ping interval elsewhere.")
    modern_transport._SSE_PING_INTERVAL = float(seconds)
    EventSourceResponse.DEFAULT_PING_INTERVAL = seconds


async def _read_ahead(receive: Receive) -> tuple[bytes, Receive]:
    """Read the request body up to the largest that is served; return it and a `receive` that delivers it again."""
    messages: list[Message] = []
    body = b""
    while True:
        message = await receive()
        messages.append(message)
        body += message.get("body", b"")
        if not message.get("more_body", False) or len(body) > DEFAULT_MAX_REQUEST_BODY_SIZE:
            break
    remaining = iter(messages)

    async def replay() -> Message:
        message = next(remaining, None)
        return message if message is not None else await receive()

    return body, replay
