"""What a template's conditions imply of one another."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

Assumptions = frozenset[tuple[str, bool]]
"""Conditions, by name, that are taken to have a value."""


class Logic:
    """The template's conditions as Boolean functions of their comparisons.

    A function is its truth table, an integer with a bit for each world, which gives each comparison a value: so worlds
    are not gone through one by one, whose number doubles with each comparison.
    """

    def __init__(self, conditions: Mapping[str, Any]) -> None:
        self._conditions = conditions
        self._decided = cache(self._decide)
        self._atoms = cache(self._read_atoms)

    def decide(self, name: str, assumptions: Assumptions) -> bool | None:
        """Returns the value of the condition `name` where the assumptions leave only one, else None."""
        return self._decided(name, assumptions)

    def _decide(self, name: str, assumptions: Assumptions) -> bool | None:
        atoms = sorted(
            {atom for term in (name, *(assumed for assumed, _ in assumptions)) for atom in self._atoms(term)}
        )
        tables = {atom: _table(place, len(atoms)) for place, atom in enumerate(atoms)}
        every = (1 << (1 << len(atoms))) - 1
        worlds = every
        for assumed, expected in assumptions:
            holds = self._value(self._conditions[assumed], tables, every)
            worlds &= holds if expected else every ^ holds
        true = self._value(self._conditions[name], tables, every) & worlds
        if not worlds or true not in (0, worlds):
            return None
        return true == worlds

    def _read_atoms(self, name: str) -> frozenset[str]:
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
        return frozenset(found)

    def _value(self, expression: Any, tables: Mapping[str, int], every: int) -> int:
        """Returns the truth table of an expression, given those of its comparisons and that of what is always true."""
        ((operator, operand),) = expression.items()
        if operator == "Fn::Equals":
            return tables[json.dumps(expression, sort_keys=True)]
        if operator == "Condition":
            return self._value(self._conditions[operand], tables, every)
        values = [self._value(item, tables, every) for item in operand]
        if operator == "Fn::Not":
            return every ^ values[0]
        result = values[0]
        for value in values[1:]:
            result = result & value if operator == "Fn::And" else result | value
        return result


@cache
def _table(place: int, atoms: int) -> int:
    """Returns the truth table of a comparison: bit `w` is the bit `place` of `w`, for 2 to the `atoms` worlds."""
    table, width = ((1 << (1 << place)) - 1) << (1 << place), 2 << place
    while width < 1 << atoms:
        table |= table << width
        width *= 2
    return table
