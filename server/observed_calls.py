"""Observes the tool calls that FastMCP runs itself."""

import asyncio
from typing import TYPE_CHECKING

import mcp_types
from fastmcp.exceptions import NotFoundError, ToolError, ValidationError
from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext
from fastmcp.tools import ToolResult
from fastmcp.utilities.exceptions import is_timeout_error

from server.bounded_tools import ToolBusy, ToolTimeout, replayed
from server.request_facts import RequestFacts, current_request

if TYPE_CHECKING:
    from server.observation import Observation


class ObservedCalls(Middleware):
    """FastMCP middleware that tells an `Observation` of every call, with the facts of its request."""

    def __init__(self, observation: "Observation") -> None:
        """Tell `observation`."""
        self._observation = observation

    async def on_call_tool(
        self,
        context: MiddlewareContext[mcp_types.CallToolRequestParams],
        call_next: CallNext[mcp_types.CallToolRequestParams, ToolResult],
    ) -> ToolResult:
        """Run the call."""
        if replayed.get() is not None:
            # The call has ended, and was observed; this is only how its outcome finds its answer.
            return await call_next(context)
        message = context.message
        facts = current_request.get() or RequestFacts("none")
        call = self._observation.begin(message.name, facts.continuing(_meta(context)))
        outcome = "crash"
        try:
            result = await call_next(context)
        except BaseException as error:
            outcome = outcome_of(error, message.name)
            raise
        else:
            outcome = "tool_error" if result.is_error else "ok"
            return result
        finally:
            call.end(outcome, message.arguments)


def outcome_of(error: BaseException, tool: str) -> str:
    """Return which outcome of `server.observation.OUTCOMES` an exception of a call of `tool` means.

    FastMCP raises as ToolError, in words of its own, what a tool did not say itself.
    """
    if isinstance(error, asyncio.CancelledError):
        return "cancelled"
    if isinstance(error, NotFoundError):
        return "unknown_tool"
    if isinstance(error, ValidationError):
        return "invalid_arguments"
    if isinstance(error, ToolTimeout):
        return "timeout"
    if isinstance(error, ToolBusy):
        return "overloaded"
    if not isinstance(error, ToolError):
        return "timeout" if isinstance(error, TimeoutError) or is_timeout_error(error) else "crash"
    cause = error.__cause__
    if cause is not None and (is_timeout_error(cause) or isinstance(cause, TimeoutError)):
        return "timeout"
    return "crash" if str(error) == f"Error calling tool {tool!r}" else "tool_error"


def _meta(context: MiddlewareContext[mcp_types.CallToolRequestParams]) -> object:
    # FastMCP rebuilds the message without it.
    request = None if context.fastmcp_context is None else context.fastmcp_context.request_context
    return None if request is None else request.meta
