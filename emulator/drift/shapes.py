"""Answers of APIs in the shape of templates, so that what a template sets can be compared with them.

"CloudFormation only determines drift for property values that are explicitly set" ("Detect unmanaged configuration
changes", user guide): what an answer holds beyond the template's keys is left out.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from botocore.exceptions import ClientError

Properties = Mapping[str, Any]
Current = Mapping[str, Any] | None
_Answer = TypeVar("_Answer")
_GONE = ("NotFound", "NoSuch", "NonexistentItem", "DoesNotExist")


def present(call: Callable[[], _Answer]) -> _Answer | None:
    """Return what a call answers, None when it says that the resource does not exist."""
    try:
        return call()
    except ClientError as error:
        if any(word in error.response["Error"]["Code"] for word in _GONE):
            return None
        raise


def pascal(value: Any) -> Any:
    """Return a value with the first letters of all keys in upper case, as templates spell what APIs begin in lower."""
    if isinstance(value, Mapping):
        return {key[:1].upper() + key[1:]: pascal(item) for key, item in value.items()}
    return [pascal(item) for item in value] if isinstance(value, list) else value


def chosen(props: Properties, found: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Return the properties of these names (all that the template sets, without names) as they are now."""
    return {
        name: like(props[name], found[name])
        for name in names or tuple(props)
        if name in props and found.get(name) is not None
    }


def like(expected: Any, actual: Any) -> Any:
    """Return the actual value with only the keys that the expected one has, and numbers and booleans written as it
    writes them.
    """
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        return {key: like(expected[key], actual[key]) for key in expected if actual.get(key) is not None}
    if isinstance(expected, list) and isinstance(actual, list):
        return _list_like(expected, actual)
    return expected if _equal(expected, actual) else actual


def _list_like(expected: list[Any], actual: list[Any]) -> list[Any]:
    """The members in the order of the expected ones that they equal; others follow with the keys that those have."""
    left, found = list(actual), []
    for item in expected:
        equal = next((other for other in left if _comparable(like(item, other)) == _comparable(item)), None)
        if equal is not None:
            left.remove(equal)
            found.append(item)
    keys = {key for item in expected if isinstance(item, Mapping) for key in item}
    pruned = [{key: item[key] for key in item if key in keys} if isinstance(item, Mapping) else item for item in left]
    return found + [item for item in pruned if item != {}]


def _comparable(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def _equal(expected: Any, actual: Any) -> bool:
    if isinstance(expected, bool) or isinstance(actual, bool):
        return str(expected).lower() == str(actual).lower()
    try:
        return float(expected) == float(actual)
    except (TypeError, ValueError):
        return str(expected) == str(actual)


def document(expected: Any, actual: Any) -> Any:
    """Return a JSON document as the template has it when it says the same, else parsed."""
    parsed = _parsed(actual)
    return expected if _comparable(_parsed(expected)) == _comparable(parsed) else parsed


def _parsed(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def listed(pairs: Any, expected: Any, key: str = "Key", value: str = "Value") -> list[dict[str, Any]]:
    """Return those of an API's attributes, a list of pairs, that the template sets too."""
    wanted = {str(item[key]): item.get(value) for item in expected or ()}
    return [{key: item[key], value: like(wanted[item[key]], item.get(value))} for item in pairs if item[key] in wanted]
