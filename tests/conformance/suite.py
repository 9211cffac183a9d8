"""Runs the official conformance suite's server scenarios against a URL and reads what it found."""

import json
import re
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.conformance.not_applicable import NOT_APPLICABLE
from tests.node.installed import NodePackages

ERAS = ("2025-11-25", "2026-07-28")
"""The protocol versions whose scenarios are run: the newest of each era."""

_PACKAGE = "@modelcontextprotocol/conformance"
_FOLDER = re.compile(r"server-(?P<scenario>.+)-\d{4}-\d\d-\d\dT[\d-]+Z")
_SUITE_SECONDS = 120


@dataclass(frozen=True)
class Scenario:
    """What came of one scenario: its `name`, the protocol version it was run in, and its checks.

    passed: how many checks passed.
    failures: what those that failed said.
    """

    name: str
    era: str
    passed: int
    failures: tuple[str, ...]

    @property
    def outcome(self) -> str:
        """Return ``passed``, ``failed``, or ``did not apply`` where no check came to a verdict."""
        if self.failures:
            return "failed"
        return "passed" if self.passed else "did not apply"


def version(node: NodePackages) -> str:
    """Return the suite's version."""
    described = json.loads((node.folder / "node_modules" / _PACKAGE / "package.json").read_text(encoding="utf-8"))
    return str(described["version"])


def run(node: NodePackages, url: str, folder: Path) -> tuple[Scenario, ...]:
    """Run every server scenario of both eras against `url`; `folder` gets what the suite writes.

    A scenario that fails and applies is run once more by itself: the suite gives some answers half a second, which a
    busy machine may miss. Raises RuntimeError, with the suite's last words, where it wrote nothing.
    """
    with ThreadPoolExecutor(len(ERAS)) as pool:
        first = pool.map(lambda era: _run(node, url, era, folder / era, ["--suite", "all"]), ERAS)
        found = [scenario for scenarios in first for scenario in scenarios]
    for place, scenario in enumerate(found):
        if scenario.outcome == "failed" and (scenario.era, scenario.name) not in NOT_APPLICABLE:
            again = folder / "again" / scenario.era / scenario.name
            [found[place]] = _run(node, url, scenario.era, again, ["--scenario", scenario.name])
    return tuple(found)


def _run(node: NodePackages, url: str, era: str, folder: Path, which: Sequence[str]) -> tuple[Scenario, ...]:
    command = [*node.program(_PACKAGE, "dist/index.js"), "server", "--url", url, *which]
    command += ["--spec-version", era, "-o", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_SUITE_SECONDS, check=False)
    found = tuple(sorted(_read(folder, era), key=lambda scenario: scenario.name))
    if not found:
        raise RuntimeError(
            f"The conformance suite ran no scenario of {era}: {done.stdout[-500:]} {done.stderr[-1500:]}"
        )
    return found


def _read(folder: Path, era: str) -> Iterator[Scenario]:
    for results in folder.glob("*/checks.json"):
        named = _FOLDER.fullmatch(results.parent.name)
        if named is None:
            raise RuntimeError(f"The conformance suite names its results differently: {results.parent.name}")
        checks = json.loads(results.read_text(encoding="utf-8"))
        failures = tuple(
            f"{check['id']}: {check.get('errorMessage', check['description'])}"
            for check in checks
            if check["status"] == "FAILURE"
        )
        # The check of the wire's form is made of whatever was sent, also where the scenario found nothing to try.
        judged = [check for check in checks if check["status"] == "SUCCESS" and check["id"] != "wire-schema-valid"]
        yield Scenario(named["scenario"], era, len(judged), failures)
