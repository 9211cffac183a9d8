"""Values that only AWS knows, and how text and lists are made of them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True)
class Reference:
    """What `Ref` (attribute `Ref`) or `Fn::GetAtt` of a resource gives."""

    logical_id: str
    attribute: str


@dataclass(frozen=True)
class Text:
    """Text with unknown parts: literal strings and symbolic values, no two literals side by side."""

    parts: tuple[Any, ...]


@dataclass(frozen=True)
class Call:
    """An intrinsic function whose result only AWS knows."""

    function: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True)
class Invalid:
    """A value that AWS would refuse to make."""

    reason: str


class _NoValue:
    """The value of `AWS::NoValue`: the property or the item is removed."""


NO_VALUE: Final = _NoValue()
SYMBOLIC: Final = (Reference, Text, Call, Invalid)


def concatenated(items: Iterable[Any]) -> Any:
    """Returns the items as one text: a string where all are known, else a symbolic value."""
    parts: list[Any] = []
    for item in items:
        for part in item.parts if isinstance(item, Text) else (scalar(item),):
            if isinstance(part, str) and parts and isinstance(parts[-1], str):
                parts[-1] += part
            elif part != "":
                parts.append(part)
    if not parts:
        return ""
    return parts[0] if len(parts) == 1 else Text(tuple(parts))


def split(delimiter: str, value: Any) -> Any:
    """Returns the pieces of a text between delimiters; unknown parts are taken to hold none."""
    if isinstance(value, Invalid):
        return value
    pieces: list[list[Any]] = [[]]
    for part in value.parts if isinstance(value, Text) else (value,):
        if isinstance(part, str):
            first, *others = part.split(delimiter)
            pieces[-1].append(first)
            pieces.extend([other] for other in others)
        else:
            pieces[-1].append(part)
    return [concatenated(piece) for piece in pieces]


def comma_separated(value: Any) -> Any:
    """Returns the list that a parameter of type `CommaDelimitedList` has of a text.

    The empty text gives one empty item, on which the common test `!Equals [!Select [0, !Ref List], ""]` rests.
    """
    pieces = split(",", value)
    return pieces if isinstance(pieces, Invalid) else [p.strip() if isinstance(p, str) else p for p in pieces]


def scalar(value: Any) -> Any:
    """Returns a number or a boolean as CloudFormation writes it, anything else unchanged."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


def canonical(value: Any) -> Any:
    """Returns the value in a form in which values that AWS takes for the same are equal."""
    if isinstance(value, Mapping):
        return {key: canonical(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [canonical(item) for item in value]
    return scalar(value)


def hashable(value: Any) -> Any:
    """Returns lists and mappings inside a value as tuples."""
    if isinstance(value, Mapping):
        return tuple((key, hashable(item)) for key, item in value.items())
    return tuple(map(hashable, value)) if isinstance(value, list | tuple) else scalar(value)


def references(value: Any) -> Iterable[Reference]:
    """Yields every reference inside an evaluated value."""
    if isinstance(value, Reference):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from references(item)
    else:
        for item in parts(value):
            yield from references(item)


def invalid(value: Any) -> Iterable[Invalid]:
    """Yields every value inside an evaluated value that AWS would refuse to make."""
    if isinstance(value, Invalid):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from invalid(item)
    else:
        for item in parts(value):
            yield from invalid(item)


def parts(value: Any) -> Iterable[Any]:
    """Returns what a list, a text with unknown parts or a call is made of; nothing of anything else."""
    if isinstance(value, list | tuple):
        return value
    if isinstance(value, Text):
        return value.parts
    return value.arguments if isinstance(value, Call) else ()


def referenced(value: Any) -> Iterator[str]:
    """Yields the logical ids of the resources that an evaluated value refers to, however deep."""
    for reference in references(value):
        yield reference.logical_id
