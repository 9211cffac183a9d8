"""Results as people read them: tables at 80 columns or wider, without colour where there is no terminal."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table as Drawn

from deployer.durations import spoken
from deployer.preflight.rows import sentences

if TYPE_CHECKING:
    from deployer.deployment import Result
    from deployer.drift import Drifted, TargetDrift
    from deployer.preflight.rows import Table
    from deployer.status import Overview
    from deployer.timeline import Timeline
    from deployer.verification import Row


def show(title: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Prints a table on standard output."""
    table = Drawn(title=title or None, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*row)
    console().print(table)


def console() -> Console:
    """Returns the console of standard output: as wide as the terminal, 100 columns elsewhere.

    It writes texts as they are: in the ARN of a secret, `:secret:` would else become a pictograph of that name.
    """
    width = None if sys.stdout.isatty() else 100
    return Console(file=sys.stdout, width=width, markup=False, highlight=False, emoji=False)


def show_preflight(found: Table) -> None:
    """Prints the rows of a preflight, each with its evidence class, and below it the remedies of those that failed."""
    show("", ("check", "where", "result", "evidence", "detail"), found.folded(DETAILED_TARGETS))
    for remedy in sentences(found.red):
        console().print(f"\n{remedy}", soft_wrap=True)


def show_deployment(result: Result) -> None:
    """Prints what a deployment did: what changed, each target's addresses and the verification."""
    lines = [
        f"Preflight: {result.preflight.told()}.",
        "Nothing changed." if not result.changed else "Deployed.",
        f"{result.uploaded} files uploaded; every target has {result.template_url.rpartition('/')[2]}.",
    ]
    for runtime in result.runtimes:
        lines.append("")
        lines.append(f"{runtime.account} {runtime.region}: {runtime.status}")
        lines += [
            f"  {label}: {runtime.outputs[key]}"
            for label, key in (("gateway", "GatewayUrl"), ("endpoint", "EndpointUrl"), ("missing", "MissingSettings"))
            if runtime.outputs.get(key)
        ]
    if result.tasks:
        lines += ["", f"Tasks here: {result.tasks}."]
    for line in lines:
        console().print(line, soft_wrap=True)
    if result.timeline:
        show_timeline(console(), result.timeline)
    show_verification(result.verification)


def show_timeline(screen: Console, found: Timeline) -> None:
    """Prints what decided how long a deployment took, and what else was slow."""
    table = Drawn(
        title=f"\nTimeline of {found.target}: {spoken(found.seconds)} for {found.count} resources",
        title_justify="left",
        header_style="bold",
        box=None,
        pad_edge=False,
    )
    for heading in ("", "resource", "began", "took"):
        table.add_column(heading, overflow="fold", justify="right" if heading in ("began", "took") else "left")
    for mark, spans in (("longest path", found.path), ("beside it", found.others)):
        for span in spans:
            name = "/".join((*span.path[1:], span.logical_id))
            table.add_row(mark, name, f"+{spoken(span.start - found.start)}", spoken(span.seconds))
            mark = ""
    screen.print(table)


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


DETAILED_TARGETS = 4
"""With more targets than these a table of them says enough; --target shows one whole."""


def show_status(found: Overview) -> None:
    """Prints how every target stands, in a table with a line for each, and whole where they are few."""
    if not found.targets:
        console().print("Nothing is deployed.")
        return
    for operation in found.running:
        console().print(f"On the stack set {found.stack_set}: {operation}", soft_wrap=True)
    show(
        "",
        ("account", "Region", "stack", "service", "gateway target"),
        [
            (target.account, target.region, target.of("stack"), target.of("service"), target.of("gateway target"))
            for target in found.targets
        ],
    )
    console().print()
    for target in found.targets if len(found.targets) <= DETAILED_TARGETS else ():
        show(
            f"{target.account} {target.region}",
            ("subject", "state", "detail"),
            [(fact.subject, fact.state, fact.detail) for fact in target.facts],
        )
        console().print()


def show_drift(found: Sequence[TargetDrift]) -> None:
    """Prints what differs in every target, property by property, and what was not looked at."""
    for target in found:
        rows = [
            (f"{one.stack}/{one.logical_id}".lstrip("/"), one.status, _differences(one)) for one in target.resources
        ]
        title = f"{target.account} {target.region}: {target.status} ({target.depth})"
        if rows:
            show(title, ("resource", "state", "difference"), rows)
        else:
            console().print(title, soft_wrap=True)
        if target.detail:
            console().print(f"  {target.detail}", soft_wrap=True)
        if target.unchecked:
            console().print(f"  not checked by AWS: {', '.join(target.unchecked)}", soft_wrap=True)
        console().print()


def _differences(drifted: Drifted) -> str:
    return "; ".join(f"{one.path}: {one.expected} → {one.actual}" for one in drifted.differences)


def _result(row: Row) -> str:
    return {True: "passed", False: "FAILED", None: "not tried"}[row.passed]
