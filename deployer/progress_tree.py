"""Drawing the tree of a command's progress into a terminal's width and height. Pure: what is known in, lines out.

What is finished collapses to one line with its count and its time, what fails stays, and what runs is shown as far as
there is room: the limits get stricter until everything fits.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from deployer.progress_model import Node, Progressing
from deployer.progress_text import clean, cut, duration, padded, shortened, width_of, wrapped
from deployer.progress_words import (
    OPERATIONS,
    core,
    doing,
    many,
    number_of,
    resource_told,
    resources_told,
    service_told,
    targets_told,
)

Look = Literal["running", "done", "unchanged", "failed", "quiet"]
"""How a line looks: what colours it has is the terminal's concern."""

SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
MARKS = {"done": "✓", "unchanged": "=", "failed": "✗", "cancelled": "-", "undone": "-", "waiting": "·"}
TIME_COLUMNS = 8
LEAST_DETAIL = 12


@dataclass(frozen=True)
class Line:
    """One line: what leads it (indentation and mark), its name, and what is told besides, each as it is printed."""

    look: Look
    lead: str
    name: str
    rest: str = ""

    @property
    def text(self) -> str:
        """The whole line, without space at its end."""
        return f"{self.lead}{self.name}{self.rest}".rstrip()


@dataclass(frozen=True)
class Limits:
    """How much is shown of what: so many of each kind in one place, and so many lines of a reason or of a service."""

    steps: int = 20
    finished: int = 20
    targets: int = 20
    stacks: int = 20
    resources: int = 12
    failures: int = 50
    reason: int = 12
    service: int = 2


LEVELS = (
    Limits(),
    Limits(resources=6, reason=6),
    Limits(finished=8, resources=4, reason=4),
    Limits(steps=8, finished=0, targets=8, resources=4, failures=20, reason=3),
    Limits(steps=4, finished=0, targets=8, resources=3, failures=10, reason=2),
    Limits(steps=2, finished=0, targets=6, resources=2, failures=10, reason=2),
    Limits(steps=1, finished=0, targets=5, resources=1, failures=8, reason=2),
    Limits(steps=0, finished=0, targets=4, resources=1, failures=6, reason=2, service=1),
    Limits(steps=0, finished=0, targets=4, stacks=1, resources=0, failures=6, reason=2, service=1),
    Limits(steps=0, finished=0, targets=4, stacks=0, resources=0, failures=5, reason=2, service=0),
    Limits(steps=0, finished=0, targets=2, stacks=0, resources=0, failures=4, reason=1, service=0),
    Limits(steps=0, finished=0, targets=0, stacks=0, resources=0, failures=3, reason=1, service=0),
    Limits(steps=0, finished=0, targets=0, stacks=0, resources=0, failures=1, reason=1, service=0),
)
WHOLE = Limits(steps=30, targets=8, failures=1000, reason=100)
"""Of the last picture, which stays on the screen and may scroll."""


def picture(progress: Progressing, now: float, width: int, height: int | None = None) -> list[Line]:
    """Returns the lines of the tree at `now`: none wider than `width` columns, and at most `height` lines.

    Without a height the whole picture is drawn.
    """
    if height is None:
        return _Drawing(progress, now, width, WHOLE).lines()
    lines: list[Line] = []
    for limits in LEVELS:
        lines = _Drawing(progress, now, width, limits).lines()
        if len(lines) <= height:
            return lines
    # Not even the strictest limits fit: failures first, then what is at the top.
    order = sorted(range(len(lines)), key=lambda index: (lines[index].look != "failed", index))
    return [lines[index] for index in sorted(order[:height])]


