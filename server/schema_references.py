"""Writes out the references of the schemas that are listed, but not of those that were written by hand.

Some clients do not follow ``$ref``, so FastMCP writes out what it refers to; that drops ``$defs`` with whatever else
stands there (``fastmcp.utilities.json_schema.dereference_refs``). A schema that names its dialect with ``$schema`` was
written by hand for clients that know it (SEP-1613 and SEP-2106 of the Model Context Protocol: the keywords of JSON
Schema 2020-12 are kept), and is listed as it is. pydantic, which describes functions, never names a dialect.
"""

from collections.abc import Sequence

import mcp_types
from fastmcp.server.middleware import CallNext, MiddlewareContext
from fastmcp.server.middleware.dereference import DereferenceRefsMiddleware
from fastmcp.tools import Tool


class WrittenOutReferences(DereferenceRefsMiddleware):
    """FastMCP middleware for a server made with ``dereference_schemas=False``."""

    async def on_list_tools(
        self,
        context: MiddlewareContext[mcp_types.ListToolsRequest],
        call_next: CallNext[mcp_types.ListToolsRequest, Sequence[Tool]],
    ) -> Sequence[Tool]:
        """List the tools."""
        tools = await call_next(context)

        async def made_from_functions(context: MiddlewareContext[mcp_types.ListToolsRequest]) -> Sequence[Tool]:
            return [tool for tool in tools if "$schema" not in tool.parameters]

        written_out = {tool.key: tool for tool in await super().on_list_tools(context, made_from_functions)}
        return [written_out.get(tool.key, tool) for tool in tools]
