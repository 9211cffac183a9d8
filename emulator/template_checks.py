"""What CloudFormation refuses of a template and its parameters before it makes anything.

Rules: "Template anatomy", "Resource attribute reference" and "Intrinsic function reference" in the CloudFormation user
guide. The texts are those that the API answers; where a name is unknown, every section that has it refuses it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

Section = Mapping[str, Any]
_SECTIONS = frozenset(
    {
        "AWSTemplateFormatVersion",
        "Conditions",
        "Description",
        "Hooks",
        "Mappings",
        "Metadata",
        "Outputs",
        "Parameters",
        "Resources",
        "Rules",
        "Transform",
    }
)
_REFERRING = ("Properties", "Metadata", "CreationPolicy", "UpdatePolicy")
_ATTRIBUTES = frozenset(
    (*_REFERRING, "Condition", "DeletionPolicy", "DependsOn", "Description", "Type", "UpdateReplacePolicy")
)
_POLICIES = {
    "DeletionPolicy": ("Delete", "Retain", "RetainExceptOnCreate", "Snapshot"),
    "UpdateReplacePolicy": ("Delete", "Retain", "Snapshot"),
}
_PSEUDO = frozenset(
    {
        "AWS::AccountId",
        "AWS::NoValue",
        "AWS::NotificationARNs",
        "AWS::Partition",
        "AWS::Region",
        "AWS::StackId",
        "AWS::StackName",
        "AWS::URLSuffix",
    }
)
_VARIABLE = re.compile(r"\$\{([^!{}][^{}]*)\}")
_LISTS = ("CommaDelimitedList", "List<")


def check_template(template: Section, conditions: Mapping[str, bool]) -> None:
    """Raise ValueError for a template that is not one, and for names that it uses and does not define. ``conditions``
    holds the conditions' values; without them every resource counts as made.
    """
    unknown = sorted(template.keys() - _SECTIONS)
    if unknown:
        raise ValueError(f"Invalid template property or properties [{', '.join(unknown)}]")
    resources = template.get("Resources")
    if not isinstance(resources, Mapping) or not resources:
        raise ValueError("Template format error: At least one Resources member must be defined.")
    for name, definition in resources.items():
        _check_resource(name, definition)
    _check_condition_names(template)
    defined = resources.keys() | (template.get("Parameters") or {}).keys() | _PSEUDO
    _check_names("Resources", list(chain.from_iterable(map(_of_resource, resources.values()))), defined, resources)
    outputs = template.get("Outputs") or {}
    _check_names("Outputs", list(_references(outputs)), defined, resources)
    made = {name for name, item in resources.items() if _holds(item, conditions)}
    absent = resources.keys() - made
    taken = [_chosen(_referring(resources[name]), conditions) for name in resources if name in made]
    _check_made("Resources", taken, absent)
    kept = [_chosen(item, conditions) for item in outputs.values() if _holds(item, conditions)]
    _check_made("Outputs", kept, absent)


def check_given(template: Section, given: Sequence[Section], previous: Mapping[str, Any]) -> None:
    """Raise ValueError for parameters that the template lacks and for those of it that have no value. ``given`` are
    parameters as ministack reads them from a request, ``previous`` those of the stack before.
    """
    declared = template.get("Parameters") or {}
    unknown = sorted({str(item["Key"]) for item in given if "Key" in item} - declared.keys())
    if unknown:
        raise ValueError(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    valued = {item["Key"] for item in given if "Key" in item and not item.get("UsePreviousValue")}
    valued |= {item["Key"] for item in given if item.get("UsePreviousValue") and item.get("Key") in previous}
    missing = [name for name, item in declared.items() if "Default" not in item and name not in valued]
    if missing:
        raise ValueError(f"Parameters: [{', '.join(missing)}] must have values")


def check_allowed(template: Section, values: Mapping[str, str]) -> None:
    """Raise ValueError for a value, or a member of a list, that is not among a parameter's AllowedValues."""
    for name, definition in (template.get("Parameters") or {}).items():
        allowed = [str(value) for value in definition.get("AllowedValues") or ()]
        if not allowed or name not in values:
            continue
        listed = str(definition.get("Type", "")).startswith(_LISTS)
        members = [item.strip() for item in values[name].split(",")] if listed else [values[name]]
        if any(member not in allowed for member in members):
            raise constraint_failed(name, definition, "must be one of AllowedValues")


def constraint_failed(name: str, definition: Section, constraint: str) -> ValueError:
    """Return the refusal of a parameter's value: with the parameter's own words where it has some."""
    words = definition.get("ConstraintDescription")
    return ValueError(
        f"Parameter {name} failed to satisfy constraint: {words}" if words else f"Parameter '{name}' {constraint}"
    )


def circular(names: Sequence[str]) -> ValueError:
    """Return the refusal of resources that wait for one another."""
    return ValueError(f"Circular dependency between resources: [{', '.join(names)}]")


