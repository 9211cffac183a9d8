"""What people are told of the things that a command works on: verbs for AWS's states, counts, rollouts, health."""

import re
from collections.abc import Iterable

from deployer.events import ServiceRollout, TargetHealth
from deployer.progress_model import Node

OPERATIONS = {"CREATE": "Create", "UPDATE": "Update", "DELETE": "Delete", "DETECT_DRIFT": "Detect drift"}
"""Of StackSetOperationAction (botocore's service model of CloudFormation)."""
VERBS = {
    "CREATE": ("creating", "created"),
    "UPDATE": ("updating", "updated"),
    "DELETE": ("deleting", "deleted"),
    "IMPORT": ("importing", "imported"),
    "RUNNING": ("working", "working"),
    "SUCCEEDED": ("done", "done"),
    "PENDING": ("waiting", "waiting"),
    "CANCELLED": ("cancelled", "cancelled"),
}
WRAPPED = re.compile(
    r'^Resource handler returned message: "(.+)" \((?:RequestToken: [^,]*, )?HandlerErrorCode: \w+\)$'
    r"|^ResourceLogicalId:.*?, ResourceStatusReason:(.+?)\.*$",
    re.DOTALL,
)
"""A resource's and a stack set's reason, as AWS writes them into events and operation results."""
TARGET_STATES = ("healthy", "unhealthy", "initial", "draining")


def doing(status: str) -> str:
    """Returns what a stack's, a resource's or a target's status means in a word or two: creating, rolled back, kept."""
    if "CLEANUP" in status:
        return "cleaning up"
    if "ROLLBACK" in status and not status.endswith("_FAILED"):
        return "rolling back" if status.endswith("_IN_PROGRESS") else "rolled back"
    if status.endswith("FAILED"):
        return "failed"
    if status == "DELETE_SKIPPED":
        return "kept"
    present, past = VERBS.get(status.partition("_")[0], (status.lower().replace("_", " "),) * 2)
    return present if status.endswith("_IN_PROGRESS") else past


def core(reason: str) -> str:
    """Returns what a reason says, without the words that AWS puts before and after every one."""
    found = WRAPPED.search(reason)
    inner = next((text for text in found.groups() if text), "") if found else ""
    return core(inner) if inner else reason


def many(count: int, thing: str) -> str:
    """Returns a count of things: 1 target, 4 targets."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def counted(*counts: tuple[int, str]) -> str:
    """Returns those counts that are not 0, with what they count: 12 done · 2 active."""
    return " · ".join(f"{count} {what}" for count, what in counts if count)


def number_of(nodes: Iterable[Node], *states: str) -> int:
    """Returns how many of the nodes are in one of the states."""
    return sum(node.state in states for node in nodes)


def resources_told(node: Node) -> str:
    """Returns how the resources below a stack or a target stand, and what is done to it."""
    found = list(node.resources())
    # Beside a failure there is no room for what is said below anyway.
    active = 0 if node.state == "failed" else sum(one.active for one in found if one.state == "running")
    counts = counted(
        (number_of(found, "failed"), "failed"),
        (number_of(found, "done"), "done"),
        (active, "active"),
        (number_of(found, "undone"), "undone"),
    )
    word = doing(node.status) if node.status else "waiting"
    if node.state == "failed" and "FAILED" not in node.status:
        # CloudFormation calls a nested stack updated again that it took back to what it was.
        word = "rolling back" if node.status.endswith("_IN_PROGRESS") else "rolled back"
    if node.state == "done":
        return many(number_of(found, "done", "undone"), "resource") if found else word
    return f"{word}: {counts}" if counts else word


def targets_told(operation: Node) -> str:
    """Returns how the targets of an operation stand: 12 of 300 done · 1 failed · 4 running."""
    found = list(operation.children.values())
    done = number_of(found, "done")
    if len(found) == 1:
        return many(1, "target")
    head = many(done, "target") if done == len(found) else f"{done} of {len(found)} done"
    rest = counted(
        (number_of(found, "failed"), "failed"),
        (number_of(found, "cancelled"), "cancelled"),
        (number_of(found, "running"), "running"),
        (number_of(found, "waiting"), "waiting"),
    )
    return " · ".join(part for part in (head if found else "", rest) if part)


def rollout_told(rollout: ServiceRollout) -> str:
    """Returns how far a service's deployment is; its reason only where something went wrong."""
    told = (
        f"tasks: {rollout.desired} desired, {rollout.pending} pending, {rollout.running} running,"
        f" {rollout.failed} failed"
    )
    wrong = rollout.failed or rollout.state == "FAILED"
    return f"{told} ({rollout.reason})" if wrong and rollout.reason else told


def health_told(health: TargetHealth) -> str:
    """Returns how many targets of a target group are in which state, and why those that are not healthy are not."""
    counts = [(getattr(health, state), state) for state in TARGET_STATES]
    told = ", ".join(f"{count} {state}" for count, state in counts if count or state == "healthy")
    return f"health: {told}" + (f" ({'; '.join(health.reasons)})" if health.reasons else "")


def service_told(node: Node) -> list[str]:
    """Returns what is known of a service's tasks and of their health, a line each."""
    rollout = [rollout_told(node.rollout)] if node.rollout else []
    return rollout + ([health_told(node.health)] if node.health else [])


def resource_told(node: Node) -> str:
    """Returns a resource's sentence, else its type."""
    return node.description or node.resource_type
