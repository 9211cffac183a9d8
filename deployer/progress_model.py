"""What is known of a command's progress: a tree that events grow. Pure; drawing it is another module's concern.

A command has steps; a step has stacks, or operations of a stack set; an operation has instances, which are targets; an
instance and a stack have resources, some of which are stacks themselves.

Two clocks meet here: CloudFormation says when a resource's event happened, everything else is stamped on this machine.
How far both are apart is estimated by the event that took the least time to arrive.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from deployer.events import (
    Event,
    InstanceStatus,
    OperationStatus,
    ResourceEvent,
    ServiceRollout,
    Step,
    TargetHealth,
)

State = Literal["waiting", "running", "done", "unchanged", "failed", "cancelled", "undone"]
Kind = Literal["command", "step", "operation", "instance", "stack", "resource"]

STACK_TYPE = "AWS::CloudFormation::Stack"
SERVICE_TYPE = "AWS::ECS::Service"
TARGET = re.compile(r"\d{12}/[a-z0-9-]+")
UNNAMED_STEP = "CloudFormation"
"""Holds what happens outside of every step."""

STEP_STATES: dict[str, State] = {"started": "running", "done": "done", "unchanged": "unchanged", "failed": "failed"}
OPERATION_STATES: dict[str, State] = {
    "QUEUED": "waiting",
    "PENDING": "waiting",
    "RUNNING": "running",
    "STOPPING": "running",
    "SUCCEEDED": "done",
    "FAILED": "failed",
    "STOPPED": "cancelled",
    "CANCELLED": "cancelled",
}
"""Of StackSetOperationStatus and StackSetOperationResultStatus (botocore's service model of CloudFormation)."""


@dataclass(eq=False)
class Node:
    """One thing of the tree and what is below it.

    `began` and `ended` are seconds since 1970, of CloudFormation's clock for stacks and resources, else of this
    machine's. `status` is AWS's word; `detail` and `description` are what people are told of a step and a resource.
    """

    kind: Kind
    name: str
    state: State = "waiting"
    status: str = ""
    detail: str = ""
    description: str = ""
    reason: str = ""
    resource_type: str = ""
    began: float | None = None
    ended: float | None = None
    rollout: ServiceRollout | None = None
    health: TargetHealth | None = None
    children: dict[str, "Node"] = field(default_factory=dict)
    above: "Node | None" = field(default=None, repr=False)
    troubled: bool = False
    """Whether something below it failed."""

    @property
    def failing(self) -> bool:
        """Whether it or something below it failed."""
        return self.troubled or self.state == "failed"

    @property
    def active(self) -> bool:
        """Whether it has begun and not ended; what has failed may still be active, being rolled back."""
        return self.began is not None and self.ended is None

    def child(self, kind: Kind, name: str) -> "Node":
        """Returns the child of that name, which is made where there is none."""
        if name not in self.children:
            self.children[name] = Node(kind, name, above=self)
        return self.children[name]

    def walk(self) -> Iterator["Node"]:
        """Yields this node and all below it, each before what is below it."""
        yield self
        for node in self.children.values():
            yield from node.walk()

    def resources(self) -> Iterator["Node"]:
        """Yields the resources below that are no stacks."""
        return (node for node in self.walk() if node.kind == "resource")


class Progressing:
    """The tree of one command, which grows with every event it takes."""

    def __init__(self) -> None:
        self.command = Node("command", "")
        self._lag: float | None = None

    @property
    def steps(self) -> list[Node]:
        """The steps in the order in which they began."""
        return list(self.command.children.values())

    def elapsed(self, node: Node, now: float) -> float:
        """Returns for how many seconds the node has been, or was, under way; `now` is this machine's time."""
        if node.began is None:
            return 0.0
        if node.ended is not None:
            return max(0.0, node.ended - node.began)
        behind = (self._lag or 0.0) if node.kind in ("stack", "resource") else 0.0
        return max(0.0, now - behind - node.began)

    def take(self, event: Event, now: float) -> Node:
        """Takes an event, which arrived at `now`, into the tree and returns the node that it is about."""
        node = self._take(event, now)
        above = node.above if node.state == "failed" else None
        while above is not None and not above.troubled:
            above.troubled = True
            above = above.above
        return node

    def _take(self, event: Event, now: float) -> Node:
        if isinstance(event, Step):
            return self._step(event)
        if isinstance(event, OperationStatus):
            return self._operation(event)
        if isinstance(event, InstanceStatus):
            return self._instance(event)
        if isinstance(event, ResourceEvent):
            lag = now - event.moment
            self._lag = lag if self._lag is None else min(lag, self._lag)
            return self._resource(event, now)
        return self._service(event)

    def targets_of(self, path: tuple[str, ...]) -> int:
        """Returns how many targets the operation has to whose target the path leads; 0 for another stack's path."""
        step = self.running_step()
        holders = [step, *step.children.values()]
        return next((len(node.children) for node in holders[::-1] if path[0] in node.children), 0)

    def running_step(self) -> Node:
        """Returns the step that began last and still runs, else the last one, else one for what has no step."""
        steps = self.steps
        running = [step for step in steps if step.state == "running"]
        return (running or steps or [self.command.child("step", UNNAMED_STEP)])[-1]

    def _step(self, event: Step) -> Node:
        node = self.command.child("step", event.name)
        if event.state == "started" and (node.began is None or node.ended is not None):
            # A step that runs again is told where it runs, and without what came of the first time.
            self.command.children[event.name] = self.command.children.pop(event.name)
            node.children.clear()
            node.troubled = False
            node.began = event.moment
        node.state = STEP_STATES[event.state]
        node.detail = event.detail
        node.began = event.moment if node.began is None else node.began
        node.ended = None if event.state == "started" else event.moment
        return node

    def _operation(self, event: OperationStatus) -> Node:
        found = [node for step in self.steps for key, node in step.children.items() if key == event.operation_id]
        node = found[-1] if found else self.running_step().child("operation", event.operation_id)
        node.name, node.detail = event.name, event.action
        _turn(node, OPERATION_STATES.get(event.status, "running"), event)
        return node

    def _instance(self, event: InstanceStatus) -> Node:
        node = self._target(f"{event.account}/{event.region}")
        _turn(node, OPERATION_STATES.get(event.status, "running"), event)
        return node

    def _target(self, name: str) -> Node:
        """Returns the instance of that name in the operation that began last, or in the step where none did."""
        step = self.running_step()
        operations = [node for node in step.children.values() if node.kind == "operation"]
        return (operations or [step])[-1].child("instance", name)

    def _place(self, path: tuple[str, ...]) -> list[Node]:
        """Returns the nodes of a path of stacks, from the outermost on."""
        if not path:
            return []
        outermost = self._target(path[0]) if TARGET.fullmatch(path[0]) else self.running_step().child("stack", path[0])
        nodes = [outermost]
        for name in path[1:]:
            nodes.append(nodes[-1].child("stack", name))
        return nodes

    def _resource(self, event: ResourceEvent, now: float) -> Node:
        above = self._place(event.path)
        for one in above:
            if one.began is None:
                # What is above moves too, although nothing was told of it.
                one.state, one.began = "running", now if one.kind == "instance" else event.moment
        if not event.path:
            (node,) = self._place((event.logical_id,))
        else:
            kind: Kind = "stack" if event.resource_type == STACK_TYPE else "resource"
            node = above[-1].child(kind, event.logical_id)
        node.resource_type = event.resource_type
        node.description = event.description or node.description
        if node.kind == "instance":
            # The stack set says when a target begins and ends, on this machine's clock.
            node.status = event.status
            if "ROLLBACK" in event.status:
                node.state = "failed"
        elif node.kind != "resource" or node.state != "failed":
            _move(node, event, undoing=any(one.state == "failed" for one in above))
        return node

    def _service(self, event: ServiceRollout | TargetHealth) -> Node:
        (*_, holder) = self._place(event.path) or [self.running_step()]
        services = [node for node in holder.children.values() if node.resource_type == SERVICE_TYPE]
        node = (services or [holder])[0]
        if isinstance(event, ServiceRollout):
            node.rollout = event
        else:
            node.health = event
        return node


def _turn(node: Node, state: State, event: OperationStatus | InstanceStatus) -> None:
    """Takes what a stack set says of an operation or of a target."""
    ends = state in ("done", "failed", "cancelled")
    if state == "running" and (node.began is None or node.ended is not None):
        node.began = event.moment
    node.state, node.reason = state, event.reason
    if node.status in ("", *OPERATION_STATES):
        # A target's stack tells more of what is done to it than the stack set does.
        node.status = event.status
    node.ended = event.moment if ends else None


def _move(node: Node, event: ResourceEvent, undoing: bool) -> None:
    """Takes what CloudFormation says of a stack or a resource; what failed stays failed.

    `undoing` says that a stack above has failed: then what ends is not there in the end.
    """
    ends = not event.status.endswith("_IN_PROGRESS")
    if node.began is None or (node.ended is not None and not ends and node.state != "failed"):
        node.began = event.moment
    if node.state != "failed":
        node.state = _state(event, undoing)
        node.reason = event.reason if node.state == "failed" else ""
    node.status = event.status
    node.ended = event.moment if ends else None


def _state(event: ResourceEvent, undoing: bool) -> State:
    if "ROLLBACK" in event.status or (event.failed and not event.consequence):
        return "failed"
    if event.status.endswith("_IN_PROGRESS"):
        return "running"
    return "undone" if undoing or event.failed else "done"
