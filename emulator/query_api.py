"""Operations of CloudFormation's query protocol: input read and output written as the service model shapes them."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from typing import Any
from xml.sax.saxutils import escape

import botocore.session
from botocore.model import ListShape, ServiceModel, Shape, StructureShape
from botocore.validate import ParamValidator

from emulator import bridge_stacks, model_constraints
from emulator.json_api import ApiError

Operation = Callable[[dict[str, Any]], Mapping[str, Any]]


def install(operations: Mapping[str, Operation]) -> None:
    """Serve operations of CloudFormation by their names."""
    for name, operation in operations.items():
        bridge_stacks.action(name, _answering(name, operation))


@cache
def _model() -> ServiceModel:
    return botocore.session.Session().get_service_model("cloudformation")


def _answering(name: str, operation: Operation) -> Callable[[Mapping[str, Any]], Any]:
    def answer(parameters: Mapping[str, Any]) -> Any:
        model = _model().operation_model(name)
        flat = {key: value[0] if isinstance(value, list) else value for key, value in parameters.items()}
        try:
            given = _read(model.input_shape, flat, "") or {}
            _validate(model.input_shape, given)
            result = operation(given)
        except ApiError as error:
            return bridge_stacks.error(error.code, str(error), error.status)
        inner = _write(model.output_shape, result) if model.output_shape else ""
        return bridge_stacks.xml(f"{name}Response", f"<{name}Result>{inner}</{name}Result>")

    return answer


def _validate(shape: Shape, given: Mapping[str, Any]) -> None:
    refused = model_constraints.refusal(shape, given)
    if refused:
        raise ApiError("ValidationError", refused)
    report = ParamValidator().validate(given, shape)
    if report.has_errors():
        raise ApiError("ValidationError", report.generate_report())


def _read(shape: Shape, flat: Mapping[str, str], prefix: str) -> Any:
    """The value at a prefix of the flattened input; None when there is none."""
    if isinstance(shape, StructureShape):
        found = {name: _read(member, flat, f"{prefix}{name}.") for name, member in shape.members.items()}
        return {name: value for name, value in found.items() if value is not None} or None
    if isinstance(shape, ListShape):
        items: list[Any] = []
        while (item := _read(shape.member, flat, f"{prefix}member.{len(items) + 1}.")) is not None:
            items.append(item)
        return items if items or prefix.removesuffix(".") in flat else None
    text = flat.get(prefix.removesuffix("."))
    if text is None:
        return None
    if shape.type_name == "boolean":
        return text == "true"
    if shape.type_name != "integer":
        return text
    try:
        return int(text)
    except ValueError as refused:
        raise ApiError("MalformedInput", f"{prefix.removesuffix('.')} is no integer: {text}") from refused


def _write(shape: Shape, value: Any) -> str:
    if isinstance(shape, StructureShape):
        return "".join(
            f"<{name}>{_write(member, value[name])}</{name}>"
            for name, member in shape.members.items()
            if value.get(name) is not None
        )
    if isinstance(shape, ListShape):
        return "".join(f"<member>{_write(shape.member, item)}</member>" for item in value)
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value).lower() if isinstance(value, bool) else escape(str(value))
