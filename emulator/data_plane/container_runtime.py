"""The container runtime of this machine: found by really running a container of the image with a task's limits.

A container has the task's processor share and memory, its read-only root, capabilities and user. It shares the
machine's network, since the front and the task metadata are on loopback, and has no init process. Only what its task
definition names reaches its environment, and secrets are on no command line.
"""

import hashlib
import subprocess
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emulator.data_plane.images import ImageName, StoredImage
from emulator.data_plane.programs import Launch
from emulator.data_plane.task_specs import TaskSpec

_LABEL = "mcp-runtime.emulator"
_PROBE_SECONDS = 60
_PULL_SECONDS = 300
_REACHES_LOOPBACK = "import socket, sys; socket.create_connection(('127.0.0.1', int(sys.argv[1])), 5)"

_WITHOUT_SYSTEMD = ("--cgroup-manager=cgroupfs", "--runtime=runc")
_LOWER_LIMITS = ("--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024")


_NEEDED = ("DBUS_SESSION_BUS_ADDRESS", "HOME", "PATH", "TMPDIR", "USER")
_THEIR_OWN = ("BUILDAH_", "CONTAINER_", "CONTAINERS_", "DOCKER_", "STORAGE_", "XDG_")
"""What of a person's environment the programs may need; nothing else can be mistaken for a task's."""


@dataclass(frozen=True)
class Runtime:
    """One way to run containers: the program with its global options, and what each container needs besides."""

    command: tuple[str, ...]
    options: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Return the program's name."""
        return self.command[0]

    @property
    def read_only(self) -> tuple[str, ...]:
        """Return what makes the root read-only with nothing writable above it, as on Fargate."""
        return ("--read-only", "--read-only-tmpfs=false") if self.name == "podman" else ("--read-only",)


RUNTIMES = (
    Runtime(("podman",)),
    Runtime(("podman", *_WITHOUT_SYSTEMD)),
    # Where the system may not raise limits, the ones that podman would set are too high.
    Runtime(("podman", *_WITHOUT_SYSTEMD), _LOWER_LIMITS),
    Runtime(("docker",)),
)
"""In the order in which they are tried."""


@dataclass(frozen=True)
class Registry:
    """How a runtime pulls from the emulated ECR: its host with port, and the user AWS's password."""

    host: str
    password: Callable[[], str]

    def reference(self, name: ImageName) -> str:
        """Return an image's name in the registry of this machine (`emulator.registry_protocol`)."""
        return f"{self.host}/{name.account}/{name.region}/{name.repository}@{name.digest}"


class Containers:
    """Runs tasks in containers where that works. ``state`` is the folder of this emulator, ``environment`` that of the
    person who started it, ``loopback_port`` something that listens.
    """

    def __init__(
        self, state: Path, environment: Mapping[str, str], registry: Registry, loopback_port: Callable[[], int]
    ) -> None:
        self._owner = hashlib.sha256(str(state.resolve()).encode()).hexdigest()[:12]
        self._marker = state / "containers"
        self._environment = {
            name: value for name, value in environment.items() if name in _NEEDED or name.startswith(_THEIR_OWN)
        }
        self._registry = registry
        self._loopback_port = loopback_port
        self._lock = threading.Lock()
        self._found: Runtime | None = None
        self._refusals: dict[str, str] = {}

    def program(self, image: StoredImage) -> "ContainerProgram | str":
        """Return how to run an image, or why it cannot be. Takes seconds the first time, for each image."""
        with self._lock:
            if image.configuration in self._refusals:
                return self._refusals[image.configuration]
            reasons = []
            for runtime in (self._found,) if self._found else RUNTIMES:
                try:
                    reference = self._obtain(runtime, image)
                    if self._found is None:
                        self._probe(runtime, reference)
                except (_Unusable, OSError, subprocess.TimeoutExpired) as error:
                    reasons.append(f"{runtime.name}: {_one_line(error)}")
                    continue
                self._found = runtime
                # Whoever starts after a crash must know what to look for.
                self._marker.write_text("\n".join(runtime.command))
                return ContainerProgram(runtime, reference, self._owner, self._environment)
            reason = f"no container runs here ({'; '.join(dict.fromkeys(reasons))})"
            self._refusals[image.configuration] = reason
            return reason

    def sweep(self) -> None:
        """Remove every container of this emulator."""
        if not self._marker.exists():
            return
        runtime = Runtime(tuple(self._marker.read_text().splitlines()))
        try:
            found = self._run(runtime, ["ps", "--all", "--quiet", "--filter", f"label={_LABEL}={self._owner}"])
            if found.split():
                self._run(runtime, ["rm", "--force", *found.split()])
        except (_Unusable, OSError, subprocess.TimeoutExpired):
            return

    def _obtain(self, runtime: Runtime, image: StoredImage) -> str:
        """Return what names the image once the runtime has it: its id where it was built here, else its name in the
        registry, pulled by digest.
        """
        try:
            self._run(runtime, ["image", "inspect", "--format", "{{.Id}}", image.configuration])
        except _Unusable:
            return self._pull(runtime, image)
        return image.configuration

    def _pull(self, runtime: Runtime, image: StoredImage) -> str:
        reference = self._registry.reference(image.name)
        with tempfile.TemporaryDirectory(prefix="sign-in-") as folder:
            # Both programs keep the password in the file that they are told, never beside the person's own.
            environment = {"DOCKER_CONFIG": folder, "REGISTRY_AUTH_FILE": f"{folder}/auth.json"}
            plain = ["--tls-verify=false"] if runtime.name == "podman" else []
            sign_in = ["login", *plain, "--username", "AWS", "--password-stdin", self._registry.host]
            self._run(runtime, sign_in, told=self._registry.password(), environment=environment)
            self._run(runtime, ["pull", *plain, reference], seconds=_PULL_SECONDS, environment=environment)
        return reference

    def _probe(self, runtime: Runtime, image: str) -> None:
        options = [*_restrictions(runtime, 256, 256, {"readonlyRootFilesystem": True}), "--entrypoint=python"]
        command = ["run", "--rm", *options, image, "-c", _REACHES_LOOPBACK, str(self._loopback_port())]
        self._run(runtime, command, seconds=_PROBE_SECONDS)

    def _run(
        self,
        runtime: Runtime,
        arguments: Sequence[str],
        *,
        told: str = "",
        seconds: int = _PROBE_SECONDS,
        environment: Mapping[str, str] | None = None,
    ) -> str:
        done = subprocess.run(
            [*runtime.command, *arguments],
            input=told,
            capture_output=True,
            text=True,
            timeout=seconds,
            env={**self._environment, **(environment or {})},
            check=False,
        )
        if done.returncode:
            raise _Unusable(
                done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"status {done.returncode}"
            )
        return done.stdout


