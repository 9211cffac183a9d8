"""Values of root parameters that stand for all: one for each way in which conditions and rules can turn out."""

import re
import re._constants as opcodes  # type: ignore[import-not-found]  # CPython's own parser of patterns has no stubs
import re._parser as regex  # type: ignore[import-not-found]  # as above
from collections.abc import Iterator, Mapping
from typing import Any, Final

from generator.evaluation import Deployment, Template

LARGEST_PARAMETER_VALUE: Final = 4096
UNBOUNDED_REPEATS: Final = 8


def representatives(deployment: Deployment) -> dict[str, tuple[str, ...]]:
    """Returns, for each root parameter, values that cover every outcome of the conditions of all templates.

    These are the literals that conditions and rules compare it with, the keys of the mappings that it selects from, its
    default and one further value, as far as the parameter admits them.
    """
    compared = _compared([stack.template for stack in deployment.stacks.values()])
    return {
        name: _values(declaration, compared.get(name, set()))
        for name, declaration in deployment.root.section("Parameters").items()
    }


def longest(deployment: Deployment) -> dict[str, tuple[str, ...]]:
    """Returns, for each root parameter, the longest value that it admits and its default, or all where they are listed.

    A pattern's repetition without end goes on to the parameter's `MaxLength`; without one it counts as eight.
    """
    found: dict[str, tuple[str, ...]] = {}
    for name, declaration in deployment.root.section("Parameters").items():
        if "AllowedValues" in declaration:
            found[name] = tuple(map(str, declaration["AllowedValues"]))
        elif "AllowedPattern" in declaration:
            most = int(declaration.get("MaxLength", LARGEST_PARAMETER_VALUE))
            repeats = most if "MaxLength" in declaration else UNBOUNDED_REPEATS
            bounded = _matching(declaration["AllowedPattern"], repeats)[:most]
            found[name] = tuple(dict.fromkeys((bounded, str(declaration.get("Default", bounded)))))
        else:
            found[name] = _values(declaration, {""})
    return found


def sample(pattern: str) -> str:
    """Returns a short text that matches a pattern and is not empty where the pattern lets it."""
    return _matching(pattern, None)


def _values(declaration: Mapping[str, Any], compared: set[str]) -> tuple[str, ...]:
    default = declaration.get("Default")
    values = [] if default is None else [str(default)]
    if "AllowedValues" in declaration:
        allowed = [str(value) for value in declaration["AllowedValues"]]
        values += [value for value in allowed if value in compared]
        values += [value for value in allowed if value not in values][:1]
    elif declaration.get("Type", "String") == "Number":
        values = values or [str(declaration.get("MinValue", 1))]
    else:
        pattern = declaration.get("AllowedPattern")
        values += sorted(value for value in compared if pattern is None or re.fullmatch(pattern, value))
        if compared or not values:
            values.append(sample(pattern) if pattern else "first,second,third")
    return tuple(dict.fromkeys(values))


def _compared(templates: list[Template]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for template in templates:
        parameters = template.get("Parameters") or {}
        for node in _nodes([template.get("Conditions"), template.get("Rules"), template.get("Resources")]):
            literals: set[str] = set()
            if "Fn::Equals" in node or "Fn::Contains" in node or "Fn::EachMemberIn" in node:
                literals = set(_literals(node))
            elif "Fn::FindInMap" in node:
                rows = (template.get("Mappings") or {}).get(str(node["Fn::FindInMap"][0]), {})
                literals = set(rows)
            for inner in _nodes(node) if literals else ():
                name = str(inner.get("Ref"))
                if name in parameters:
                    found.setdefault(name, set()).update(literals)
    return found


def _nodes(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        yield value
        for item in value.values():
            yield from _nodes(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _nodes(item)


def _literals(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key not in ("Ref", "Fn::FindInMap", "Fn::GetAtt"):
                yield from _literals(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _literals(item)
    else:
        yield str(value)


def _matching(pattern: str, repeats: int | None) -> str:
    return "".join(_pieces(regex.parse(pattern), repeats))


def _pieces(parsed: Any, repeats: int | None) -> Iterator[str]:
    """Yields a shortest match, or with `repeats` a longest one in which a repetition without end has that many."""
    for opcode, argument in parsed:
        if opcode is opcodes.LITERAL:
            yield chr(argument)
        elif opcode is opcodes.NOT_LITERAL:
            yield "a" if argument != ord("a") else "b"
        elif opcode is opcodes.ANY:
            yield "a"
        elif opcode is opcodes.IN:
            yield _member(argument)
        elif opcode is opcodes.MAX_REPEAT:
            least, most, repeated = argument
            if repeats is None:
                count = max(least, 1) if most is opcodes.MAXREPEAT else min(max(least, 1), most)
            else:
                count = repeats if most is opcodes.MAXREPEAT else most
            yield from list(_pieces(repeated, repeats)) * count
        elif opcode is opcodes.SUBPATTERN:
            yield from _pieces(argument[-1], repeats)
        elif opcode is opcodes.BRANCH:
            branches = ["".join(_pieces(branch, repeats)) for branch in argument[1]]
            yield max(branches, key=len) if repeats is not None else next(filter(None, branches), "")
        elif opcode is not opcodes.AT:
            raise ValueError(f"no sample is made of patterns with {opcode}")


def _member(options: Any) -> str:
    if options[0][0] is opcodes.NEGATE:
        excluded = re.compile("[" + "".join(map(_class_text, options[1:])) + "]")
        return next(character for character in "abcdefghijklmnopqrstuvwxyz0" if not excluded.match(character))
    ordinals = [
        argument if opcode is opcodes.LITERAL else argument[0]
        for opcode, argument in options
        if opcode in (opcodes.LITERAL, opcodes.RANGE)
    ]
    letters = [chr(ordinal) for ordinal in ordinals if chr(ordinal).isalnum()]
    return letters[0] if letters else chr(ordinals[0])


def _class_text(option: Any) -> str:
    opcode, argument = option
    if opcode is opcodes.LITERAL:
        return re.escape(chr(argument))
    if opcode is opcodes.RANGE:
        return f"{re.escape(chr(argument[0]))}-{re.escape(chr(argument[1]))}"
    return {opcodes.CATEGORY_SPACE: r"\s", opcodes.CATEGORY_DIGIT: r"\d", opcodes.CATEGORY_WORD: r"\w"}[argument]
