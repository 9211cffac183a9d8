"""An organization as stack sets see it: its tree, the services that it trusts and their delegated administrators."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from emulator import bridge_organizations as bridge
from emulator.bridge_data_plane import Record, scope
from emulator.records import Table

HOME = "us-east-1"
"""The Region in which a global service keeps its records."""
STACK_SETS = "member.org.stacksets.cloudformation.amazonaws.com"
"""The service principal of stack sets in organizations (Organizations user guide, "CloudFormation StackSets")."""
_access = Table("organization-services")
_administrators = Table("organization-administrators")


@dataclass(frozen=True)
class Organization:
    """A tree of accounts below units below a root; ``parents`` are by account and by unit."""

    management: str
    root: str
    parents: Mapping[str, str]
    units: frozenset[str]
    active: frozenset[str]

    def has(self, unit: str) -> bool:
        """Whether it has an organizational unit of this id, or that root."""
        return unit == self.root or unit in self.units

    def above(self, member: str) -> list[str]:
        """Return the units over an account or a unit up to the root, the nearest first; none for a stranger."""
        found = []
        while member in self.parents:
            member = self.parents[member]
            found.append(member)
        return found

    def below(self, unit: str) -> list[str]:
        """Return the active accounts of a unit and of the units below it, never the management account, to which
        CloudFormation deploys no stack ("Create StackSets with service-managed permissions", user guide).
        """
        return [
            account
            for account in self.parents
            if account in self.active and account != self.management
            if unit in self.above(account)
        ]


def of(account: str) -> Organization | None:
    """Return the organization that an account belongs to, None when it belongs to none."""
    management = bridge.management_of(account)
    if management is None:
        return None
    with scope(management, HOME):
        members, units = bridge.accounts(), bridge.units()
        return Organization(
            management=management,
            root=bridge.root(),
            parents=units | {key: str(record["Parent"]) for key, record in members.items()},
            units=frozenset(units),
            active=frozenset(key for key, record in members.items() if record["Status"] == "ACTIVE"),
        )


def all_features(management: str) -> bool:
    """Whether the organization of a management account has all features, not only consolidated billing."""
    with scope(management, HOME):
        return bool(bridge.organization()["FeatureSet"] == "ALL")


def trust(principal: str, activated: bool = False) -> None:
    """Let a service into the current management account's organization; ``activated`` when the service was asked to."""
    known = _access.get(principal) or {"ServicePrincipal": principal, "DateEnabled": time.time(), "Activated": False}
    _access.put(principal, known | {"Activated": activated or known["Activated"]})


def distrust(principal: str) -> None:
    """Shut a service out of the current management account's organization."""
    _access.pop(principal)


def trusted() -> list[Record]:
    """Return the services that the current management account's organization trusts."""
    return _access.values()


def stack_sets_may_act(management: str) -> bool:
    """Whether trusted access was activated through CloudFormation: Organizations alone does not make the roles
    (pepperize/cdk-organizations#1718).
    """
    with scope(management, HOME):
        return bool((_access.get(STACK_SETS) or {}).get("Activated"))


def delegate(account: str, principal: str) -> None:
    """Make an account a delegated administrator of a service."""
    _administrators.put(f"{account}/{principal}", {"Account": account, "Principal": principal, "Since": time.time()})


def undelegate(account: str, principal: str) -> bool:
    """Undo ``delegate``; return whether there was something to undo."""
    return _administrators.pop(f"{account}/{principal}") is not None


def delegations() -> list[Record]:
    """Return the ``Account``, the ``Principal`` and the time ``Since`` (seconds since the epoch) of each delegation."""
    return _administrators.values()


def is_delegated(management: str, account: str, principal: str | None = None) -> bool:
    """Whether an account is a delegated administrator, of one service or of any."""
    with scope(management, HOME):
        return any(
            item["Account"] == account and principal in (None, item["Principal"]) for item in _administrators.values()
        )
