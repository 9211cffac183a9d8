"""What goes with sharing a portfolio that is no resource of a template: nodes of the organization, principals by their
names, and in the accounts that can be reached the import and the launch role.

A share with a node needs no acceptance (API reference, `PortfolioShareDetail`, Accepted). Principals are shared by name
with nodes alone (API reference, `CreatePortfolioShare`, SharePrincipals); an account that imports the portfolio
associates them itself. They let whoever may make a role of that name in the other account launch (the same), so that
this is a choice.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
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
        """Shares with the node that the configuration names and with no other; returns whether anything changed.

        `poll` is in seconds. Raises RefusedError where AWS could not share with every account of the node.
        """
        ended = self.unshare(poll, catalog.share_organization)
        return self._share_with_node(catalog, poll) or ended if catalog.share_organization else ended

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

    def unshare(self, poll: float, but: str = "") -> bool:
        """Ends the shares with nodes of the organization `but` one, which keep the portfolio from being deleted.

        Returns whether there were any.
        """
        others = [(kind, one["PrincipalId"]) for kind in KINDS for one in self._shares(kind)]
        others = [(kind, node) for kind, node in others if node != but]
        for kind, node in others:
            answer = self.client.delete_portfolio_share(
                PortfolioId=self.identity, OrganizationNode={"Type": kind, "Value": node}
            )
            self._follow(answer, node, poll)
        return bool(others)

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
                raise RefusedError(f"The share of the portfolio {self.identity} with {node} was not changed: {why}.")
            time.sleep(poll)


def accept(client: Any, portfolio: str) -> bool:
    """Imports a portfolio into the account of the client; returns whether it was not there yet."""
    pages = client.get_paginator("list_accepted_portfolio_shares").paginate(PortfolioShareType="IMPORTED")
    if any(one["Id"] == portfolio for page in pages for one in page["PortfolioDetails"]):
        return False
    client.accept_portfolio_share(PortfolioId=portfolio, PortfolioShareType="IMPORTED")
    return True


def admit(client: Any, portfolio: str, patterns: Sequence[str]) -> None:
    """Lets whoever these patterns match in the account of the client launch from a portfolio that it imported."""
    for pattern in patterns:
        client.associate_principal_with_portfolio(
            PortfolioId=portfolio, PrincipalARN=pattern, PrincipalType="IAM_PATTERN"
        )
