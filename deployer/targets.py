"""Targets: accounts in Regions, given one by one or by the organizational units that hold them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from deployer.errors import UsageError


@dataclass(frozen=True)
class Target:
    """One account and Region; `values` are the parameters that it sets for itself, by parameter name.

    `unit` is the organizational unit through which it is reached, or empty.
    """

    account: str
    region: str
    values: tuple[tuple[str, str], ...] = ()
    unit: str = ""


@dataclass(frozen=True)
class UnitTarget:
    """An organizational unit in a Region: all its accounts, `only` some of them, or all `but` some."""

    unit: str
    region: str
    only: tuple[str, ...] = ()
    but: tuple[str, ...] = ()
    values: tuple[tuple[str, str], ...] = ()


def expanded(units: Sequence[UnitTarget], members: Mapping[str, frozenset[str]]) -> tuple[Target, ...]:
    """Returns the accounts of units as targets, in the order of `units` and then of the accounts' ids.

    `members` are all accounts by unit. A table that names its accounts wins over one that takes a whole unit. Raises
    UsageError where a named account is not in its unit, or where two tables of the same kind claim one target.
    """
    claims: dict[tuple[str, str], tuple[UnitTarget, Target]] = {}
    order = sorted(range(len(units)), key=lambda number: (not units[number].only, number))
    for number in order:
        table = units[number]
        for account in _accounts(table, members[table.unit]):
            place = (account, table.region)
            if place in claims:
                rival = claims[place][0]
                if bool(rival.only) == bool(table.only):
                    raise UsageError(
                        f"The targets {rival.unit} {rival.region} and {table.unit} {table.region} both hold account"
                        f" {account}; leave it out of one of them with except_accounts."
                    )
                continue
            claims[place] = (table, Target(account, table.region, table.values, table.unit))
    position = {table: number for number, table in enumerate(units)}
    found = sorted(claims.values(), key=lambda claim: (position[claim[0]], claim[1].account))
    return tuple(target for _, target in found)


def _accounts(table: UnitTarget, members: frozenset[str]) -> list[str]:
    strangers = sorted((set(table.only) | set(table.but)) - members)
    if strangers:
        raise UsageError(
            f"The account {strangers[0]} is not an active account of {table.unit} that a stack set reaches; correct"
            f" only_accounts and except_accounts of the target {table.unit} {table.region}."
        )
    return sorted((set(table.only) or members) - set(table.but))
