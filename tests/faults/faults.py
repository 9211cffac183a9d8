"""What is done to one request of a deployment, and what the command must then do."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from tests.faults.calls import Call, writes


class Fault(Enum):
    """What happens at a request; the value is its name in tables and on the command line."""

    THROTTLED = "throttled"
    BROKEN_BEFORE = "500-before"
    BROKEN_AFTER = "500-after"
    RESET_BEFORE = "reset-before"
    RESET_AFTER = "reset-after"
    EXPIRED = "expired"
    LOST = "lost-network"
    KILLED_BEFORE = "kill-before"
    KILLED_AFTER = "kill-after"
    INTERRUPTED = "interrupt"

    @property
    def executed(self) -> bool:
        """Whether the service does what was asked although the answer is lost."""
        return self in (Fault.BROKEN_AFTER, Fault.RESET_AFTER, Fault.KILLED_AFTER, Fault.INTERRUPTED)

    @property
    def passing(self) -> bool:
        """Whether it happens once and the same run must get over it."""
        return self in PASSING

    def differs(self, point: "Point") -> bool:
        """Whether it is worth a trial there: whether a call was executed matters only where it changes something."""
        return point.writes or self not in (Fault.BROKEN_AFTER, Fault.RESET_AFTER, Fault.KILLED_AFTER)


PASSING: Final = (
    Fault.THROTTLED,
    Fault.BROKEN_BEFORE,
    Fault.BROKEN_AFTER,
    Fault.RESET_BEFORE,
    Fault.RESET_AFTER,
)
STATUSES: Final = {
    Fault.EXPIRED: frozenset({1, 2}),
    Fault.LOST: frozenset({1, 2}),
    Fault.KILLED_BEFORE: frozenset({-9}),
    Fault.KILLED_AFTER: frozenset({-9}),
    Fault.INTERRUPTED: frozenset({130}),
    **dict.fromkeys(PASSING, frozenset({0})),
}
"""The exit statuses with which the run may end that a fault meets."""


ANYWHERE: Final = "*"
"""In a point's place of the change: whatever was asked for before."""


@dataclass(frozen=True, order=True)
class Point:
    """A place in a command's sequence of calls: a call, and the last change that was asked for before it.

    Polls, which repeat a call without a change in between, are one point.
    """

    call: str
    after: str = ""

    @property
    def writes(self) -> bool:
        """Whether the call changes something."""
        return writes(self.call.partition(":")[2])

    def __str__(self) -> str:
        return f"{self.call} after {self.after}" if self.after else f"{self.call} first"


class Sequence:
    """The calls of one run in their order, and the points that they make."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.points: list[Point] = []
        self._after = ""

    def add(self, call: Call) -> Point:
        """Takes the next call and returns its point."""
        point = Point(call.name, self._after)
        self.calls.append(call)
        if point not in self.points:
            self.points.append(point)
        if call.writes:
            self._after = call.name
        return point

    @property
    def changed(self) -> bool:
        """Whether a change was asked for."""
        return bool(self._after)
