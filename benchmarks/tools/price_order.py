"""The tool ``price_order``: validated arguments, structured output."""

from typing import Annotated

from pydantic import BaseModel, Field


class Item(BaseModel):
    """One line of an order."""

    sku: Annotated[str, Field(pattern=r"^[A-Z]{3}-[0-9]{4}$")]
    quantity: Annotated[int, Field(ge=1, le=100)]
    cents: Annotated[int, Field(ge=0)]


class Price(BaseModel):
    """What an order costs."""

    currency: str
    total_cents: int
    lines: list[int]


def price_order(items: list[Item], currency: Annotated[str, Field(min_length=3, max_length=3)] = "USD") -> Price:
    """Price an order."""
    lines = [item.quantity * item.cents for item in items]
    return Price(currency=currency, total_cents=sum(lines), lines=lines)
