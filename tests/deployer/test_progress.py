"""How progress is shown: JSON, lines or a tree; without colour, without signs, and to nobody."""

import fcntl
import io
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

import build
from commands.command import Command
from deployer.errors import RefusedError
from deployer.events import Event, InstanceStatus, OperationStatus, ResourceEvent, ServiceRollout, Step, TargetHealth
from deployer.progress import JsonProgress, LineProgress, Progress, TreeProgress, chosen
from tests.deployer.progress_streams import FOLDER, arriving, event_of, recorded

ROOT = Path(__file__).resolve().parents[2]
HERE = ("111111111111/us-east-1",)
SERVICE = "AWS::ECS::Service"
MOMENT = 1_800_000_000.0


class Clock:
    """A clock that stands until it is set."""

    def __init__(self) -> None:
        self.now = MOMENT

    def __call__(self) -> float:
        return self.now


def told(kind: type[Progress], events: list[Event], step: float = 1.0) -> list[str]:
    """Returns what is written of events, each of which comes `step` seconds after the one before."""
    stream, clock = io.StringIO(), Clock()
    shown = kind(stream, clock)
    for event in events:
        shown.emit(event)
        clock.now += step
    return stream.getvalue().splitlines()


@pytest.mark.parametrize(
    ("events", "lines"),
    [
        ([Step("Lint", "started"), Step("Lint", "done")], ["… Lint", "✓ Lint: 1 s"]),
        ([Step("Package", "unchanged", "all there")], ["= Package: all there, 0 s"]),
        ([Step("Image", "started", "a"), Step("Image", "started", "a")], ["… Image: a"]),
        ([Step("Stack set", "failed")], ["✗ Stack set: 0 s"]),
        ([OperationStatus("runtime", "CREATE", "o", "RUNNING", "")], ["  Create runtime: RUNNING"]),
        (
            [
                OperationStatus("runtime", "UPDATE", "o", "RUNNING", ""),
                OperationStatus("runtime", "UPDATE", "o", "FAILED", "too many failures"),
            ],
            ["  Update runtime: RUNNING", "  Update runtime: FAILED after 1 s - too many failures"],
        ),
        (
            [
                InstanceStatus("111111111111", "us-east-1", "PENDING", ""),
                InstanceStatus("111111111111", "us-east-1", "RUNNING", ""),
                InstanceStatus("111111111111", "us-east-1", "FAILED", "no\nrole"),
            ],
            ["    111111111111 us-east-1: RUNNING", "    111111111111 us-east-1: FAILED after 1 s - no role"],
        ),
        (
            [
                ResourceEvent(HERE, "Vpc", "AWS::EC2::VPC", "CREATE_IN_PROGRESS", "", MOMENT, "Isolates."),
                ResourceEvent(HERE, "Vpc", "AWS::EC2::VPC", "CREATE_COMPLETE", "", MOMENT + 72, "Isolates."),
            ],
            ["    ✓ 111111111111/us-east-1/Vpc: created in 1m 12s - Isolates."],
        ),
        (
            [
                ResourceEvent(HERE, "Vpc", "AWS::EC2::VPC", "DELETE_IN_PROGRESS", "", MOMENT),
                ResourceEvent(HERE, "Vpc", "AWS::EC2::VPC", "DELETE_FAILED", "in use", MOMENT + 9),
                ResourceEvent(HERE, "Eip", "AWS::EC2::EIP", "CREATE_FAILED", "Resource creation cancelled", MOMENT),
            ],
            ["    ✗ 111111111111/us-east-1/Vpc: DELETE_FAILED after 9 s - in use"],
        ),
        (
            [
                ResourceEvent(HERE, "Service", SERVICE, "UPDATE_IN_PROGRESS", "", MOMENT, "Runs."),
                ServiceRollout("1", "r", HERE, "s", 2, 1, 1, 0, "IN_PROGRESS", "in progress"),
                ServiceRollout("1", "r", HERE, "s", 2, 0, 1, 3, "IN_PROGRESS", "no image"),
                TargetHealth("1", "r", HERE, 1, 0, 1, 0, ("Registering",)),
            ],
            [
                "    … 111111111111/us-east-1/Service: updating - Runs.",
                "    111111111111/us-east-1/Service: tasks: 2 desired, 1 pending, 1 running, 0 failed",
                "    111111111111/us-east-1/Service: tasks: 2 desired, 0 pending, 1 running, 3 failed (no image)",
                "    111111111111/us-east-1/Service: health: 1 healthy, 1 initial (Registering)",
            ],
        ),
    ],
)
def test_line_explains_itself(events: list[Event], lines: list[str]) -> None:
    assert told(LineProgress, events) == lines


