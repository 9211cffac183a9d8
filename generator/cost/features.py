"""What each optional feature adds to a monthly bill, everything else being as it is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from generator import parameters as p
from generator.cost import items
from generator.cost.bill import Bill, total
from generator.cost.network_meters import NAT_ADDRESSES
from generator.cost.traffic import Amount
from generator.evaluation import Deployment
from generator.parameters import RootParameter
from generator.presets import PRESET, PRESETS


@dataclass(frozen=True)
class Feature:
    """A choice that one parameter makes: its value with the feature, and without."""

    name: str
    parameter: RootParameter
    value: str
    otherwise: str


FEATURES: Final = (
    Feature("private exposure, instead of public", p.EXPOSURE, "private", "public"),
    Feature("one NAT gateway, instead of one a zone", p.NAT_GATEWAYS, "single", "per-zone"),
    Feature("interface endpoints, beside NAT", p.INTERFACE_ENDPOINTS, "on", "off"),
    Feature("three zones, instead of two", p.ZONE_COUNT, "3", "2"),
    Feature("ARM64, instead of X86_64", p.CPU_ARCHITECTURE, "ARM64", "X86_64"),
    Feature("half of the tasks beyond the first on Spot", p.SPOT_PERCENT, "50", "0"),
    Feature("firewall", p.FIREWALL, "on", "off"),
    Feature("who may call which tool (policy engine)", p.TOOL_ACCESS, "log-only", "off"),
)
ENDPOINTS_INSTEAD: Final = "interface endpoints, instead of NAT (in a VPC of yours)"


@dataclass(frozen=True)
class Addition:
    """What a feature adds in US dollars a month; `chosen` says that the deployment has it now.

    `refused` is the sentence with which the template's rules refuse one of the two, or empty.
    """

    name: str
    usd: Amount
    chosen: bool
    refused: str = ""

    def as_data(self) -> dict[str, Any]:
        """Returns it as plain data."""
        return {"feature": self.name, "usd": self.usd.as_data(), "chosen": self.chosen, "refused": self.refused}


def additions(
    deployment: Deployment, values: Mapping[str, str], bill: Callable[[Deployment], Bill]
) -> tuple[Addition, ...]:
    """Returns what each feature adds to the bill of a deployment under `values`, as `bill` makes it."""

    def under(feature: Feature, value: str) -> tuple[Bill, str]:
        changed = deployment.given({**values, feature.parameter.name: value})
        return bill(changed), next(iter(changed.violations()), "")

    found = []
    for feature in FEATURES:
        (having, first), (lacking, second) = under(feature, feature.value), under(feature, feature.otherwise)
        usd, chosen = having.total - lacking.total, _value(values, feature.parameter) == feature.value
        found.append(Addition(feature.name, usd, chosen, first or second))
        if feature.parameter is p.INTERFACE_ENDPOINTS and any(_of_nat(row) for row in having.rows):
            without = usd - total(row.usd for row in having.rows if _of_nat(row))
            found.append(Addition(ENDPOINTS_INSTEAD, without, False, first or second))
    deployment.given(values)
    return tuple(found)


def _of_nat(row: Any) -> bool:
    return row.price.item in (items.NAT_HOUR, items.NAT_GB) or row.note == NAT_ADDRESSES


def _value(values: Mapping[str, str], parameter: RootParameter) -> str:
    value = values[parameter.name]
    return PRESETS.rows[values[p.PRESET_NAME.name]][parameter.name] if value == PRESET else value
