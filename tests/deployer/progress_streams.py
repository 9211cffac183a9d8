"""Recorded streams of events, and how they are drawn: `python -m tests.deployer.progress_streams` draws them anew.

The streams in `fixtures/progress/` are what `deploy --local --progress json` wrote: `create` makes one target, `update`
changes four, `failing` makes one whose tasks cannot start, and `rollback` changes one so that they cannot. Beside each
stands what a terminal of 80 columns and 24 lines showed at some moments, and the plain lines; of the made-up `fleet` of
three hundred targets what it showed.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from deployer.events import (
    Event,
    InstanceStatus,
    OperationStatus,
    ResourceEvent,
    ServiceRollout,
    Step,
    TargetHealth,
)
from deployer.progress_lines import line_of
from deployer.progress_model import Progressing
from deployer.progress_tree import picture
from tests.deployer.progress_fleet import fleet

FOLDER = Path(__file__).parent / "fixtures" / "progress"
STREAMS = ("create", "update", "failing", "rollback")
FLEET = "fleet"
KINDS: dict[str, Callable[..., Event]] = {
    kind.kind: kind for kind in (Step, OperationStatus, InstanceStatus, ResourceEvent, ServiceRollout, TargetHealth)
}
COLUMNS, LINES = 80, 23
PICTURES = 12
"""So many moments of a stream are drawn, evenly spread over its events, and its end."""


def event_of(line: str) -> Event:
    """Returns the event that a line of JSON says."""
    data: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in json.loads(line).items()
    }
    moment = datetime.fromisoformat(data.pop("moment")).timestamp()
    return KINDS[data.pop("kind")](**data, moment=moment)


def recorded(name: str) -> list[Event]:
    """Returns a recorded stream."""
    text = (FOLDER / f"{name}.jsonl").read_text(encoding="utf-8")
    return [event_of(line) for line in text.splitlines()]


def arriving(events: Iterable[Event]) -> Iterator[tuple[Event, float]]:
    """Yields each event with the moment at which it arrived, as far as the stream tells: not before the one before."""
    now = 0.0
    for event in events:
        now = max(now, event.moment)
        yield event, now


def stream(name: str) -> list[Event]:
    """Returns a stream by its name."""
    return list(fleet()) if name == FLEET else recorded(name)


def pictures(name: str) -> str:
    """Returns what a terminal shows at some moments of a stream, and the picture that stays."""
    progress, events = Progressing(), stream(name)
    found = []
    now = 0.0
    for number, (event, now) in enumerate(arriving(events)):
        progress.take(event, now)
        if number % (len(events) // PICTURES) == len(events) // PICTURES - 1:
            shown = [line.text for line in picture(progress, now, COLUMNS, LINES)]
            found += [f"=== after {number + 1} events", *shown]
    found += ["=== what stays", *(line.text for line in picture(progress, now, COLUMNS))]
    return "".join(f"{line}\n" for line in found)


def plain_lines(name: str) -> str:
    """Returns a stream as plain lines."""
    progress = Progressing()
    found = [line_of(progress, event, progress.take(event, now), now) for event, now in arriving(stream(name))]
    return "".join(f"{line}\n" for line in found if line is not None)


def main() -> None:
    """Draws every stream anew."""
    for name in STREAMS:
        (FOLDER / f"{name}.lines.txt").write_text(plain_lines(name), encoding="utf-8")
    for name in (*STREAMS, FLEET):
        (FOLDER / f"{name}.tree.txt").write_text(pictures(name), encoding="utf-8")


if __name__ == "__main__":
    main()