def test_of_many_targets_only_failures_are_told_in_detail() -> None:
    many: list[Event] = [InstanceStatus("111111111111", f"r-{n}", "PENDING", "") for n in range(9)]
    path = ("111111111111/r-1",)
    lines = told(
        LineProgress,
        [
            *many,
            ResourceEvent(path, "Vpc", "AWS::EC2::VPC", "CREATE_COMPLETE", "", MOMENT),
            ResourceEvent(path, "Nat", "AWS::EC2::NatGateway", "CREATE_FAILED", "no address", MOMENT),
        ],
    )
    assert lines == ["    ✗ 111111111111/r-1/Nat: CREATE_FAILED after 0 s - no address"]


def test_lines_go_out_at_once_and_without_colour() -> None:
    stream = io.StringIO()
    with LineProgress(stream) as shown:
        shown.emit(Step("Lint", "started"))
        assert stream.getvalue() == "… Lint\n"
    assert "\x1b" not in stream.getvalue()


def test_sign_of_life_says_what_is_under_way() -> None:
    stream, clock = io.StringIO(), Clock()
    shown = LineProgress(stream, clock)
    shown.emit(Step("Stack set", "started"))
    for name in ("Vpc", "Nat", "Service", "Role"):
        shown.emit(ResourceEvent(HERE, name, f"AWS::{name}", "CREATE_IN_PROGRESS", "", clock.now, f"Is {name}."))
        clock.now += 1
    clock.now = MOMENT + 59
    assert shown.beat() == 1
    assert stream.getvalue() == "… Stack set\n"
    clock.now = MOMENT + 61
    assert shown.beat() == 60
    assert stream.getvalue().splitlines()[1] == (
        "… Stack set: still working, 1m 01s; under way: 111111111111/us-east-1/Vpc (Is Vpc.), 1m 01s;"
        " 111111111111/us-east-1/Nat (Is Nat.), 1m 00s; 111111111111/us-east-1/Service (Is Service.), 59 s;"
        " and 1 other"
    )
    assert shown.beat() == 60


def test_json_is_one_event_a_line_as_it_was_emitted() -> None:
    events = recorded("update")
    stream, clock = io.StringIO(), Clock()
    shown = JsonProgress(stream, clock)
    with shown:
        for event, clock.now in arriving(events):
            shown.emit(event)
    assert [event_of(line) for line in stream.getvalue().splitlines()] == events


def test_moment_is_that_of_the_report_where_an_event_has_none() -> None:
    (line,) = told(JsonProgress, [Step("Lint", "started")])
    assert json.loads(line) == {
        "kind": "step",
        "moment": "2027-01-15T08:00:00.000Z",
        "name": "Lint",
        "state": "started",
        "detail": "",
    }


@pytest.mark.parametrize(("error", "detail"), [(RuntimeError, ""), (KeyboardInterrupt, "interrupted")])
def test_step_that_an_error_breaks_off_has_failed(error: type[BaseException], detail: str) -> None:
    def broken(stream: io.StringIO) -> None:
        with JsonProgress(stream) as shown:
            shown.emit(Step("Lint", "done"))
            shown.emit(Step("Foundation", "started"))
            raise error

    stream = io.StringIO()
    with pytest.raises(error):
        broken(stream)
    last = json.loads(stream.getvalue().splitlines()[-1])
    assert (last["name"], last["state"], last["detail"]) == ("Foundation", "failed", detail)


class Gone(io.StringIO):
    """A stream whose reader has left."""

    def write(self, _: str) -> int:
        raise BrokenPipeError


