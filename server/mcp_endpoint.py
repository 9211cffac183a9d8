"""The MCP endpoint: both protocol eras over streamable HTTP, stateless.

FastMCP serves a path either with JSON answers or with event streams. An agent runtime wants both: a plain call
answers with one JSON body, and a call that reports progress, or runs longer than a load balancer waits, streams. So
two FastMCP applications stand here over the same tools, and each request goes to the one that suits it:

- 2026-07-28: the streaming one, which answers with one JSON body unless the call reports progress or stays silent
  for PING_INTERVAL_SECONDS;
- 2025-03-26 to 2025-11-25: the streaming one too, behind `SettledAnswers`, which makes it answer likewise;
- a client that does not accept event streams: always JSON.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastmcp import FastMCP
from fastmcp.server.http import StarletteWithLifespan
from mcp.server import _streamable_http_modern as modern_transport
from mcp.server.streamable_http import check_accept_headers
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from sse_starlette import EventSourceResponse
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.call_tracker import CallTracker
from server.settings import Settings
from server.settled_answers import SettledAnswers

PATH = "/mcp"


class McpEndpoint:
    """ASGI application for `PATH`, whatever path it is mounted at; `lifespan` must be running while it serves."""

    def __init__(self, server: FastMCP, settings: Settings, calls: CallTracker) -> None:
        """Serve the tools of `server`, and close connections once `calls` says that the server drains."""
        self._plain = _application(server, settings, json_response=True)
        self._streaming = _application(server, settings, json_response=False)
        self._settled = SettledAnswers(self._streaming)
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

        application = self._choose(scope)
        await application({**scope, "path": PATH, "raw_path": PATH.encode()}, receive, send_and_close)

    def _choose(self, scope: Scope) -> ASGIApp:
        request = Request(scope)
        _, accepts_stream = check_accept_headers(request)
        if request.method != "POST" or not accepts_stream:
            return self._plain
        version = request.headers.get("mcp-protocol-version")
        return self._settled if version is None or version in HANDSHAKE_PROTOCOL_VERSIONS else self._streaming


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
