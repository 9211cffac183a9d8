"""What ECS tells a container about its own task: the task metadata endpoint, version 4."""

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass

ENDPOINT_VARIABLE = "ECS_CONTAINER_METADATA_URI_V4"
"""Set by ECS in every container (platform version 1.4.0 or later on Fargate)."""

TIMEOUT_SECONDS = 2
MAX_ANSWER_BYTES = 1_000_000


class TaskMetadataError(Exception):
    """The endpoint did not answer with a task; the message is one sentence."""


@dataclass(frozen=True)
class TaskMetadata:
    """The task this process runs in; None where ECS does not say.

    Fields and units are those of the endpoint's ``/task`` answer (Amazon ECS developer guide, "task metadata
    endpoint version 4 JSON response for tasks on Fargate"): task limits are vCPUs and MiB.
    """

    cluster: str | None
    task_arn: str | None
    family: str | None
    revision: str | None
    availability_zone: str | None
    launch_type: str | None
    cpu_limit_vcpus: float | None
    memory_limit_mib: int | None


def read_task_metadata(endpoint: str) -> TaskMetadata:
    """Ask `endpoint` (the value of ECS_CONTAINER_METADATA_URI_V4, an http URL) about the task.

    Blocks for at most a few seconds. Raises TaskMetadataError when there is no usable answer.
    """
    document = _get_json(f"{endpoint.rstrip('/')}/task")
    limits = document.get("Limits")
    limits = limits if isinstance(limits, Mapping) else {}
    memory = _number(limits, "Memory")
    return TaskMetadata(
        cluster=_text(document, "Cluster"),
        task_arn=_text(document, "TaskARN"),
        family=_text(document, "Family"),
        revision=_text(document, "Revision"),
        availability_zone=_text(document, "AvailabilityZone"),
        launch_type=_text(document, "LaunchType"),
        cpu_limit_vcpus=_number(limits, "CPU"),
        memory_limit_mib=None if memory is None else int(memory),
    )


def _get_json(url: str) -> Mapping[str, object]:
    if not url.startswith("http://"):
        raise TaskMetadataError(f"{ENDPOINT_VARIABLE} is not an http URL; ECS sets it, leave it alone.")
    # The address is link-local: a proxy configured for the internet must not be asked for it.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=TIMEOUT_SECONDS) as response:
            document = json.loads(response.read(MAX_ANSWER_BYTES))
    except urllib.error.HTTPError as error:
        error.close()
        raise TaskMetadataError(f"The ECS task metadata endpoint answered {error.code}; try again later.") from error
    except (OSError, ValueError, RecursionError, http.client.HTTPException) as error:
        raise TaskMetadataError(
            f"The ECS task metadata endpoint gave no usable answer ({type(error).__name__}); try again later."
        ) from error
    if not isinstance(document, Mapping):
        raise TaskMetadataError("The ECS task metadata endpoint did not answer with a task; try again later.")
    return document


def _text(document: Mapping[str, object], key: str) -> str | None:
    value = document.get(key)
    return value if isinstance(value, str) else None


def _number(document: Mapping[str, object], key: str) -> float | None:
    value = document.get(key)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
