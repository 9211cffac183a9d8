"""Following the stacks of a stack set's targets while an operation runs, and telling why one of them failed.

A stack set says only that a target failed; the cause stands in the events of the stacks nested in it, which can be read
where the credentials reach the target's account. However many targets there are, few are read at a time.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from botocore.exceptions import BotoCoreError, ClientError

from deployer.aws import Aws
from deployer.deadlines import in_vain
from deployer.diagnosis.evidence import Evidence
from deployer.errors import DeployerError
from deployer.events import Reporter, ResourceEvent
from deployer.service_watching import ServiceWatcher
from deployer.stack_set_plan import Target
from deployer.stack_sets import Look, UnreachedError
from deployer.stacks import StackWatcher, cause_sentence, first_cause

FOLLOWED = 4
"""So many targets are followed at once; another's turn comes when one of them ends."""
EXPLAINED = 10
"""So many targets that failed without being followed are read for their cause in one operation."""
UNDER_WAY = "RUNNING"
WAITING = "PENDING"


class InVainError(UnreachedError):
    """An operation goes on at targets where it cannot succeed; it was not waited for.

    `operation` is its id.
    """

    def __init__(
        self, look: Look, vain: Mapping[Target, Evidence], kept: Mapping[Target, tuple[Evidence, ...]]
    ) -> None:
        told = [f"{account} {region}: {one.place}: {one.text}." for (account, region), one in sorted(vain.items())]
        hint = (
            "CloudFormation takes it back by itself once it gives up, and begins at no other target; correct the cause"
            " and deploy again, which waits for that first."
        )
        super().__init__(
            " ".join(["Deploy waits no longer, for what will not succeed.", *told, hint]),
            {target: f"{one.place}: {one.text}" for target, one in vain.items()},
            {target: (one, *kept.get(target, ())) for target, one in vain.items()},
        )
        self.operation = look.operation


@dataclass
class TargetWatcher:
    """Emits what happens in the targets' stacks during an operation."""

    aws: Aws
    reporter: Reporter
    _operation: str = ""
    _followed: dict[Target, "_Followed"] = field(default_factory=dict)
    _events: dict[Target, list[ResourceEvent]] = field(default_factory=dict)
    _services: dict[Target, ServiceWatcher] = field(default_factory=dict)
    _explained: int = 0
    vain: dict[Target, Evidence] = field(default_factory=dict)
    """Why waiting for a target is in vain, by target."""

    def look(self, look: Look) -> None:
        """Emits what happened since the last look in the stacks of those targets that are followed.

        A target that has failed is read once more, or for once, so that its cause is known.
        """
        if look.operation != self._operation:
            self._operation, self._explained = look.operation, 0
            self._followed.clear()
            self._events.clear()
            self._services.clear()
            self.vain.clear()
        for target, followed in list(self._followed.items()):
            self._read(target, followed)
            found = in_vain(self._events[target], time.time())
            if found is not None:
                self.vain.setdefault(target, found)
            if look.statuses.get(target) not in (UNDER_WAY, WAITING):
                del self._followed[target]
        self._begin(look)
        running = [target for target, status in look.statuses.items() if status == UNDER_WAY]
        if running and self.vain.keys() >= set(running):
            raise InVainError(look, self.vain, self.kept())

    def causes(self) -> dict[Target, str]:
        """Returns one sentence for each target in which the operation failed: the first cause, place and reason."""
        found = {target: first_cause(events) for target, events in self._events.items()}
        return {target: cause_sentence(cause) for target, cause in found.items() if cause is not None}

    def kept(self) -> dict[Target, tuple[Evidence, ...]]:
        """Returns what the targets' tasks said while they were there."""
        return {
            target: tuple(evidence for several in services.kept.values() for evidence in several)
            for target, services in self._services.items()
        }

    def _begin(self, look: Look) -> None:
        """Begins to follow as many running targets as there is room for, and reads those that failed unfollowed."""
        failed, running = self._new(look, "FAILED"), self._new(look, UNDER_WAY)
        more, room = EXPLAINED - self._explained, FOLLOWED - len(self._followed)
        if not ((failed and more) or (running and room)):
            return
        try:
            stacks = look.stacks()
        except (ClientError, BotoCoreError):
            return
        for target in failed[:more]:
            self._explained += 1
            self._open(target, stacks.get(target, ""), look.since)
        for target in [one for one in running if stacks.get(one)][:room]:
            followed = self._open(target, stacks[target], look.since)
            if followed is not None:
                self._followed[target] = followed

    def _new(self, look: Look, status: str) -> list[Target]:
        return [target for target, one in look.statuses.items() if one == status and target not in self._events]

    def _open(self, target: Target, stack_id: str, since: datetime) -> "_Followed | None":
        """Reads a target for the first time; returns None where its stack cannot be read, which is not tried again."""
        self._events[target] = []
        account, region = target
        try:
            if not stack_id or not self.aws.reaches(account):
                return None
            client = self.aws.client("cloudformation", account, region)
        except (ClientError, BotoCoreError, DeployerError):
            return None
        followed = _Followed(
            StackWatcher(client, stack_id, f"{account}/{region}", since),
            ServiceWatcher(self.aws, self.reporter, account, region),
        )
        self._services[target] = followed.services
        self._read(target, followed)
        return followed

    def _read(self, target: Target, followed: "_Followed") -> None:
        known = self._events[target]
        for event in followed.stacks.new_events():
            known.append(event)
            self.reporter.emit(event)
            followed.services.take(event)
        followed.services.look()


@dataclass(frozen=True)
class _Followed:
    stacks: StackWatcher
    services: ServiceWatcher
