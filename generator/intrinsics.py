"""Intrinsic functions that need nothing but their arguments, evaluated over known and symbolic values.

Source: the CloudFormation user guide, "Intrinsic function reference" and "Rule-specific intrinsic functions".
"""

import base64
import ipaddress
import itertools
import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from generator.symbols import (
    SYMBOLIC,
    Call,
    Invalid,
    canonical,
    comma_separated,
    concatenated,
    hashable,
    references,
    scalar,
)
from generator.symbols import split as split_text


def _join(arguments: list[Any]) -> Any:
    delimiter, items = arguments
    if isinstance(items, Invalid):
        return items
    if not isinstance(items, list):
        return Call("Fn::Join", hashable(arguments))
    separated = itertools.chain.from_iterable((delimiter, item) for item in items)
    return concatenated(itertools.islice(separated, 1, None))


def _split(arguments: list[Any]) -> Any:
    return split_text(arguments[0], arguments[1])


def _select(arguments: list[Any]) -> Any:
    index, items = arguments
    if isinstance(items, Invalid):
        return items
    if not isinstance(items, list):
        return Call("Fn::Select", hashable(arguments))
    if int(index) >= len(items):
        return Invalid(f"Fn::Select of item {index} of {len(items)}")
    return items[int(index)]


def _cidr(arguments: list[Any]) -> Any:
    block, count, bits = (*arguments, 8)[:3]
    if any(isinstance(item, SYMBOLIC) for item in (block, count, bits)):
        return Call("Fn::Cidr", hashable(arguments))
    try:
        subnets = ipaddress.ip_network(block).subnets(new_prefix=32 - int(bits))
        ranges = [str(subnet) for subnet in itertools.islice(subnets, int(count))]
    except ValueError as error:
        return Invalid(f"Fn::Cidr of {block}: {error}")
    if len(ranges) < int(count):
        return Invalid(f"Fn::Cidr: {block} holds {len(ranges)} ranges of {bits} bits, not {count}")
    return ranges


def _base64(value: Any) -> Any:
    if isinstance(value, SYMBOLIC):
        return Call("Fn::Base64", (value,))
    return base64.b64encode(str(value).encode()).decode()


def _json(value: Any) -> Any:
    if any(references(value)):
        return Call("Fn::ToJsonString", hashable((value,)))
    return json.dumps(canonical(value), separators=(",", ":"))


def _import_value(value: Any) -> Any:
    return Call("Fn::ImportValue", hashable((value,)))


def _equals(arguments: list[Any]) -> bool:
    return bool(canonical(arguments[0]) == canonical(arguments[1]))


def _not(arguments: list[Any]) -> bool:
    return arguments[0] is not True


def _contains(arguments: list[Any]) -> bool:
    return scalar(arguments[1]) in _texts(arguments[0])


def _each_member_in(arguments: list[Any]) -> bool:
    return set(_texts(arguments[0])) <= set(_texts(arguments[1]))


def _each_member_equals(arguments: list[Any]) -> bool:
    return all(item == scalar(arguments[1]) for item in _texts(arguments[0]))


def _texts(value: Any) -> list[Any]:
    return [scalar(item) for item in (value if isinstance(value, list) else comma_separated(value))]


FUNCTIONS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "Fn::Base64": _base64,
    "Fn::Cidr": _cidr,
    "Fn::Contains": _contains,
    "Fn::EachMemberEquals": _each_member_equals,
    "Fn::EachMemberIn": _each_member_in,
    "Fn::Equals": _equals,
    "Fn::ImportValue": _import_value,
    "Fn::Join": _join,
    "Fn::Not": _not,
    "Fn::Select": _select,
    "Fn::Split": _split,
    "Fn::ToJsonString": _json,
}
