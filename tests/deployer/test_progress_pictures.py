"""Recorded deployments look as they were looked at and found good."""

import json

import pytest

from deployer.progress_model import Progressing
from deployer.progress_tree import picture
from tests.deployer.progress_fleet import TARGETS
from tests.deployer.progress_streams import FLEET, FOLDER, STREAMS, arriving, event_of, pictures, plain_lines, recorded

AGAIN = "look at the difference, and draw anew with `python -m tests.deployer.progress_streams` if it is good"


@pytest.mark.parametrize("name", [*STREAMS, FLEET])
def test_tree_of_a_deployment(name: str) -> None:
    assert pictures(name) == (FOLDER / f"{name}.tree.txt").read_text(encoding="utf-8"), AGAIN


@pytest.mark.parametrize("name", STREAMS)
def test_lines_of_a_deployment(name: str) -> None:
    assert plain_lines(name) == (FOLDER / f"{name}.lines.txt").read_text(encoding="utf-8"), AGAIN


def test_fleet_is_a_line_or_two_a_target_and_every_failure_that_was_read() -> None:
    lines = plain_lines(FLEET).splitlines()
    assert sum("RUNNING" in line for line in lines) == len(TARGETS) + 1
    assert sum("✗" in line and "ServiceStack/Service: CREATE_FAILED after 1m 01s" in line for line in lines) == 2
    assert len(lines) < 2 * len(TARGETS) + 20


@pytest.mark.parametrize("name", STREAMS)
def test_recorded_lines_of_json_are_the_events(name: str) -> None:
    for line in (FOLDER / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
        assert event_of(line).as_data() == json.loads(line)


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize(("columns", "lines"), [(80, 23), (80, 3), (30, 8)])
def test_recorded_deployment_fits_at_every_moment(name: str, columns: int, lines: int) -> None:
    progress = Progressing()
    for number, (event, now) in enumerate(arriving(recorded(name))):
        progress.take(event, now)
        if number % 11 == 0:
            drawn = picture(progress, now, columns, lines)
            assert 0 < len(drawn) <= lines
            assert max(len(line.text) for line in drawn) <= columns


@pytest.mark.parametrize("lines", [23, 6])
def test_cause_stays_visible_while_everything_else_is_rolled_back(lines: int) -> None:
    progress, events = Progressing(), recorded("failing")
    failed = False
    for event, now in arriving(events):
        node = progress.take(event, now)
        failed = failed or (node.name, node.state) == ("Service", "failed")
        if failed:
            told = "\n".join(line.text for line in picture(progress, now, 80, lines))
            assert "✗ Service  CREATE_FAILED" in told
            assert "Error occurred during operation" in told
    assert failed
