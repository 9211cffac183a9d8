"""Following the stacks of a stack set's targets while an operation runs, and telling why one of them failed.

A stack set says only that a target failed; the cause stands in the events of the stacks nested in it, which can be read
where the credentials reach the target's account.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from deployer.aws import Aws
from deployer.events import Reporter, ResourceEvent
from deployer.stacks import StackWatcher, cause_sentence, first_cause

Target = tuple[str, str]
"""An account and a Region."""


@dataclass
class TargetWatcher:
    """Emits what happens in the targets' stacks; what had happened before it was made counts as past.

    `stacks` are the ids of the stacks that there are when it is made, by target; `descriptions` are sentences about
    resources by logical id.
    """

    aws: Aws
    reporter: Reporter
    stacks: Mapping[Target, str]
    descriptions: Mapping[str, str] = field(default_factory=dict)
    _watchers: dict[str, StackWatcher] = field(default_factory=dict)
    _events: dict[Target, list[ResourceEvent]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Passes over the history of the stacks that are there."""
        for target, stack_id in self.stacks.items():
            watcher = self._watcher(target, stack_id)
            if watcher is not None:
                watcher.skip_past()

    def look(self, stacks: Mapping[Target, str]) -> None:
        """Emits what happened since the last look in the stacks, given by target, whose accounts can be read."""
        for target, stack_id in stacks.items():
            watcher = self._watcher(target, stack_id)
            for event in watcher.new_events() if watcher is not None else ():
                told = replace(event, description=self.descriptions.get(event.logical_id, ""))
                self._events.setdefault(target, []).append(told)
                self.reporter.emit(told)

    def causes(self) -> dict[Target, str]:
        """Returns one sentence for each target in which something failed: the first cause, its place and its reason."""
        found = {target: first_cause(events) for target, events in self._events.items()}
        return {target: cause_sentence(cause) for target, cause in found.items() if cause is not None}

    def _watcher(self, target: Target, stack_id: str) -> StackWatcher | None:
        account, region = target
        if not stack_id or not self.aws.reaches(account):
            return None
        if stack_id not in self._watchers:
            client = self.aws.client("cloudformation", account, region)
            self._watchers[stack_id] = StackWatcher(client, stack_id, f"{account}/{region}")
        return self._watchers[stack_id]
