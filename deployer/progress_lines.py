"""Progress as plain lines for pipes, logs and CI: each explains itself, with its time. Pure: no input or output."""

from deployer.events import Event, InstanceStatus, OperationStatus, ResourceEvent, Step
from deployer.progress_model import SERVICE_TYPE, Node, Progressing
from deployer.progress_text import clean, duration
from deployer.progress_words import OPERATIONS, doing, many, resource_told, service_told

MARKS = {"started": "…", "done": "✓", "unchanged": "=", "failed": "✗"}
DETAILED_TARGETS = 4
"""With more targets in one operation, only what fails is told of their resources."""
HEARTBEAT_SECONDS = 60.0


def line_of(progress: Progressing, event: Event, node: Node, now: float) -> str | None:
    """Returns the line for an event, which made `node` what it is, or None where the event is not worth one."""
    if isinstance(event, Step):
        return _step(progress, event, node, now)
    if isinstance(event, OperationStatus):
        told = f"{OPERATIONS.get(event.action, event.action)} {event.name}: {event.status}"
        return _line("  ", told, event.reason, _time(progress, node, now))
    if isinstance(event, InstanceStatus):
        if event.status == "PENDING":
            return None
        told = f"{event.account} {event.region}: {event.status}"
        return _line("    ", told, event.reason, _time(progress, node, now))
    if isinstance(event, ResourceEvent):
        return _resource(progress, event, node, now)
    where = f"{'/'.join((*event.path, node.name))}: "
    return _line("    ", where + service_told(node)[0 if event.kind == "service" else -1])


def _step(progress: Progressing, event: Step, node: Node, now: float) -> str:
    told = f"{MARKS[event.state]} {event.name}"
    time = "" if event.state == "started" else _time(progress, node, now)
    rest = ", ".join(part for part in (clean(event.detail), time) if part)
    return f"{told}: {rest}" if rest else told


def _resource(progress: Progressing, event: ResourceEvent, node: Node, now: float) -> str | None:
    where = "/".join((*event.path, event.logical_id))
    failing = (event.failed and not event.consequence) or "ROLLBACK" in event.status
    if failing:
        return _line("    ", f"{MARKS['failed']} {where}: {event.status}", event.reason, _time(progress, node, now))
    service_begins = event.resource_type == SERVICE_TYPE and event.status.endswith("_IN_PROGRESS") and event.physical_id
    if not event.path or (event.status.endswith("_IN_PROGRESS") and not service_begins) or event.consequence:
        return None
    if progress.targets_of(event.path) > DETAILED_TARGETS:
        return None
    mark = MARKS["started" if service_begins else "done"]
    time = f"{doing(event.status)} in {_time(progress, node, now)}" if not service_begins else doing(event.status)
    return _line("    ", f"{mark} {where}: {time}", resource_told(node))


def heartbeat(progress: Progressing, now: float) -> str | None:
    """Returns a line that says what has been under way for how long, or None where nothing is."""
    active = [node for node in progress.command.walk() if node.active and node.kind != "command"]
    if not active:
        return None
    step = next((node for node in active if node.kind == "step"), active[0])
    leaves = [node for node in active if not any(child.active for child in node.children.values()) and node is not step]
    leaves.sort(key=lambda node: -progress.elapsed(node, now))
    told = [
        f"{node.name} ({resource_told(node)}), {_time(progress, node, now)}"
        if node.kind == "resource"
        else f"{node.name}, {_time(progress, node, now)}"
        for node in leaves[:3]
    ]
    more = [f"and {many(len(leaves) - 3, 'other')}"] if len(leaves) > 3 else []
    waits = f"; under way: {'; '.join([*told, *more])}" if told else ""
    return clean(f"{MARKS['started']} {step.name}: still working, {_time(progress, step, now)}{waits}")


def _time(progress: Progressing, node: Node, now: float) -> str:
    return duration(progress.elapsed(node, now))


def _line(indent: str, told: str, *more: str) -> str:
    return indent + " - ".join(part for part in (clean(told), *map(clean, more)) if part)
