"""What Service Catalog remembers: portfolios and products with all that belongs to them, and what was launched.

A portfolio's record holds its products, principals, shares and constraints; a product's its versions. Both lie with the
account that made them; whoever a portfolio is shared with reads them there.
"""

import secrets
import string
import time
from collections.abc import Iterator

from emulator import organization
from emulator.bridge_data_plane import Record, current_scope
from emulator.json_api import ApiError
from emulator.records import Table

portfolios = Table("service-catalog-portfolios")
products = Table("service-catalog-products")
tag_options = Table("service-catalog-tag-options")
launched = Table("service-catalog-provisioned-products")
records = Table("service-catalog-records")
imports = Table("service-catalog-imports")
"""Portfolios of other accounts by id, of which the current account accepted the share."""
_ALPHABET = string.ascii_lowercase + string.digits


def identity(prefix: str) -> str:
    """Return a new id such as ``prod-abcdefghijklm``."""
    return f"{prefix}-{''.join(secrets.choice(_ALPHABET) for _ in range(13))}"


def now() -> float:
    """Return the time as the API tells it, in seconds since the epoch."""
    return time.time()


def absent(kind: str, name: str) -> ApiError:
    """Return the refusal of a name of something that is not there."""
    return ApiError("ResourceNotFoundException", f"{kind} {name} not found.")


def invalid(message: str) -> ApiError:
    """Return the refusal of parameters."""
    return ApiError("InvalidParametersException", message)


def in_use(message: str) -> ApiError:
    """Return the refusal of removing what something needs."""
    return ApiError("ResourceInUseException", message)


def own_portfolio(name: str) -> Record:
    """Return a portfolio of the current account and Region. Raises ApiError when there is none such."""
    found = portfolios.get(name)
    if found is None:
        raise absent("Portfolio", name)
    return found


def own_product(name: str) -> Record:
    """Return a product of the current account and Region. Raises ApiError when there is none such."""
    found = products.get(name)
    if found is None:
        raise absent("Product", name)
    return found


def version(product: Record, name: str) -> Record:
    """Return a version of a product by its id. Raises ApiError when there is none such."""
    found: Record | None = product["Versions"].get(name)
    if found is None:
        raise absent("ProvisioningArtifact", name)
    return found


def placed(table: Table, name: str) -> tuple[str, Record] | None:
    """Return a record of the current Region by its id, with the account that it lies in; None where there is none."""
    region = current_scope()[1]
    for (account, place, key), record in table.every():
        if key == name and place == region:
            return account, record
    return None


def visible_portfolios() -> Iterator[tuple[str, str, Record]]:
    """Yield the account, the id and the record of each portfolio that the current account has or has imported."""
    mine, region = current_scope()
    accepted = {key for key, _ in imports.items()}
    for (account, place, key), record in portfolios.every():
        imported = key in accepted and shared_with(record, mine) is not None
        if place == region and (account == mine or imported or organization_share(record, mine) is not None):
            yield account, key, record


def shared_with(portfolio: Record, account: str) -> Record | None:
    """Return a portfolio's share with an account by its id, None where there is none."""
    found: Record | None = portfolio["Shares"].get(f"ACCOUNT/{account}")
    return found


def organization_share(portfolio: Record, account: str) -> Record | None:
    """Return a portfolio's share with an organization's node that an account is of; such a share needs no acceptance
    (API reference, ``PortfolioShareDetail``, Accepted).
    """
    found = organization.of(account)
    if found is None or account == portfolio["Owner"]:
        return None
    nodes = {account, *found.above(account)}
    for share in portfolio["Shares"].values():
        whole = share["Type"] == "ORGANIZATION" and share["Management"] == found.management
        if whole or (share["Type"] != "ACCOUNT" and share["PrincipalId"] in nodes):
            return dict(share)
    return None
