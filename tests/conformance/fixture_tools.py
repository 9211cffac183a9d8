"""The tools that the conformance suite's scenarios call by name, all answered in one go."""

import asyncio
import base64
from typing import Any

from fastmcp import Context
from fastmcp.exceptions import ToolError
from fastmcp.tools import Tool, ToolResult
from mcp.shared.exceptions import MCPError
from mcp_types import (
    AudioContent,
    ClientCapabilities,
    EmbeddedResource,
    ImageContent,
    MissingRequiredClientCapabilityErrorData,
    SamplingCapability,
    TextContent,
    TextResourceContents,
)
from mcp_types.jsonrpc import MISSING_REQUIRED_CLIENT_CAPABILITY

from server.bounded_tools import BoundedTool

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGP4z8DwHwAFAAH/iZk9HQAAAABJRU5ErkJggg=="
)
"""A PNG image of one red pixel."""

SILENCE = base64.b64decode("UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA=")
"""A WAV file that holds no sample."""

_BETWEEN_STEPS_SECONDS = 0.05

_SCHEMA_2020_12: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}


class _SchemaTool(Tool):
    """A tool whose schema is written by hand, in the vocabulary of JSON Schema 2020-12."""

    async def run(self, arguments: dict[str, Any]) -> ToolResult:
        return ToolResult(content=[TextContent(type="text", text=f"Read {len(arguments)} arguments.")])


def test_simple_text() -> str:
    """Answer with a text."""
    return "This is a simple text response for testing."


def test_image_content() -> ImageContent:
    """Answer with an image."""
    return _image()


def test_audio_content() -> AudioContent:
    """Answer with a sound."""
    return AudioContent(type="audio", data=base64.b64encode(SILENCE).decode(), mime_type="audio/wav")


def test_embedded_resource() -> EmbeddedResource:
    """Answer with a resource."""
    return embedded("test://embedded-resource", "text/plain", "This is an embedded resource content.")


def test_multiple_content_types() -> list[TextContent | ImageContent | EmbeddedResource]:
    """Answer with a text, an image and a resource."""
    return [
        TextContent(type="text", text="Multiple content types test:"),
        _image(),
        embedded("test://mixed-content-resource", "application/json", '{"test":"data","value":123}'),
    ]


async def test_tool_with_logging(ctx: Context) -> str:
    """Say three times, while running, how far it is."""
    await ctx.info("Tool execution started")
    await asyncio.sleep(_BETWEEN_STEPS_SECONDS)
    await ctx.info("Tool processing data")
    await asyncio.sleep(_BETWEEN_STEPS_SECONDS)
    await ctx.info("Tool execution completed")
    return "Said three things."


async def test_logging_tool(ctx: Context) -> str:
    """Say something while running, to clients that asked for it."""
    await ctx.info("said")
    return "Said one thing."


def test_error_handling() -> str:
    """Fail."""
    raise ToolError("This tool intentionally returns an error for testing")


async def test_tool_with_progress(ctx: Context) -> str:
    """Report progress in three steps."""
    for done in (0, 50, 100):
        await ctx.report_progress(done, 100)
        await asyncio.sleep(_BETWEEN_STEPS_SECONDS)
    return "Reached 100 of 100."


async def test_waiting(ctx: Context) -> str:
    """Say that it runs, and wait for longer than anybody does."""
    await ctx.report_progress(0)
    await asyncio.sleep(600)
    return "Waited."


def test_missing_capability(ctx: Context) -> str:
    """Work for clients that can sample alone."""
    capabilities = declared(ctx)
    if capabilities.sampling is None:
        missing = MissingRequiredClientCapabilityErrorData(
            required_capabilities=ClientCapabilities(sampling=SamplingCapability())
        )
        raise MCPError(
            MISSING_REQUIRED_CLIENT_CAPABILITY,
            "This tool asks the client's model; call it from a client that can sample.",
            missing.model_dump(by_alias=True, mode="json", exclude_none=True),
        )
    return "The client can sample."


def test_headers(region: str) -> str:
    """Answer with an argument that clients repeat in a header, for those who route by it."""
    return region


def content_tools() -> list[Tool]:
    """Return every tool of this module."""
    functions = (
        test_simple_text,
        test_image_content,
        test_audio_content,
        test_embedded_resource,
        test_multiple_content_types,
        test_tool_with_logging,
        test_logging_tool,
        test_error_handling,
        test_tool_with_progress,
        test_waiting,
        test_missing_capability,
    )
    routed = BoundedTool.from_function(test_headers)
    routed.parameters["properties"]["region"]["x-mcp-header"] = "Region"
    described = _SchemaTool(
        name="json_schema_2020_12_tool",
        description="Tool with JSON Schema 2020-12 features",
        parameters=_SCHEMA_2020_12,
    )
    return [*(BoundedTool.from_function(function) for function in functions), routed, described]


def declared(ctx: Context) -> ClientCapabilities:
    """Return what the client of this call said that it can do."""
    return ctx.session.client_capabilities or ClientCapabilities()


def embedded(uri: str, mime_type: str, text: str) -> EmbeddedResource:
    """Return a text as a resource within an answer."""
    return EmbeddedResource(type="resource", resource=TextResourceContents(uri=uri, mime_type=mime_type, text=text))


def _image() -> ImageContent:
    return ImageContent(type="image", data=base64.b64encode(PIXEL).decode(), mime_type="image/png")
