"""The bridge's half for Organizations: every account of ministack's has an organization of its own as soon as it asks;
here an organization exists once it was created, and its members belong to it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ministack.core import iam_evaluator
from ministack.services import organizations

from emulator.bridge_data_plane import Record

_NAMES: Mapping[Any, Sequence[str]] = {
    iam_evaluator: ("_principal_org_id",),
    organizations: ("_accounts", "_attachments", "_ensure_org", "_orgs", "_ous", "_roots"),
}
_missing = [
    f"{module.__name__}.{name}" for module, names in _NAMES.items() for name in names if not hasattr(module, name)
]
if _missing:
    raise ImportError(f"this ministack lacks {', '.join(_missing)}; install the version that Pipfile pins")


def install() -> None:
    """Let policies see the organization of members: ministack knows none but that of a management account."""

    def principal_organization(account: str) -> str | None:
        management = management_of(account)
        found = organizations._orgs.get_scoped(management, None, "self") if management else None
        return str(found["Id"]) if found else None

    iam_evaluator._principal_org_id = principal_organization


def management_of(account: str) -> str | None:
    """Return the management account of the organization that an account belongs to, None when it belongs to none."""
    members = list(organizations._accounts._data)
    return next((str(owner) for owner, known in members if known == account), None)


def create(feature_set: str) -> Record:
    """Make the current account's organization and return it."""
    organizations._ensure_org()
    made: Record = organizations._orgs["self"]
    made["FeatureSet"] = feature_set
    return dict(made)


def organization() -> Record:
    """Return the organization of the current account, a management account."""
    return dict(organizations._orgs["self"])


def accounts() -> dict[str, Record]:
    """Return the accounts of the current account's organization by id, each with its ``Parent``."""
    return {str(key): {**record, "Parent": record["_ParentId"]} for key, record in organizations._accounts.items()}


def units() -> dict[str, str]:
    """Return the parents of the organizational units of the current account's organization, by id."""
    return {str(key): str(record["_ParentId"]) for key, record in organizations._ous.items()}


def root() -> str:
    """Return the id of the root of the current account's organization."""
    return str(next(iter(organizations._roots.keys())))


def remove_account(account: str) -> None:
    """Take an account out of the current account's organization."""
    organizations._accounts.pop(account, None)
    for policy, attached in organizations._attachments.items():
        organizations._attachments[policy] = [target for target in attached if target != account]
