"""The tool ``get_system_info``."""

import logging
import os
import platform
import resource
import sys
import time
from dataclasses import dataclass

from server.task_metadata import ENDPOINT_VARIABLE, TaskMetadata, TaskMetadataError, read_task_metadata

_STARTED = time.monotonic()
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SystemInfo:
    """Where a call was answered; `task` is None outside ECS, and `task_problem` says when ECS did not answer."""

    platform: str
    architecture: str
    python_version: str
    hostname: str
    uptime_seconds: float
    memory_peak_mib: float
    task: TaskMetadata | None
    task_problem: str | None


def get_system_info() -> SystemInfo:
    """Get system information from the container: platform, memory, uptime, and on ECS its task, zone and limits."""
    task, problem = _task()
    # getrusage counts KiB on Linux and bytes on macOS.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return SystemInfo(
        platform=sys.platform,
        architecture=platform.machine(),
        python_version=platform.python_version(),
        hostname=platform.node(),
        uptime_seconds=round(time.monotonic() - _STARTED, 1),
        memory_peak_mib=round(peak / 2**20, 1),
        task=task,
        task_problem=problem,
    )


def _task() -> tuple[TaskMetadata | None, str | None]:
    endpoint = os.environ.get(ENDPOINT_VARIABLE)
    if not endpoint:
        return None, None
    try:
        return read_task_metadata(endpoint), None
    except TaskMetadataError as error:
        _logger.warning("%s", error)
        return None, str(error)
