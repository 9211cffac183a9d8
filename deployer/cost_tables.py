"""What a configuration costs, as people read it: presets side by side, targets, features, and what a change does."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from deployer.costs import Costs
from deployer.tables import console
from generator.cost.bill import Bill
from generator.cost.coverage import LEFT_OUT
from generator.cost.metering import COMPONENTS
from generator.cost.traffic import Amount, Traffic

DETAILED_TARGETS: Final = 2
CASES: Final = ("low", "expected", "high")


def assumptions(traffic: Traffic) -> str:
    """Returns the assumed traffic as a sentence."""
    searched = f", {traffic.searches_per_day:,.0f} of them searches" if traffic.searches_per_day else ""
    return (
        f"Assumed at each target: {traffic.requests_per_day:,.0f} requests a day{searched}, {traffic.seconds:g} s and"
        f" {traffic.payload_bytes:,.0f} bytes each, of which the server logs {traffic.log_bytes:,.0f}."
    )


MEANING: Final = (
    "Low: not one request, the fewest tasks. Expected: that traffic, spread evenly. High: three times as much, the most"
    " tasks all month, and no free allowance left."
)


def prices_of(found: Iterable[Bill], regions: Iterable[str]) -> list[str]:
    """Returns sentences on how old the prices are and which are another Region's."""
    bills = list(found)
    dates = sorted({row.price.date for bill in bills for row in bill.rows})
    lines = [f"US dollars a month without taxes, at prices of {dates[0]} to {dates[-1]}; `cost --refresh` asks anew."]
    for region in sorted(set(regions)):
        borrowed = next((bill.borrowed for bill in bills if bill.region == region and bill.borrowed), ())
        held = sum(row.price.region == region for bill in bills if bill.region == region for row in bill.rows)
        if borrowed:
            scale = "has no price of" if not held else f"lacks {len(borrowed)} prices of"
            lines.append(
                f"The table {scale} {region}: those of us-east-1 stand in, and how far they are off is not known."
            )
    unknown = sorted({kind for bill in bills for kind in bill.unpriced})
    if unknown:
        lines.append(f"Not counted, because nothing is known of their price: {', '.join(unknown)}.")
    return lines


def show_costs(now: Costs, supposed: Costs | None, traffic: Traffic, refreshed: Sequence[str]) -> None:
    """Prints what a configuration costs, and where something is supposed, what that changes."""
    draw(console(), now, supposed, traffic, refreshed)


def draw(screen: Console, now: Costs, supposed: Costs | None, traffic: Traffic, refreshed: Sequence[str] = ()) -> None:
    """Prints the same on a console."""
    bills = [*(bill for _, bill in now.targets), now.publishing]
    for line in [*refreshed, *prices_of(bills, (bill.region for bill in bills)), assumptions(traffic), MEANING]:
        screen.print(Text(line), soft_wrap=True)
    if supposed is not None:
        _changes(screen, now, supposed)
        return
    _presets(screen, now)
    _targets(screen, now)
    for place, bill in now.targets[:1] if len(now.targets) > DETAILED_TARGETS else now.targets:
        _lines(screen, f"{place.account} {place.region}", bill)
    _features(screen, now)
    screen.print(Text(f"\nNot in these figures: {'; '.join(LEFT_OUT)}."), soft_wrap=True)


def _table(first: Sequence[str], *numbers: str) -> Table:
    table = Table(header_style="bold", box=None, pad_edge=False)
    for heading in first:
        table.add_column(heading, overflow="fold")
    for heading in numbers:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _titled(screen: Console, title: str, table: Table) -> None:
    screen.print(Text(f"\n{title}", "italic"), soft_wrap=True)
    screen.print(table)


def money(value: float, signed: bool = False) -> str:
    """Returns US dollars with cents, with a sign where it is a change."""
    text = f"{value:+,.2f}" if signed else f"{value:,.2f}"
    return "0.00" if text in ("+0.00", "-0.00") else text


