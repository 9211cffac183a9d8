"""What happens during a deployment, as data; `progress` draws it."""

from dataclasses import dataclass
from typing import Literal, Protocol

StepState = Literal["started", "done", "unchanged", "failed"]


@dataclass(frozen=True)
class Step:
    """One step of a command: `name` as people read it, `detail` what came of it."""

    name: str
    state: StepState
    detail: str = ""


@dataclass(frozen=True)
class ResourceEvent:
    """One stack event: `path` names the stacks from the outermost to the one that holds the resource.

    `moment` is when it happened, in seconds since 1970.
    """

    path: tuple[str, ...]
    logical_id: str
    resource_type: str
    status: str
    reason: str
    moment: float = 0.0
    description: str = ""

    @property
    def failed(self) -> bool:
        """Whether the event says that something went wrong."""
        return self.status.endswith("_FAILED")


@dataclass(frozen=True)
class InstanceStatus:
    """The state of one target during a stack set operation."""

    account: str
    region: str
    status: str
    reason: str


Event = Step | ResourceEvent | InstanceStatus


class Reporter(Protocol):
    """Whoever wants to know what happens."""

    def emit(self, event: Event) -> None:
        """Takes one event; never raises."""
