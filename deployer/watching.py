"""Following the stacks of a stack set's targets while an operation runs, and telling why one of them failed.

A stack set says only that a target failed; the cause stands in the events of the stacks nested in it, which can be read
where the credentials reach the target's account. However many targets there are, few are read at a time.
"""

from dataclasses import dataclass, field

from deployer.aws import Aws
from deployer.events import Reporter, ResourceEvent
from deployer.service_watching import ServiceWatcher
from deployer.stack_set_plan import Target
from deployer.stack_sets import Look
from deployer.stacks import StackWatcher, cause_sentence, first_cause

FOLLOWED = 4
"""So many targets are followed at once; another's turn comes when one of them ends."""
EXPLAINED = 10
"""So many targets that failed without being followed are read for their cause in one operation."""
UNDER_WAY = "RUNNING"
WAITING = "PENDING"


@dataclass
class TargetWatcher:
    """Emits what happens in the targets' stacks during an operation."""

    aws: Aws
    reporter: Reporter
    _operation: str = ""
    _followed: dict[Target, "_Followed"] = field(default_factory=dict)
    _events: dict[Target, list[ResourceEvent]] = field(default_factory=dict)
    _explained: int = 0

    def look(self, look: Look) -> None:
        """Emits what happened since the last look in the stacks of those targets that are followed.

        A target that has failed is read once more, or for once, so that its cause is known.
        """
        if look.operation != self._operation:
            self._operation, self._explained = look.operation, 0
            self._followed.clear()
            self._events.clear()
        for target, followed in list(self._followed.items()):
            self._read(target, followed)
            if look.statuses.get(target) not in (UNDER_WAY, WAITING):
                del self._followed[target]
        self._begin(look)

    def causes(self) -> dict[Target, str]:
        """Returns one sentence for each target in which the operation failed: the first cause, place and reason."""
        found = {target: first_cause(events) for target, events in self._events.items()}
        return {target: cause_sentence(cause) for target, cause in found.items() if cause is not None}

    def _begin(self, look: Look) -> None:
        """Begins to follow as many running targets as there is room for, and reads those that failed unfollowed."""
        new = [target for target in look.statuses if target not in self._events and self.aws.reaches(target[0])]
        failed = [target for target in new if look.statuses[target] == "FAILED"][: EXPLAINED - self._explained]
        running = [target for target in new if look.statuses[target] == UNDER_WAY][: FOLLOWED - len(self._followed)]
        if not failed and not running:
            return
        stacks = look.stacks()
        for target in [*failed, *running]:
            if not stacks.get(target):
                continue
            account, region = target
            client = self.aws.client("cloudformation", account, region)
            label = f"{account}/{region}"
            followed = _Followed(
                StackWatcher(client, stacks[target], label, look.since),
                ServiceWatcher(self.aws, self.reporter, account, region),
            )
            self._read(target, followed)
            if look.statuses[target] == UNDER_WAY:
                self._followed[target] = followed
            else:
                self._explained += 1

    def _read(self, target: Target, followed: "_Followed") -> None:
        known = self._events.setdefault(target, [])
        for event in followed.stacks.new_events():
            known.append(event)
            self.reporter.emit(event)
            followed.services.take(event)
        followed.services.look()


@dataclass(frozen=True)
class _Followed:
    stacks: StackWatcher
    services: ServiceWatcher
