"""Results as people read them: tables at 80 columns or wider, without colour where there is no terminal."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from deployer.deployment import Result
    from deployer.status import TargetStatus
    from deployer.verification import Row


def show(title: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Prints a table on standard output."""
    table = Table(title=title or None, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*row)
    console().print(table)


def console() -> Console:
    """Returns the console of standard output: as wide as the terminal, 100 columns elsewhere."""
    return Console(file=sys.stdout, width=None if sys.stdout.isatty() else 100, markup=False, highlight=False)


def show_deployment(result: Result) -> None:
    """Prints what a deployment did: what changed, each target's addresses and the verification."""
    lines = [
        "Nothing changed." if not result.changed else "Deployed.",
        f"{result.uploaded} templates uploaded; every target has {result.template_url.rpartition('/')[2]}.",
    ]
    for runtime in result.runtimes:
        lines.append("")
        lines.append(f"{runtime.account} {runtime.region}: {runtime.status}")
        lines += [
            f"  {label}: {runtime.outputs[key]}"
            for label, key in (("gateway", "GatewayUrl"), ("endpoint", "EndpointUrl"), ("missing", "MissingSettings"))
            if runtime.outputs.get(key)
        ]
    for line in lines:
        console().print(line, soft_wrap=True)
    show_verification(result.verification)


def show_verification(found: Mapping[str, Sequence[Row]]) -> None:
    """Prints the rows of the layered truth test, target by target, each with its evidence class."""
    for target, rows in found.items():
        console().print()
        show(
            f"Verification of {target}",
            ("layer", "result", "evidence", "detail"),
            [(row.layer, _result(row), row.evidence, row.detail) for row in rows],
        )
        for row in rows:
            if row.passed is False:
                console().print(f"{row.layer}: {row.remedy}", soft_wrap=True)
                break


def show_status(found: Sequence[TargetStatus]) -> None:
    """Prints how every target stands."""
    for target in found:
        show(
            f"{target.account} {target.region}",
            ("subject", "state", "detail"),
            [(fact.subject, fact.state, fact.detail) for fact in target.facts],
        )
        console().print()
    if not found:
        console().print("Nothing is deployed.")


def _result(row: Row) -> str:
    return {True: "passed", False: "FAILED", None: "not tried"}[row.passed]
