"""Drawing what happens: a live view on a terminal, plain lines elsewhere. Always on standard error."""

import sys
import time
from collections import OrderedDict
from threading import Lock
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, TextIO

from deployer.events import Event, InstanceStatus, OperationStatus, ResourceEvent, Step

if TYPE_CHECKING:
    from rich.console import RenderableType

MARKS = {"started": "…", "done": "✓", "unchanged": "=", "failed": "✗"}
WIDTH = 80
MOVING_LINES = 8


class Progress(Protocol):
    """A reporter that draws while it is entered."""

    def __enter__(self) -> "Progress":
        """Starts drawing."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stops drawing and leaves the terminal as it was."""

    def emit(self, event: Event) -> None:
        """Draws one event."""


def plain_line(event: Event) -> str | None:
    """Returns the event as one line, or None where it is not worth one: resources that merely begin."""
    if isinstance(event, Step):
        return f"{MARKS[event.state]} {event.name}" + (f": {event.detail}" if event.detail else "")
    if isinstance(event, InstanceStatus):
        reason = f" ({event.reason})" if event.reason else ""
        return f"    {event.account} {event.region}: {event.status}{reason}"
    if isinstance(event, OperationStatus):
        return f"    {event.action} of {event.name}: {event.status}" + (f" ({event.reason})" if event.reason else "")
    if not isinstance(event, ResourceEvent):
        return None
    if event.status.endswith("_IN_PROGRESS") and not event.status.startswith(("ROLLBACK", "UPDATE_ROLLBACK")):
        return None
    reason = f" - {event.reason}" if event.reason and event.failed else ""
    return f"    {'/'.join((*event.path, event.logical_id))}: {event.status}{reason}"


class PlainProgress:
    """One line an event, for pipes, logs and CI."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __enter__(self) -> "PlainProgress":
        """Needs no preparation."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leaves nothing to restore."""

    def emit(self, event: Event) -> None:
        """Writes the event's line."""
        line = plain_line(event)
        if line is not None:
            print(line, file=self._stream, flush=True)


class LiveProgress:
    """The steps with what moves under the running one, redrawn in place."""

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console
        from rich.live import Live

        self._steps: OrderedDict[str, tuple[Step, float]] = OrderedDict()
        self._moving: OrderedDict[str, str] = OrderedDict()
        # The live view draws from a thread of its own.
        self._lock = Lock()
        self._console = Console(file=stream)
        self._live = Live(console=self._console, get_renderable=self._draw, refresh_per_second=4)

    def __enter__(self) -> "LiveProgress":
        """Starts the live view."""
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leaves the last picture standing."""
        with self._lock:
            self._moving.clear()
        self._live.stop()

    def emit(self, event: Event) -> None:
        """Takes the event into the picture; failures are also printed above it, where they stay."""
        with self._lock:
            self._take(event)
        line = plain_line(event)
        if isinstance(event, ResourceEvent) and event.failed and line is not None:
            self._console.print(line, style="red", markup=False, highlight=False)

    def _take(self, event: Event) -> None:
        if isinstance(event, Step):
            began = self._steps[event.name][1] if event.name in self._steps else time.monotonic()
            self._steps[event.name] = (event, began if event.state == "started" else time.monotonic() - began)
            self._moving.clear()
        elif isinstance(event, InstanceStatus):
            self._moving[f"{event.account} {event.region}"] = event.status
        elif isinstance(event, ResourceEvent):
            key = "/".join((*event.path, event.logical_id))
            if event.status.endswith("_IN_PROGRESS"):
                self._moving[key] = event.description or event.status
            else:
                self._moving.pop(key, None)

    def _draw(self) -> "RenderableType":
        from rich.text import Text

        styles = {"started": "cyan", "done": "green", "unchanged": "dim", "failed": "red"}
        text = Text()
        with self._lock:
            steps, moving = list(self._steps.values()), list(self._moving.items())
        for step, moment in steps:
            seconds = time.monotonic() - moment if step.state == "started" else moment
            line = f"{MARKS[step.state]} {step.name}" + (f": {step.detail}" if step.detail else "")
            text.append(f"{line[: WIDTH - 8]:<{WIDTH - 8}}{seconds:6.0f} s\n", style=styles[step.state])
        for key, status in moving[-MOVING_LINES:]:
            text.append(f"    {key}: {status}"[:WIDTH] + "\n", style="dim")
        return text


def progress(stream: TextIO = sys.stderr) -> Progress:
    """Returns the live view where `stream` is a terminal, plain lines elsewhere."""
    return LiveProgress(stream) if stream.isatty() else PlainProgress(stream)