class _Unusable(Exception):
    """A runtime did not do what it was asked; the message is its own last line."""


@dataclass(frozen=True)
class ContainerProgram:
    """A container of an image, by its id. ``owner`` labels it, ``environment`` is the runtime's own."""

    runtime: Runtime
    image: str
    owner: str
    environment: Mapping[str, str]

    @property
    def kind(self) -> str:
        """``container`` and by what."""
        return f"container of {self.runtime.name}"

    def launch(self, spec: TaskSpec, name: str, settings: Mapping[str, str]) -> Launch:
        """Return the runtime's command, in the foreground: its output is the container's and it passes signals on."""
        definition, container = spec.definition, spec.container
        units = int(container.get("cpu") or definition.get("cpu") or 256)
        memory = int(container.get("memory") or definition.get("memory") or 512)
        # Without a value, the program takes it from its own environment, where only what it needs itself has its names.
        given = [
            f"--env={key}={value}" if key in self.environment else f"--env={key}" for key, value in settings.items()
        ]
        labels = [f"--label={_LABEL}={self.owner}", f"--name={name}"]
        options = _restrictions(self.runtime, units, memory, container)
        return Launch(
            argv=(*self.runtime.command, "run", "--rm", *labels, *options, *given, self.image),
            environment={**settings, **self.environment},
            directory=Path("/"),
            clean_up=lambda: self._remove(name),
        )

    def _remove(self, name: str) -> None:
        """What was killed with its time over leaves its container running; `Containers.sweep` tries once more."""
        with suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(
                [*self.runtime.command, "rm", "--force", name],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                env=dict(self.environment),
                timeout=_PROBE_SECONDS,
                check=False,
            )


def _restrictions(runtime: Runtime, units: int, memory: int, container: Mapping[str, Any]) -> list[str]:
    """What the task definition allows: ``units`` of 1/1024 processor, ``memory`` in MiB without swap."""
    options = [
        "--network=host",
        # What is written there arrives here; a copy on disk would only grow.
        "--log-driver=none",
        "--no-healthcheck",
        f"--cpus={units / 1024}",
        f"--memory={memory}m",
        f"--memory-swap={memory}m",
        *runtime.options,
    ]
    if container.get("readonlyRootFilesystem"):
        options += runtime.read_only
    if container.get("user"):
        options.append(f"--user={container['user']}")
    linux = container.get("linuxParameters") or {}
    dropped = (linux.get("capabilities") or {}).get("drop") or ()
    return options + [f"--cap-drop={name}" for name in dropped]


def _one_line(error: BaseException) -> str:
    if isinstance(error, FileNotFoundError):
        return "not installed"
    if isinstance(error, subprocess.TimeoutExpired):
        return f"no answer within {error.timeout:.0f} seconds"
    return " ".join(str(error).split())[:200].rstrip(".")
