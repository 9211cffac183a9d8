"""What breaks agents and what does not: cases told in words, and a property over generated schemas."""

import copy
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # not typed
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generator.schema_changes import Flow, schema_changes
from generator.tool_catalogue import Catalogue, Tool
from generator.tool_changes import compare

BREAKING, ADDITIVE = "breaking", "additive"


def closed(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": properties, "required": list(required)}


def opened(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


TEXT, NUMBER, WHOLE, NULL = {"type": "string"}, {"type": "number"}, {"type": "integer"}, {"type": "null"}
BASE = closed({"a": TEXT, "n": WHOLE, "e": {"enum": ["x", "y"], "type": "string"}}, "a")


def with_(name: str, schema: object) -> dict[str, Any]:
    changed = copy.deepcopy(BASE)
    changed["properties"][name] = schema
    return changed


INPUTS = [
    (closed({"a": TEXT, "n": WHOLE}, "a"), [(BREAKING, "argument e was removed")]),
    (with_("b", TEXT), [(ADDITIVE, "optional argument b was added")]),
    ({**with_("b", TEXT), "required": ["a", "b"]}, [(BREAKING, "required argument b was added")]),
    ({**BASE, "required": ["a", "n"]}, [(BREAKING, "argument n must be given now")]),
    ({**BASE, "required": []}, [(ADDITIVE, "argument a may be left out now")]),
    (with_("n", NUMBER), [(ADDITIVE, "argument n takes number as well")]),
    (with_("n", TEXT), [(BREAKING, "no longer takes integer"), (ADDITIVE, "takes string as well")]),
    (with_("n", {"anyOf": [WHOLE, NULL]}), [(ADDITIVE, "argument n takes null as well")]),
    (with_("n", {**WHOLE, "minimum": 1}), [(BREAKING, "minimum was nothing and is 1")]),
    (with_("e", {"enum": ["x"], "type": "string"}), [(BREAKING, 'no longer takes "y"')]),
    (with_("e", {"enum": ["x", "y", "z"], "type": "string"}), [(ADDITIVE, 'takes "z" as well')]),
    (with_("e", TEXT), [(ADDITIVE, "takes more than")]),
    (with_("a", {**TEXT, "description": "A."}), [(ADDITIVE, "descriptions or defaults")]),
    (with_("a", {**TEXT, "pattern": "x"}), [(BREAKING, "pattern was nothing")]),
    (with_("a", {**TEXT, "contentEncoding": "base64"}), [(BREAKING, "not compared further")]),
    ({**BASE, "additionalProperties": True}, [(ADDITIVE, "is admitted now")]),
]

RESULT = opened({"r": TEXT, "o": {"anyOf": [WHOLE, NULL]}}, "r")
OUTPUTS = [
    (opened({"r": TEXT}, "r"), [(BREAKING, "result o was removed")]),
    (opened({"r": TEXT, "o": {"anyOf": [WHOLE, NULL]}}), [(BREAKING, "result r may be left out now")]),
    (opened({**RESULT["properties"], "z": TEXT}, "r"), [(ADDITIVE, "optional result z was added")]),
    (opened({**RESULT["properties"], "z": TEXT}, "r", "z"), [(ADDITIVE, "required result z was added")]),
    (opened(RESULT["properties"], "r", "o"), [(ADDITIVE, "result o is always there now")]),
    (opened({"r": TEXT, "o": WHOLE}, "r"), [(ADDITIVE, "result o no longer gives null")]),
    (opened({"r": {"anyOf": [TEXT, NULL]}, "o": {"anyOf": [WHOLE, NULL]}}, "r"), [(BREAKING, "r gives null as well")]),
    (opened({"r": {**TEXT, "maxLength": 9}, "o": {"anyOf": [WHOLE, NULL]}}, "r"), [(ADDITIVE, "maxLength")]),
    (None, [(BREAKING, "no longer describes its result")]),
]


def changed(before: Tool, after: Tool) -> list[tuple[str, str]]:
    return [(change.kind, change.sentence) for change in compare(Catalogue((before,)), Catalogue((after,))).items]


def assert_told(found: list[tuple[str, str]], expected: list[tuple[str, str]]) -> None:
    assert len(found) == len(expected), found
    for (kind, sentence), (wanted, words) in zip(found, expected, strict=True):
        assert kind == wanted and words in sentence, found


@pytest.mark.parametrize(("after", "expected"), INPUTS)
def test_inputs_may_widen(after: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert_told(changed(Tool("t", "T.", BASE), Tool("t", "T.", after)), expected)


@pytest.mark.parametrize(("after", "expected"), OUTPUTS)
def test_outputs_may_narrow(after: dict[str, Any] | None, expected: list[tuple[str, str]]) -> None:
    assert_told(changed(Tool("t", "T.", BASE, RESULT), Tool("t", "T.", BASE, after)), expected)


def test_a_new_property_breaks_those_who_hold_a_closed_result() -> None:
    found = changed(Tool("t", "T.", BASE, closed({"r": TEXT})), Tool("t", "T.", BASE, closed({"r": TEXT, "z": TEXT})))
    assert_told(found, [(BREAKING, "optional result z was added")])


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"readOnlyHint": True}, {}, [(BREAKING, "may destroy now"), (BREAKING, "no longer says")]),
        ({"destructiveHint": False}, {"destructiveHint": True}, [(BREAKING, "may destroy now")]),
        ({}, {"destructiveHint": True}, [(ADDITIVE, "says now that it destroys")]),
        ({}, {"readOnlyHint": True}, [(ADDITIVE, "its annotations changed")]),
        ({"idempotentHint": True}, {}, [(BREAKING, "repeating a call is no longer safe")]),
        ({}, {"openWorldHint": True}, [(ADDITIVE, "its annotations changed")]),
    ],
)
def test_annotations_break_where_they_turn_for_the_worse(
    before: dict[str, bool], after: dict[str, bool], expected: list[tuple[str, str]]
) -> None:
    found = changed(Tool("t", "T.", BASE, None, before), Tool("t", "T.", BASE, None, after))
    assert_told(found, expected)


