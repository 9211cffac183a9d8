"""How a task is started here: as a process of the server's own environment, or as a container of its image."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from emulator.data_plane.task_specs import TaskSpec


@dataclass(frozen=True)
class Launch:
    """One child process that runs a task, and what removes what that leaves when it is killed."""

    argv: Sequence[str]
    environment: Mapping[str, str]
    directory: Path
    clean_up: Callable[[], None]


class Program(Protocol):
    """What a task runs."""

    @property
    def kind(self) -> str:
        """``process`` or ``container``, and by what."""

    def launch(self, spec: TaskSpec, name: str, settings: Mapping[str, str]) -> Launch:
        """Return how to start a task under a unique name with these environment variables."""


@dataclass(frozen=True)
class ProcessProgram:
    """The server from its source: the interpreter of its own environment and the folder it runs in."""

    python: Path
    root: Path

    @property
    def kind(self) -> str:
        """``process``."""
        return "process"

    def launch(self, spec: TaskSpec, name: str, settings: Mapping[str, str]) -> Launch:
        """Return the same entry point as the image's, with what a container's operating system would give."""
        inherited = {"PATH": os.environ.get("PATH", ""), "HOME": os.environ.get("HOME", ""), "LANG": "C.UTF-8"}
        return Launch(
            argv=(str(self.python), "-m", "server"),
            environment={**inherited, "PYTHONUNBUFFERED": "1", **settings},
            directory=self.root,
            clean_up=_nothing,
        )


def _nothing() -> None:
    """A process that ended leaves nothing."""
