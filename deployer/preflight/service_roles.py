"""The roles that services make for themselves at first use: there already, or such as may be made.

Sources: Amazon ECS developer guide, "Using service-linked roles"; Elastic Load Balancing user guide, "Service-linked
roles"; Application Auto Scaling user guide, "Service-linked roles"; AgentCore developer guide, "Using service-linked
roles" (made with the first target that has a managed private endpoint); AWS WAF developer guide, "Using service-linked
roles" (made with the first logging configuration).
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from botocore.exceptions import ClientError

from deployer.context import Context
from deployer.preflight.rows import Row, failed, passed, unchecked
from deployer.preflight.simulation import Needs, simulate
from deployer.preflight.sites import DENIED, Site
from generator import parameters as p
from generator.presets import PRESET, PRESETS

CHECK: Final = "service-linked roles"
ACTION: Final = "iam:CreateServiceLinkedRole"
ALWAYS: Final[Mapping[str, str]] = {
    "AWSServiceRoleForApplicationAutoScaling_ECSService": "ecs.application-autoscaling.amazonaws.com",
    "AWSServiceRoleForECS": "ecs.amazonaws.com",
    "AWSServiceRoleForElasticLoadBalancing": "elasticloadbalancing.amazonaws.com",
}
"""Roles that every runtime needs, with the services that they are of."""
PRIVATE: Final = ("AWSServiceRoleForBedrockAgentCoreGatewayNetwork", "bedrock-agentcore.amazonaws.com")
FIREWALL: Final = ("AWSServiceRoleForWAFV2Logging", "wafv2.amazonaws.com")


def needed(sites: Iterable[Site]) -> dict[str, str]:
    """Returns the roles that an account's runtimes need, with the services that they are of."""
    found = dict(ALWAYS)
    for site in sites:
        if site.value(p.EXPOSURE) == "private":
            found |= dict([PRIVATE])
        firewall = site.value(p.FIREWALL)
        row = PRESETS.rows[site.value(p.PRESET_NAME)]
        if (row[p.FIREWALL.name] if firewall == PRESET else firewall) == "on":
            found |= dict([FIREWALL])
    return found


def row(context: Context, account: str, sites: Iterable[Site], execution_role: str) -> Row:
    """Returns whether an account has the roles, or whether the execution role may have them made.

    That is given by its ARN; empty where CloudFormation's own role acts, whose permissions are not ours to see.
    """
    where = f"account {account}"
    client = context.aws.client("iam", account, context.settings.stack_set.home_region)
    try:
        wanted = needed(sites)
        absent = {name: service for name, service in wanted.items() if not _exists(client, name)}
        if not absent:
            return passed(CHECK, where, f"{len(wanted)} are there")
        if not execution_role:
            return passed(CHECK, where, f"{len(absent)} made at first use, by CloudFormation's own role", "cited")
        partition = execution_role.split(":")[1]
        arns = [f"arn:{partition}:iam::{account}:role/aws-service-role/{of}/{name}" for name, of in absent.items()]
        if not _exists(client, execution_role.rpartition("/")[2]):
            return passed(CHECK, where, f"{len(absent)} made at first use, by the role that deploy makes")
        found = simulate(client, execution_role, Needs(dict.fromkeys(arns, (ACTION,))))
    except ClientError as error:
        if error.response["Error"]["Code"] not in DENIED:
            raise
        return unchecked(CHECK, where, f"{error.operation_name} is denied")
    if not found.denied:
        return passed(CHECK, where, f"{len(wanted) - len(absent)} there, {len(absent)} made at first use")
    names = ", ".join(resource.rpartition("/")[2] for _, resource in found.denied)
    return failed(
        CHECK,
        where,
        f"missing: {names}",
        f"Account {account} has no {names}, and {execution_role} may not have them made: allow it {ACTION}, or run `aws"
        f" iam create-service-linked-role` there for {', '.join(one.split('/')[2] for _, one in found.denied)}.",
        certain=False,
    )


def _exists(client: Any, name: str) -> bool:
    try:
        client.get_role(RoleName=name)
    except client.exceptions.NoSuchEntityException:
        return False
    return True
