"""Says what a server without sessions cannot do: ask a client of the handshake era while a tool runs.

There the answer to a question would be a request of its own, which may reach another task. Since 2026-07-28 a tool
ends with what it wants to know (`InputRequiredResult`) and is called anew with the answers (SEP-2322), which any task
can do.
"""

from typing import Any

import mcp_types
from fastmcp.exceptions import PromptError, ResourceError, ToolError
from fastmcp.prompts import PromptResult
from fastmcp.prompts.base import InputRequiredPromptResult
from fastmcp.resources import ResourceResult
from fastmcp.resources.base import InputRequiredResourceResult
from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext
from fastmcp.tools import ToolResult
from fastmcp.tools.base import InputRequiredToolResult
from mcp.shared.exceptions import NoBackChannelError
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, LATEST_MODERN_VERSION


class AskingClients(Middleware):
    """FastMCP middleware that refuses, in one sentence, what asks a client that cannot be asked."""

    async def on_call_tool(
        self,
        context: MiddlewareContext[mcp_types.CallToolRequestParams],
        call_next: CallNext[mcp_types.CallToolRequestParams, ToolResult],
    ) -> ToolResult:
        """Run the call; raise ToolError where it asks in vain."""
        what = f"The tool {context.message.name}"
        try:
            result = await call_next(context)
        except ToolError as error:
            if not isinstance(error.__cause__, NoBackChannelError):
                raise
            raise ToolError(
                f"{what} asks its caller while it runs, as only a server with sessions can; in this one it has to end "
                f"with an InputRequiredResult, for clients of protocol version {LATEST_MODERN_VERSION}."
            ) from error
        if isinstance(result, InputRequiredToolResult) and not _can_be_asked(context):
            raise ToolError(_refused(what))
        return result

    async def on_get_prompt(
        self,
        context: MiddlewareContext[mcp_types.GetPromptRequestParams],
        call_next: CallNext[mcp_types.GetPromptRequestParams, PromptResult],
    ) -> PromptResult:
        """Render the prompt; raise PromptError where it asks in vain."""
        result = await call_next(context)
        if isinstance(result, InputRequiredPromptResult) and not _can_be_asked(context):
            raise PromptError(_refused(f"The prompt {context.message.name}"))
        return result

    async def on_read_resource(
        self,
        context: MiddlewareContext[mcp_types.ReadResourceRequestParams],
        call_next: CallNext[mcp_types.ReadResourceRequestParams, ResourceResult],
    ) -> ResourceResult:
        """Read the resource; raise ResourceError where it asks in vain."""
        result = await call_next(context)
        if isinstance(result, InputRequiredResourceResult) and not _can_be_asked(context):
            raise ResourceError(_refused(f"The resource {context.message.uri}"))
        return result


def _can_be_asked(context: MiddlewareContext[Any]) -> bool:
    request = None if context.fastmcp_context is None else context.fastmcp_context.request_context
    return request is None or request.protocol_version not in HANDSHAKE_PROTOCOL_VERSIONS


def _refused(what: str) -> str:
    return (
        f"{what} asks its caller something before it answers, which this server can do from protocol version "
        f"{LATEST_MODERN_VERSION} on; use a client that speaks it."
    )
