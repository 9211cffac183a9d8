"""The MCP endpoint: both protocol eras over streamable HTTP, stateless.

FastMCP serves a path either with JSON answers or with event streams. An agent runtime wants both: a plain call
answers with one JSON body, and a call that reports progress, or runs longer than a load balancer waits, streams. So
two FastMCP applications stand here over the same tools, and each request goes to the one that suits it:

- 2026-07-28: the streaming one, which answers with one JSON body unless the call reports progress or stays silent
  for PING_INTERVAL_SECONDS;
- 2025-03-26 to 2025-11-25: the streaming one too, behind `SettledAnswers`, which makes it answer likewise;
- a client that does not accept event streams: always JSON.

Most requests reach neither: what is ordinary is answered before, in the same forms (`server.direct_answers`).
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

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
from server.direct_answers import DirectAnswers
from server.settings import Settings
from server.settled_answers import SettledAnswers

if TYPE_CHECKING:
    from server.observation import Observation

PATH = "/mcp"


class McpEndpoint:
    """ASGI application for `PATH`, whatever path it is mounted at; `lifespan` must be running while it serves."""

    def __init__(
        self, server: FastMCP, settings: Settings, calls: CallTracker, observation: "Observation | None" = None
    ) -> None:
        """Serve the tools of `server`, and close connections once `calls` says that the server drains.

        `observation` sees the calls that do not go through `server`.
        """
        self._observation = observation
        self._plain = _application(server, settings, json_response=True)
        self._streaming = _application(server, settings, json_response=False)
        self._server = server
        self._settings = settings
        self._settled = SettledAnswers(self._streaming)
        self._calls = calls
        self._direct: DirectAnswers | None = None
        _set_ping_interval(settings.ping_interval_seconds)

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Start both applications and the direct way; end them on exit."""
        async with self._plain.lifespan(self._plain), self._streaming.lifespan(self._streaming):
            tools = await self._server.list_tools()
            self._direct = DirectAnswers(self._server, tools, self._settings, self._observation)
            yield

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, whose body is still to be received."""
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body", False):
                break
        await self.serve(scope, body, receive, send)

    async def serve(self, scope: Scope, body: bytes, receive: Receive, send: Send) -> None:
        """Serve one request with `body`, after which `receive` tells when the client leaves."""

        async def send_and_close(message: Message) -> None:
            # Asked here and not before the call: the call may have begun before the signal.
            if self._calls.draining and message["type"] == "http.response.start":
                MutableHeaders(scope=message)["connection"] = "close"
            await send(message)

        async def by_the_libraries(scope: Scope, receive: Receive, send: Send) -> None:
            application = self._choose(scope)
            await application({**scope, "path": PATH, "raw_path": PATH.encode()}, _delivered(body, receive), send)

        direct = self._direct
        if direct is None or not await direct.answer(scope, body, receive, send_and_close, by_the_libraries):
            await by_the_libraries(scope, receive, send_and_close)

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


def _delivered(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that delivers `body` whole, and then what `receive` does."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def deliver() -> Message:
        return waiting.pop() if waiting else await receive()

    return deliver
