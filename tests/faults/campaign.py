"""The full campaign: every point of a scenario's command times every fault, over a few machines at once.

Verdicts are written as they come, one JSON line each, so that a campaign that was stopped goes on where it was.
"""

import json
import multiprocessing
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from tests.faults.faults import Fault, Point
from tests.faults.machine import Machine
from tests.faults.trials import SCENARIOS, Scenario, Trials, Verdict


@dataclass(frozen=True)
class Place:
    """Where a campaign works: the folder of its machines, the file of its verdicts and the commit that it tries."""

    folder: Path
    verdicts: Path
    commit: str


def conduct(scenario: Scenario, faults: Sequence[Fault], jobs: int, place: Place) -> Iterator[Verdict]:
    """Yields the verdicts of every point and fault that have none yet, as they come; `jobs` machines work at once.

    A fault that a command gets over is done at all points of one run; where that run is not equal, at each point of a
    run of its own. Raises AssertionError where the undisturbed command fails.
    """
    known = {(point, verdict.fault) for verdict in read(place.verdicts) for point in verdict.points}
    with ProcessPoolExecutor(
        jobs,
        multiprocessing.get_context("spawn"),
        initializer=_begin,
        initargs=(scenario.name, place.folder),
    ) as pool:
        every = pool.submit(_points).result()
        waiting: set[Future[Verdict]] = set()
        for fault in faults:
            points = [point for point in every if fault.differs(point) and (point, fault) not in known]
            groups = [points] if fault.passing and points else [[point] for point in points]
            waiting |= {pool.submit(_trial, group, fault) for group in groups}
        while waiting:
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for verdict in (one.result() for one in done):
                if not verdict.equal and len(verdict.points) > 1:
                    waiting |= {pool.submit(_trial, [point], verdict.fault) for point in verdict.points}
                    continue
                with place.verdicts.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(as_data(verdict, place.commit)) + "\n")
                yield verdict


def as_data(verdict: Verdict, commit: str) -> dict[str, object]:
    """Returns a verdict as plain data."""
    return {
        "points": [[point.call, point.after] for point in verdict.points],
        "fault": verdict.fault.value,
        "statuses": list(verdict.statuses),
        "problems": list(verdict.problems),
        "seconds": round(verdict.seconds, 1),
        "commit": commit,
    }


def read(file: Path) -> list[Verdict]:
    """Returns the verdicts of a file, in its order; none where there is no file."""
    if not file.exists():
        return []
    return [
        Verdict(
            tuple(Point(call, after) for call, after in found["points"]),
            Fault(found["fault"]),
            tuple(found["statuses"]),
            tuple(found["problems"]),
            found["seconds"],
        )
        for found in map(json.loads, file.read_text(encoding="utf-8").splitlines())
    ]


def commits(file: Path) -> list[str]:
    """Returns the commits that a file's verdicts are about, in their order."""
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return list(dict.fromkeys(json.loads(line)["commit"] for line in lines))


def table(verdicts: Iterable[Verdict]) -> list[str]:
    """Returns a Markdown table of points by faults, by where a change was asked for, and what was not equal."""
    found = {(point, verdict.fault): verdict for verdict in verdicts for point in verdict.points}
    points = sorted({point for point, _ in found}, key=lambda point: (point.after, point.call))
    faults = list(Fault)
    lines = [
        "| call | after the change | " + " | ".join(fault.value for fault in faults) + " |",
        "|---" * (len(faults) + 2) + "|",
    ]
    for point in points:
        cells = [_cell(found.get((point, fault))) if fault.differs(point) else "" for fault in faults]
        lines.append(f"| {point.call} | {point.after or '-'} | " + " | ".join(cells) + " |")
    worse = [(point, verdict) for (point, _), verdict in found.items() if not verdict.equal]
    if worse:
        lines += ["", "What was not equal:", ""]
        lines += [
            f"- {point}, {verdict.fault.value}, statuses {list(verdict.statuses)}: {problem}"
            for point, verdict in worse
            for problem in verdict.problems
        ]
    return lines


def _cell(verdict: Verdict | None) -> str:
    if verdict is None:
        return "not tried"
    return "equal" if verdict.equal else f"**{len(verdict.problems)} differ**"


_here: list[Trials] = []


def _begin(name: str, folder: Path) -> None:
    """Makes this process a worker with a machine of its own, which ends with it."""
    own = folder / multiprocessing.current_process().name
    machine = Machine(own, own / "deployment.toml")
    multiprocessing.util.Finalize(machine, machine.end, exitpriority=1)
    trials = Trials(machine, next(one for one in SCENARIOS if one.name == name), own)
    trials.prepare()
    _here.append(trials)


def _points() -> list[Point]:
    return _here[0].points


def _trial(points: Sequence[Point], fault: Fault) -> Verdict:
    return _here[0].trial(points, fault)
