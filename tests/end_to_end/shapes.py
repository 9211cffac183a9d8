"""Answers of services that write their names in camelCase, in CloudFormation's names."""

from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape


def capitalised(client: Any, operation: str, member: str, value: Any) -> Any:
    """Returns a member of an operation's answer with the names of its structures capitalised, keys of maps as they are.

    CloudFormation names the properties of these services so.
    """
    shape = client.meta.service_model.operation_model(operation).output_shape
    for name in member.split("."):
        shape = shape.members[name]
    return _capitalised(shape, value)


def _capitalised(shape: Shape, value: Any) -> Any:
    if isinstance(shape, StructureShape) and not shape.is_document_type:
        return {name[0].upper() + name[1:]: _capitalised(shape.members[name], item) for name, item in value.items()}
    if isinstance(shape, ListShape):
        return [_capitalised(shape.member, item) for item in value]
    if isinstance(shape, MapShape):
        return {key: _capitalised(shape.value, item) for key, item in value.items()}
    return value


def chosen(answer: dict[str, Any], *names: str) -> dict[str, Any]:
    """Returns the named members that an answer has."""
    return {name: answer[name] for name in names if name in answer}
