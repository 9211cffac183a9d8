"""The catalogue: its file, its hash, its names, and what MCP's annotations mean."""

import json

import pytest

from generator.tool_catalogue import Catalogue, Tool

SCHEMA = {"type": "object", "properties": {"b": {"type": "string"}, "a": {"type": "integer"}}, "required": ["a"]}


def tool(name: str = "echo", annotations: dict[str, bool] | None = None) -> Tool:
    return Tool(name, "Does it.", SCHEMA, None, annotations or {})


def test_what_is_rendered_is_parsed_again() -> None:
    catalogue = Catalogue.of([tool("b"), Tool("a", "A.", SCHEMA, {"type": "object"}, {"readOnlyHint": True}, "A")])
    assert catalogue.names == ("a", "b")
    again = Catalogue.parse(catalogue.render())
    assert again == catalogue and again.render() == catalogue.render()
    assert catalogue.find("a") is not None and catalogue.find("c") is None


def test_the_order_of_keys_and_of_tools_changes_neither_hash_nor_bytes() -> None:
    turned = {key: SCHEMA[key] for key in reversed(SCHEMA)}
    one = Catalogue.of([Tool("a", "A.", SCHEMA), Tool("b", "B.", SCHEMA)])
    other = Catalogue.of([Tool("b", "B.", turned), Tool("a", "A.", turned)])
    assert one.hash == other.hash and one.render() == other.render()
    assert one.hash != Catalogue.of([Tool("a", "A!", SCHEMA), Tool("b", "B.", SCHEMA)]).hash


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "no JSON"),
        ("[]", "no JSON object"),
        ('{"tools": {}}', "no list of tools"),
        ('{"tools": [{"inputSchema": {}}]}', "has no name"),
        ('{"tools": [{"name": "a", "inputSchema": []}]}', "The tool a has a schema"),
        ('{"tools": [{"name": "a", "inputSchema": {}, "description": 3}]}', "no text"),
        ('{"tools": [{"name": "a", "inputSchema": {}}, {"name": "a", "inputSchema": {}}]}', "Two tools are named a"),
    ],
)
def test_a_file_that_is_no_catalogue_is_told(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Catalogue.parse(text)


def test_a_file_that_was_edited_by_hand_is_refused() -> None:
    data = json.loads(Catalogue.of([tool()]).render())
    data["tools"][0]["description"] = "Does something else."
    with pytest.raises(ValueError, match="edited by hand"):
        Catalogue.parse(json.dumps(data))


@pytest.mark.parametrize(
    ("annotations", "destructive", "annotated"),
    [
        ({}, True, False),
        ({"destructiveHint": True}, True, True),
        ({"destructiveHint": False}, False, False),
        ({"readOnlyHint": True}, False, False),
        ({"readOnlyHint": True, "destructiveHint": True}, False, False),
        ({"readOnlyHint": False, "destructiveHint": True}, True, True),
    ],
)
def test_a_tool_is_destructive_as_the_protocol_says(
    annotations: dict[str, bool], destructive: bool, annotated: bool
) -> None:
    assert (tool("t", annotations).destructive, tool("t", annotations).annotated_destructive) == (
        destructive,
        annotated,
    )


def test_names_over_64_characters_are_told_with_their_length() -> None:
    catalogue = Catalogue.of([tool("a" * 58), tool("b" * 59)])
    assert catalogue.over_budget("mcp") == (("mcp___" + "b" * 59, 65),)
