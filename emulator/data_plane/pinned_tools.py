"""The tools of a gateway target that has a static tool schema: no server is asked for them.

Stand-in: AgentCore's documents give the place of the document and say that it "must be aligned with the MCP
specification" (service model, McpToolSchemaConfiguration). Users report that it is refused as "Invalid MCP ToolSchema"
where it is the list itself instead of an object with ``tools``, and that of a schema it takes only the keywords of the
service model's SchemaDefinition (the design notes of public agents that pin GitHub's and Slack's servers).
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from emulator.data_plane.handshake import TargetError

_KEYWORDS = frozenset({"type", "properties", "required", "items", "description"})
_TYPES = frozenset({"string", "number", "object", "array", "boolean", "integer"})
_INVALID = "Invalid MCP ToolSchema: "

ReadObject = Callable[[str, str, str], bytes | None]
"""Takes a bucket, a key and the expected owner's account (empty: any); returns the object's content."""


def pinned_tools(schema: Mapping[str, Any], read: ReadObject) -> list[dict[str, Any]]:
    """Return the tools of a static schema (``mcpToolSchema``). Raises TargetError where it cannot be read or used."""
    text = schema.get("inlinePayload")
    if text is None:
        text = _fetched(schema.get("s3") or {}, read)
    try:
        document = json.loads(text)
    except ValueError:
        raise TargetError(f"{_INVALID}it is not JSON") from None
    if not isinstance(document, dict) or not isinstance(document.get("tools"), list):
        raise TargetError(f"{_INVALID}it is no object with a list of tools")
    for tool in document["tools"]:
        _check(tool)
    return list(document["tools"])


def _fetched(location: Mapping[str, Any], read: ReadObject) -> bytes:
    uri = str(location.get("uri", ""))
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    content = read(bucket, key, str(location.get("bucketOwnerAccountId", "")))
    if content is None:
        raise TargetError(f"the tool schema {uri} cannot be read")
    return content


def _check(tool: Any) -> None:
    if not isinstance(tool, dict) or not all(tool.get(key) for key in ("name", "description", "inputSchema")):
        raise TargetError(f"{_INVALID}a tool lacks its name, description or inputSchema")
    for key in ("inputSchema", "outputSchema"):
        if key in tool:
            _check_schema(tool[key], f"{key} of {tool['name']}")


def _check_schema(schema: Any, where: str) -> None:
    if not isinstance(schema, dict) or schema.get("type") not in _TYPES:
        raise TargetError(f"{_INVALID}the {where} has a part without a known type")
    if surplus := sorted(schema.keys() - _KEYWORDS):
        raise TargetError(f"{_INVALID}the {where} has the keyword {surplus[0]}")
    for inner in [*schema.get("properties", {}).values(), *([schema["items"]] if "items" in schema else [])]:
        _check_schema(inner, where)
