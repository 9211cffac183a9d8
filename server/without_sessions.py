"""Keeps a FastMCP server from keeping, or promising, what only a session has.

FastMCP keeps the level that a client sets with ``logging/setLevel`` by session, and all clients without one share it:
one could silence the others (``fastmcp.server.context._log_level_session_key``). And it promises every client of the
handshake era to tell it when a list changes, for which there is no stream here.
"""

from typing import Any

from fastmcp import FastMCP
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel.server import NotificationOptions
from mcp_types import EmptyResult, SetLevelRequestParams


def forget_sessions(server: FastMCP) -> None:
    """Make `server` accept a level without keeping it, and promise no notification of changed lists."""
    library = server._mcp_server
    library.add_request_handler("logging/setLevel", SetLevelRequestParams, _accept_level)
    library.notification_options = NotificationOptions()


async def _accept_level(_: ServerRequestContext[Any, Any], __: SetLevelRequestParams) -> EmptyResult:
    return EmptyResult()
