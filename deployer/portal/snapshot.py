"""What the portal shows of AWS, taken at one time: how the targets stand, their gateways, links, the truth test.

Each part is asked for by itself: what cannot be had says why, and hides nothing else.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from deployer import runtimes
from deployer.aws import aws_sentences
from deployer.context import Context
from deployer.errors import DeployerError
from deployer.launching import Links, launch_links
from deployer.launching import Wish as LaunchWish
from deployer.proving import verify_deployed
from deployer.status import Overview, overview
from deployer.verification import Row

OFFLINE: Final = "AWS was not asked: the page was made with --offline."
UNTRIED: Final = "It was not run for this page; `python build.py portal --verify` runs it and shows it here."
T = TypeVar("T")


@dataclass(frozen=True)
class Part(Generic[T]):
    """A part of the snapshot, or the sentences on why there is none."""

    found: T | None = None
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Snapshot:
    """What was found; `local` where the AWS of this machine answered, and not AWS.

    `gateways` are the gateways' URLs by account/Region; the rows of `verification` are by account/Region too.
    """

    status: Part[Overview]
    gateways: Mapping[str, str]
    links: Part[Links]
    verification: Part[Mapping[str, Sequence[Row]]]
    local: bool = False

    def as_data(self) -> dict[str, Any]:
        """Returns which parts are there, and why others are not."""
        parts: dict[str, Part[Any]] = {
            "status": self.status,
            "launch_links": self.links,
            "verification": self.verification,
        }
        return {
            name: {"included": part.found is not None, "reasons": list(part.reasons)} for name, part in parts.items()
        }


def absent(reason: str, *others: str) -> Snapshot:
    """Returns the snapshot of somebody who could not ask AWS, for a reason."""
    reasons = (reason, *others)
    return Snapshot(Part(reasons=reasons), {}, Part(reasons=reasons), Part(reasons=reasons))


def taken(context: Context, only: str, verify: bool) -> Snapshot:
    """Returns what AWS says of the targets, or of the one that `only` names; changes nothing.

    The truth test calls a tool, so it runs only where `verify` asks for it.
    """
    return Snapshot(
        _part(lambda: overview(context, only)),
        _part(lambda: _gateways(context, only)).found or {},
        _part(lambda: launch_links(context, LaunchWish(only))),
        _part(lambda: _verified(context, only)) if verify else Part(reasons=(UNTRIED,)),
        context.local,
    )


def _part(work: Callable[[], T]) -> Part[T]:
    try:
        with aws_sentences():
            return Part(work())
    except DeployerError as error:
        return Part(reasons=(str(error), *error.others))


def _gateways(context: Context, only: str) -> dict[str, str]:
    sets = context.stack_sets
    if sets.describe() is None:
        return {}
    chosen = {target: one for target, one in sets.listed().items() if only in ("", "/".join(target))}
    return {
        f"{one.account}/{one.region}": one.outputs["GatewayUrl"]
        for one in runtimes.read(context.aws, chosen)
        if one.outputs.get("GatewayUrl")
    }


def _verified(context: Context, only: str) -> dict[str, list[Row]]:
    return {name: rows for name, rows in verify_deployed(context).items() if only in ("", name)}
