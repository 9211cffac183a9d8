"""Puts the server together: tools, MCP endpoint behind its locks, health routes, request log."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from fastmcp import FastMCP
from fastmcp.tools import Tool
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from server.asking_clients import AskingClients
from server.call_tracker import CallTracker
from server.entrance import Entrance
from server.mcp_endpoint import PATH, McpEndpoint
from server.observation import Observation
from server.observed_calls import ObservedCalls
from server.request_log import RequestLog
from server.schema_references import WrittenOutReferences
from server.self_check import check_tools_are_listed
from server.settings import Settings, TokenRules

if TYPE_CHECKING:
    from server.token_keys import TokenKeys
    from server.token_lock import TokenLock

NAME = "mcp-agent-runtime"
VERSION = "1.0.0"


def build_mcp_server(tools: Sequence[Tool], observation: Observation | None = None) -> FastMCP:
    """Return the MCP server that offers `tools`; `observation` sees the calls that it runs."""
    # What an exception says may hold anything; agents see what a tool says with ToolError.
    server = FastMCP(
        name=NAME,
        version=VERSION,
        tools=tools,
        on_duplicate="error",
        mask_error_details=True,
        dereference_schemas=False,
        middleware=[WrittenOutReferences()],
    )
    if observation is not None:
        server.add_middleware(ObservedCalls(observation))
    server.add_middleware(AskingClients())
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
    are served and the issuer's public keys were read, where tokens are asked for, until the server is told to stop;
    else 503. Both answer under any Host header, without a token, and however many calls run.
    """
    observation = Observation(settings, [tool.name for tool in tools])
    server = build_mcp_server(tools, observation)
    if furnish is not None:
        furnish(server)
    endpoint = McpEndpoint(server, settings, calls)
    keys, lock = _token_lock(settings.token)
    entrance = Entrance(endpoint, settings, calls, lock)
    serving = False

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        nonlocal serving
        async with endpoint.lifespan():
            await check_tools_are_listed(endpoint, PATH, [tool.name for tool in tools])
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
        return JSONResponse({"status": "ready", "tools": len(tools)})

    application = Starlette(
        routes=[
            Route("/health", health),
            Route("/ready", ready),
            Route(PATH, entrance),
            Route(f"{PATH}/", entrance),
        ],
        middleware=[
            Middleware(
                RequestLog,
                quiet_paths=frozenset({"/health", "/ready"}),
                caller_header=settings.audit_caller_header,
            )
        ],
        lifespan=lifespan,
    )
    # A redirect from one form of the path to the other loses the request's body or its https.
    application.router.redirect_slashes = False
    return application


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
