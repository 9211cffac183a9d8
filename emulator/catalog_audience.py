"""Service Catalog: whom a portfolio is for: its principals, and the accounts and nodes that it is shared with.

Refusals: the service model's errors of each operation and the API reference. Whether a principal exists is not checked.
"""

from collections.abc import Mapping
from typing import Any

from emulator import catalog_store as store
from emulator import organization
from emulator.bridge_data_plane import Record, current_scope, scope
from emulator.json_api import ApiError

Given = Mapping[str, Any]
PRINCIPAL = "servicecatalog.amazonaws.com"
_NODE_TYPES = {"ACCOUNT": "ORGANIZATION_MEMBER_ACCOUNT"}


def associate_principal(given: Given) -> Record:
    """Let a principal launch what a portfolio holds, one of the current account's or one that it imported."""
    arn, kind = given["PrincipalARN"], given["PrincipalType"]
    if kind == "IAM_PATTERN" and not arn.startswith("arn:aws:iam:::"):
        raise store.invalid("A pattern of principals names no account.")
    if kind == "IAM" and arn.endswith(":root"):
        raise store.invalid("The root user cannot be associated with a portfolio.")
    _principals(given["PortfolioId"])[f"{kind}/{arn}"] = {"ARN": arn, "Type": kind}
    return {}


def disassociate_principal(given: Given) -> Record:
    """Undo ``associate_principal``."""
    kind = given.get("PrincipalType", "IAM")
    if _principals(given["PortfolioId"]).pop(f"{kind}/{given['PrincipalARN']}", None) is None:
        raise store.absent("Principal", given["PrincipalARN"])
    return {}


def list_principals(given: Given) -> Record:
    """Return the principals that may launch what a portfolio holds."""
    found = _principals(given["PortfolioId"]).values()
    return {"Principals": [{"PrincipalARN": one["ARN"], "PrincipalType": one["Type"]} for one in found]}


def _principals(portfolio: str) -> dict[str, Record]:
    holder = store.portfolios.get(portfolio)
    if holder is None:
        if all(name != portfolio for _, name, _ in store.visible_portfolios()):
            raise store.absent("Portfolio", portfolio)
        holder = store.imports.get(portfolio) or {"Principals": {}}
        store.imports.put(portfolio, holder)
    found: dict[str, Record] = holder["Principals"]
    return found


def enable_organizations_access(given: Given) -> Record:
    """Let Service Catalog share within the organization of the calling management account."""
    account, _ = current_scope()
    found = organization.of(account)
    if found is None or found.management != account:
        text = "Only the management account of an organization enables access."
        raise ApiError("OperationNotSupportedException", text)
    with scope(account, organization.HOME):
        organization.trust(PRINCIPAL)
    return {}


def get_organizations_access_status(given: Given) -> Record:
    """Return whether Service Catalog may share within the organization."""
    found = organization.of(current_scope()[0])
    return {"AccessStatus": "ENABLED" if found and _enabled(found.management) else "DISABLED"}


def _enabled(management: str) -> bool:
    with scope(management, organization.HOME):
        return any(one["ServicePrincipal"] == PRINCIPAL for one in organization.trusted())


def create_portfolio_share(given: Given) -> Record:
    """Share a portfolio with an account, or with a node of the organization where access is enabled."""
    found = store.own_portfolio(given["PortfolioId"])
    key, share = _share(given)
    _check_principals(given, share)
    wishes = {name: given.get(name, False) for name in ("ShareTagOptions", "SharePrincipals")}
    found["Shares"].setdefault(key, share | wishes)
    return {} if share["Type"] == "ACCOUNT" else {"PortfolioShareToken": store.identity("share")}


def describe_portfolio_share_status(given: Given) -> Record:
    """Return what became of a share with an organization's node: here it is there at once."""
    token = given["PortfolioShareToken"]
    return {"PortfolioShareToken": token, "Status": "COMPLETED", "ShareDetails": {"SuccessfulShares": []}}