@pytest.mark.parametrize("kind", [JsonProgress, LineProgress, TreeProgress])
def test_command_goes_on_where_nobody_listens(kind: Callable[[io.StringIO], Progress]) -> None:
    with kind(Gone()) as shown:
        shown.emit(Step("Lint", "started"))
        shown.emit(Step("Lint", "done"))


@pytest.mark.parametrize(
    ("how", "terminal", "environment", "expected"),
    [
        ("auto", True, {"TERM": "xterm-256color"}, "tree"),
        ("auto", True, {}, "tree"),
        ("auto", False, {"TERM": "xterm-256color"}, "lines"),
        ("auto", True, {"TERM": "dumb"}, "lines"),
        ("auto", True, {"CI": "true"}, "lines"),
        ("auto", True, {"CI": "false"}, "tree"),
        ("json", True, {}, "json"),
        ("tree", False, {"CI": "1"}, "tree"),
        ("lines", True, {}, "lines"),
    ],
)
def test_terminal_and_environment_choose(how: str, terminal: bool, environment: dict[str, str], expected: str) -> None:
    assert chosen(how, terminal, environment) == expected  # type: ignore[arg-type]


def in_a_terminal(how: str, **environment: str) -> str:
    """Returns all that a terminal of 80 columns and 24 lines gets of a recorded deployment that failed."""
    script = (
        "import sys\n"
        "from deployer.progress import progress\n"
        "from tests.deployer.progress_streams import recorded\n"
        "with progress(sys.stderr, sys.argv[1]) as shown:\n"
        "    for event in recorded('failing'):\n"
        "        shown.emit(event)\n"
    )
    controller, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    kept = {name: value for name, value in os.environ.items() if name not in ("CI", "COLUMNS", "LINES", "NO_COLOR")}
    process = subprocess.Popen(
        [sys.executable, "-c", script, how],
        cwd=ROOT,
        env={**kept, "TERM": "xterm-256color", **environment},
        stderr=terminal,
    )
    os.close(terminal)
    got = b""
    with suppress(OSError):  # Linux says EIO where the other side is closed.
        while chunk := os.read(controller, 65536):
            got += chunk
    os.close(controller)
    assert process.wait() == 0
    return got.decode("utf-8").replace("\r\n", "\n")


COLOUR = re.compile(r"\x1b\[[0-9;]*3[0-9][0-9;]*m")
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")
WHOLE = (FOLDER / "failing.tree.txt").read_text(encoding="utf-8").partition("=== what stays\n")[2]


def test_terminal_keeps_the_whole_picture() -> None:
    got = in_a_terminal("auto")
    assert COLOUR.search(got)
    shown = [line.rstrip() for line in CONTROL.sub("", got).splitlines()]
    assert "\n".join(shown[-WHOLE.count("\n") :]) == WHOLE.rstrip()
    assert max(map(len, shown)) <= 80


def test_picture_has_no_colours_where_none_are_wanted() -> None:
    got = in_a_terminal("auto", NO_COLOR="1")
    assert "✗ Service  CREATE_FAILED" in CONTROL.sub("", got)
    assert not COLOUR.search(got)


@pytest.mark.parametrize(("how", "environment"), [("auto", {"CI": "true"}), ("auto", {"TERM": "dumb"}), ("lines", {})])
def test_lines_are_the_same_on_a_terminal(how: str, environment: dict[str, str]) -> None:
    got = in_a_terminal(how, **environment)
    assert "\x1b" not in got
    assert got.splitlines()[-1] == "✗ Stack set: 2 s"


def test_terminal_without_the_signs_gets_others() -> None:
    got = in_a_terminal("lines", PYTHONIOENCODING="ascii")
    assert got.splitlines()[-1] == "x Stack set: 2 s"
    assert "\\u" not in got


@pytest.mark.parametrize(("error", "told"), [(RefusedError("No."), "No."), (KeyboardInterrupt(), "Interrupted")])
def test_last_word_is_a_line_of_json_among_progress_as_json(
    error: BaseException, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(_: object) -> int:
        raise error

    monkeypatch.setattr(build, "COMMANDS", (Command("generate", "…", broken),))
    assert build.main(["generate", "--progress", "json"]) in (1, 130)
    line = json.loads(capsys.readouterr().err)
    assert (line["kind"], line["sentence"].startswith(told)) == ("error", True)
