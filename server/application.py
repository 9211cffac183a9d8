"""Puts the server together: tools, MCP endpoint, health routes, request log."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from fastmcp import FastMCP
from fastmcp.tools import Tool
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from server.call_tracker import CallTracker
from server.mcp_endpoint import PATH, McpEndpoint
from server.request_log import RequestLog
from server.self_check import check_tools_are_listed
from server.settings import Settings

NAME = "mcp-agent-runtime"
VERSION = "1.0.0"


def build_mcp_server(tools: Sequence[Tool]) -> FastMCP:
    """Return the MCP server that offers `tools`."""
    # What an exception says may hold anything; agents see what a tool says with ToolError.
    return FastMCP(name=NAME, version=VERSION, tools=tools, on_duplicate="error", mask_error_details=True)


def build_application(tools: Sequence[Tool], settings: Settings, calls: CallTracker) -> Starlette:
    """Return the ASGI application that serves `tools` at ``/mcp`` and ``/mcp/``, ``/health`` and ``/ready``.

    Its lifespan ends its start only when the tools are listed in both protocol eras, and fails with SelfCheckError
    when they are not. ``/health`` answers 200 as long as the process does; ``/ready`` answers 200 from when the tools
    are served until the server is told to stop, else 503. Both answer under any Host header.
    """
    endpoint = McpEndpoint(build_mcp_server(tools), settings, calls)
    serving = False

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        nonlocal serving
        async with endpoint.lifespan():
            await check_tools_are_listed(endpoint, PATH, [tool.name for tool in tools])
            serving = True
            yield
            serving = False

    async def health(_: Request) -> JSONResponse:
        return JSONResponse({"status": "healthy"})

    async def ready(_: Request) -> JSONResponse:
        if calls.draining or not serving:
            return JSONResponse({"status": "stopping" if calls.draining else "starting"}, status_code=503)
        return JSONResponse({"status": "ready", "tools": len(tools)})

    application = Starlette(
        routes=[
            Route("/health", health),
            Route("/ready", ready),
            Route(PATH, endpoint),
            Route(f"{PATH}/", endpoint),
        ],
        middleware=[Middleware(RequestLog, quiet_paths=frozenset({"/health", "/ready"}))],
        lifespan=lifespan,
    )
    # A redirect from one form of the path to the other loses the request's body or its https.
    application.router.redirect_slashes = False
    return application
