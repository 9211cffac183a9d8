"""Schemas as tables of properties."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from deployer.portal.schemas import ROWS, Property, properties

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just("#/properties/a") | st.just("#"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "type",
                    "properties",
                    "items",
                    "anyOf",
                    "allOf",
                    "$ref",
                    "required",
                    "enum",
                    "a",
                    "additionalProperties",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=30,
)


def test_nested_objects_lists_choices_and_references_are_followed() -> None:
    schema = {
        "type": "object",
        "required": ["order"],
        "properties": {
            "order": {"$ref": "#/$defs/Order", "description": "What is bought"},
            "note": {"anyOf": [{"type": "string", "maxLength": 80}, {"type": "null"}], "default": None},
        },
        "$defs": {
            "Order": {
                "type": "object",
                "required": ["lines"],
                "properties": {
                    "lines": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/Line"}},
                    "speed": {"enum": ["slow", 1, None]},
                },
            },
            "Line": {"type": "object", "properties": {"count": {"type": "integer", "minimum": 1, "maximum": 9}}},
        },
    }
    assert properties(schema) == (
        Property("order", "object", True, "", "What is bought"),
        Property("order.lines", "list of object", True, "at least 1 items", ""),
        Property("order.lines[].count", "integer", False, "at least 1; at most 9", ""),
        Property("order.speed", "one of the values", False, "one of slow, 1, null", ""),
        Property("note", "string or null", False, "default null", ""),
    )


def test_schemas_without_end_are_cut() -> None:
    names = {f"p{number}": {"$ref": "#"} for number in range(10)}
    found = properties({"type": "object", "properties": names})
    assert len(found) == ROWS + 1
    assert found[-1].path == "…"
    circle: dict[str, Any] = {"properties": {"a": {"anyOf": [{"$ref": "#/properties/a"}] * 30}}}
    assert properties(circle)[0].path == "a"


@given(st.dictionaries(st.sampled_from(["properties", "anyOf", "items", "type"]), JSON, max_size=4))
def test_nothing_that_stands_for_a_schema_is_too_odd(schema: dict[str, Any]) -> None:
    assert len(properties(schema)) <= ROWS + 1
