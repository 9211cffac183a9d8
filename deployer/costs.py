"""What a configuration costs in a month: each target, what publishing costs, and the whole. Asks nothing of AWS."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from deployer import image_supply
from deployer.errors import UsageError
from deployer.evaluating import evaluated, root_file
from deployer.foundation import Publisher, parameters
from deployer.price_list import Refreshed, refreshed
from deployer.settings import Settings
from generator import parameters as p
from generator.cost.bill import WHOLE_ALLOWANCE, Allowance, Bill, monthly, total
from generator.cost.features import Addition, additions
from generator.cost.prices import FILE, HOME, PriceTable, held, written
from generator.cost.traffic import Amount, Traffic
from generator.evaluation import Deployment
from generator.presets import PRESETS
from generator.stacks import template_dicts
from generator.stacks.foundation import ACCOUNT_FILE
from generator.tool_catalogue import FILE as FILE_OF_TOOLS
from generator.tool_catalogue import Catalogue

CONTRACT: Final = Path(__file__).resolve().parent.parent / FILE_OF_TOOLS
UNKNOWN_ACCOUNT: Final = "111122223333"
"""Stands for an account that only AWS names; no price depends on it."""
FOUND_ZONE: Final = "Z0000000000000"
"""Stands for the hosted zone that `deploy` looks up where the configuration leaves it out."""
UNCONFIGURED: Final = {
    **{parameter.name: parameter.default or "" for parameter in p.ALL},
    p.IMAGE_ACCOUNT.name: UNKNOWN_ACCOUNT,
    p.IMAGE_DIGEST.name: "sha256:" + "0" * 64,
}
"""Every parameter of a runtime as it is left, with an image that no price depends on."""


@dataclass(frozen=True)
class Place:
    """Where a runtime is: its account, or the organizational unit of which each account has one, and its Region."""

    account: str
    region: str
    preset: str

    @property
    def name(self) -> str:
        """The place as the command line names a target."""
        return f"{self.account}/{self.region}"


@dataclass(frozen=True)
class Costs:
    """The bills of a configuration: of every target, of publishing, and of both presets with the first target's values.

    The features are those of the first target.
    """

    targets: tuple[tuple[Place, Bill], ...]
    publishing: Bill
    presets: Mapping[str, Bill]
    features: tuple[Addition, ...]

    @property
    def total(self) -> Amount:
        """The whole set's cost, publishing included, in US dollars a month."""
        return total([*(bill.total for _, bill in self.targets), self.publishing.total])

    @property
    def components(self) -> dict[str, Amount]:
        """The whole set's cost by component."""
        found: dict[str, Amount] = {}
        for bill in [*(bill for _, bill in self.targets), self.publishing]:
            for name, amount in bill.components.items():
                found[name] = found[name] + amount if name in found else amount
        return found

    def as_data(self) -> dict[str, Any]:
        """Returns it as plain data."""
        return {
            "total": self.total.as_data(),
            "components": {name: amount.as_data() for name, amount in self.components.items()},
            "targets": [
                {"account": place.account, "region": place.region, "preset": place.preset, **bill.as_data()}
                for place, bill in self.targets
            ],
            "publishing": self.publishing.as_data(),
            "presets": {name: bill.as_data() for name, bill in self.presets.items()},
            "features": [one.as_data() for one in self.features],
        }


def traffic(options: Mapping[str, Any]) -> Traffic:
    """Returns the traffic that the command line's options say; what they leave out is as `Traffic` has it.

    The tools are as many as the checked-in tool contract has, where it can be read.
    """
    known = {field.name for field in fields(Traffic)}
    given = {name: value for name, value in options.items() if name in known and value is not None}
    with suppress(OSError, ValueError):
        given["tools"] = len(Catalogue.parse(CONTRACT.read_text(encoding="utf-8")).tools)
    return Traffic(**given)


def refresh(client: Any, settings: Settings) -> Refreshed:
    """Writes the table of prices anew, of us-east-1 and of the targets' Regions; `client` is boto3's of pricing."""
    found = refreshed(client, held(), sorted({HOME, settings.stack_set.home_region, *settings.regions}))
    FILE.write_text(written(found.table), encoding="utf-8")
    return found


def costs(settings: Settings, traffic: Traffic, only: str = "", prices: PriceTable | None = None) -> Costs:
    """Returns what a configuration costs, in all targets or in the one that `only` names as account/Region.

    `prices` are those of the repository where None are given. Free allowances are an account's: its first target has
    them first. Raises UsageError where there is no such target.
    """
    prices = prices or held()
    templates, root = template_dicts(), root_file(settings)
    placed = places(settings)
    if only:
        kept = {place: values for place, values in placed.items() if place.name == only}
        if not kept:
            names = ", ".join(sorted(place.name for place in placed))
            raise UsageError(f"{only} is no target; the targets are {names}.")
        placed = kept
    left: dict[str, Allowance] = {}
    bills = []
    publishing = _publishing(settings, templates, traffic, prices)
    for place, values in placed.items():
        deployment = evaluated(templates, root, values, _account(place), place.region)
        bill = monthly(deployment, place.region, traffic, prices, left.get(place.account, WHOLE_ALLOWANCE))
        left[place.account] = bill.rest
        bills.append((place, bill))
    first, values = next(iter(placed.items()))

    def priced(deployment: Deployment) -> Bill:
        return monthly(deployment, first.region, traffic, prices)

    deployment = evaluated(templates, root, values, _account(first), first.region)
    presets = {name: priced(deployment.given({**values, p.PRESET_NAME.name: name})) for name in PRESETS.rows}
    return Costs(tuple(bills), publishing, presets, additions(deployment, values, priced))


def places(settings: Settings) -> dict[Place, dict[str, str]]:
    """Returns the values of every target; an organizational unit's stand for those of each of its accounts."""
    named = [(one.account, one.region, one.values) for one in settings.targets]
    found = {}
    for account, region, own in named or [(one.unit, one.region, one.values) for one in settings.units]:
        values = {**UNCONFIGURED, **settings.parameters(), **dict(own)}
        looked_up = not values[p.HOSTED_ZONE_ID.name] and not values[p.CERTIFICATE_ARN.name]
        if looked_up and values[p.PARENT_DOMAIN.name]:
            values[p.HOSTED_ZONE_ID.name] = FOUND_ZONE
        found[Place(account, region, values[p.PRESET_NAME.name])] = values
    return found


def _publishing(settings: Settings, templates: Mapping[str, Any], traffic: Traffic, prices: PriceTable) -> Bill:
    home = settings.stack_set.home_region
    account = settings.stack_set.administration_account or UNKNOWN_ACCOUNT
    publisher = Publisher(
        account=account,
        repository=settings.image.repository,
        stack_set=settings.stack_set,
        target_accounts=tuple(sorted({target.account for target in settings.targets})),
        target_regions=tuple(settings.regions),
        builds_images=image_supply.needs_project(settings),
        kms_key=settings.image.kms_key_arn,
    )
    deployment = evaluated(templates, ACCOUNT_FILE, parameters(publisher), account, home)
    return monthly(deployment, home, traffic, prices)


def _account(place: Place) -> str:
    return place.account if place.account.isdigit() else UNKNOWN_ACCOUNT
