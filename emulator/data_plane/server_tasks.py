"""Server tasks: the child process that runs a task here, and the metadata that its server may ask for."""

import json
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

from emulator.data_plane import egress
from emulator.data_plane.exchange import Reply, Request
from emulator.data_plane.processes import ChildProcess, ProcessLedger, free_port
from emulator.data_plane.programs import Program
from emulator.data_plane.task_specs import TaskSpec


class ServerTask:
    """The child process of one task: the server, listening on a free loopback port instead of its container's.

    Raises StartRefused or OSError where it cannot be started.
    """

    def __init__(
        self,
        spec: TaskSpec,
        *,
        program: Program,
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
        settings = {
            **environment,
            # The network differs from the task's own: another port, and the front is on loopback.
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "FORWARDED_ALLOW_IPS": "127.0.0.1/32",
            "AWS_REGION": spec.cluster_arn.split(":")[3],
            "ECS_CONTAINER_METADATA_URI_V4": f"{metadata.base}/v4/{self._token}",
            **egress.settings(environment, metadata.base),
        }
        self.kind = program.kind
        self._launch = program.launch(spec, self.container_id, settings)
        self._process = ChildProcess(
            self._launch.argv,
            ledger=ledger,
            directory=self._launch.directory,
            on_line=write or _discard,
            environment=self._launch.environment,
        )

    def exit_code(self) -> int | None:
        """Return the exit status as a container's (137 after SIGKILL), None while the process runs."""
        code = self._process.exit_code()
        return 128 - code if code is not None and code < 0 else code

    def stop(self) -> int:
        """SIGTERM, the container's stop timeout, SIGKILL; return the exit status."""
        code = self._process.stop(self.spec.stop_seconds)
        self._launch.clean_up()
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
