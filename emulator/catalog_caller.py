"""Who calls Service Catalog, and what that principal may launch: only what a portfolio of its lets it.

A path leads through a portfolio that holds the product and that the principal is associated with; an administrator's
rights are none, and an account's root can be associated with no portfolio (aws/aws-cdk#8404; API reference,
``AssociatePrincipalWithPortfolio``).
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from emulator import catalog_store as store
from emulator.bridge_data_plane import Record, current_scope, principal_arn
from emulator.json_api import ApiError

_caller: ContextVar[str] = ContextVar("ARN of the principal that calls Service Catalog", default="")


@dataclass(frozen=True)
class Path:
    """A way to launch a product: through which portfolio, of which account."""

    account: str
    portfolio_id: str
    portfolio: Record

    @property
    def identity(self) -> str:
        """The path's id: one for a portfolio."""
        return f"lpv3-{self.portfolio_id.removeprefix('port-')}"

    def constraints(self, product: str, kind: str) -> list[Record]:
        """Return the constraints of a kind that launches of a product are under."""
        found = self.portfolio["Constraints"].values()
        return [one for one in found if one["ProductId"] == product and one["Type"] == kind]


@contextmanager
def calling(headers: Mapping[str, str]) -> Iterator[None]:
    """Know, within a block, the principal whose key signed a request."""
    key = headers.get("authorization", "").partition("Credential=")[2].partition("/")[0]
    token = _caller.set(principal_arn(key) if key else "")
    try:
        yield
    finally:
        _caller.reset(token)


def role_of(arn: str) -> str:
    """Return the role of a session's ARN, any other ARN as it is."""
    session = re.fullmatch(r"arn:(aws[a-z-]*):sts::([0-9]{12}):assumed-role/([^/]+)/.*", arn)
    return f"arn:{session[1]}:iam::{session[2]}:role/{session[3]}" if session else arn


def caller() -> str:
    """Return the ARN of the user or role that calls."""
    return role_of(_caller.get())


def paths(product: str) -> list[Path]:
    """Return the ways on which the caller may launch a product."""
    found = [Path(*one) for one in store.visible_portfolios() if product in one[2]["Products"]]
    return [one for one in found if _admitted(one)]


def path(product: str, wished: str) -> Path:
    """Return the way that a request wishes for, or the only one. Raises ApiError where there is none, or several."""
    found = [one for one in paths(product) if wished in ("", one.identity)]
    if not found:
        raise ApiError("ResourceNotFoundException", f"No launch paths found for resource: {product}")
    if len(found) > 1:
        raise ApiError("InvalidParametersException", "Multiple launch paths found; specify a path id.")
    return found[0]


def _admitted(way: Path) -> bool:
    mine = current_scope()[0]
    who = caller()
    if way.account == mine:
        principals = list(way.portfolio["Principals"].values())
    else:
        imported = store.imports.get(way.portfolio_id) or {}
        share = store.shared_with(way.portfolio, mine) or store.organization_share(way.portfolio, mine) or {}
        principals = list((imported.get("Principals") or {}).values())
        if share.get("SharePrincipals"):
            principals += [one for one in way.portfolio["Principals"].values() if one["Type"] == "IAM_PATTERN"]
    return any(_matches(one["ARN"], one["Type"], who) for one in principals)


def _matches(named: str, kind: str, who: str) -> bool:
    if kind == "IAM":
        return named == who
    pattern = re.escape(named.replace(":iam:::", "::", 1)).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(pattern, re.sub(r":iam::[0-9]{12}:", "::", who, count=1)) is not None
