"""What a deploy changes in the monthly cost of a target."""

from dataclasses import dataclass
from typing import Any

from deployer.costs import traffic
from generator.cost.bill import Bill, monthly
from generator.cost.metering import COMPONENTS
from generator.cost.prices import PriceTableError, held
from generator.cost.traffic import NOTHING, Amount
from generator.evaluation import Deployment


@dataclass(frozen=True)
class CostChange:
    """US dollars a month of one target before and after, at the traffic that `cost` assumes.

    `components` are those that change, each with its difference; `borrowed` says that prices of us-east-1 stand in for
    prices of the target's Region that are not held.
    """

    before: Amount
    after: Amount
    components: tuple[tuple[str, Amount], ...]
    borrowed: bool

    @property
    def difference(self) -> Amount:
        """What comes to the cost, less than nothing where it falls."""
        return self.after - self.before

    def as_data(self) -> dict[str, Any]:
        """Returns it as plain data."""
        return {
            "before": self.before.as_data(),
            "after": self.after.as_data(),
            "change": self.difference.as_data(),
            "components": {name: amount.as_data() for name, amount in self.components},
            "prices_of_us_east_1": self.borrowed,
        }


def cost_change(before: Deployment | None, after: Deployment | None, region: str) -> CostChange | None:
    """Returns what a target costs before and after, None being no runtime at all; None where either is not known."""
    bills = [_bill(one, region) if one is not None else Bill((), region, (), {}) for one in (before, after)]
    if None in bills:
        return None
    first, second = (bill for bill in bills if bill is not None)
    differences = [
        (name, second.components.get(name, NOTHING) - first.components.get(name, NOTHING)) for name in COMPONENTS
    ]
    changed = tuple((name, amount) for name, amount in differences if abs(amount.expected) >= 0.005)
    return CostChange(first.total, second.total, changed, bool(first.borrowed or second.borrowed))


def _bill(deployment: Deployment, region: str) -> Bill | None:
    try:
        return monthly(deployment, region, traffic({}), held())
    except (AttributeError, KeyError, LookupError, PriceTableError, TypeError, ValueError):
        # What stands may come from templates whose resources have other forms than the meters know.
        return None
