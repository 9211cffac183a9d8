"""What a command is, and what several have: exit statuses and the option that names a target."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from deployer.session import Session

DONE, REFUSED, WRONG, DIFFERS, INTERRUPTED = 0, 1, 2, 3, 130
Arguments = Sequence[tuple[tuple[str, ...], dict[str, Any]]]
TARGET: Final[tuple[tuple[str, ...], dict[str, Any]]] = (
    ("--target",),
    {"metavar": "ACCOUNT/REGION", "default": "", "help": "which target, where there are several"},
)


@dataclass(frozen=True)
class Command:
    """One command: what it does in a line, its own arguments, and the function that runs it and returns its status."""

    name: str
    summary: str
    run: Callable[[Session], int]
    arguments: Arguments = ()
