"""What an identity needs so that CloudFormation can make resources with it: statements from AWS's own tables.

Execution roles of stack sets, launch roles and the deployer's own identity are built from these, each for the types of
the templates that it launches.
"""

from collections.abc import Iterable, Mapping, Sequence

from awacs.aws import Action, Allow, Statement
from troposphere import AWSHelperFn, Sub

from generator.handler_permissions import SCOPES, UNSCOPED

Needs = Mapping[str, Sequence[str]]
"""IAM actions by whatever needs them: a resource type's handlers, or the code that makes the calls."""

Names = Mapping[str, Sequence[str | AWSHelperFn]]
"""Patterns of ARNs by service."""

UNSCOPED_SID = "Unscoped"
UNSCOPED_REASON = "IAM takes no narrower resource for these actions"


def actions(needs: Needs, service: str) -> list[Action]:
    """Returns the actions of one service that are needed, sorted; `service` as IAM names it."""
    names = {action.partition(":")[2] for one in needs.values() for action in one if action.startswith(f"{service}:")}
    return [Action(service, name) for name in sorted(names)]


def services(needs: Needs) -> list[str]:
    """Returns the services that are needed, sorted, as IAM names them."""
    return sorted({action.partition(":")[0] for one in needs.values() for action in one})


def uses(needs: Needs, of: Iterable[str], own_names: Names | None = None) -> list[Statement]:
    """Returns what is needed `of` services: on the account's own resources, or on all where IAM has none.

    `own_names` gives the patterns of ARNs of a service whose resources bear names that are known.
    """
    asked = {service: actions(needs, service) for service in of}
    scoped = [
        Statement(
            Sid="".join(part.capitalize() for part in service.split("-")),
            Effect=Allow,
            Action=named,
            Resource=[_arn(scope) for scope in (own_names or {}).get(service) or SCOPES[service]],
        )
        for service, found in asked.items()
        if (named := [action for action in found if action.JSONrepr() not in UNSCOPED])
    ]
    unscoped = [action for found in asked.values() for action in found if action.JSONrepr() in UNSCOPED]
    if not unscoped:
        return scoped
    return [*scoped, Statement(Sid=UNSCOPED_SID, Effect=Allow, Action=unscoped, Resource=["*"])]


def _arn(scope: str | AWSHelperFn) -> str | AWSHelperFn:
    return Sub(scope) if isinstance(scope, str) and "${" in scope else scope
