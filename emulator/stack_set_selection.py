"""The targets that a request names: accounts and Regions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import botocore.session

from emulator.bridge_data_plane import Record
from emulator.json_api import ApiError
from emulator.stack_set_records import instance_key

Targets = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Selection:
    """(account, Region) by Region in the order of the request."""

    targets: Targets


def select(record: Record, given: Mapping[str, Any], present: bool = False) -> Selection:
    """Return the targets of a request; ``present`` when they must be instances of the set. Raises ApiError."""
    if "DeploymentTargets" in given:
        raise _invalid("DeploymentTargets is only supported for StackSets with SERVICE_MANAGED permission model")
    accounts, regions = given.get("Accounts") or [], given.get("Regions") or []
    if not accounts or not regions:
        raise _invalid("At least one account and one Region must be given")
    check_accounts(accounts)
    check_regions(regions)
    targets = product(accounts, regions)
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
        text = f"Stack instances do not exist for StackSet {record['StackSetId']}: {', '.join(missing)}"
        raise ApiError("StackInstanceNotFoundException", text, 404)


def _invalid(message: str) -> ApiError:
    return ApiError("ValidationError", message)
