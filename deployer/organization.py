"""The accounts of organizational units, which a service-managed stack set reaches by their unit.

The organization is read by its management account or by a delegated administrator (Organizations service model,
`ListAccountsForParent`).
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from deployer.errors import RefusedError

ACTIVE = "ACTIVE"


def members(client: Any, units: Iterable[str]) -> dict[str, frozenset[str]]:
    """Returns the active accounts of each unit and of the units below it.

    The management account is none of them: a stack set never reaches it through a unit (CloudFormation user guide,
    "Create stack sets with service-managed permissions"). Raises RefusedError where the organization cannot be read or
    has no such unit.
    """
    try:
        management = client.describe_organization()["Organization"]["MasterAccountId"]
    except ClientError as error:
        raise RefusedError(
            "The organization cannot be read with these credentials"
            f" ({error.response['Error']['Code']}); service-managed targets need its management account or a delegated"
            " administrator."
        ) from error
    return {unit: frozenset(_accounts(client, unit)) - {management} for unit in sorted(set(units))}


def require_access(client: Any, delegated: bool) -> None:
    """Raises RefusedError unless stack sets may act in the organization, which somebody must allow once.

    `client` is the administrator's CloudFormation, and `delegated` whether that is a delegated administrator
    (CloudFormation service model, `DescribeOrganizationsAccess`).
    """
    whose = {"CallAs": "DELEGATED_ADMIN"} if delegated else {}
    status = client.describe_organizations_access(**whose).get("Status")
    if status != "ENABLED":
        raise RefusedError(
            f"Stack sets may not act in the organization ({status}); run `aws cloudformation"
            " activate-organizations-access` once with the management account's credentials."
        )


def _accounts(client: Any, unit: str) -> Iterator[str]:
    try:
        for page in client.get_paginator("list_accounts_for_parent").paginate(ParentId=unit):
            yield from (account["Id"] for account in page["Accounts"] if _active(account))
        children = client.get_paginator("list_organizational_units_for_parent").paginate(ParentId=unit)
        for page in children:
            for child in page["OrganizationalUnits"]:
                yield from _accounts(client, child["Id"])
    except ClientError as error:
        if error.response["Error"]["Code"] in ("ParentNotFoundException", "OrganizationalUnitNotFoundException"):
            raise RefusedError(
                f"The organization has no organizational unit {unit}; correct targets.organizational_unit."
            ) from error
        raise


def _active(account: Mapping[str, Any]) -> bool:
    """`State` takes the place of `Status`, which was to be retired on 2026-09-09 (shape `Account`)."""
    return (account.get("State") or account.get("Status")) in (None, ACTIVE)
