"""The service model of bedrock-agentcore-control, applied: template properties become API input, input is validated,
records become output. Source: the model in the installed botocore; nothing is listed here by hand.
"""

import datetime
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import botocore.session

from emulator.data_plane.errors import ServiceError

SERVICE = "bedrock-agentcore-control"
_NUMBERS = ("integer", "long", "double", "float")


@cache
def _model() -> Any:
    return botocore.session.get_session().get_service_model(SERVICE)


def operations() -> dict[str, tuple[str, str, int]]:
    """Return every operation's HTTP method, path template and success status."""
    model = _model()
    found = {}
    for name in model.operation_names:
        http = model.operation_model(name).http
        found[name] = (http["method"], http["requestUri"], int(http.get("responseCode", 200)))
    return found


def from_template(operation: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return the API input for a resource's properties: names in the API's spelling, and strings made numbers and
    booleans where the model wants those, as CloudFormation does. Unknown names stay, for ``validate`` to refuse.
    """
    converted = _converted(_model().operation_model(operation).input_shape, properties)
    return dict(converted) if isinstance(converted, Mapping) else {}


def _converted(shape: Any, value: Any) -> Any:
    if shape.type_name == "structure" and isinstance(value, Mapping):
        members = {name.lower(): (name, member) for name, member in shape.members.items()}
        result = {}
        for key, item in value.items():
            name, member = members.get(key.lower(), (key, None))
            result[name] = item if member is None else _converted(member, item)
        return result
    if shape.type_name == "list" and isinstance(value, list):
        return [_converted(shape.member, item) for item in value]
    if shape.type_name == "boolean" and isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if shape.type_name in _NUMBERS and isinstance(value, str):
        try:
            return int(value) if shape.type_name in ("integer", "long") else float(value)
        except ValueError:
            return value
    return value


def validate(operation: str, parameters: Mapping[str, Any]) -> None:
    """Refuse input that breaks the model: unknown names, missing members, wrong types, lengths, ranges, patterns and
    enumerations. Raises ServiceError (ValidationException) naming every problem, in the service's manner.
    """
    problems: list[str] = []
    _check(_model().operation_model(operation).input_shape, parameters, "", problems)
    if problems:
        count = "1 validation error" if len(problems) == 1 else f"{len(problems)} validation errors"
        raise ServiceError("ValidationException", f"{count} detected: {'; '.join(problems)}")


def _check(shape: Any, value: Any, path: str, problems: list[str]) -> None:
    kind = shape.type_name
    if kind == "structure":
        _check_structure(shape, value, path, problems)
    elif kind == "list":
        _check_size(shape, value, path, problems, list)
        for index, item in enumerate(value if isinstance(value, list) else ()):
            _check(shape.member, item, f"{path}.{index + 1}.member", problems)
    elif kind == "map":
        _check_size(shape, value, path, problems, dict)
        for key, item in (value if isinstance(value, dict) else {}).items():
            _check(shape.value, item, f"{path}.{key}", problems)
    elif kind == "string":
        _check_size(shape, value, path, problems, str)
        _check_text(shape, value, path, problems)
    elif kind in _NUMBERS:
        _check_number(shape, value, path, problems)
    elif kind == "boolean" and not isinstance(value, bool):
        problems.append(_problem(value, path, "Member must be a boolean"))


def _check_structure(shape: Any, value: Any, path: str, problems: list[str]) -> None:
    if not isinstance(value, Mapping):
        problems.append(_problem(value, path, "Member must be a structure"))
        return
    prefix = f"{path}." if path else ""
    for name in shape.required_members:
        if name not in value:
            problems.append(f"Value null at '{prefix}{name}' failed to satisfy constraint: Member must not be null")
    for name, item in value.items():
        if name in shape.members:
            _check(shape.members[name], item, f"{prefix}{name}", problems)
        else:
            problems.append(f"#/{prefix}{name}: extraneous key [{name}] is not permitted")
    if getattr(shape, "is_tagged_union", False) and len(value) != 1:
        problems.append(f"#/{path}: exactly one of {', '.join(shape.members)} must be set")


def _check_size(shape: Any, value: Any, path: str, problems: list[str], kind: type[Any]) -> None:
    if not isinstance(value, kind):
        problems.append(_problem(value, path, f"Member must be of type {shape.type_name}"))
        return
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if (low is not None and len(value) < low) or (high is not None and len(value) > high):
        problems.append(_problem(value, path, f"Member must have length between {low or 0} and {high or 'any'}"))


def _check_text(shape: Any, value: Any, path: str, problems: list[str]) -> None:
    if not isinstance(value, str):
        return
    choices = shape.metadata.get("enum")
    if choices and value not in choices:
        problems.append(_problem(value, path, f"Member must satisfy enum value set: [{', '.join(choices)}]"))
    pattern = shape.metadata.get("pattern")
    if pattern and not re.fullmatch(pattern, value):
        problems.append(_problem(value, path, f"Member must satisfy regular expression pattern: {pattern}"))


def _check_number(shape: Any, value: Any, path: str, problems: list[str]) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        problems.append(_problem(value, path, "Member must be a number"))
        return
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if (low is not None and value < low) or (high is not None and value > high):
        problems.append(_problem(value, path, f"Member must be between {low} and {high}"))


def _problem(value: Any, path: str, text: str) -> str:
    shown = repr(value) if isinstance(value, (str, int, float)) else type(value).__name__
    return f"Value {shown[:80]} at '{path}' failed to satisfy constraint: {text}"


def output(operation: str, record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of ``record`` that an operation's output has, ready for JSON (times are seconds in records)."""
    shaped = _shaped(_model().operation_model(operation).output_shape, record)
    return dict(shaped)


def _shaped(shape: Any, value: Any) -> Any:
    if value is None:
        return None
    if shape.type_name == "structure":
        members = {name: _shaped(member, value.get(name)) for name, member in shape.members.items()}
        return {name: item for name, item in members.items() if item is not None}
    if shape.type_name == "list":
        return [_shaped(shape.member, item) for item in value]
    if shape.type_name == "timestamp" and shape.serialization.get("timestampFormat") == "iso8601":
        return iso_time(float(value))
    return value


def iso_time(seconds: float) -> str:
    """Return a time, given in seconds since 1970, in the form of ISO 8601 that AWS uses."""
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