def test_tools_come_go_and_are_renamed() -> None:
    before = Catalogue.of([Tool("gone", "G.", BASE), Tool("old", "O.", closed({}))])
    after = Catalogue.of([Tool("fresh", "F.", BASE), Tool("new", "O.", closed({}))])
    assert compare(before, after).lines() == [
        "breaking: The tool gone was removed.",
        "breaking: The tool old was renamed new.",
        "additive: The tool fresh was added.",
    ]
    assert compare(before, before).items == ()
    assert {change.tool for change in compare(before, after).breaking} == {"gone", "old"}


def test_references_are_followed_and_may_be_recursive() -> None:
    def tree(leaf: dict[str, Any]) -> dict[str, Any]:
        node = closed({"leaf": leaf, "next": {"anyOf": [{"$ref": "#/$defs/Node"}, NULL]}}, "leaf")
        return {**closed({"root": {"$ref": "#/$defs/Node"}}), "$defs": {"Node": node}}

    assert_told(
        changed(Tool("t", "T.", tree(NUMBER)), Tool("t", "T.", tree(WHOLE))),
        [(BREAKING, "argument root.leaf no longer takes number")],
    )
    inlined = {**closed({"root": {"$ref": "#/$defs/Other"}}), "$defs": {"Other": tree(NUMBER)["$defs"]["Node"]}}
    inlined["$defs"]["Node"] = inlined["$defs"]["Other"]
    assert not compare(Catalogue((Tool("t", "T.", tree(NUMBER)),)), Catalogue((Tool("t", "T.", inlined),))).breaking


scalars = st.one_of(
    st.just({"type": "boolean"}),
    st.builds(
        lambda low: {"type": "integer", **({} if low is None else {"minimum": low})}, st.sampled_from([None, 0, 3])
    ),
    st.builds(
        lambda high: {"type": "number", **({} if high is None else {"maximum": high})}, st.sampled_from([None, 2])
    ),
    st.builds(
        lambda most: {"type": "string", **({} if most is None else {"maxLength": most})}, st.sampled_from([None, 1])
    ),
    st.builds(lambda values: {"enum": values}, st.sampled_from([["a"], ["a", "b"], [1, "a", None]])),
    st.just({"type": "null"}),
    st.just({}),
)


def objects(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    def made(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
        return closed(properties, *(name for name in sorted(set(required)) if name in properties))

    return st.builds(made, st.dictionaries(st.sampled_from("pq"), inner, max_size=2), st.lists(st.sampled_from("pq")))


schemas = st.recursive(
    scalars,
    lambda inner: st.one_of(
        objects(inner),
        st.builds(lambda item: {"type": "array", "items": item}, inner),
        st.builds(lambda many: {"anyOf": many}, st.lists(inner, min_size=1, max_size=3)),
    ),
    max_leaves=5,
)
values = st.recursive(
    st.sampled_from([None, True, 0, 1, 3, 2.5, -1, "", "a", "b", "abc"]),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.sampled_from("pq"), inner, max_size=2)),
    max_leaves=4,
)


@settings(max_examples=300, deadline=None)
@given(schemas, schemas, st.lists(values, min_size=4, max_size=8))
def test_what_is_called_harmless_harms_no_value(before: Any, after: Any, tried: list[Any]) -> None:
    """Where nothing breaks, every old input is still taken, and every new result fits the old description."""
    old, new = jsonschema.Draft202012Validator(before), jsonschema.Draft202012Validator(after)
    takes = not any(change.breaks(Flow.INPUT) for change in schema_changes(before, after, Flow.INPUT))
    gives = not any(change.breaks(Flow.OUTPUT) for change in schema_changes(before, after, Flow.OUTPUT))
    for value in tried:
        if takes and old.is_valid(value):
            assert new.is_valid(value)
        if gives and new.is_valid(value):
            assert old.is_valid(value)


@settings(max_examples=100, deadline=None)
@given(schemas)
def test_a_schema_does_not_differ_from_itself(schema: Any) -> None:
    assert schema_changes(schema, copy.deepcopy(schema), Flow.INPUT) == ()
