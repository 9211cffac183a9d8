"""The tool schema document of a pinned gateway target: what AgentCore takes of the catalogue.

AgentCore's documents say only that the schema "must be aligned with the MCP specification" (service model,
`McpToolSchemaConfiguration`). Users report that it must be an object with the list `tools`, not the list itself, and
that of a schema it takes no other keywords than the service model's `SchemaDefinition` has: type, properties, required,
items and description, with the types of `SchemaType`, and no references (awslabs/mcp#2442). So the document holds just
that. What is left out, such as bounds and defaults, the server still applies; nothing that it refuses is promised by a
type. Which values are allowed is said in the description instead.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from generator.tool_catalogue import Catalogue, Tool

TYPES: Final = frozenset({"array", "boolean", "integer", "number", "object", "string"})
_NAMES: Final[Mapping[type, str]] = {bool: "boolean", int: "integer", float: "number", str: "string"}
_DEEPEST: Final = 32


class UnpinnableError(ValueError):
    """A schema that the document cannot say; the message is where and why, without a full stop."""


def pinned_document(catalogue: Catalogue) -> str:
    """Returns the document, compact JSON in UTF-8; the same tools give the same bytes.

    A result that cannot be described exactly enough is left undescribed. Raises UnpinnableError with a sentence that
    names the tool and the argument which cannot be described.
    """
    tools = [_entry(tool) for tool in catalogue.tools]
    return json.dumps({"tools": tools}, separators=(",", ":"), ensure_ascii=False)


def _entry(tool: Tool) -> dict[str, Any]:
    try:
        entry = {
            "name": tool.name,
            "description": tool.description,
            "inputSchema": _described(tool.input_schema, tool.input_schema, "its arguments", True, 0),
        }
    except UnpinnableError as error:
        raise UnpinnableError(
            f"The tool {tool.name} cannot be pinned, since AgentCore has no words for {error}; give it one plain type,"
            ' or set gateway.tool_listing to "discovered".'
        ) from None
    if tool.output_schema is not None:
        try:
            entry["outputSchema"] = _described(tool.output_schema, tool.output_schema, "its result", False, 0)
        except UnpinnableError:
            return entry
    return entry


def _described(schema: Any, root: Mapping[str, Any], where: str, into: bool, depth: int) -> dict[str, Any]:
    """Returns a schema in AgentCore's keywords; `into` tells arguments, which need not offer null, from results."""
    if depth > _DEEPEST:
        raise UnpinnableError(f"{where}, which contains itself")
    plain = _plain(schema, root, where, into, depth)
    kind = _type(plain, where)
    described: dict[str, Any] = {"type": kind}
    text = _description(plain)
    if text:
        described["description"] = text
    if kind == "object" and "properties" in plain:
        described["properties"] = {
            name: _described(plain["properties"][name], root, _inside(where, name), into, depth + 1)
            for name in sorted(plain["properties"])
        }
    if kind == "object" and plain.get("required"):
        described["required"] = sorted(plain["required"])
    if kind == "array" and plain.get("items", True) not in (True, {}):
        described["items"] = _described(plain["items"], root, f"the items of {where}", into, depth + 1)
    return described


def _plain(schema: Any, root: Mapping[str, Any], where: str, into: bool, depth: int) -> dict[str, Any]:
    """Returns a schema without references and unions."""
    found = schema if isinstance(schema, Mapping) else {}
    while "$ref" in found:
        depth += 1
        if depth > _DEEPEST:
            raise UnpinnableError(f"{where}, which contains itself")
        beside = {key: value for key, value in found.items() if key != "$ref"}
        found = {**_definition(found["$ref"], root), **beside}
    union = found.get("anyOf", found.get("oneOf"))
    if union is None:
        return dict(found)
    # An agent that cannot say null leaves the argument out, or gives a value: the server takes both.
    some = [one for one in union if not (into and isinstance(one, Mapping) and one.get("type") == "null")]
    if len(some) != 1:
        raise UnpinnableError(f"{where}, which has more than one type")
    beside = {key: value for key, value in found.items() if key not in ("anyOf", "oneOf")}
    return {**_plain(some[0], root, where, into, depth + 1), **beside}


def _definition(reference: str, root: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Any = root
    for part in reference.removeprefix("#/").split("/"):
        found = found.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _type(schema: Mapping[str, Any], where: str) -> str:
    kinds = schema.get("type")
    if kinds is None and _values(schema):
        named = {_NAMES.get(type(value), "") for value in _values(schema)}
        kinds = named.pop() if len(named) == 1 else None
    if not isinstance(kinds, str) or kinds not in TYPES:
        raise UnpinnableError(f"{where}, which has {'more than one type' if isinstance(kinds, list) else 'no type'}")
    return kinds


def _values(schema: Mapping[str, Any]) -> list[Any]:
    return [schema["const"]] if "const" in schema else list(schema.get("enum", ()))


def _description(schema: Mapping[str, Any]) -> str:
    values = ", ".join(json.dumps(value, ensure_ascii=False) for value in _values(schema))
    return " ".join(part for part in (schema.get("description", ""), f"One of: {values}." if values else "") if part)


def _inside(where: str, name: str) -> str:
    if where in ("its arguments", "its result"):
        return f"the {'argument' if where == 'its arguments' else 'result'} {name}"
    return f"{where}.{name}"
