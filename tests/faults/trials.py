"""One trial: a command is disturbed once, run again where it failed, and what AWS then holds is compared.

A scenario says from what state which command starts. Its undisturbed run gives the points and the end state.
"""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.faults.faults import STATUSES, Fault, Point
from tests.faults.holdings import differences, held
from tests.faults.machine import ROOT, Machine, Run

ACCOUNT: Final = "111111111111"
REGION: Final = "us-east-1"


@dataclass(frozen=True)
class Scenario:
    """A command and where it starts: on an empty account, or where the example is deployed.

    `changes` are made to the example configuration before the command: each a text that is in it once, and what
    replaces it.
    """

    name: str
    words: tuple[str, ...]
    deployed: bool = False
    changes: tuple[tuple[str, str], ...] = ()


SCENARIOS: Final = (
    Scenario("deploy", ("deploy",)),
    Scenario(
        "update",
        ("deploy",),
        deployed=True,
        changes=(
            ('log_level = "INFO"', 'log_level = "DEBUG"'),
            ('region = "us-east-1"', 'region = "us-east-1"\noverrides.compute.max_tasks = 5'),
        ),
    ),
    Scenario("destroy", ("destroy", "--foundation", "--yes"), deployed=True),
)


@dataclass(frozen=True)
class Verdict:
    """What a trial showed: `problems` is empty where everything is as it would be undisturbed.

    A fault that a command gets over may be done at several `points` of one run.
    """

    points: tuple[Point, ...]
    fault: Fault
    statuses: tuple[int, ...]
    problems: tuple[str, ...]
    seconds: float

    @property
    def equal(self) -> bool:
        """Whether the end is the undisturbed one, reached as the fault demands."""
        return not self.problems


class Trials:
    """A machine with a scenario: its points, its undisturbed end, and trials; a context manager's inside."""

    def __init__(self, machine: Machine, scenario: Scenario, folder: Path) -> None:
        self._machine = machine
        self._scenario = scenario
        self._kept = folder / "kept"
        self._configuration = machine.configuration
        self.points: list[Point] = []
        self.wanted: Counter[str] = Counter()

    def prepare(self) -> None:
        """Makes the state from which trials start and runs the command undisturbed.

        Raises AssertionError where that fails.
        """
        if self._scenario.deployed:
            configure(self._configuration, ())
            self._machine.fresh()
            _succeeded(self._machine.run(("deploy",)))
            self._machine.keep(self._kept)
        configure(self._configuration, self._scenario.changes)
        self._start()
        run = self._machine.run(self._scenario.words)
        _succeeded(run)
        self.points = run.sequence.points
        self.wanted = self._held()

    def trial(self, points: Sequence[Point], fault: Fault) -> Verdict:
        """Does a fault to the command at each of the points, runs it again where it failed, and compares."""
        began = time.monotonic()
        self._start()
        first = self._machine.run(self._scenario.words, dict.fromkeys(points, fault))
        runs, problems = [first], complaints(first, fault)
        if first.status != 0:
            again = self._machine.run(self._scenario.words)
            runs.append(again)
            if again.status != 0:
                problems.append(f"the same command again ended with {again.status}: {_last(again.err)}")
        problems += differences(self._held(), self.wanted)
        statuses = tuple(run.status for run in runs)
        return Verdict(tuple(points), fault, statuses, tuple(problems), time.monotonic() - began)

    def _start(self) -> None:
        self._machine.fresh(self._kept if self._scenario.deployed else None)

    def _held(self) -> Counter[str]:
        return held(lambda service: self._machine.client(service, ACCOUNT, REGION), self._machine.process)


def complaints(run: Run, fault: Fault) -> list[str]:
    """Returns what is wrong with how a run ended that `fault` ended, or did not."""
    problems = []
    problems += [f"{point} was not reached" for point in run.waiting]
    if run.status not in STATUSES[fault]:
        problems.append(f"ended with {run.status}: {_last(run.err)}")
    if run.status == 2 and run.sequence.changed:
        problems.append(f"ended with 2 although something was changed: {_last(run.err)}")
    for word in ("Traceback", "not foreseen"):
        if word in run.err:
            problems.append(f"{word} on standard error: {_last(run.err)}")
    # A verification that failed is told by its table, not by an error.
    told = run.err.count("Error: ") == 1 or ("failed at: " in run.err and "Error: " not in run.err)
    if run.status in (1, 2) and not told:
        problems.append(f"not one sentence of error: {_last(run.err)}")
    return problems


def configure(file: Path, changes: Sequence[tuple[str, str]]) -> None:
    """Writes the example configuration with changes: each a text that is in it once, and what replaces it."""
    text = (ROOT / "deployment.example.toml").read_text(encoding="utf-8")
    for old, new in changes:
        assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in the example"
        text = text.replace(old, new)
    file.write_text(text, encoding="utf-8")


def _succeeded(run: Run) -> None:
    assert run.status == 0, f"an undisturbed command ended with {run.status}: {run.err}"


def _last(text: str) -> str:
    return (text.strip().splitlines() or ["nothing was said"])[-1]
