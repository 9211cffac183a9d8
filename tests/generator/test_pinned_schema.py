"""The pinned document holds what AgentCore takes, promises nothing that the server refuses, and says what it cannot."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from generator.pinned_schema import TYPES, UnpinnableError, pinned_document
from generator.tool_catalogue import Catalogue, Tool

ROOT = Path(__file__).resolve().parents[2]
KEYWORDS = {"type", "properties", "required", "items", "description"}


def document(schema: dict[str, Any], output: dict[str, Any] | None = None) -> dict[str, Any]:
    catalogue = Catalogue((Tool("t", "T.", schema, output, {"readOnlyHint": True}, "Title"),))
    (entry,) = json.loads(pinned_document(catalogue))["tools"]
    return dict(entry)


def described(argument: dict[str, Any], **definitions: Any) -> Any:
    schema = {"type": "object", "properties": {"a": argument}, "additionalProperties": False, "$defs": definitions}
    return document(schema)["inputSchema"]["properties"]["a"]


def schemas(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield schema
    for inner in [*schema.get("properties", {}).values(), *([schema["items"]] if "items" in schema else [])]:
        yield from schemas(inner)


def test_the_checked_in_contract_can_be_pinned_in_agentcore_s_own_keywords() -> None:
    text = pinned_document(Catalogue.parse((ROOT / "tools.json").read_text()))
    data = json.loads(text)
    assert list(data) == ["tools"]
    for tool in data["tools"]:
        assert tool.keys() <= {"name", "description", "inputSchema", "outputSchema"}
        for kind in ("inputSchema", "outputSchema"):
            for schema in schemas(tool[kind]) if kind in tool else ():
                assert schema.keys() <= KEYWORDS and schema["type"] in TYPES


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ({"type": "string", "minLength": 1, "default": "x"}, {"type": "string"}),
        ({"type": "integer", "description": "How many."}, {"type": "integer", "description": "How many."}),
        ({"anyOf": [{"type": "string"}, {"type": "null"}], "default": None}, {"type": "string"}),
        ({"enum": ["a", "b"]}, {"type": "string", "description": 'One of: "a", "b".'}),
        ({"const": 3, "description": "Three."}, {"type": "integer", "description": "Three. One of: 3."}),
        ({"type": "array", "items": {"type": "number"}}, {"type": "array", "items": {"type": "number"}}),
        ({"type": "array", "items": {}}, {"type": "array"}),
        ({"type": "object", "additionalProperties": {"type": "string"}}, {"type": "object"}),
        ({"$ref": "#/$defs/D", "description": "D."}, {"type": "boolean", "description": "D."}),
    ],
)
def test_a_schema_is_said_in_agentcore_s_words(argument: dict[str, Any], expected: dict[str, Any]) -> None:
    assert described(argument, D={"type": "boolean", "description": "Of it."}) == expected


@pytest.mark.parametrize(
    ("argument", "told"),
    [
        ({}, "the argument a, which has no type"),
        ({"anyOf": [{"type": "string"}, {"type": "integer"}]}, "the argument a, which has more than one type"),
        ({"type": ["string", "integer"]}, "more than one type"),
        ({"enum": ["a", 1]}, "no type"),
        ({"$ref": "#/$defs/Loop"}, "which contains itself"),
        ({"$ref": "#/$defs/Tree"}, "which contains itself"),
        ({"type": "array", "items": {"type": "null"}}, "the items of the argument a"),
        ({"type": "object", "properties": {"b": {}}}, "the argument a.b"),
    ],
)
def test_what_it_has_no_words_for_names_the_tool_and_the_argument(argument: dict[str, Any], told: str) -> None:
    loop = {"$ref": "#/$defs/Loop"}
    tree = {"type": "object", "properties": {"next": {"anyOf": [{"$ref": "#/$defs/Tree"}, {"type": "null"}]}}}
    with pytest.raises(UnpinnableError) as raised:
        described(argument, Loop=loop, Tree=tree)
    assert str(raised.value).startswith("The tool t cannot be pinned") and told in str(raised.value)


def test_a_result_is_described_only_where_that_stays_true() -> None:
    empty = {"type": "object"}
    nullable = {"type": "object", "properties": {"r": {"anyOf": [{"type": "string"}, {"type": "null"}]}}}
    assert "outputSchema" not in document(empty, nullable)
    assert document(empty, {"type": "object", "properties": {"r": {"type": "string", "maxLength": 3}}})[
        "outputSchema"
    ] == {"type": "object", "properties": {"r": {"type": "string"}}}
