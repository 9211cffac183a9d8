"""Showing what happens, always on standard error: a live tree on a terminal, plain lines elsewhere, or JSON lines."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from threading import Event as Signal
from threading import Lock, Thread
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, TextIO, TypeVar

from deployer.events import Event, Step, stamped
from deployer.progress_lines import HEARTBEAT_SECONDS, heartbeat, line_of
from deployer.progress_model import Node, Progressing
from deployer.progress_tree import picture

if TYPE_CHECKING:
    from rich.console import RenderableType

T = TypeVar("T")
How = Literal["auto", "tree", "lines", "json"]
MOST_COLUMNS = 100
"""On a wider terminal the times would stand too far from what they are of."""
STYLES = {"running": "cyan", "done": "green", "unchanged": "dim", "failed": "red", "quiet": "dim"}
WITHOUT_SIGNS = str.maketrans({"…": "~", "✓": "+", "✗": "x", "·": "-"} | dict.fromkeys("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏", "*"))
"""For terminals and files whose encoding lacks these signs; each is replaced by one character."""


class Listened:
    """A stream that says nothing any more once its reader has left: what is done goes on untold."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._left = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Writes the text as long as somebody reads."""
        return self._try(lambda: self._stream.write(text), len(text))

    def flush(self) -> None:
        """Sends on what is written as long as somebody reads."""
        self._try(self._stream.flush, None)

    def _try(self, work: Callable[[], T], otherwise: T) -> T:
        try:
            return otherwise if self._left else work()
        except (OSError, ValueError):
            self._left = True
            return otherwise


class Progress:
    """A reporter that shows what happens while it is entered: this one keeps what is known and shows nothing.

    `clock` tells the seconds since 1970.
    """

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.time) -> None:
        self._stream: Any = Listened(stream)
        self._clock = clock
        self._known = Progressing()
        # Steps run in parallel; a live picture is drawn, and a heartbeat told, by a thread of its own.
        self._lock = Lock()

    def __enter__(self) -> Self:
        """Begins to show what happens."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends with the last word on every step: one that an error broke off has failed."""
        if kind is not None:
            detail = "interrupted" if issubclass(kind, KeyboardInterrupt) else ""
            for step in [one for one in self._known.steps if one.state == "running"]:
                self.emit(Step(step.name, "failed", detail))

    def emit(self, event: Event) -> None:
        """Takes one event and shows it."""
        now = self._clock()
        told = stamped(event, now)
        with self._lock:
            node = self._known.take(told, now)
            text = self._text(told, node, now)
            if text is not None:
                self._write(text)

    def _text(self, event: Event, node: Node, now: float) -> str | None:
        """Returns the line to write of an event, if any."""
        return None

    def _write(self, line: str) -> None:
        # One call for one line: what several threads tell does not run together.
        self._stream.write(encodable(f"{line}\n", self._stream))
        self._stream.flush()


class JsonProgress(Progress):
    """Every event as one JSON object on a line of its own."""

    def _text(self, event: Event, node: Node, now: float) -> str | None:
        return json.dumps(event.as_data())


class LineProgress(Progress):
    """A line for what is worth one, and a sign of life where nothing was for a minute."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.time) -> None:
        super().__init__(stream, clock)
        self._told_at = clock()
        self._last = ""
        self._ending = Signal()
        self._thread = Thread(target=self._live, name="heartbeat", daemon=True)

    def __enter__(self) -> Self:
        """Begins to watch the time."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends with the last word on every step."""
        self._ending.set()
        self._thread.join()
        super().__exit__(kind, error, trace)

    def beat(self) -> float:
        """Tells what is under way where nothing was told for a minute; returns the seconds until it may again."""
        with self._lock:
            now = self._clock()
            due = self._told_at + HEARTBEAT_SECONDS - now
            if due > 0:
                return due
            self._told_at = now
            text = heartbeat(self._known, now)
            if text is not None:
                self._write(text)
        return HEARTBEAT_SECONDS

    def _live(self) -> None:
        while not self._ending.wait(self.beat()):
            pass

    def _text(self, event: Event, node: Node, now: float) -> str | None:
        text = line_of(self._known, event, node, now)
        if text is None or text == self._last:
            return None
        self._told_at, self._last = now, text
        return text


class TreeProgress(Progress):
    """The tree, redrawn in place four times a second; its last picture stays, as long as it may be."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.time) -> None:
        super().__init__(stream, clock)
        from rich.console import Console
        from rich.live import Live

        self._console = Console(file=self._stream, force_terminal=True, highlight=False, emoji=False)
        self._live = Live(
            console=self._console,
            get_renderable=self._drawn,
            refresh_per_second=4,
            transient=True,
            redirect_stdout=False,
        )

    def __enter__(self) -> Self:
        """Starts the live view."""
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leaves the last picture standing."""
        super().__exit__(kind, error, trace)
        self._live.stop()
        self._console.print(self._picture(None), end="")

    def _drawn(self) -> RenderableType:
        return self._picture(max(1, self._console.height - 1))

    def _picture(self, height: int | None) -> RenderableType:
        from rich.text import Text

        with self._lock:
            lines = picture(self._known, self._clock(), min(self._console.width, MOST_COLUMNS), height)
        text = Text(no_wrap=True, overflow="crop")
        for line in lines:
            style = STYLES[line.look]
            for part, chosen in ((line.lead, style), (line.name, "red" if style == "red" else ""), (line.rest, "dim")):
                text.append(encodable(part, self._stream), "red" if not line.name and style == "red" else chosen)
            text.append("\n")
        return text


def encodable(text: str, stream: TextIO) -> str:
    """Returns the text as the stream can write it, in ASCII where its encoding lacks a sign."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return text.translate(WITHOUT_SIGNS).encode("ascii", "replace").decode("ascii")
    return text


def chosen(how: How, terminal: bool, environment: Mapping[str, str]) -> How:
    """Returns how to show progress where `how` leaves it open: lines in CI, without a terminal and on a dumb one."""
    if how != "auto":
        return how
    in_ci = environment.get("CI", "").lower() not in ("", "0", "false")
    return "tree" if terminal and not in_ci and environment.get("TERM") != "dumb" else "lines"


def progress(stream: TextIO = sys.stderr, how: How = "auto", environment: Mapping[str, str] = os.environ) -> Progress:
    """Returns what shows progress on `stream`, as `how` says or the environment suggests."""
    shows: dict[How, type[Progress]] = {"tree": TreeProgress, "lines": LineProgress, "json": JsonProgress}
    return shows[chosen(how, stream.isatty(), environment)](stream)
