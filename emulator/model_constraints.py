"""What a service model demands of a request beyond what botocore checks: lengths, values, enumerations and patterns.

The words are those of AWS's own validation ("1 validation error detected: ...", Common Errors of the API references).
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.model import ListShape, Shape, StringShape, StructureShape


def refusal(shape: Shape, given: Mapping[str, Any]) -> str:
    """Return why a request is refused, an empty string when it keeps to the model."""
    found = list(_violations(shape, given, ""))
    noun = "error" if len(found) == 1 else "errors"
    return f"{len(found)} validation {noun} detected: {'; '.join(found)}" if found else ""


def _violations(shape: Shape, value: Any, place: str) -> Iterator[str]:
    if isinstance(shape, StructureShape):
        for name, member in shape.members.items():
            if name in value:
                inner = name[:1].lower() + name[1:]
                yield from _violations(member, value[name], f"{place}.{inner}" if place else inner)
        return
    for words in _constraints(shape, value):
        shown = f"'{value}'" if not isinstance(value, list) else f"'[{', '.join(map(str, value))}]'"
        yield f"Value {shown} at '{place}' failed to satisfy constraint: {words}"
    if isinstance(shape, ListShape):
        for number, item in enumerate(value, 1):
            yield from _violations(shape.member, item, f"{place}.{number}.member")


def _constraints(shape: Shape, value: Any) -> Iterator[str]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    sized = isinstance(value, str | list)
    amount, noun = (len(value), "length") if sized else (value, "value")
    if high is not None and amount > high:
        yield f"Member must have {noun} less than or equal to {high}"
    if low is not None and amount < low:
        yield f"Member must have {noun} greater than or equal to {low}"
    if not isinstance(shape, StringShape):
        return
    if shape.enum and value not in shape.enum:
        yield f"Member must satisfy enum value set: [{', '.join(shape.enum)}]"
    pattern = shape.metadata.get("pattern")
    if pattern and not re.fullmatch(pattern, value):
        yield f"Member must satisfy regular expression pattern: {pattern}"
