"""What a tool may ask of the request that it serves, made when it asks.

Most tools take their arguments and nothing else. A tool that takes a `fastmcp.Context`, or a function that asks FastMCP
for the current one, finds what FastMCP's own way would have bound: the objects of the MCP library, made by it.
"""

from collections.abc import Callable
from functools import cached_property
from typing import Any

from fastmcp.server.dependencies import FastMCPRequestContext, _lift_meta
from mcp.server.connection import Connection
from mcp.server.context import ServerRequestContext
from mcp.server.session import ServerSession
from starlette.requests import Request


class LazyRequestContext(FastMCPRequestContext):
    """A `FastMCPRequestContext` whose parts are made on first use."""

    close_sse_stream = None

    def __init__(
        self,
        request_id: str,
        request: Request,
        protocol_version: str,
        lifespan_context: Any,
        make: Callable[[], tuple[ServerRequestContext[Any, Any], Connection]],
    ) -> None:
        """Take what is at hand, and `make`, which makes the MCP library's own context and its connection."""
        self.request_id = request_id
        self.request = request
        self.protocol_version = protocol_version
        self.lifespan_context = lifespan_context
        self._make = make

    @cached_property
    def _made(self) -> tuple[ServerRequestContext[Any, Any], Connection]:
        return self._make()

    @property
    def _srctx(self) -> ServerRequestContext[Any, Any]:  # type: ignore[override]
        return self._made[0]

    @property
    def session(self) -> ServerSession:  # type: ignore[override]
        """The way to the client."""
        return self._made[0].session

    @property
    def meta(self) -> dict[str, Any] | None:  # type: ignore[override]
        """The request's ``_meta``."""
        return _lift_meta(self._made[0])

    @property
    def connection(self) -> Connection | None:
        """The connection, if anything has asked for it."""
        return self._made[1] if "_made" in vars(self) else None
