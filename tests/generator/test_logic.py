"""What conditions imply of one another, against going through every world one by one."""

import itertools
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from generator.logic import Logic

ATOMS = [{"Fn::Equals": [{"Ref": name}, "on"]} for name in "ABCD"]
EXPRESSIONS = st.recursive(
    st.sampled_from(ATOMS),
    lambda inner: st.one_of(
        inner.map(lambda item: {"Fn::Not": [item]}),
        st.lists(inner, min_size=2, max_size=3).map(lambda items: {"Fn::And": items}),
        st.lists(inner, min_size=2, max_size=3).map(lambda items: {"Fn::Or": items}),
    ),
    max_leaves=6,
)


def value(expression: Any, world: dict[str, bool]) -> bool:
    ((operator, operand),) = expression.items()
    if operator == "Fn::Equals":
        return world[json.dumps(expression)]
    values = [value(item, world) for item in operand]
    return not values[0] if operator == "Fn::Not" else (all if operator == "Fn::And" else any)(values)


@given(EXPRESSIONS, EXPRESSIONS, st.booleans())
def test_decided_is_what_every_world_says(asked: Any, assumed: Any, expected: bool) -> None:
    choices = itertools.product((False, True), repeat=len(ATOMS))
    worlds = [dict(zip(map(json.dumps, ATOMS), choice, strict=True)) for choice in choices]
    values = {value(asked, world) for world in worlds if value(assumed, world) is expected}
    decided = Logic({"Asked": asked, "Assumed": assumed}).decide("Asked", frozenset({("Assumed", expected)}))
    assert decided == (values.pop() if len(values) == 1 else None)


def test_twenty_comparisons_are_decided() -> None:
    names = [f"P{number}" for number in range(20)]
    conditions: dict[str, Any] = {name: {"Fn::Equals": [{"Ref": name}, ""]} for name in names}
    conditions["All"] = {"Fn::And": [{"Condition": name} for name in names]}
    logic = Logic(conditions)
    assert logic.decide("P7", frozenset({("All", True)})) is True
    assert logic.decide("All", frozenset({("P7", False)})) is False
    assert logic.decide("All", frozenset({("P7", True)})) is None
