"""Writes the conformance report: ``python -m tests.conformance.page`` makes ``docs/conformance.md`` anew."""

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from deployer.environments import PROJECT_ROOT
from tests.conformance import suite
from tests.conformance.not_applicable import NOT_APPLICABLE
from tests.conformance.served import served
from tests.conformance.suite import ERAS, Scenario
from tests.node.installed import installed

PAGE = PROJECT_ROOT / "docs" / "conformance.md"


def rendered(version: str, found: Sequence[Scenario]) -> str:
    """Return the report of the suite's `version` as Markdown."""
    lines = [
        "# Conformance",
        "",
        f"What `@modelcontextprotocol/conformance` {version}, the official suite, says of this server over HTTP: every",
        "scenario for servers, in the newest version of each era. The server is this project's application as it is",
        "deployed, with the tools, resources and prompts that the scenarios call by name",
        "(`tests/conformance/fixture_server.py`). The tests run it again and fail where this page is not what they",
        "find; `python -m tests.conformance.page` writes it.",
    ]
    for era in ERAS:
        scenarios = [scenario for scenario in found if scenario.era == era]
        passed = [scenario for scenario in scenarios if scenario.outcome == "passed"]
        lines += ["", f"## {era}", "", f"{len(passed)} of {len(scenarios)} scenarios pass.", ""]
        lines += ["| scenario | outcome | checks passed |", "|---|---|---|"]
        for scenario in scenarios:
            outcome = "not applicable" if (era, scenario.name) in NOT_APPLICABLE else scenario.outcome
            lines.append(f"| {scenario.name} | {outcome} | {scenario.passed or ''} |")
        excused = [scenario for scenario in scenarios if (era, scenario.name) in NOT_APPLICABLE]
        if excused:
            lines += ["", "| not applicable | because |", "|---|---|"]
            lines += [f"| {scenario.name} | {NOT_APPLICABLE[era, scenario.name]} |" for scenario in excused]
    lines += [
        "",
        "## Extensions",
        "",
        "The suite's scenarios of the extensions for tasks (SEP-2663) and skills (SEP-2640) are not run: this server",
        "declares neither. Its scenarios for authorization servers and clients are not about servers.",
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Run the suite and write the page; return the exit status."""
    node = installed()
    with served() as server, tempfile.TemporaryDirectory() as folder:
        PAGE.write_text(rendered(suite.version(node), suite.run(node, server.url, Path(folder))), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