def update_portfolio_share(given: Given) -> Record:
    """Change what goes with a share."""
    key, share = _share(given)
    _check_principals(given, share)
    shares = store.own_portfolio(given["PortfolioId"])["Shares"]
    if key not in shares:
        raise store.absent("Portfolio share", key)
    shares[key] |= {name: given[name] for name in ("ShareTagOptions", "SharePrincipals") if name in given}
    return {"PortfolioShareToken": store.identity("share"), "Status": "COMPLETED"}


def delete_portfolio_share(given: Given) -> Record:
    """End a share."""
    key, share = _share(given)
    if store.own_portfolio(given["PortfolioId"])["Shares"].pop(key, None) is None:
        raise store.absent("Portfolio share", key)
    return {} if share["Type"] == "ACCOUNT" else {"PortfolioShareToken": store.identity("share")}


def _check_principals(given: Given, share: Record) -> None:
    """Principals are shared with an organization and its units alone (``CreatePortfolioShare``, SharePrincipals)."""
    if given.get("SharePrincipals") and share["Type"] not in ("ORGANIZATION", "ORGANIZATIONAL_UNIT"):
        raise store.invalid("Principals are shared with an organization or an organizational unit alone.")


def _share(given: Given) -> tuple[str, Record]:
    node, account = given.get("OrganizationNode"), given.get("AccountId")
    if (node is None) == (account is None):
        raise store.invalid("Give either AccountId or OrganizationNode.")
    if node is None:
        return f"ACCOUNT/{account}", {"Type": "ACCOUNT", "PrincipalId": account}
    caller = current_scope()[0]
    found = organization.of(caller)
    if found is None or not _enabled(found.management):
        raise ApiError("OperationNotSupportedException", "AWSOrganizationsAccess is not enabled.")
    if caller != found.management and not organization.is_delegated(found.management, caller, PRINCIPAL):
        text = "Only the management account or a delegated administrator shares with an organization node."
        raise ApiError("OperationNotSupportedException", text)
    kind = _NODE_TYPES.get(node["Type"], node["Type"])
    if kind == "ORGANIZATIONAL_UNIT" and not found.has(node["Value"]):
        raise store.absent("Organizational unit", node["Value"])
    return f"{kind}/{node['Value']}", {"Type": kind, "PrincipalId": node["Value"], "Management": found.management}


def describe_portfolio_shares(given: Given) -> Record:
    """Return the shares of a kind."""
    portfolio = store.own_portfolio(given["PortfolioId"])
    found = [one for one in portfolio["Shares"].values() if one["Type"] == given["Type"]]
    return {
        "PortfolioShareDetails": [
            {key: value for key, value in one.items() if key not in ("Management", "Accepted")}
            | {"Accepted": one["Type"] != "ACCOUNT" or _accepted(portfolio["Detail"]["Id"], one["PrincipalId"])}
            for one in found
        ]
    }


def _accepted(portfolio: str, account: str) -> bool:
    with scope(account, current_scope()[1]):
        return store.imports.get(portfolio) is not None


def accept_portfolio_share(given: Given) -> Record:
    """Import a portfolio that another account shares with the current one."""
    mine = current_scope()[0]
    found = store.placed(store.portfolios, given["PortfolioId"])
    if found is None or store.shared_with(found[1], mine) is None:
        raise store.absent("Portfolio share", given["PortfolioId"])
    if store.imports.get(given["PortfolioId"]) is None:
        store.imports.put(given["PortfolioId"], {"Principals": {}})
    return {}


def list_accepted_portfolio_shares(given: Given) -> Record:
    """Return the portfolios of other accounts that the current one has imported."""
    mine = current_scope()[0]
    return {"PortfolioDetails": [one["Detail"] for account, _, one in store.visible_portfolios() if account != mine]}


def reject_portfolio_share(given: Given) -> Record:
    """Undo the import of a portfolio."""
    if store.imports.pop(given["PortfolioId"]) is None:
        raise store.absent("Portfolio share", given["PortfolioId"])
    return {}
