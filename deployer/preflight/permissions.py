"""The caller's own permissions: every action behind the calls of this project, in each account that it acts in."""

from collections.abc import Iterator, Mapping
from typing import Final

from botocore.exceptions import ClientError

from deployer.context import Context
from deployer.preflight import principals
from deployer.preflight.rows import Row, failed, passed, unchecked
from deployer.preflight.simulation import Simulated, needs, simulate
from deployer.preflight.sites import DENIED
from generator.evaluation import Template
from generator.stacks.deployer import CATALOG_POLICY, FILE

CHECK: Final = "permissions"
SHOWN: Final = 5


def rows(context: Context, account: str, templates: Mapping[str, Template], values: Mapping[str, str]) -> Iterator[Row]:
    """Yields who acts in an account and whether IAM lets it do what this project does there.

    `values` are the parameters of the deployer's template.
    """
    region = context.settings.stack_set.home_region
    who = principals.of(context.aws, account, region)
    where = f"account {account}"
    yield passed("identity", where, who.caller, "called")
    if who.root:
        yield passed(CHECK, where, "the account's root user, whom no policy of the account bounds", "cited")
        return
    if not who.arn:
        yield unchecked(CHECK, where, f"IAM simulates roles and users, not {who.caller}")
        return
    try:
        wanted = needs(_taken(templates, bool(context.settings.catalog.provider)), FILE, values, (account, region))
        found = simulate(context.aws.client("iam", account, region), who.arn, wanted)
    except ClientError as error:
        if error.response["Error"]["Code"] not in DENIED:
            raise
        yield unchecked(CHECK, where, f"{error.operation_name} is denied")
        return
    yield verdict(CHECK, where, found, f"{who.arn} lacks", f"attach the managed policies of templates/{FILE} to it")


def _taken(templates: Mapping[str, Template], publishes: bool) -> Mapping[str, Template]:
    """Returns the templates with the policies of the deployer that are needed."""
    if publishes:
        return templates
    own = templates[FILE]
    resources = {title: one for title, one in own["Resources"].items() if title != CATALOG_POLICY}
    outputs = {title: one for title, one in own["Outputs"].items() if not title.startswith(CATALOG_POLICY)}
    return {**templates, FILE: {**own, "Resources": resources, "Outputs": outputs}}


def verdict(check: str, where: str, found: Simulated, lacks: str, remedy: str) -> Row:
    """Returns what the simulator found as a row: `lacks` begins the sentence, `remedy` ends it."""
    if not found.denied:
        open_ = f", {found.undecided} undecided" if found.undecided else ""
        return passed(check, where, f"{found.decided} actions simulated{open_}")
    shown = [f"{action} on {resource}" for action, resource in found.denied[:SHOWN]]
    more = f" and {len(found.denied) - SHOWN} more" if len(found.denied) > SHOWN else ""
    return failed(
        check,
        where,
        f"{len(found.denied)} of {found.decided} actions denied",
        f"In {where} {lacks} {', '.join(shown)}{more}, as IAM simulates it: {remedy}.",
        certain=False,
    )