def _check_resource(name: str, definition: Any) -> None:
    if not name.isascii() or not name.isalnum():
        raise ValueError(f"Template format error: Resource name {name} is non alphanumeric.")
    whole = isinstance(definition, Mapping)
    if not whole:
        raise ValueError("Template format error: Any Resources member must be an object.")
    unknown = sorted(definition.keys() - _ATTRIBUTES)
    if unknown:
        raise ValueError(f"Invalid template resource property '{unknown[0]}'")
    typed = isinstance(definition.get("Type"), str)
    if not typed:
        text = "Every Resources object must contain a Type member."
        raise ValueError(f"Template format error: [/Resources/{name}] {text}")
    for policy, values in _POLICIES.items():
        chosen = definition.get(policy, values[0])
        if isinstance(chosen, str) and chosen not in values:
            raise ValueError(f"Template error: Unrecognized {policy} {chosen} for resource {name}")


def _check_condition_names(template: Section) -> None:
    known = (template.get("Conditions") or {}).keys()
    for section in ("Resources", "Outputs"):
        members = template.get(section) or {}
        for item in members.values():
            name = item.get("Condition") if isinstance(item, Mapping) else None
            if isinstance(name, str) and name not in known:
                text = f"Template format error: Unresolved condition dependency {name} in the {section} block"
                raise ValueError(f"{text} of the template")
        for function, given in _functions(members):
            if function == "Fn::If" and isinstance(given, list) and given and given[0] not in known:
                raise ValueError(f"Template error: unresolved condition dependency {given[0]} in Fn::If")


def _functions(value: Any) -> Iterator[tuple[str, Any]]:
    """Every object with one member, as function and argument, from outside to inside."""
    if isinstance(value, list):
        for item in value:
            yield from _functions(item)
    elif isinstance(value, Mapping):
        if len(value) == 1:
            yield next(iter(value.items()))
        for item in value.values():
            yield from _functions(item)


def _referring(definition: Section) -> dict[str, Any]:
    return {key: definition[key] for key in _REFERRING if key in definition}


def _awaited(definition: Section) -> list[str]:
    given = definition.get("DependsOn") or []
    return [given] if isinstance(given, str) else [str(name) for name in given]


def _of_resource(definition: Section) -> Iterator[tuple[str, str, str]]:
    yield from (("DependsOn", name, "") for name in _awaited(definition))
    yield from _references(_referring(definition))


def _references(value: Any) -> Iterator[tuple[str, str, str]]:
    """Function, name and attribute (empty for a plain reference) of everything that a value refers to."""
    for function, given in _functions(value):
        if function == "Ref" and isinstance(given, str):
            yield function, given, ""
        elif function == "Fn::GetAtt":
            parts = given.split(".", 1) if isinstance(given, str) else given
            if isinstance(parts, list) and len(parts) == 2 and isinstance(parts[0], str):
                yield function, parts[0], str(parts[1])
        elif function == "Fn::Sub":
            text, own = given if isinstance(given, list) and len(given) == 2 else (given, {})
            for variable in _VARIABLE.findall(text) if isinstance(text, str) else ():
                name, _, attribute = variable.strip().partition(".")
                if variable.strip() not in own:
                    yield function, name, attribute


def _check_names(section: str, references: Sequence[tuple[str, str, str]], defined: Any, resources: Section) -> None:
    for function, name, attribute in references:
        if function == "Fn::GetAtt" and name not in resources:
            raise ValueError(f"Template error: instance of Fn::GetAtt references undefined resource {name}")
        if function == "Fn::Sub" and attribute and name not in resources:
            text = "Template error: instance of Fn::Sub references invalid resource attribute"
            raise ValueError(f"{text} {name}.{attribute}")
    unresolved = [
        name for function, name, _ in references if name not in (resources if function == "DependsOn" else defined)
    ]
    if unresolved:
        raise _unresolved(section, unresolved)


def _unresolved(section: str, names: Sequence[str]) -> ValueError:
    listed = ", ".join(dict.fromkeys(names))
    return ValueError(
        f"Template format error: Unresolved resource dependencies [{listed}] in the {section} block of the template"
    )


def _check_made(section: str, values: Sequence[Any], absent: Any) -> None:
    """Refuse references, in branches that are taken, to resources whose condition does not hold."""
    unresolved = [name for value in values for _, name, _ in _references(value) if name in absent]
    if unresolved:
        raise _unresolved(section, unresolved)


def _holds(definition: Any, conditions: Mapping[str, bool]) -> bool:
    name = definition.get("Condition") if isinstance(definition, Mapping) else None
    return not isinstance(name, str) or conditions.get(name, True)


def _chosen(value: Any, conditions: Mapping[str, bool]) -> Any:
    """The value without the branches of Fn::If that are not taken; both stay where the condition is not known."""
    if isinstance(value, list):
        return [_chosen(item, conditions) for item in value]
    if not isinstance(value, Mapping):
        return value
    branches = value.get("Fn::If")
    if len(value) == 1 and isinstance(branches, list) and len(branches) == 3 and branches[0] in conditions:
        return _chosen(branches[1] if conditions[branches[0]] else branches[2], conditions)
    return {key: _chosen(item, conditions) for key, item in value.items()}
