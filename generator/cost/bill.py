"""A month's bill of a deployment: what its resources use, at the prices of its Region."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from generator.cost.coverage import FREE, METERS
from generator.cost.items import ITEMS
from generator.cost.metering import COMPONENTS, Site, Usage
from generator.cost.prices import Price, PriceTable
from generator.cost.traffic import NOTHING, Amount, Traffic
from generator.evaluation import Deployment

Allowance = Mapping[str, tuple[float, float]]
"""How much of each item's free allowance an account still has this month, low and expected, by the item's name."""
WHOLE_ALLOWANCE: Allowance = {item.name: (item.free, item.free) for item in ITEMS.values() if item.free}


@dataclass(frozen=True)
class Row:
    """One line of a bill: so much of an item, what it costs in US dollars a month, and at which price."""

    component: str
    note: str
    amount: Amount
    usd: Amount
    price: Price

    def as_data(self) -> dict[str, Any]:
        """Returns it as plain data."""
        return {
            "component": self.component,
            "what": self.note,
            "item": self.price.item.name,
            "unit": self.price.item.unit,
            "amount": self.amount.as_data(),
            "usd": self.usd.as_data(),
            "price": {
                "usd": self.price.usd,
                "per": self.price.item.per,
                "region": self.price.region,
                "date": self.price.date,
                "source": self.price.source,
            },
        }


@dataclass(frozen=True)
class Bill:
    """A month's bill. `unpriced` are resource types of which nothing is known; `rest` is what remains of the account's
    free allowances, for other runtimes of the account. A busy month counts without them.
    """

    rows: tuple[Row, ...]
    region: str
    unpriced: tuple[str, ...]
    rest: Allowance

    @property
    def total(self) -> Amount:
        """The whole in US dollars a month."""
        return total(row.usd for row in self.rows)

    @property
    def components(self) -> dict[str, Amount]:
        """US dollars a month by component, in the order of a bill, of which the deployment has anything."""
        named = dict.fromkeys(
            component for component in COMPONENTS if any(row.component == component for row in self.rows)
        )
        return {name: total(row.usd for row in self.rows if row.component == name) for name in named}

    @property
    def borrowed(self) -> tuple[str, ...]:
        """The items whose price is another Region's, because the table does not hold this Region's."""
        return tuple(
            dict.fromkeys(
                row.price.item.name
                for row in self.rows
                if row.price.region != self.region and not row.price.item.worldwide
            )
        )

    def as_data(self) -> dict[str, Any]:
        """Returns it as plain data."""
        return {
            "region": self.region,
            "components": {name: amount.as_data() for name, amount in self.components.items()},
            "total": self.total.as_data(),
            "rows": [row.as_data() for row in self.rows],
            "priced_as_in_us_east_1": list(self.borrowed),
            "unpriced_types": list(self.unpriced),
        }


def monthly(
    deployment: Deployment,
    region: str,
    traffic: Traffic,
    prices: PriceTable,
    allowance: Allowance = WHOLE_ALLOWANCE,
) -> Bill:
    """Returns the monthly bill of a deployment under the values that it was given.

    `allowance` is what the account has left of AWS's free allowances. Raises PriceTableError where the table lacks the
    price of an item.
    """
    site = Site(deployment, traffic)
    used: dict[tuple[str, str, str], Usage] = {}
    unknown: dict[str, None] = {}
    for title in deployment.existing():
        kind = deployment.type(title)
        for usage in METERS[kind](site, title) if kind in METERS else ():
            key = (usage.component, usage.item.name, usage.note)
            used[key] = replace(usage, amount=used[key].amount + usage.amount) if key in used else usage
        if kind not in METERS and kind not in FREE:
            unknown[kind] = None
    rest = dict(allowance)
    ordered = sorted(used.values(), key=lambda usage: COMPONENTS.index(usage.component))
    rows = tuple(_row(usage, prices.of(usage.item, region), rest) for usage in ordered)
    return Bill(rows, region, tuple(unknown), rest)


def _row(usage: Usage, price: Price, rest: dict[str, tuple[float, float]]) -> Row:
    used, one = usage.amount, price.of_one
    low, expected = rest.get(usage.item.name, (0.0, 0.0))
    usd = Amount(
        max(0.0, used.low - low) * one.low, max(0.0, used.expected - expected) * one.expected, used.high * one.high
    )
    if usage.item.name in rest:
        rest[usage.item.name] = (max(0.0, low - used.low), max(0.0, expected - used.expected))
    return Row(usage.component, usage.note, used, usd, price)


def total(amounts: Iterable[Amount]) -> Amount:
    """Returns the sum of amounts."""
    return sum(amounts, NOTHING)
