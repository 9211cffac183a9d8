"""The targets that a request names: accounts and Regions, or organizational units and Regions.

Refusals: shape DeploymentTargets and the operations of the CloudFormation service model; the words where a user of AWS
has quoted them (aws/aws-cli#8248, aws-cloudformation-resource-providers-cloudformation#100), else ours.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import botocore.session

from emulator import organization
from emulator.bridge_data_plane import Record, current_scope
from emulator.json_api import ApiError
from emulator.stack_set_records import SERVICE_MANAGED, instance_key

Targets = tuple[tuple[str, str], ...]
_MOST_UNITS = 50


@dataclass(frozen=True)
class Selection:
    """(account, Region) by Region in the order of the request; ``units`` are those by which accounts were reached."""

    targets: Targets
    units: Mapping[str, str] = field(default_factory=dict)


def select(record: Record, given: Mapping[str, Any], present: bool = False) -> Selection:
    """Return the targets of a request; ``present`` when they must be instances of the set. Raises ApiError."""
    service_managed = record["PermissionModel"] == SERVICE_MANAGED
    if service_managed and "Accounts" in given:
        raise _invalid("StackSets with SERVICE_MANAGED permission model can only have OrganizationalUnit as target")
    if not service_managed and "DeploymentTargets" in given:
        raise _invalid("DeploymentTargets is only supported for StackSets with SERVICE_MANAGED permission model")
    regions = given.get("Regions") or []
    if not regions or not (service_managed or given.get("Accounts")):
        raise _invalid("At least one account or organizational unit and one Region must be given")
    check_regions(regions)
    if service_managed:
        return _by_unit(record, given.get("DeploymentTargets") or {}, regions, present)
    check_accounts(given["Accounts"])
    targets = product(given["Accounts"], regions)
    if present:
        _check_present(record, targets)
    return Selection(targets)


def product(accounts: Iterable[str], regions: Iterable[str]) -> Targets:
    """Return every account in every Region, by Region, each once."""
    distinct = tuple(dict.fromkeys(accounts))
    return tuple((account, region) for region in dict.fromkeys(regions) for account in distinct)


def check_accounts(accounts: Sequence[str]) -> None:
    """Raise ApiError for what is no account id."""
    for account in accounts:
        if not (account.isdigit() and len(account) == 12):
            raise _invalid(f"Value '{account}' at 'accounts' is not an account id of 12 digits")


def check_regions(regions: Sequence[str]) -> None:
    """Raise ApiError for Regions that do not exist."""
    unknown = [region for region in regions if region not in _regions()]
    if unknown:
        raise _invalid(f"Region {', '.join(unknown)} is not supported")


@cache
def _regions() -> frozenset[str]:
    return frozenset(botocore.session.Session().get_available_regions("cloudformation"))


def _check_present(record: Record, targets: Targets) -> None:
    keys = [instance_key(account, region) for account, region in targets]
    missing = [key for key in keys if key not in record["Instances"]]
    if missing:
        raise _absent(record, ", ".join(missing))


def _absent(record: Record, which: str) -> ApiError:
    text = f"Stack instances do not exist for StackSet {record['StackSetId']}: {which}"
    return ApiError("StackInstanceNotFoundException", text, 404)


def _by_unit(record: Record, chosen: Mapping[str, Any], regions: Sequence[str], present: bool) -> Selection:
    """Accounts in the units and below them, filtered; among instances also those that a unit once reached."""
    units, accounts = chosen.get("OrganizationalUnitIds") or [], chosen.get("Accounts") or []
    found = _organization()
    kind = _filter(found, chosen, present)
    check_accounts(accounts)
    reached: dict[str, str] = {}
    for unit in units:
        for account in found.below(unit):
            reached.setdefault(account, unit)
    if present:
        for instance in list(record["Instances"].values()):
            if instance.get("OrganizationalUnitId") in units:
                reached.setdefault(instance["Account"], instance["OrganizationalUnitId"])
    if kind == "INTERSECTION":
        reached = {account: unit for account, unit in reached.items() if account in accounts}
    elif kind == "DIFFERENCE":
        reached = {account: unit for account, unit in reached.items() if account not in accounts}
    elif kind == "UNION":
        reached = {**reached, **{account: "" for account in accounts if account not in reached}}
    targets = product(reached, regions)
    if present:
        targets = tuple(target for target in targets if instance_key(*target) in record["Instances"])
        if not targets:
            raise _absent(record, ", ".join(units))
    return Selection(targets, reached)


def _organization() -> organization.Organization:
    found = organization.of(current_scope()[0])
    if found is None:
        raise _invalid("The account is not a member of an organization")
    return found


def _filter(found: organization.Organization, chosen: Mapping[str, Any], present: bool) -> str:
    """How accounts refine the units: the AccountFilterType, UNION where there are accounts and it is not given."""
    units, accounts = chosen.get("OrganizationalUnitIds") or [], chosen.get("Accounts") or []
    if "AccountsUrl" in chosen:
        raise _invalid("AccountsUrl is not emulated; give the accounts themselves")
    if not units:
        raise _invalid("StackSets with SERVICE_MANAGED permission model can only have OrganizationalUnit as target")
    if len(units) > _MOST_UNITS:
        raise _invalid(f"At most {_MOST_UNITS} organizational units may be given")
    unknown = [unit for unit in units if not found.has(unit)]
    if unknown:
        raise _invalid(f"OrganizationalUnits {', '.join(unknown)} do not exist in the organization")
    kind = str(chosen.get("AccountFilterType") or ("UNION" if accounts else "NONE"))
    if kind == "UNION" and not present:
        if "AccountFilterType" in chosen:
            raise _invalid("AccountFilterType UNION is not supported for CreateStackInstances")
        raise _invalid(
            "AccountFilterType should be specified when both OrganizationalUnitIds and Accounts are provided"
        )
    if (kind == "NONE") == bool(accounts):
        raise _invalid(f"AccountFilterType {kind} and Accounts contradict each other")
    return kind


def _invalid(message: str) -> ApiError:
    return ApiError("ValidationError", message)
