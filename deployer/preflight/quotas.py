"""Whether a new runtime fits into what an account may have in a Region.

Sources: the quotas' names and defaults are of the user guides ("Amazon VPC quotas"; "Quotas for your Application Load
Balancers"; AgentCore developer guide, "Quotas for Amazon Bedrock AgentCore"), their values in force of Service Quotas
(its service model: `GetServiceQuota` gives the applied value, `GetAWSDefaultServiceQuota` the default where none is
applied). NAT gateways count for each zone while they are pending, available or being deleted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from deployer.aws import Aws, dns_suffix, partition_of
from deployer.preflight.networks import given_zones
from deployer.preflight.rows import Row, failed, passed, unchecked
from deployer.preflight.sites import DENIED, Site
from generator import parameters as p
from generator.evaluation import Deployment, Template
from generator.stacks import template_dicts
from generator.stacks.runtime import PARENT_FILE

if TYPE_CHECKING:
    from deployer.verification import Evidence

CHECK: Final = "quota"
COUNTING: Final = ["pending", "available", "deleting"]
GATEWAYS: Final = 1000
"""Gateways of an account in a Region unless it was raised; Service Quotas names no code for it that is known here."""


@dataclass(frozen=True)
class Quota:
    """One quota: its name, service and code, the type that counts, and what is used of it already."""

    name: str
    service: str
    code: str
    type: str
    used: Callable[[Aws, Site], int]


def _listed(aws: Aws, site: Site, service: str, operation: str, member: str, **given: Any) -> list[Any]:
    client = aws.client(service, site.account, site.region)
    return [one for page in client.get_paginator(operation).paginate(**given) for one in page[member]]


def _own(site: Site, found: list[Any]) -> int:
    """Returns how many are the account's own: those that another shares with it count for the other."""
    return sum(one.get("OwnerId", site.account) == site.account for one in found)


def _nat_gateways(aws: Aws, site: Site) -> int:
    """Returns how many lie in the fullest of the zones that a new VPC gets gateways in."""
    ec2 = aws.client("ec2", site.account, site.region)
    zones = list(given_zones(ec2))[: _needed(site)["AWS::EC2::NatGateway"]]
    state = [{"Name": "state", "Values": COUNTING}]
    found = _listed(aws, site, "ec2", "describe_nat_gateways", "NatGateways", Filters=state)
    homes = {
        one["SubnetId"]: one["AvailabilityZone"] for one in _listed(aws, site, "ec2", "describe_subnets", "Subnets")
    }
    count = Counter(homes.get(one["SubnetId"], "") for one in found)
    return max((count[zone] for zone in zones), default=0)


def _load_balancers(aws: Aws, site: Site) -> int:
    found = _listed(aws, site, "elbv2", "describe_load_balancers", "LoadBalancers")
    return sum(one["Type"] == "application" for one in found)


QUOTAS: Final = (
    Quota(
        "VPCs",
        "vpc",
        "L-F678F1CE",
        "AWS::EC2::VPC",
        lambda aws, site: _own(site, _listed(aws, site, "ec2", "describe_vpcs", "Vpcs")),
    ),
    Quota(
        "internet gateways",
        "vpc",
        "L-A4707A72",
        "AWS::EC2::InternetGateway",
        lambda aws, site: _own(site, _listed(aws, site, "ec2", "describe_internet_gateways", "InternetGateways")),
    ),
    Quota(
        "Elastic IP addresses",
        "ec2",
        "L-0263D0A3",
        "AWS::EC2::EIP",
        lambda aws, site: len(aws.client("ec2", site.account, site.region).describe_addresses()["Addresses"]),
    ),
    Quota("NAT gateways of a zone", "vpc", "L-FE5A380F", "AWS::EC2::NatGateway", _nat_gateways),
    Quota(
        "Application Load Balancers",
        "elasticloadbalancing",
        "L-53DA6B97",
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        _load_balancers,
    ),
)
TYPES: Final = (*(quota.type for quota in QUOTAS), "AWS::BedrockAgentCore::Gateway")


def rows(aws: Aws, site: Site, evidence: Evidence) -> Iterator[Row]:
    """Yields a row for each quota that a new runtime takes of; `evidence` is the class of what the account answers."""
    needed = _needed(site)
    for quota in QUOTAS:
        if needed[quota.type]:
            yield _row(aws, site, quota, 1 if quota.type == "AWS::EC2::NatGateway" else needed[quota.type], evidence)
    yield _gateways(aws, site)


@cache
def _templates() -> Mapping[str, Template]:
    return template_dicts()


def _needed(site: Site) -> Counter[str]:
    """Returns how many resources of each counted type a runtime makes with the site's values."""
    pseudo = {
        "AWS::AccountId": site.account,
        "AWS::Partition": partition_of(site.region),
        "AWS::Region": site.region,
        "AWS::StackName": "runtime",
        "AWS::URLSuffix": dns_suffix(site.region),
    }
    known = {parameter.name: parameter.default or "" for parameter in p.ALL}
    deployment = Deployment(_templates(), PARENT_FILE, pseudo).given({**known, **site.values})
    return Counter(deployment.type(title) for title in deployment.existing(*TYPES))


def _row(aws: Aws, site: Site, quota: Quota, needed: int, evidence: Evidence) -> Row:
    where, check = f"{site.account} {site.region}", f"{CHECK}: {quota.name}"
    try:
        most = _value(aws.client("service-quotas", site.account, site.region), quota)
        used = quota.used(aws, site)
    except ClientError as error:
        if error.response["Error"]["Code"] not in DENIED:
            raise
        return unchecked(check, where, f"{error.operation_name} is denied")
    detail = f"{used} of {most} used, {needed} more needed"
    if used + needed <= most:
        return passed(check, where, detail, evidence)
    remedy = (
        f"The quota of {quota.name} of {site.where} is {most}, of which {used} are used, and a runtime needs {needed}"
        f" more: ask for {used + needed} (Service Quotas, {quota.service} {quota.code}), or remove what is not used."
    )
    return failed(check, where, detail, remedy, evidence)


def _value(client: Any, quota: Quota) -> int:
    given = {"ServiceCode": quota.service, "QuotaCode": quota.code}
    try:
        return int(client.get_service_quota(**given)["Quota"]["Value"])
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchResourceException":
            raise
    return int(client.get_aws_default_service_quota(**given)["Quota"]["Value"])


def _gateways(aws: Aws, site: Site) -> Row:
    where, check = f"{site.account} {site.region}", f"{CHECK}: gateways"
    try:
        used = len(_listed(aws, site, "bedrock-agentcore-control", "list_gateways", "items"))
    except ClientError as error:
        if error.response["Error"]["Code"] not in DENIED:
            raise
        return unchecked(check, where, f"{error.operation_name} is denied")
    detail = f"{used} of {GATEWAYS} used, unless that was raised"
    if used < GATEWAYS:
        return passed(check, where, detail, "cited")
    remedy = f"{site.where[0].upper()}{site.where[1:]} has {used} gateways: see that its quota was raised above them."
    return failed(check, where, detail, remedy, "cited", certain=False)
