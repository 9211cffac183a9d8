"""The dated table of prices: what it holds, how it is read and written. Where a Region's price is missing it is said.

The table is `prices.toml` beside this module; `python build.py cost --refresh` writes it anew.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from generator.cost.items import ITEMS, Item
from generator.cost.traffic import Amount

FILE: Final = Path(__file__).with_name("prices.toml")
HOME: Final = "us-east-1"
"""The Region whose prices the table always holds."""
HEADER: Final = """\
# What AWS charges, in US dollars without taxes: an item of generator/cost/items.py, a Region, a price, the day on which
# the source had it, or on which an undated source was read, and the source. `low` and `high` bound a price that floats.
# `python build.py cost --refresh` asks the AWS Price List API and writes this file anew.
"""


class PriceTableError(Exception):
    """The table of prices cannot be used; the message says where it is wrong."""


@dataclass(frozen=True)
class Price:
    """The price of an item's `per` units in a Region, in US dollars; `date` is the day as YYYY-MM-DD."""

    item: Item
    region: str
    usd: float
    date: str
    source: str
    low: float | None = None
    high: float | None = None

    @property
    def of_one(self) -> Amount:
        """The price of one unit in the three cases."""
        low, high = self.usd if self.low is None else self.low, self.usd if self.high is None else self.high
        return Amount(low, self.usd, high).times(1 / self.item.per)


class PriceTable:
    """Prices by item and Region."""

    def __init__(self, prices: Iterable[Price]) -> None:
        self._prices = {(price.item.name, price.region): price for price in prices}

    def __iter__(self) -> Any:
        return iter(sorted(self._prices.values(), key=lambda price: (list(ITEMS).index(price.item.name), price.region)))

    def of(self, item: Item, region: str) -> Price:
        """Returns the price of an item in a Region: that of us-east-1 where the Region's is not held.

        Raises PriceTableError where there is neither.
        """
        found = self._prices.get((item.name, region)) or self._prices.get((item.name, HOME))
        if found is None:
            raise PriceTableError(f"{FILE.name} has no price of {item.name} in {HOME}; add a [[prices]] table with it.")
        return found

    def updated(self, prices: Iterable[Price]) -> "PriceTable":
        """Returns the table with prices in the place of those that it had, or added."""
        return PriceTable([*self._prices.values(), *prices])


def read(text: str) -> PriceTable:
    """Returns the table that a text in TOML holds; raises PriceTableError where an entry is wrong."""
    return PriceTable(_price(number, entry) for number, entry in enumerate(tomllib.loads(text)["prices"], 1))


def held() -> PriceTable:
    """Returns the table of the repository."""
    return read(FILE.read_text(encoding="utf-8"))


def written(table: PriceTable) -> str:
    """Returns a table as `read` takes it."""
    return HEADER + "".join(f"\n[[prices]]\n{_entry(price)}" for price in table)


def _price(number: int, entry: Mapping[str, Any]) -> Price:
    try:
        bounds = {name: float(entry[name]) for name in ("low", "high") if name in entry}
        item, usd = ITEMS[entry["item"]], float(entry["usd"])
        return Price(item, str(entry["region"]), usd, str(entry["date"]), str(entry["source"]), **bounds)
    except (KeyError, TypeError, ValueError) as error:
        raise PriceTableError(
            f"{FILE.name}: [[prices]] number {number} is wrong: {error}; correct it there."
        ) from error


def _entry(price: Price) -> str:
    bounds = {name: value for name, value in (("low", price.low), ("high", price.high)) if value is not None}
    numbers = "".join(f"{name} = {_number(value)}\n" for name, value in {"usd": price.usd, **bounds}.items())
    source = price.source.replace("\\", "\\\\").replace('"', '\\"')
    return (
        f'item = "{price.item.name}"\nregion = "{price.region}"\n{numbers}date = "{price.date}"\nsource = "{source}"\n'
    )


def _number(value: float) -> str:
    text = f"{value:.10f}".rstrip("0")
    return f"{text}0" if text.endswith(".") else text
