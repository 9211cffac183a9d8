"""What goes with sharing a portfolio that is no resource of a template: nodes of the organization, principals by their
names, and in the accounts that can be reached the import and the launch role.

A share with a node needs no acceptance (API reference, `PortfolioShareDetail`, Accepted). Principals that are shared by
name let whoever may make a role of that name in the other account launch (API reference, `CreatePortfolioShare`), so
that this is a choice.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from deployer.errors import RefusedError
from deployer.sections import Catalog

KINDS: Final = ("ORGANIZATION", "ORGANIZATIONAL_UNIT")
DONE: Final = "COMPLETED"
UNDER_WAY: Final = ("NOT_STARTED", "IN_PROGRESS")


@dataclass(frozen=True)
class Portfolio:
    """A portfolio by its id, through a client of Service Catalog in its account and Region."""

    client: Any
    identity: str

    def share(self, catalog: Catalog, poll: float) -> bool:
        """Shares as the configuration says what its stack cannot; returns whether anything changed.

        `poll` is in seconds. Raises RefusedError where AWS could not share with every account of the node.
        """
        changed = False
        known = {one["PrincipalId"]: one for one in self._shares("ACCOUNT")}
        for account in catalog.share_accounts:
            if known.get(account, {}).get("SharePrincipals", False) != catalog.share_principals:
                self.client.update_portfolio_share(
                    PortfolioId=self.identity, AccountId=account, SharePrincipals=catalog.share_principals
                )
                changed = True
        return self._share_with_node(catalog, poll) or changed if catalog.share_organization else changed

    def _share_with_node(self, catalog: Catalog, poll: float) -> bool:
        kind = KINDS[0] if catalog.share_organization.startswith("o-") else KINDS[1]
        node = {"Type": kind, "Value": catalog.share_organization}
        wanted = {"ShareTagOptions": True, "SharePrincipals": catalog.share_principals}
        there = next((one for one in self._shares(kind) if one["PrincipalId"] == catalog.share_organization), None)
        if there is not None and all(there.get(name, False) == value for name, value in wanted.items()):
            return False
        call = self.client.create_portfolio_share if there is None else self.client.update_portfolio_share
        self._follow(call(PortfolioId=self.identity, OrganizationNode=node, **wanted), node["Value"], poll)
        return True

    def unshare(self, poll: float) -> None:
        """Ends the shares with nodes of the organization, which keep the portfolio from being deleted."""
        for kind in KINDS:
            for one in self._shares(kind):
                node = {"Type": kind, "Value": one["PrincipalId"]}
                answer = self.client.delete_portfolio_share(PortfolioId=self.identity, OrganizationNode=node)
                self._follow(answer, one["PrincipalId"], poll)

    def _shares(self, kind: str) -> Iterator[Mapping[str, Any]]:
        request = {"PortfolioId": self.identity, "Type": kind}
        while True:
            page = self.client.describe_portfolio_shares(**request)
            yield from page["PortfolioShareDetails"]
            if not page.get("NextPageToken"):
                return
            request["PageToken"] = page["NextPageToken"]

    def _follow(self, answer: Mapping[str, Any], node: str, poll: float) -> None:
        token = answer.get("PortfolioShareToken")
        while token:
            found = self.client.describe_portfolio_share_status(PortfolioShareToken=token)
            if found["Status"] == DONE:
                return
            if found["Status"] not in UNDER_WAY:
                errors = found.get("ShareDetails", {}).get("ShareErrors", [])
                why = "; ".join(str(one.get("Message", "")) for one in errors) or found["Status"]
                raise RefusedError(f"The portfolio {self.identity} could not be shared with {node}: {why}.")
            time.sleep(poll)


def accept(client: Any, portfolio: str) -> bool:
    """Imports a portfolio into the account of the client; returns whether it was not there yet."""
    pages = client.get_paginator("list_accepted_portfolio_shares").paginate(PortfolioShareType="IMPORTED")
    if any(one["Id"] == portfolio for page in pages for one in page["PortfolioDetails"]):
        return False
    client.accept_portfolio_share(PortfolioId=portfolio, PortfolioShareType="IMPORTED")
    return True
