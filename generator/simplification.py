"""Taking out what can never be chosen: `Fn::If` whose condition is already decided where it stands.

Flattening hands one layer's `Fn::If` into another layer's resource. Where the resource exists only under a condition
that decides the choice, the other branch is unreachable, and linters are right to reject it.
"""

from collections.abc import Mapping
from typing import Any

from generator.logic import Assumptions, Logic


def simplified(template: dict[str, Any]) -> dict[str, Any]:
    """Returns the template, plain data, with every decided `Fn::If` in resources and outputs replaced by its branch."""
    logic = Logic(template.get("Conditions", {}))
    result = dict(template)
    for section in ("Resources", "Outputs"):
        if section in template:
            result[section] = {title: _reduce(part, _assumed(part), logic) for title, part in template[section].items()}
    return result


def _assumed(part: Mapping[str, Any]) -> Assumptions:
    return frozenset({(part["Condition"], True)}) if "Condition" in part else frozenset()


def _reduce(data: Any, assumptions: Assumptions, logic: Logic) -> Any:
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
