"""Server tasks: what a task definition asks for, and the process that runs here in place of its container."""

import json
import os
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from emulator import bridge_data_plane as bridge
from emulator.data_plane.exchange import Reply, Request
from emulator.data_plane.processes import ChildProcess, ProcessLedger, free_port

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


def require_image(image: str) -> None:
    """Refuse an image that its emulated ECR repository does not hold. ECS says so in a stopped task's reason ("Stopped
    tasks error messages", ECS developer guide). Raises StartRefused.
    """
    registry, _, rest = image.partition("/")
    parts = registry.split(".")
    repository, _, digest = rest.partition("@")
    failed = (
        f"CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref {image}: "
    )
    if len(parts) < 6 or parts[1:3] != ["dkr", "ecr"]:
        raise StartRefused(failed + "only images of the emulated ECR exist on this machine")
    if not digest.startswith("sha256:") or not bridge.image_exists(parts[0], parts[3], repository, digest):
        raise StartRefused(f"{failed}{image}: not found")


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


class ServerTask:
    """The process of one task: the server, listening on a free loopback port instead of its container's."""

    def __init__(
        self,
        spec: TaskSpec,
        *,
        argv: list[str],
        directory: Path,
        ledger: ProcessLedger,
        metadata: "MetadataServer",
        environment: Mapping[str, str],
        write: Callable[[str], None] | None,
    ) -> None:
        self.spec = spec
        self.port = free_port()
        self.started = time.monotonic()
        self.container_id = (
            f"{spec.task_id.replace('-', '')[:32]}-{int(sha256(spec.task_arn.encode()).hexdigest()[:8], 16)}"
        )
        self._metadata = metadata
        self._token = metadata.register(self)
        self._process = ChildProcess(
            argv,
            ledger=ledger,
            directory=directory,
            on_line=write or _discard,
            environment={
                # What a container's operating system would give; nothing of this process's own environment.
                "PATH": os.environ.get("PATH", ""),
                "HOME": os.environ.get("HOME", ""),
                "LANG": "C.UTF-8",
                **environment,
                # The network differs from the container's: another port, and the front is on loopback.
                "HOST": "127.0.0.1",
                "PORT": str(self.port),
                "FORWARDED_ALLOW_IPS": "127.0.0.1/32",
                "PYTHONUNBUFFERED": "1",
                "AWS_REGION": spec.cluster_arn.split(":")[3],
                "ECS_CONTAINER_METADATA_URI_V4": f"{metadata.base}/v4/{self._token}",
            },
        )

    def exit_code(self) -> int | None:
        """Return the exit status as a container's (137 after SIGKILL), None while the process runs."""
        code = self._process.exit_code()
        return 128 - code if code is not None and code < 0 else code

    def stop(self) -> int:
        """SIGTERM, the container's stop timeout, SIGKILL; return the exit status."""
        code = self._process.stop(self.spec.stop_seconds)
        self._metadata.forget(self._token)
        return code


def _discard(_: str) -> None:
    """Stands for a container without a log driver."""


class MetadataServer:
    """The task metadata endpoint version 4. Fields and their units as in "Amazon ECS task metadata endpoint version 4
    for tasks on Fargate" (ECS developer guide): CPU in vCPU for the task and in shares for a container, memory in MiB.
    """

    def __init__(self) -> None:
        self.base = ""
        self._tasks: dict[str, ServerTask] = {}
        self._lock = threading.Lock()

    def register(self, task: ServerTask) -> str:
        """Return the secret path part under which a task finds its metadata."""
        token = f"{task.spec.task_id.replace('-', '')}-{secrets.token_hex(5)}"
        with self._lock:
            self._tasks[token] = task
        return token

    def forget(self, token: str) -> None:
        """Answer nothing more under a path part."""
        with self._lock:
            self._tasks.pop(token, None)

    def answer(self, request: Request) -> Reply | None:
        """Answer a request for metadata, None when it is for something else."""
        if not request.path.startswith("/v4/"):
            return None
        token, _, rest = request.path.removeprefix("/v4/").partition("/")
        with self._lock:
            task = self._tasks.get(token)
        if task is None or rest.rstrip("/") not in ("", "task"):
            return Reply(404, b'{"message":"not found"}', {"content-type": "application/json"})
        document = _task_metadata(task) if rest else _container_metadata(task)
        return Reply(200, json.dumps(document).encode(), {"content-type": "application/json"})


def _task_metadata(task: ServerTask) -> dict[str, Any]:
    spec = task.spec
    return {
        "Cluster": spec.cluster_arn,
        "TaskARN": spec.task_arn,
        "Family": spec.definition.get("family"),
        "Revision": str(spec.definition.get("revision")),
        "ServiceName": spec.service,
        "DesiredStatus": "RUNNING",
        "KnownStatus": "RUNNING",
        "Limits": {
            "CPU": int(spec.definition.get("cpu") or 256) / 1024,
            "Memory": int(spec.definition.get("memory") or 512),
        },
        "AvailabilityZone": spec.zone,
        "LaunchType": spec.launch_type,
        "Containers": [_container_metadata(task)],
    }


def _container_metadata(task: ServerTask) -> dict[str, Any]:
    spec, container = task.spec, task.spec.container
    options = (container.get("logConfiguration") or {}).get("options") or {}
    return {
        "DockerId": task.container_id,
        "Name": container.get("name"),
        "DockerName": container.get("name"),
        "Image": container.get("image"),
        "ImageID": str(container.get("image")).partition("@")[2],
        "Labels": {
            "com.amazonaws.ecs.cluster": spec.cluster_arn,
            "com.amazonaws.ecs.container-name": container.get("name"),
            "com.amazonaws.ecs.task-arn": spec.task_arn,
            "com.amazonaws.ecs.task-definition-family": spec.definition.get("family"),
            "com.amazonaws.ecs.task-definition-version": str(spec.definition.get("revision")),
        },
        "DesiredStatus": "RUNNING",
        "KnownStatus": "RUNNING",
        "Limits": {
            "CPU": int(container.get("cpu") or spec.definition.get("cpu") or 256),
            "Memory": int(container.get("memory") or spec.definition.get("memory") or 512),
        },
        "Type": "NORMAL",
        "LogDriver": "awslogs" if options else None,
        "LogOptions": options,
        "Networks": [{"NetworkMode": "awsvpc", "IPv4Addresses": ["127.0.0.1"]}],
    }
