"""AWS::ECS::TaskDefinition: its record as RegisterTaskDefinition keeps it.

ministack's own drops the runtime platform and leaves the inner members of container definitions in the template's
spelling, so that DescribeTaskDefinition does not tell them.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

import botocore.session
from botocore.model import ListShape, MapShape, Shape, StructureShape

from emulator import bridge_ecs
from emulator.checked import Checked
from emulator.handlers import Created, Properties, ResourceHandler

_KEPT = {"ContainerDefinitions": "containerDefinitions", "RuntimePlatform": "runtimePlatform", "Volumes": "volumes"}


class TaskDefinitionHandler(Checked):
    """Ref is the ARN of the revision."""

    def check(self, props: Properties, own_id: str) -> None:
        """Raise ValueError for a member that the API lacks."""
        _kept(props)

    def create(self, logical_id: str, props: Properties, stack_name: str) -> Created:
        """Register a revision."""
        made = super().create(logical_id, props, stack_name)
        _complete(made[0], props)
        return made

    def update(
        self, physical_id: str, old: Properties, new: Properties, stack_name: str, logical_id: str = ""
    ) -> Created:
        """Register another revision where more than tags changed."""
        made = super().update(physical_id, old, new, stack_name, logical_id)
        _complete(made[0], new)
        return made


def _complete(arn: str, props: Properties) -> None:
    record = bridge_ecs.task_definition(arn)
    assert record is not None
    record.update(_kept(props))


def _kept(props: Properties) -> dict[str, Any]:
    given = {member: props[name] for name, member in _KEPT.items() if name in props}
    return {member: _spelled(_input().members[member], value) for member, value in given.items()}


@cache
def _input() -> StructureShape:
    shape = botocore.session.Session().get_service_model("ecs").operation_model("RegisterTaskDefinition").input_shape
    assert isinstance(shape, StructureShape)
    return shape


def _spelled(shape: Shape, value: Any) -> Any:
    """A template's value in the API's spelling and types. Raises ValueError for a member that the API lacks."""
    if isinstance(shape, StructureShape):
        members = {name[:1].lower() + name[1:]: item for name, item in value.items()}
        unknown = sorted(members.keys() - shape.members.keys())
        if unknown:
            raise ValueError(f"Encountered unsupported property {unknown[0]} in {shape.name}")
        return {name: _spelled(shape.members[name], item) for name, item in members.items()}
    if isinstance(shape, ListShape):
        return [_spelled(shape.member, item) for item in value]
    if isinstance(shape, MapShape):
        return {key: _spelled(shape.value, item) for key, item in value.items()}
    if shape.type_name in ("integer", "long"):
        return int(value)
    if shape.type_name == "boolean":
        return str(value).lower() == "true"
    return str(value)


HANDLERS: Mapping[str, ResourceHandler] = {
    "AWS::ECS::TaskDefinition": TaskDefinitionHandler("AWS::ECS::TaskDefinition")
}