@dataclass(frozen=True)
class _Drawing:
    progress: Progressing
    now: float
    width: int
    limits: Limits

    def lines(self) -> list[Line]:
        """Returns the steps' lines; of those that are done the earlier ones collapse to one line."""
        steps = self.progress.steps
        finished = [step for step in steps if step.state in ("done", "unchanged")]
        folded = finished[: max(0, len(finished) - self.limits.steps)]
        if len(folded) == 1 and self.limits.steps:
            folded = []
        head = [self._together(folded, many(len(folded), "step"), "", 0)] if folded else []
        return head + [line for step in steps if step not in folded for line in self._node(step, 0, True)]

    def _node(self, node: Node, depth: int, live: bool, above: Node | None = None) -> Iterator[Line]:
        """Yields the node's line and those below it; what runs is shown only where all above it runs too."""
        name, detail = self._told(node, above)
        yield self._line(node.state, name, detail, depth, self.progress.elapsed(node, self.now))
        if node.kind == "step" and node.state in ("done", "unchanged"):
            return  # What failed in it was mended.
        live = live and node.active
        yield from self._failed(node, depth + 1, live)
        if live:
            yield from self._service(node, depth + 1)
            yield from self._finished(node, depth + 1)
            yield from self._running(node, depth + 1)

    def _told(self, node: Node, above: Node | None) -> tuple[str, str]:
        if node.kind == "step":
            return node.name, node.detail
        if node.kind == "operation":
            return OPERATIONS.get(node.detail, node.detail.capitalize()), targets_told(node)
        if node.kind == "instance":
            return node.name.replace("/", " "), resources_told(node)
        if node.kind == "stack":
            return node.name, resources_told(node)
        if node.state == "failed":
            return node.name, node.status
        verb = doing(node.status)
        same = above is not None and verb == doing(above.status)
        return node.name, resource_told(node) if same else f"{verb}: {resource_told(node)}"

    def _failed(self, node: Node, depth: int, live: bool) -> Iterator[Line]:
        """Yields what failed below; where nothing did, the node's own reason."""
        found = [child for child in node.children.values() if child.failing]
        for child in found[: self.limits.failures]:
            yield from self._node(child, depth, live, node)
        if len(found) > self.limits.failures:
            yield self._line("failed", f"{len(found) - self.limits.failures} more failed", "", depth)
        if not found and node.state == "failed":
            for text in wrapped(clean(core(node.reason)), self.width - 2 * depth - 2, self.limits.reason):
                yield self._line("failed", "", text, depth, mark=" ")

    def _finished(self, node: Node, depth: int) -> Iterator[Line]:
        """Yields the stacks and targets that are done, each or all of them together."""
        found = [
            child
            for child in node.children.values()
            if child.kind != "resource" and not child.active and child.state in ("done", "unchanged", "undone")
        ]
        kind = _kind(found)
        if not found or (kind == "target" and len(found) > self.limits.finished):
            return  # Above it stands how many targets are done.
        if len(found) <= max(1, self.limits.finished):
            for child in found:
                yield from self._node(child, depth, False, node)
            return
        resources = sum(number_of(child.resources(), "done", "undone") for child in found)
        yield self._together(found, many(len(found), kind), many(resources, "resource") if resources else "", depth)

    def _running(self, node: Node, depth: int) -> Iterator[Line]:
        """Yields what is under way below, and how much more there is; of too many targets those that are followed."""
        found = [child for child in node.children.values() if child.active and not child.failing]
        limits = {"instance": self.limits.targets, "stack": self.limits.stacks, "resource": self.limits.resources}
        shown: list[Node] = []
        for kind in ("operation", *limits):
            some = [child for child in found if child.kind == kind]
            if len(some) > limits.get(kind, len(some)) and kind == "instance":
                some = [child for child in some if child.children]
            shown += some[: limits.get(kind)]
        for child in shown:
            yield from self._node(child, depth, True, node)
        if shown and len(found) > len(shown):
            yield self._line("waiting", f"{len(found) - len(shown)} more active", "", depth)

    def _service(self, node: Node, depth: int) -> Iterator[Line]:
        told = service_told(node)
        for text in told if self.limits.service >= len(told) else [" · ".join(told)][: self.limits.service]:
            yield self._line("waiting", "", text, depth, mark=" ")

    def _together(self, nodes: Sequence[Node], name: str, detail: str, depth: int) -> Line:
        """Returns the one line of several that are done, with the time from the first's beginning to the last's end."""
        began = min((node.began for node in nodes if node.began is not None), default=0.0)
        ended = max((node.ended for node in nodes if node.ended is not None), default=began)
        return self._line("done", name, detail, depth, ended - began)

    def _line(
        self, state: str, name: str, detail: str, depth: int, seconds: float | None = None, mark: str = ""
    ) -> Line:
        spinner = SPINNER[int(self.now * 4) % len(SPINNER)]
        lead = cut("  " * depth, self.width // 2) + (mark or MARKS.get(state, spinner)) + " "
        room = max(0, self.width - width_of(lead) - (TIME_COLUMNS if seconds is not None else 0))
        name, detail = clean(name), clean(detail)
        spare = room - width_of(name) - 2
        if detail and spare < min(width_of(detail), LEAST_DETAIL):
            name = shortened(name, room - 2 - min(width_of(detail), LEAST_DETAIL)) if room > LEAST_DETAIL * 2 else name
        name = shortened(name, room)
        gap = "  " if name and detail else ""
        rest = gap + cut(detail, room - width_of(name) - len(gap)) if room - width_of(name) > len(gap) else ""
        if seconds is not None:
            rest = padded(rest, room - width_of(name)) + duration(seconds).rjust(TIME_COLUMNS)
        return _fitting(Line(_look(state), lead, name, rest), self.width)


def _fitting(line: Line, width: int) -> Line:
    """Returns the line as it is where it fits, else as much of it as a terminal that narrow can show."""
    return line if width_of(line.text) <= width else Line(line.look, "", cut(line.text, width))


def _look(state: str) -> Look:
    looks: dict[str, Look] = {"running": "running", "done": "done", "unchanged": "unchanged", "failed": "failed"}
    return looks.get(state, "quiet")


def _kind(nodes: Iterable[Node]) -> str:
    kinds = {"instance": "target", "operation": "operation", "stack": "stack", "resource": "resource", "step": "step"}
    return next((kinds[node.kind] for node in nodes), "")
