"""The bridge's half for templates: what CloudFormation refuses before it begins is refused by ministack's API too."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ministack.services.cloudformation import changesets, engine, handlers

from emulator import template_checks
from emulator.bridge_data_plane import Record

_NAMES: Mapping[Any, Sequence[str]] = {
    engine: ("_constraint_error", "_resolve_parameters", "_topological_sort", "validate_template_support"),
    changesets: ("_resolve_parameters", "validate_template_support"),
    handlers: ("_resolve_parameters", "validate_template_support", "_ACTION_HANDLERS"),
}
_missing = [
    f"{module.__name__}.{name}" for module, names in _NAMES.items() for name in names if not hasattr(module, name)
]
if _missing:
    raise ImportError(f"this ministack lacks {', '.join(_missing)}; install the version that Pipfile pins")

_CIRCLE = re.compile(r"Circular dependency detected among resources: (.*)")


def install() -> None:
    """Check templates and parameters wherever ministack does; call it after ``bridge_stacks.install``."""
    inner_support, inner_resolve = engine.validate_template_support, engine._resolve_parameters

    def validate(template: Record, conditions: Mapping[str, bool], params: Record | None = None) -> None:
        if "Transform" not in template:
            template_checks.check_template(template, conditions)
        inner_support(template, conditions, params=params)
        try:
            engine._topological_sort(template.get("Resources") or {}, conditions)
        except ValueError as failed:
            found = _CIRCLE.match(str(failed))
            raise (template_checks.circular(found[1].split(", ")) if found else failed) from failed

    def resolve(template: Record, given: Sequence[Record], previous: Record | None = None) -> Record:
        # ministack compares a whole list with AllowedValues; CloudFormation compares its members.
        template_checks.check_given(template, given, previous or {})
        declared = template.get("Parameters") or {}
        plain = {name: {k: v for k, v in item.items() if k != "AllowedValues"} for name, item in declared.items()}
        resolved: Record = inner_resolve({**template, "Parameters": plain}, given, previous)
        template_checks.check_allowed(template, {name: str(item["Value"]) for name, item in resolved.items()})
        return resolved

    engine._constraint_error = template_checks.constraint_failed
    for module in (engine, handlers, changesets):
        module.validate_template_support = validate
        module._resolve_parameters = resolve