def _cases(amount: Amount, signed: bool = False) -> list[str]:
    return [money(value, signed) for value in (amount.low, amount.expected, amount.high)]


def _presets(screen: Console, now: Costs) -> None:
    names = list(now.presets)
    place = now.targets[0][0]
    table = _table(
        ["component"],
        *(f"{name}\n{case}" if index == 1 else f"\n{case}" for name in names for index, case in enumerate(CASES)),
    )
    for component in in_order(name for bill in now.presets.values() for name in bill.components):
        shown = [bill.components.get(component, Amount(0, 0, 0)) for bill in now.presets.values()]
        table.add_row(component, *(text for amount in shown for text in _cases(amount)))
    table.add_row("Total", *(text for bill in now.presets.values() for text in _cases(bill.total)), style="bold")
    _titled(screen, f"Presets, for {place.account} {place.region} as it is configured otherwise", table)


def _targets(screen: Console, now: Costs) -> None:
    table = _table(["target", "preset"], *CASES)
    for place, bill in now.targets:
        each = "" if place.account.isdigit() else " (each account)"
        table.add_row(f"{place.account} {place.region}{each}", place.preset, *_cases(bill.total))
    table.add_row("publishing: images, builds, templates", "", *_cases(now.publishing.total))
    table.add_row("Total", "", *_cases(now.total), style="bold")
    _titled(screen, "The configuration", table)


def _lines(screen: Console, title: str, bill: Bill) -> None:
    table = _table(["component", "what"], "quantity", "price", *CASES)
    last = ""
    for row in bill.rows:
        if not row.usd.high and not row.amount.high:
            continue
        per = f"{row.price.item.per:,} " if row.price.item.per > 1 else ""
        table.add_row(
            "" if row.component == last else row.component,
            row.note,
            f"{row.amount.expected:,.4g}" if row.amount.expected < 1000 else f"{row.amount.expected:,.0f}",
            f"{row.price.usd:g} / {per}{row.price.item.unit}",
            *_cases(row.usd),
        )
        last = row.component
    _titled(screen, title, table)


def _features(screen: Console, now: Costs) -> None:
    table = _table(["feature", "now"], *CASES)
    for one in now.features:
        table.add_row(one.name, "yes" if one.chosen else "no", *_cases(one.usd, signed=True))
        if one.refused:
            table.add_row(f"  refused here: {one.refused}", "", "", "", "")
    place = now.targets[0][0]
    _titled(screen, f"What each feature adds for {place.account} {place.region}", table)


def _changes(screen: Console, now: Costs, supposed: Costs) -> None:
    table = _table(["component"], "now", "then", "change")
    for name, before, after in changed_components(now, supposed):
        table.add_row(
            name, money(before.expected), money(after.expected), money(after.expected - before.expected, True)
        )
    table.add_section()
    for case in CASES:
        before_total, after_total = getattr(now.total, case), getattr(supposed.total, case)
        difference = money(after_total - before_total, True)
        table.add_row(f"Total, {case}", money(before_total), money(after_total), difference, style="bold")
    _titled(screen, "What would change, for all targets and publishing (components: expected)", table)


def changed_components(now: Any, then: Any) -> list[tuple[str, Amount, Amount]]:
    """Returns the components of two bills, or of two sets of them, whose cost is not the same, with both costs."""
    none = Amount(0, 0, 0)
    names = in_order([*now.components, *then.components])
    pairs = [(name, now.components.get(name, none), then.components.get(name, none)) for name in names]
    return [(name, before, after) for name, before, after in pairs if _differs(before, after)]


def in_order(names: Iterable[str]) -> list[str]:
    """Returns names of components in the order of a bill, each once."""
    return sorted(set(names), key=COMPONENTS.index)


def _differs(before: Amount, after: Amount) -> bool:
    return any(abs(getattr(before, case) - getattr(after, case)) >= 0.005 for case in CASES)
