"""Puts the server together: tools, MCP endpoint behind its locks, health routes, request log."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from fastmcp import FastMCP
from fastmcp.tools import Tool
from mcp.server.request_state import RequestStateSecurity
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from server.admission import Admission
from server.asking_clients import AskingClients
from server.bounded_tools import BoundedTool, ToolBounds
from server.call_tracker import CallTracker
from server.entrance import Entrance
from server.mcp_endpoint import PATH, McpEndpoint
from server.memory_guard import MemoryGuard, memory_limit, resident_bytes
from server.observation import Observation
from server.observed_calls import ObservedCalls
from server.request_log import RequestLog
from server.schema_references import WrittenOutReferences
from server.self_check import check_tools_are_listed
from server.settings import Settings, TokenRules
from server.without_sessions import forget_sessions

if TYPE_CHECKING:
    from server.providers import Providers
    from server.token_keys import TokenKeys
    from server.token_lock import TokenLock
    from server.traces import Traces

NAME = "mcp-agent-runtime"
VERSION = "1.0.0"


def build_mcp_server(
    tools: Sequence[Tool],
    observation: Observation | None = None,
    request_state_key: str = "",
    list_page_size: int = 0,
) -> FastMCP:
    """Return the MCP server that offers `tools`; `observation` sees the calls that it runs.

    `request_state_key` seals what a call that asks its caller keeps until it is called anew, perhaps by another task; a
    page of a list holds `list_page_size` entries, or all where that is 0.
    """
    # What an exception says may hold anything; agents see what a tool says with ToolError.
    server = FastMCP(
        name=NAME,
        version=VERSION,
        tools=tools,
        on_duplicate="error",
        mask_error_details=True,
        dereference_schemas=False,
        list_page_size=list_page_size or None,
        request_state_security=RequestStateSecurity(keys=[request_state_key]) if request_state_key else None,
        middleware=[WrittenOutReferences()],
    )
    if observation is not None:
        server.add_middleware(ObservedCalls(observation))
    server.add_middleware(AskingClients())
    forget_sessions(server)
    return server


def build_application(
    tools: Sequence[Tool],
    settings: Settings,
    calls: CallTracker,
    furnish: Callable[[FastMCP], None] | None = None,
) -> Starlette:
    """Return the ASGI application that serves `tools` at ``/mcp`` and ``/mcp/``, ``/health`` and ``/ready``.

    `furnish` is given the MCP server before anything is asked of it, to add more than tools.

    Its lifespan ends its start only when the tools are listed in both protocol eras, and fails with SelfCheckError
    when they are not. ``/health`` answers 200 as long as the process does; ``/ready`` answers 200 from when the tools
    are served, each provider has started or failed to, and the issuer's public keys were read, where tokens are asked
    for, until the server is told to stop; else 503. Both answer under any Host header, without a token, and however
    many calls run.
    """
    bounds = ToolBounds(settings.tool_seconds, settings.tool_concurrency)
    for tool in tools:
        if isinstance(tool, BoundedTool):
            tool.bound(bounds)
    guard = MemoryGuard(memory_limit(), settings.memory_percent / 100, resident_bytes)
    admission = Admission(settings.max_concurrency, settings.max_queue, settings.queue_seconds, guard.is_short)
    observation = Observation(settings, [tool.name for tool in tools], traces=_traces(settings))
    server = build_mcp_server(tools, observation, settings.request_state_key, settings.list_page_size)
    if furnish is not None:
        furnish(server)
    providers = _providers(settings, [tool.name for tool in tools], bounds)
    if providers is not None:
        providers.join(server)
    endpoint = McpEndpoint(server, settings, calls, observation)
    keys, lock = _token_lock(settings.token)
    entrance = Entrance(endpoint, settings, calls, admission, lock)
    serving = False

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        nonlocal serving
        async with _running(providers, observation), endpoint.lifespan():
            await check_tools_are_listed(endpoint, PATH, [tool.name for tool in tools], others=providers is not None)
            serving = True
            async with _kept_fresh(keys), observation.publishing():
                yield
            serving = False

    async def health(_: Request) -> JSONResponse:
        return JSONResponse({"status": "healthy"})

    async def ready(_: Request) -> JSONResponse:
        # Keys that get too old later do not count: every task lacks them then, and none would be better.
        starting = not serving or (keys is not None and not keys.were_read)
        if calls.draining or starting:
            return JSONResponse({"status": "stopping" if calls.draining else "starting"}, status_code=503)
        if providers is None:
            return JSONResponse({"status": "ready", "tools": len(tools)})
        outside = sum(len(provider.tools) for provider in providers.all)
        return JSONResponse({"status": "ready", "tools": len(tools) + outside, "providers": providers.state})

    application = _Application(routes=[Route("/health", health), Route("/ready", ready)], lifespan=lifespan)
    application.router.redirect_slashes = False
    application.serve(PATH, entrance, settings.audit_caller_header)
    return application


def _providers(settings: Settings, own_tools: Sequence[str], bounds: ToolBounds) -> "Providers | None":
    if not settings.providers:
        return None
    from server.providers import Providers

    return Providers(settings.providers, settings.tool_secrets, own_tools, bounds, settings.provider_start_seconds)


@asynccontextmanager
async def _running(providers: "Providers | None", observation: Observation) -> AsyncIterator[None]:
    if providers is None:
        yield
        return
    async with providers.running(observation.know):
        yield


class _Application(Starlette):
    """Starlette, but for the path that has nearly all requests: its middleware and its router cost more than a call.

    That path is served with and without a slash at its end: a redirect from one form to the other would lose the
    request's body or its https.
    """

    def serve(self, path: str, entrance: ASGIApp, caller_header: str) -> None:
        """Serve `path` by `entrance`; `caller_header` as `RequestLog` takes it."""
        quiet = RequestLog(super().__call__, logging.DEBUG, caller_header)
        calls = RequestLog(entrance, logging.INFO, caller_header)
        self._by_path = {"/health": quiet, "/ready": quiet, path: calls, f"{path}/": calls}
        self._others = RequestLog(super().__call__, logging.INFO, caller_header)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the lifespan."""
        if scope["type"] == "http":
            await self._by_path.get(scope["path"], self._others)(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def _traces(settings: Settings) -> "Traces | None":
    if not settings.traces_url:
        return None
    from server.span_exporter import OtlpJsonExporter
    from server.traces import Traces, quiet_sdk

    quiet_sdk()
    return Traces(OtlpJsonExporter(settings.traces_url), settings.runtime_name, settings.traces_percent)


def _token_lock(rules: TokenRules | None) -> "tuple[TokenKeys, TokenLock] | tuple[None, None]":
    if rules is None:
        return None, None
    from server.token_keys import TokenKeys
    from server.token_lock import TokenLock

    keys = TokenKeys(rules.keys_url)
    return keys, TokenLock(rules, keys)


@asynccontextmanager
async def _kept_fresh(keys: "TokenKeys | None") -> AsyncIterator[None]:
    if keys is None:
        yield
        return
    reading = asyncio.create_task(keys.keep_fresh())
    try:
        yield
    finally:
        reading.cancel()
        with suppress(asyncio.CancelledError):
            await reading
