"""Whole-process time of `build.py generate` and `build.py lint`, against the `cfn-lint` command over the same files.

Usage: `python benchmarks/lint.py [--runs N]`. Each run starts new processes, in alternating order, over the same
templates, Regions and checks in one call of cfn-lint. Prints every run, the medians and their ratio; below 1.0 our two
commands together are faster. `build.py lint` does more: it also checks the graph across nested stacks. Exits 1 where
the two disagree about what cfn-lint finds.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from deployer.linting import REGIONS, SUPPRESSED, lint  # noqa: E402  # the project is not installed
from generator.stacks import templates  # noqa: E402  # as above

Command = Sequence[str]


def elapsed(commands: Sequence[Command], folder: Path) -> float:
    """Returns the seconds that the commands take one after the other in a folder, each in a new process.

    Raises `RuntimeError` where a command fails for another reason than what it found.
    """
    outputs = []
    before = time.perf_counter()
    for command in commands:
        outputs.append(subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False))
    seconds = time.perf_counter() - before
    for finished in outputs:
        if finished.returncode and (finished.stderr or not finished.stdout):
            raise RuntimeError(f"{' '.join(map(str, finished.args))} failed: {finished.stderr}")
    return seconds


def cfn_lint_command(files: Sequence[str]) -> list[str]:
    """Returns the cfn-lint command over files, with the Regions and checks of `build.py lint`."""
    executable = str(Path(sys.executable).with_name("cfn-lint"))
    checks = ["--include-checks", "I", "--ignore-checks", *SUPPRESSED]
    return [executable, *checks, "--format", "parseable", "--regions", *REGIONS, "--template", *files]


def agree(files: Sequence[str], folder: Path) -> bool:
    """Returns whether the cfn-lint command finds what our lint finds, apart from the graph check's findings."""
    finished = subprocess.run(cfn_lint_command(files), cwd=folder, capture_output=True, text=True, check=False)
    lines = [line.split(":") for line in finished.stdout.splitlines() if line]
    theirs = {(Path(line[0]).name, int(line[1]), line[5]) for line in lines}
    ours = {(found.template, found.line, found.rule) for found in lint(templates()) if found.line}
    return theirs == ours


def main() -> int:
    """Runs the comparison; returns the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    runs: int = parser.parse_args().runs
    build = [sys.executable, "build.py"]
    ours = [[*build, "generate", "--output", "json"], [*build, "lint", "--output", "json"]]
    with tempfile.TemporaryDirectory() as folder:
        texts = templates()
        for name, text in texts.items():
            (Path(folder) / name).write_text(text, encoding="utf-8")
        files = list(texts)
        theirs = [cfn_lint_command(files)]
        if not agree(files, Path(folder)):
            sys.stderr.write("build.py lint and cfn-lint disagree about the templates.\n")
            return 1
        times: dict[str, list[float]] = {"ours": [], "cfn-lint": []}
        for run in range(runs):
            pairs = [("ours", ours, ROOT), ("cfn-lint", theirs, Path(folder))]
            for label, commands, where in pairs if run % 2 == 0 else reversed(pairs):
                times[label].append(elapsed(commands, where))
                sys.stdout.write(f"run {run + 1}  {label:9}{times[label][-1]:7.2f} s\n")
    medians = {label: statistics.median(values) for label, values in times.items()}
    ours_median, their_median = medians["ours"], medians["cfn-lint"]
    sys.stdout.write(f"median ours {ours_median:.2f} s, cfn-lint {their_median:.2f} s, {os.cpu_count()} processors\n")
    sys.stdout.write(f"ratio  {ours_median / their_median:.2f}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
