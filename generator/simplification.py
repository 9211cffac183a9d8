"""Taking out what can never be chosen: `Fn::If` whose condition is already decided where it stands.

Flattening hands one layer's `Fn::If` into another layer's resource. Where the resource exists only under a condition
that decides the choice, the other branch is unreachable, and linters are right to reject it.
"""

import json
from collections.abc import Mapping
from functools import cache
from itertools import product
from typing import Any

Assumptions = frozenset[tuple[str, bool]]


def simplified(template: dict[str, Any]) -> dict[str, Any]:
    """Returns the template, plain data, with every decided `Fn::If` in resources and outputs replaced by its branch."""
    logic = _Logic(template.get("Conditions", {}))
    result = dict(template)
    for section in ("Resources", "Outputs"):
        if section in template:
            result[section] = {title: _reduce(part, _assumed(part), logic) for title, part in template[section].items()}
    return result


def _assumed(part: Mapping[str, Any]) -> Assumptions:
    return frozenset({(part["Condition"], True)}) if "Condition" in part else frozenset()


def _reduce(data: Any, assumptions: Assumptions, logic: "_Logic") -> Any:
    if isinstance(data, list):
        return [_reduce(item, assumptions, logic) for item in data]
    if not isinstance(data, dict):
        return data
    if set(data) == {"Fn::If"}:
        name, then, otherwise = data["Fn::If"]
        decided = logic.decide(name, assumptions)
        if decided is not None:
            return _reduce(then if decided else otherwise, assumptions, logic)
        return {
            "Fn::If": [
                name,
                _reduce(then, assumptions | {(name, True)}, logic),
                _reduce(otherwise, assumptions | {(name, False)}, logic),
            ]
        }
    return {key: _reduce(item, assumptions, logic) for key, item in data.items()}


class _Logic:
    """The template's conditions as Boolean functions of their comparisons."""

    def __init__(self, conditions: Mapping[str, Any]) -> None:
        self._conditions = conditions
        self.decide = cache(self._decide)

    def _decide(self, name: str, assumptions: Assumptions) -> bool | None:
        """Returns the condition's value where the assumptions leave only one, else None."""
        comparisons = sorted(
            {atom for term in (name, *(assumed for assumed, _ in assumptions)) for atom in self._atoms(term)}
        )
        values = set()
        for choice in product((False, True), repeat=len(comparisons)):
            world = dict(zip(comparisons, choice, strict=True))
            if all(self._value(assumed, world) is expected for assumed, expected in assumptions):
                values.add(self._value(name, world))
        return values.pop() if len(values) == 1 else None

    def _atoms(self, name: str) -> set[str]:
        found: set[str] = set()

        def visit(expression: Any) -> None:
            ((operator, operand),) = expression.items()
            if operator == "Fn::Equals":
                found.add(json.dumps(expression, sort_keys=True))
            elif operator == "Condition":
                visit(self._conditions[operand])
            else:
                for item in operand:
                    visit(item)

        visit(self._conditions[name])
        return found

    def _value(self, name: str, world: Mapping[str, bool]) -> bool:
        def evaluate(expression: Any) -> bool:
            ((operator, operand),) = expression.items()
            if operator == "Fn::Equals":
                return world[json.dumps(expression, sort_keys=True)]
            if operator == "Condition":
                return evaluate(self._conditions[operand])
            if operator == "Fn::Not":
                return not evaluate(operand[0])
            return (all if operator == "Fn::And" else any)(evaluate(item) for item in operand)

        return evaluate(self._conditions[name])
