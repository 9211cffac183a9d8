"""Builds and runs images with podman and buildah, in a storage of the tests' own, without a daemon or a network."""

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

TOOLS = ("buildah", "podman", "runc", "mmdebstrap")

PATIENCE_SECONDS = 120
"""Only bounds how long a broken container keeps a test waiting."""


class NoRuntime(Exception):
    """Containers cannot run here; the message says why."""


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def require_tools() -> None:
    """Raise NoRuntime where root or a program is missing."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if os.name != "posix" or os.geteuid() != 0:
        raise NoRuntime("root is needed to build and run images without a daemon")
    if missing:
        raise NoRuntime(f"{', '.join(missing)} not installed (.ci/run installs them where it may)")


@dataclass(frozen=True)
class Podman:
    """podman and buildah on one folder of images."""

    storage: Path

    @property
    def command(self) -> list[str]:
        """The command with the options that need neither systemd nor the user's own storage."""
        return ["podman", "--cgroup-manager=cgroupfs", "--runtime=runc", "--log-level=error", *self._places]

    @property
    def _places(self) -> list[str]:
        return ["--root", str(self.storage / "images"), "--runroot", str(self.storage / "run")]

    def run(self, *arguments: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
        """Run one podman command to its end."""
        return _run([*self.command, *arguments], check)

    def build(self, context: Path, tag: str) -> str:
        """Build the Dockerfile of a folder, with cached layers, and return the image's id."""
        command = ["buildah", *self._places, "bud", "--isolation=chroot", "--network=host", "--format=docker"]
        done = _run([*command, "--layers", "--pull-never", "--tag", tag, str(context)], check=True)
        return done.stdout.strip().splitlines()[-1]

    def check_runs(self, image: str) -> None:
        """Raise NoRuntime where no container with limits starts here."""
        done = self.run("run", "--rm", *LIMITS, "--entrypoint=python3", image, "-c", "print('runs')", check=False)
        if done.stdout.strip() != "runs":
            raise NoRuntime(f"no container with limits starts here: {(done.stderr.strip() or done.stdout)[-300:]}")

    def start(self, image: str, environment: Mapping[str, str], *options: str) -> "Container":
        """Start a container as Fargate would by the task definition of the smallest task: on the host's network."""
        settings = [f"--env={name}={value}" for name, value in environment.items()]
        return Container(self, self.run("run", "--detach", *LIMITS, *settings, *options, image).stdout.strip())


LIMITS = (
    "--network=host",
    "--cpus=0.25",
    "--memory=512m",
    # Nothing is writable, not even what podman would add: the task definition mounts no volume.
    "--read-only",
    "--read-only-tmpfs=false",
    "--cap-drop=all",
    "--no-healthcheck",
    # What a container without the right to raise its limits may have.
    "--ulimit=nofile=1024:1024",
    "--ulimit=nproc=1024:1024",
)


@dataclass(frozen=True)
class Container:
    """A running container; a context manager that leaves nothing behind."""

    podman: Podman
    id: str

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.podman.run("rm", "--force", "--time=0", self.id, check=False)

    def inspect(self) -> dict[str, Any]:
        """What podman knows of it."""
        found: dict[str, Any] = json.loads(self.podman.run("inspect", self.id).stdout)[0]
        return found

    def started(self) -> float:
        """When its process started, in seconds since the epoch."""
        text = self.inspect()["State"]["StartedAt"]
        # Nanoseconds are more than Python reads.
        whole, _, rest = text.partition(".")
        fraction = rest[: len(rest) - len(rest.lstrip("0123456789"))]
        return datetime.fromisoformat(f"{whole}.{fraction[:6].ljust(6, '0')}{rest[len(fraction) :]}").timestamp()

    def cpu_seconds(self) -> float:
        """The processor time that its first process has used, in seconds."""
        fields = self.execute("cat", "/proc/1/stat").stdout.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def execute(self, *command: str) -> "subprocess.CompletedProcess[str]":
        """Run a command in it."""
        return self.podman.run("exec", self.id, *command, check=False)

    def log(self) -> list[dict[str, Any]]:
        """Its log lines, each of which must be one JSON object."""
        return [json.loads(line) for line in self.podman.run("logs", self.id).stdout.splitlines()]

    def stop(self, seconds: int) -> int:
        """SIGTERM, after `seconds` SIGKILL; return the exit status."""
        self.podman.run("stop", f"--time={seconds}", self.id)
        return int(self.inspect()["State"]["ExitCode"])


def _run(command: Sequence[str], check: bool) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=900, check=False)
    if check and done.returncode:
        raise AssertionError(
            f"{' '.join(command)} failed with {done.returncode}: {done.stdout[-1000:]}{done.stderr[-2000:]}"
        )
    return done
