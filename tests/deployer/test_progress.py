"""What is drawn of a deployment: lines for pipes, a picture of at most 80 columns for a terminal."""

import io
import re
import time

import pytest
from rich.console import Console

from deployer.events import Event, InstanceStatus, ResourceEvent, Step
from deployer.progress import LiveProgress, PlainProgress, plain_line, progress

LONG = "a name so long that it does not fit beside anything else on one line of a terminal of eighty columns"


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (Step("Lint", "started"), "… Lint"),
        (
            Step("Package", "unchanged", "every template was there already"),
            "= Package: every template was there already",
        ),
        (Step("Image", "done", "x@sha256:1…"), "✓ Image: x@sha256:1…"),
        (Step("Stack set", "failed"), "✗ Stack set"),
        (InstanceStatus("111111111111", "us-east-1", "RUNNING", ""), "    111111111111 us-east-1: RUNNING"),
        (InstanceStatus("1", "r", "FAILED", "no role"), "    1 r: FAILED (no role)"),
        (ResourceEvent(("a", "B"), "C", "T", "CREATE_COMPLETE", ""), "    a/B/C: CREATE_COMPLETE"),
        (ResourceEvent(("a",), "C", "T", "CREATE_FAILED", "no"), "    a/C: CREATE_FAILED - no"),
        (ResourceEvent(("a",), "C", "T", "CREATE_COMPLETE", "chatter"), "    a/C: CREATE_COMPLETE"),
        (ResourceEvent(("a",), "C", "T", "ROLLBACK_IN_PROGRESS", ""), "    a/C: ROLLBACK_IN_PROGRESS"),
        (ResourceEvent(("a",), "C", "T", "CREATE_IN_PROGRESS", ""), None),
    ],
)
def test_event_is_one_line_or_none(event: Event, line: str | None) -> None:
    assert plain_line(event) == line


def test_plain_lines_go_out_at_once_and_without_colour() -> None:
    stream = io.StringIO()
    shown = progress(stream)
    assert isinstance(shown, PlainProgress)
    with shown:
        shown.emit(Step("Lint", "started"))
        assert stream.getvalue() == "… Lint\n"
        shown.emit(Step("Lint", "done"))
    assert stream.getvalue() == "… Lint\n✓ Lint\n"
    assert "\x1b" not in stream.getvalue()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_terminal_gets_the_live_view() -> None:
    assert isinstance(progress(Terminal()), LiveProgress)


def drawn(events: list[Event], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Returns the picture after the events, as a terminal of 80 columns without colour shows it."""
    now = iter(range(0, 1000, 3))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(now)))
    live = LiveProgress(Terminal())
    for event in events:
        live.emit(event)
    console = Console(file=io.StringIO(), width=80, color_system=None)
    with console.capture() as captured:
        console.print(live._draw(), end="")
    return captured.get().splitlines()


def test_picture_shows_steps_with_their_time_and_what_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = drawn(
        [
            Step("Lint", "started"),
            Step("Lint", "done"),
            Step("Stack set", "started", "runtime"),
            InstanceStatus("111111111111", "us-east-1", "RUNNING", ""),
            ResourceEvent(("runtime",), "Vpc", "AWS::EC2::VPC", "CREATE_IN_PROGRESS", ""),
            ResourceEvent(("runtime",), "Vpc", "AWS::EC2::VPC", "CREATE_COMPLETE", ""),
            ResourceEvent(("runtime", "ServiceStack"), "Service", "AWS::ECS::Service", "CREATE_IN_PROGRESS", ""),
        ],
        monkeypatch,
    )
    assert re.fullmatch(r"✓ Lint +\d+ s", lines[0])
    assert re.fullmatch(r"… Stack set: runtime +\d+ s", lines[1])
    assert lines[2:] == [
        "    111111111111 us-east-1: RUNNING",
        "    runtime/ServiceStack/Service: CREATE_IN_PROGRESS",
    ]


def test_nothing_is_wider_than_eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[Event] = [Step(LONG, "started", LONG), InstanceStatus(LONG, LONG, LONG, LONG)]
    events += [ResourceEvent((LONG,), f"{LONG}{n}", "T", "CREATE_IN_PROGRESS", LONG) for n in range(30)]
    lines = drawn(events, monkeypatch)
    assert max(map(len, lines)) <= 80
    assert len(lines) <= 10


def test_failure_stays_on_the_screen_above_the_picture() -> None:
    stream = Terminal()
    with LiveProgress(stream) as live:
        live.emit(Step("Stack set", "started"))
        live.emit(ResourceEvent(("runtime",), "Service", "AWS::ECS::Service", "CREATE_FAILED", "no [image]"))
    assert "runtime/Service: CREATE_FAILED - no [image]" in stream.getvalue()
