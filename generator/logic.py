"""What a template's conditions imply of one another."""

import json
from collections.abc import Mapping
from functools import cache
from itertools import product
from typing import Any

Assumptions = frozenset[tuple[str, bool]]
"""Conditions, by name, that are taken to have a value."""


class Logic:
    """The template's conditions as Boolean functions of their comparisons."""

    def __init__(self, conditions: Mapping[str, Any]) -> None:
        self._conditions = conditions
        self._decided = cache(self._decide)

    def decide(self, name: str, assumptions: Assumptions) -> bool | None:
        """Returns the value of the condition `name` where the assumptions leave only one, else None."""
        return self._decided(name, assumptions)

    def _decide(self, name: str, assumptions: Assumptions) -> bool | None:
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
