"""What a task definition asks for, with its secrets resolved as ECS would."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emulator import bridge_data_plane as bridge
from emulator import kms_keys

_STOP_SECONDS = 30.0


class StartRefused(Exception):
    """A task cannot start; the message is the reason in the words of ECS."""


@dataclass(frozen=True)
class TaskSpec:
    """Everything that a task needs to start: the container as a mapping in the API's spelling, its task definition's
    record, and where the task is placed.
    """

    task_arn: str
    cluster_arn: str
    service: str
    definition: Mapping[str, Any]
    container: Mapping[str, Any]
    zone: str
    launch_type: str

    @property
    def task_id(self) -> str:
        """Return the last part of the task's ARN."""
        return self.task_arn.rpartition("/")[2]

    @property
    def stop_seconds(self) -> float:
        """Return the container's stop timeout, 30 seconds by default (ECS ContainerDefinition)."""
        return float(self.container.get("stopTimeout") or _STOP_SECONDS)


def environment_of(spec: TaskSpec) -> dict[str, str]:
    """Return the container's environment with its secrets resolved. Raises StartRefused where ECS would not start the
    task: a role it cannot assume, a secret it may not or cannot read.
    """
    role = str(spec.definition.get("executionRoleArn") or "")
    if role and not bridge.role_trusts(role, "ecs-tasks.amazonaws.com", _source(spec)):
        raise StartRefused(
            f"ECS was unable to assume the role '{role}' that was provided for this task. Please verify that the role "
            "being passed has the proper trust relationship and permissions and that your IAM user has permissions to "
            "pass this role."
        )
    environment = {_field(item, "name"): _field(item, "value") for item in spec.container.get("environment") or ()}
    for item in spec.container.get("secrets") or ():
        environment[_field(item, "name")] = _secret(_field(item, "valueFrom"), role)
    return environment


def _source(spec: TaskSpec) -> dict[str, str]:
    _, _, _, region, account, _ = spec.cluster_arn.split(":", 5)
    return {"aws:sourceaccount": account, "aws:sourcearn": f"arn:aws:ecs:{region}:{account}:*"}


def _secret(value_from: str, role: str) -> str:
    arn, key = ":".join(value_from.split(":")[:7]), (value_from.split(":")[7:8] or [""])[0]
    failed = (
        "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: "
        f"unable to retrieve secret from asm: {arn}: "
    )
    if not role or not bridge.role_allows(role, "secretsmanager:GetSecretValue", arn):
        raise StartRefused(f"{failed}AccessDeniedException for {role or 'a task without an execution role'}")
    if not kms_keys.decrypts(role, arn):
        raise StartRefused(f"{failed}AccessDeniedException: Access to KMS is not allowed")
    content = bridge.secret_string(arn)
    if content is None:
        raise StartRefused(f"{failed}ResourceNotFoundException")
    if not key:
        return content
    try:
        return str(json.loads(content)[key])
    except (ValueError, KeyError, TypeError):
        raise StartRefused(f"{failed}the secret has no JSON key {key}") from None


def _field(item: Mapping[str, Any], name: str) -> str:
    """A member of a template's or the API's structure: templates spell it with a capital."""
    return str(item.get(name, item.get(name[0].upper() + name[1:], "")))


def container_port(container: Mapping[str, Any]) -> int | None:
    """Return the port of the container's first port mapping."""
    for mapping in container.get("portMappings") or ():
        return int(_field(mapping, "containerPort"))
    return None
