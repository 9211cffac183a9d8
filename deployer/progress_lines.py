"""Progress as plain lines for pipes, logs and CI: each explains itself, with its time. Pure: no input or output."""

from collections.abc import Iterator

from deployer.events import Event, InstanceStatus, OperationStatus, ResourceEvent, Step
from deployer.progress_model import SERVICE_TYPE, Node, Progressing
from deployer.progress_text import clean, duration
from deployer.progress_words import OPERATIONS, doing, many, resource_told, service_told

MARKS = {"started": "…", "done": "✓", "unchanged": "=", "undone": "-", "failed": "✗"}
DETAILED_TARGETS = 4
"""With more targets in one operation, only what fails is told of their resources."""
HEARTBEAT_SECONDS = 60.0
BEATING = 3
"""So many of those things that take the longest are named in a sign of life."""


def line_of(progress: Progressing, event: Event, node: Node, now: float) -> str | None:
    """Returns the line for an event, which made `node` what it is, or None where the event is not worth one."""
    if isinstance(event, Step):
        return _step(progress, event, node, now)
    if isinstance(event, OperationStatus):
        action = OPERATIONS.get(event.action, event.action)
        return _line("  ", f"{action} {event.name}: {event.status}{_after(progress, node, now)}", event.reason)
    if isinstance(event, InstanceStatus):
        if event.status == "PENDING":
            return None
        told = f"{event.account} {event.region}: {event.status}{_after(progress, node, now)}"
        return _line("    ", told, event.reason)
    if isinstance(event, ResourceEvent):
        return _resource(progress, event, node, now)
    if event.path and progress.targets_of(event.path) > DETAILED_TARGETS:
        return None
    where = f"{'/'.join((*event.path, node.name))}: "
    return _line("    ", where + service_told(node)[0 if event.kind == "service" else -1])


def _step(progress: Progressing, event: Step, node: Node, now: float) -> str:
    told = clean(f"{MARKS[event.state]} {event.name}")
    time = "" if event.state == "started" else _time(progress, node, now)
    rest = ", ".join(part for part in (clean(event.detail), time) if part)
    return f"{told}: {rest}" if rest else told


def _resource(progress: Progressing, event: ResourceEvent, node: Node, now: float) -> str | None:
    where = "/".join((*event.path, event.logical_id))
    failing = (event.failed and not event.consequence) or "ROLLBACK" in event.status
    if failing:
        told = f"{MARKS['failed']} {where}: {event.status}{_after(progress, node, now)}"
        return _line("    ", told, event.reason)
    begins = event.status.endswith("_IN_PROGRESS")
    if not event.path or event.consequence or progress.targets_of(event.path) > DETAILED_TARGETS:
        return None
    if begins:
        # Of all resources a service takes the longest, and what is told of it should not come unannounced.
        announced = event.resource_type == SERVICE_TYPE and node.began == event.moment
        return (
            _line("    ", f"{MARKS['started']} {where}: {doing(event.status)}", resource_told(node))
            if announced
            else None
        )
    undone = node.state in ("undone", "failed")
    # What CloudFormation takes back to what it was it calls updated, too.
    did = "rolled back" if undone and event.status == "UPDATE_COMPLETE" else doing(event.status)
    mark = MARKS["undone" if undone else "done"]
    return _line("    ", f"{mark} {where}: {did} in {_time(progress, node, now)}", resource_told(node))


def heartbeat(progress: Progressing, now: float) -> str | None:
    """Returns a line that says what has been under way for how long, or None where nothing is."""
    steps = [step for step in progress.steps if step.active]
    if not steps:
        return None
    found = sorted(_deepest(steps[-1], ()), key=lambda one: -progress.elapsed(one[1], now))
    told = [_under_way(progress, path, node, now) for path, node in found[:BEATING]]
    told += [f"and {many(len(found) - BEATING, 'other')}"] * (len(found) > BEATING)
    rest = f"; under way: {'; '.join(told)}" if told else ""
    return clean(f"{MARKS['started']} {steps[-1].name}: still working, {_time(progress, steps[-1], now)}{rest}")


def _deepest(node: Node, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Node]]:
    """Yields what is under way below a node and has nothing under way below itself, with its path."""
    for child in node.children.values():
        if child.active:
            below = path if child.kind == "operation" else (*path, child.name)
            found = list(_deepest(child, below))
            yield from found or [(below, child)]


def _under_way(progress: Progressing, path: tuple[str, ...], node: Node, now: float) -> str:
    said = [resource_told(node)] if node.kind == "resource" else []
    about = "; ".join(part for part in (*said, *service_told(node)) if part)
    return f"{'/'.join(path)}{f' ({about})' if about else ''}, {_time(progress, node, now)}"


def _after(progress: Progressing, node: Node, now: float) -> str:
    """Returns how long that took which has ended."""
    return "" if node.active else f" after {_time(progress, node, now)}"


def _time(progress: Progressing, node: Node, now: float) -> str:
    return duration(progress.elapsed(node, now))


def _line(indent: str, told: str, *more: str) -> str:
    return indent + " - ".join(part for part in (clean(told), *map(clean, more)) if part)
