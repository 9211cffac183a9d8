"""Prices as the AWS Price List API has them now, in the place of those that the table held.

Facts: `GetProducts` and its filters in the pricing service model; the form of an entry of `PriceList` in the Billing
and Cost Management user guide, "Reading the service price list file for AWS Price List". Most Regions put a prefix of
capitals before a usage type.
"""

import json
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from generator.cost.items import ITEMS, Item
from generator.cost.prices import Price, PriceTable

REGION: Final = "us-east-1"
"""Where the API is; it answers for every Region (AWS general reference, "AWS Price List endpoints")."""
PREFIX: Final = r"(?:[A-Z]{2,4}[0-9]?-)?"


@dataclass(frozen=True)
class Refreshed:
    """A table made anew: which prices changed, as sentences, and of which items none was found, with the reason."""

    table: PriceTable
    found: int
    changes: tuple[str, ...]
    kept: tuple[str, ...]

    def lines(self) -> list[str]:
        """Returns what happened as sentences."""
        told = [f"The Price List has {self.found} of the table's prices; {len(self.changes)} changed."]
        return [*told, *self.changes, *(f"Kept as it was: {one}." for one in self.kept), ""]

    def as_data(self) -> dict[str, Any]:
        """Returns it as plain data."""
        return {"found": self.found, "changes": list(self.changes), "kept": list(self.kept)}


def refreshed(client: Any, table: PriceTable, regions: Collection[str]) -> Refreshed:
    """Returns the table with the Price List's present prices in the given Regions; `client` is boto3's of pricing."""
    found: list[Price] = []
    kept: list[str] = []
    changes: list[str] = []
    for item in ITEMS.values():
        if item.key is None:
            kept.append(f"{item.name}: the Price List is not asked for it")
            continue
        for region in regions:
            prices = set(_prices(item, region, _products(client, item, region)))
            if len({price.usd for price in prices}) != 1:
                why = "several different prices" if prices else "no price"
                kept.append(f"{item.name} in {region}: the Price List has {why} under {item.key.usage_type}")
                continue
            price = min(prices, key=lambda one: one.source)
            before = table.of(item, region)
            if before.region != region:
                changes.append(f"{item.name} in {region}: {price.usd:g}, which was not held")
            elif before.usd != price.usd:
                changes.append(f"{item.name} in {region}: {before.usd:g} → {price.usd:g}")
            found.append(price)
    return Refreshed(table.updated(found), len(found), tuple(changes), tuple(kept))


def _products(client: Any, item: Item, region: str) -> Iterator[dict[str, Any]]:
    assert item.key is not None
    pages = client.get_paginator("get_products").paginate(
        ServiceCode=item.key.service,
        FormatVersion="aws_v1",
        Filters=[
            {"Type": "EQUALS", "Field": "regionCode", "Value": region},
            {"Type": "CONTAINS", "Field": "usagetype", "Value": item.key.usage_type},
        ],
    )
    for page in pages:
        yield from map(json.loads, page["PriceList"])


def _prices(item: Item, region: str, products: Iterable[dict[str, Any]]) -> Iterator[Price]:
    assert item.key is not None
    for product in products:
        attributes = product["product"]["attributes"]
        usage_type = attributes.get("usagetype", "")
        if not re.fullmatch(PREFIX + re.escape(item.key.usage_type), usage_type):
            continue
        if item.key.operation and attributes.get("operation") != item.key.operation:
            continue
        usd = _first_charged(product.get("terms", {}).get("OnDemand", {}))
        if usd:
            source = f"AWS Price List, {usage_type}, SKU {product['product']['sku']}"
            yield Price(item, region, round(usd * item.per, 10), product["publicationDate"][:10], source)


def _first_charged(terms: dict[str, Any]) -> float:
    """Returns the US dollars of the first tier that costs anything, 0 where none does."""
    tiers = [tier for term in terms.values() for tier in term["priceDimensions"].values()]
    charged = [(float(tier["beginRange"]), float(tier["pricePerUnit"].get("USD", 0))) for tier in tiers]
    return min(((begin, usd) for begin, usd in charged if usd), default=(0.0, 0.0))[1]
