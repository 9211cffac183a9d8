"""`python -m tests.faults campaign`: disturbs a command at every point by every fault and writes the table."""

import argparse
import datetime
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.faults.campaign import Place, commits, conduct, read, table
from tests.faults.faults import Fault
from tests.faults.machine import ROOT
from tests.faults.trials import SCENARIOS

PAGE = ROOT / "docs" / "fault-campaign.md"
EXPLANATION = """\
Each trial starts the command anew, does one thing to one of its calls at the wire, runs the same command again where
it did not end with 0, and compares everything that the emulated account then holds with what an undisturbed command
leaves. A row is a place in the command's sequence: a call, and the change that was asked for last before it; polls,
which repeat a call without a change in between, are one row. A cell says `equal` where the end is the same, nothing is
made twice, the exit status is the one that the fault calls for (0 for what botocore repeats, 130 for Ctrl-C, 1 or, with
nothing changed, 2 for the rest) and standard error ends in one sentence. Throttling, 500 and resets, which a command
gets over, are done to every place of one run; only where that run is not equal, each place gets a run of its own. A
cell is empty where the call changes nothing, so that it does not matter whether it was executed, and says `not tried`
where the campaign was ended before. botocore's waits between two tries are a twentieth of what they are. What it shows
is the deployer's, not AWS's: AWS is the emulator of this machine."""


def main() -> int:
    """Runs the campaign; returns 0 where every trial ended as the undisturbed command, else 1."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("what", choices=["campaign", "table"], help="table: only write the page from the verdicts")
    names = [scenario.name for scenario in SCENARIOS]
    parser.add_argument("--scenarios", nargs="+", choices=names, default=names)
    parser.add_argument("--faults", nargs="+", choices=[fault.value for fault in Fault], default=list(Fault), type=str)
    parser.add_argument("--jobs", type=int, default=2, help="machines that work at once")
    parser.add_argument("--verdicts", type=Path, default=ROOT / ".local" / "faults", help="folder of what is known")
    parser.add_argument("--page", type=Path, default=PAGE, help="the page to write")
    given = parser.parse_args()
    given.verdicts.mkdir(parents=True, exist_ok=True)
    faults = [Fault(fault) for fault in given.faults]
    began = time.monotonic()
    if given.what == "campaign":
        for name in given.scenarios:
            _conduct(name, faults, given.jobs, given.verdicts)
    given.page.parent.mkdir(parents=True, exist_ok=True)
    said = f" {given.jobs} machines, {(time.monotonic() - began) / 60:.0f} minutes." if given.what == "campaign" else ""
    page, equal = _page(given.scenarios, given.verdicts, said)
    given.page.write_text(page, encoding="utf-8")
    return 0 if equal else 1


def _conduct(name: str, faults: list[Fault], jobs: int, verdicts: Path) -> None:
    scenario = next(one for one in SCENARIOS if one.name == name)
    folder = Path(tempfile.mkdtemp(prefix="faults-"))
    try:
        for verdict in conduct(scenario, faults, jobs, Place(folder, verdicts / f"{name}.jsonl", _commit())):
            word = "equal" if verdict.equal else "NOT EQUAL"
            where = str(verdict.points[0]) if len(verdict.points) == 1 else f"{len(verdict.points)} points"
            seconds = f"{verdict.seconds:.0f} s"
            print(f"{name}: {verdict.fault.value} at {where}: {word} {list(verdict.statuses)} {seconds}", flush=True)
            for problem in verdict.problems:
                print(f"    {problem}", flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _commit() -> str:
    command = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def _page(names: list[str], verdicts: Path, said: str) -> tuple[str, bool]:
    """Returns the page and whether every verdict on it is equal."""
    found = {name: read(verdicts / f"{name}.jsonl") for name in names}
    everything = [verdict for part in found.values() for verdict in part]
    pairs = sum(len(verdict.points) for verdict in everything)
    equal = sum(len(verdict.points) for verdict in everything if verdict.equal)
    tried = ", ".join(dict.fromkeys(commit for name in names for commit in commits(verdicts / f"{name}.jsonl")))
    today = datetime.datetime.now(datetime.UTC).date()
    head = f"{today}, commit {tried}: {pairs} pairs of a place and a fault, {equal} equal.{said} Made by"
    lines = ["# Fault campaign", "", f"{head} `python -m tests.faults campaign`.", "", EXPLANATION]
    for name, part in found.items():
        if part:
            lines += ["", f"## {name}", "", *table(part)]
    return "\n".join(lines) + "\n", equal == pairs


if __name__ == "__main__":
    sys.exit(main())
