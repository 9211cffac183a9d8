"""Which stuck state is freed by which one call, without asking anybody.

The states are those of CloudFormation's service model (`StackStatus`, `StackInstanceStatus`) and AgentCore's
(`TargetStatus`); what frees each says the CloudFormation user guide ("Troubleshooting CloudFormation", "Stack set
status codes"). Whatever is not here is not stuck.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

Call = Literal["wait", "continue the rollback", "remove", "synchronize", "deploy"]
CALLS: Final[Mapping[Call, str]] = {
    "wait": "wait until the operation has ended",
    "continue the rollback": "call ContinueUpdateRollback with the credentials at hand, skip no resource, and wait",
    "remove": "remove this target as `destroy --target` does; buckets with data stay, and a deploy makes it anew",
    "synchronize": "call SynchronizeGatewayTargets and wait until the target is ready",
    "deploy": "run `python build.py deploy`; nothing else is needed first",
}
"""What each call does, as people are asked to confirm it."""
_NEVER_STOOD: Final = (
    "its creation failed, and CloudFormation updates no stack that was never complete; nothing of it serves"
)
_STACKS: Final[Mapping[str, tuple[Call, str]]] = {
    "ROLLBACK_COMPLETE": ("remove", _NEVER_STOOD),
    "ROLLBACK_FAILED": ("remove", f"{_NEVER_STOOD}, and something of it could not be deleted"),
    "CREATE_FAILED": ("remove", _NEVER_STOOD),
    "REVIEW_IN_PROGRESS": ("remove", "it holds a change set that was never executed, and no resource"),
    "DELETE_FAILED": ("remove", "its deletion stopped at a resource; deleting goes on where it stopped"),
    "UPDATE_FAILED": ("deploy", "its update stopped without a rollback; an update from here is allowed"),
    "UPDATE_ROLLBACK_FAILED": (
        "continue the rollback",
        "its update failed and so did the way back; repair first what `python build.py diagnose` names",
    ),
}
_TARGETS: Final[Mapping[str, tuple[Call, str]]] = {
    "SYNCHRONIZE_UNSUCCESSFUL": ("synchronize", "the gateway could not list the server's tools and offers old ones"),
    "UPDATE_UNSUCCESSFUL": ("deploy", "the gateway did not take its last update"),
    "FAILED": ("remove", "the gateway never reached the server; such a target takes no update and no synchronization"),
}


@dataclass(frozen=True)
class Stuck:
    """Something that does not go on by itself: `subject` in `state`, why, and the call that frees it."""

    account: str
    region: str
    subject: str
    state: str
    call: Call
    why: str

    def as_data(self) -> dict[str, Any]:
        """Returns it as plain data."""
        return {**vars(self), "does": CALLS[self.call]}

    def told(self) -> list[str]:
        """Returns it as people read it."""
        place = f"{self.account} {self.region}: " if self.account else ""
        return [f"{place}{self.subject} is {self.state}: {self.why}.", f"  to free it: {CALLS[self.call]}."]


def of_operation(described: str) -> Stuck:
    """Returns what to do about an operation that runs, told as its action, status and id."""
    why = (
        "a command that was interrupted left it running, or another one runs; stopping it would leave targets half-done"
    )
    action, status, identity = described.split(" ", 2)
    return Stuck("", "", f"the {action} operation {identity}", status, "wait", why)


def of_stack(account: str, region: str, status: str) -> Stuck | None:
    """Returns what to do about a target's stack in that state, or None where it is not stuck."""
    found = _STACKS.get(status)
    return Stuck(account, region, "the runtime's stack", status, *found) if found else None


def of_instance(account: str, region: str, status: str) -> Stuck | None:
    """Returns what to do about a stack instance whose stack is not stuck itself, or None."""
    if status == "INOPERABLE":
        why = "removing it failed once, and updates of the stack set pass it by until it is removed"
        return Stuck(account, region, "the stack instance", status, "remove", why)
    if status == "OUTDATED":
        why = "the last operation failed there or did not reach it; what stood before stands"
        return Stuck(account, region, "the stack instance", status, "deploy", why)
    return None


def of_gateway_target(account: str, region: str, status: str) -> Stuck | None:
    """Returns what to do about a gateway's target in that state, or None where it is not stuck."""
    found = _TARGETS.get(status)
    return Stuck(account, region, "the gateway's target", status, *found) if found else None
