"""What happens during a deployment, as data; `progress` draws it, or writes it as it is.

Every event carries the moment at which it happened, in seconds since 1970; one that is emitted with moment 0 gets the
moment at which it is reported.
"""

from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any, ClassVar, Literal, Protocol, TypeVar

CONSEQUENCES = ("resource creation cancelled", "resource update cancelled", "the following resource(s) failed")
"""How CloudFormation's reasons begin, in lower case, where another failure in the same stack is the cause."""
StepState = Literal["started", "done", "unchanged", "failed"]


class _Data:
    """What all events can do; `kind` is their name as data."""

    kind: ClassVar[str]
    moment: float

    def as_data(self) -> dict[str, Any]:
        """Returns the event as plain data: its `kind`, its `moment` as ISO 8601 in UTC, and its fields."""
        told = {field.name: _plain(getattr(self, field.name)) for field in fields(self)}  # type: ignore[arg-type]
        moment = datetime.fromtimestamp(told.pop("moment"), UTC).isoformat(timespec="milliseconds")
        return {"kind": self.kind, "moment": moment.replace("+00:00", "Z"), **told}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


@dataclass(frozen=True)
class Step(_Data):
    """One step of a command: `name` as people read it, `detail` what came of it."""

    kind: ClassVar[str] = "step"
    name: str
    state: StepState
    detail: str = ""
    moment: float = 0.0


@dataclass(frozen=True)
class OperationStatus(_Data):
    """The state of one operation of a stack set.

    `name` is the stack set's name; `action` is CloudFormation's word for what is done (CREATE, UPDATE, DELETE,
    DETECT_DRIFT); `status` is one of StackSetOperationStatus; `reason` is CloudFormation's own, or empty.
    """

    kind: ClassVar[str] = "operation"
    name: str
    action: str
    operation_id: str
    status: str
    reason: str
    moment: float = 0.0


@dataclass(frozen=True)
class InstanceStatus(_Data):
    """The state of one target during a stack set operation, one of StackSetOperationResultStatus."""

    kind: ClassVar[str] = "instance"
    account: str
    region: str
    status: str
    reason: str
    moment: float = 0.0


@dataclass(frozen=True)
class ResourceEvent(_Data):
    """One stack event: `path` names the stacks from the outermost to the one that holds the resource.

    The outermost is named `account/region` where the stack is a target's. `description` is the template's sentence
    about the resource; `physical_id` is AWS's name of it, or empty as long as there is none.
    """

    kind: ClassVar[str] = "resource"
    path: tuple[str, ...]
    logical_id: str
    resource_type: str
    status: str
    reason: str
    moment: float = 0.0
    description: str = ""
    physical_id: str = ""

    @property
    def failed(self) -> bool:
        """Whether the event says that something went wrong."""
        return self.status.endswith("_FAILED")

    @property
    def consequence(self) -> bool:
        """Whether it is a failure that another failure explains: CloudFormation cancelled what it had begun."""
        return self.failed and self.reason.lower().startswith(CONSEQUENCES)


@dataclass(frozen=True)
class ServiceRollout(_Data):
    """How far a service's newest deployment is, in tasks; `path` names the stacks that hold the service.

    `state` and `reason` are the deployment's rolloutState and rolloutStateReason; `failed` counts its failedTasks.
    """

    kind: ClassVar[str] = "service"
    account: str
    region: str
    path: tuple[str, ...]
    service: str
    desired: int
    pending: int
    running: int
    failed: int
    state: str
    reason: str
    moment: float = 0.0


@dataclass(frozen=True)
class TargetHealth(_Data):
    """How many targets of the service's target group are in which state; `path` names the stacks that hold the service.

    `reasons` are the distinct reasons of those that are not healthy, in the balancer's own words.
    """

    kind: ClassVar[str] = "targets"
    account: str
    region: str
    path: tuple[str, ...]
    healthy: int
    unhealthy: int
    initial: int
    draining: int
    reasons: tuple[str, ...] = ()
    moment: float = 0.0


@dataclass(frozen=True)
class Failure(_Data):
    """The last word of a command that did not do what it should: one sentence. No reporter gets it."""

    kind: ClassVar[str] = "error"
    sentence: str
    moment: float


Event = Step | OperationStatus | InstanceStatus | ResourceEvent | ServiceRollout | TargetHealth
E = TypeVar("E", bound=Event)


def stamped(event: E, now: float) -> E:
    """Returns the event with its moment, which is `now` (seconds since 1970) where it was emitted without one."""
    return event if event.moment else replace(event, moment=now)


class Reporter(Protocol):
    """Whoever wants to know what happens."""

    def emit(self, event: Event) -> None:
        """Takes one event; never raises."""
