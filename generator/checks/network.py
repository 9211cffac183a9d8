"""The network: subnets, and who may reach what.

Sources: VPC user guide, "Subnet CIDR blocks" (/28 to /16, no overlap); EC2 `AWS::EC2::SecurityGroup` reference (without
`SecurityGroupEgress` a group gets a rule that allows all outbound traffic).
"""

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any, Final

from generator.checks.findings import Defect, Rule
from generator.evaluation import Deployment
from generator.symbols import Reference, scalar

ANYWHERE: Final = ("0.0.0.0/0", "::/0")
LISTENER_PORTS: Final = ("80", "443")
GROUP: Final = "AWS::EC2::SecurityGroup"
INGRESS: Final = "AWS::EC2::SecurityGroupIngress"
EGRESS: Final = "AWS::EC2::SecurityGroupEgress"
LOAD_BALANCER: Final = "AWS::ElasticLoadBalancingV2::LoadBalancer"
SUBNET: Final = "AWS::EC2::Subnet"

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def subnets_in_vpc(deployment: Deployment, title: str) -> Iterator[Defect]:
    """A subnet's range lies within its VPC's and has a size that AWS takes."""
    block = _network(deployment.property(title, "CidrBlock"))
    vpc = deployment.property(title, "VpcId")
    if block is None or not isinstance(vpc, Reference):
        return
    if not 16 <= block.prefixlen <= 28:
        yield Defect("Properties.CidrBlock", f"{title} is {block}; a subnet's range is between /16 and /28.")
    whole = _network(deployment.property(vpc.logical_id, "CidrBlock"))
    if whole is not None and not (block.version == whole.version and block.subnet_of(whole)):  # type: ignore[arg-type]  # versions are equal
        yield Defect("Properties.CidrBlock", f"{title} is {block}, outside of {vpc.logical_id}, which is {whole}.")


def subnets_overlap(deployment: Deployment, title: str) -> Iterator[Defect]:
    """The ranges of two subnets of a VPC do not overlap."""
    block = _network(deployment.property(title, "CidrBlock"))
    if block is None:
        return
    for other in deployment.existing(SUBNET):
        if other == title:
            return
        beside = _network(deployment.property(other, "CidrBlock"))
        same_vpc = deployment.property(other, "VpcId") == deployment.property(title, "VpcId")
        if beside is not None and same_vpc and block.overlaps(beside):
            yield Defect("Properties.CidrBlock", f"{title} is {block} and overlaps {other}, which is {beside}.")


def open_ingress(deployment: Deployment, title: str) -> Iterator[Defect]:
    """Only the load balancer's ports 80 and 443 are open to everybody."""
    for path, group, rule in _ingress(deployment, title):
        source = scalar(rule.get("CidrIp", rule.get("CidrIpv6")))
        if source not in ANYWHERE:
            continue
        ports = (scalar(rule.get("FromPort")), scalar(rule.get("ToPort")))
        if ports[0] not in LISTENER_PORTS or ports[0] != ports[1]:
            yield Defect(path, f"{title} opens ports {ports[0]} to {ports[1]} to everybody; only 80 and 443 may be.")
        elif group not in _load_balancer_groups(deployment):
            yield Defect(path, f"{title} opens {group} to everybody, which is not a load balancer's group.")


def task_ingress(deployment: Deployment, title: str) -> Iterator[Defect]:
    """A service's tasks are reached from load balancers' security groups alone."""
    for path, group, rule in _ingress(deployment, title):
        source = _group_of(rule.get("SourceSecurityGroupId"))
        if group in _service_groups(deployment) and source not in _load_balancer_groups(deployment):
            yield Defect(
                path, f"{title} lets {source or 'an address range'} reach the tasks; only a load balancer may."
            )


def stated_egress(deployment: Deployment, title: str) -> Iterator[Defect]:
    """Every security group states its outbound rules, none for all protocols to everybody."""
    rules = deployment.property(title, "SecurityGroupEgress")
    if not rules:
        yield Defect("Properties.SecurityGroupEgress", f"{title} states no outbound rule, so AWS allows all of it.")
    for index, rule in enumerate(rules or ()):
        yield from _wide_egress(title, f"Properties.SecurityGroupEgress[{index}]", rule)


def narrow_egress(deployment: Deployment, title: str) -> Iterator[Defect]:
    """No outbound rule is for all protocols or ports to everybody."""
    yield from _wide_egress(title, "Properties", deployment.properties(title))


def _wide_egress(title: str, path: str, rule: Mapping[str, Any]) -> Iterator[Defect]:
    anywhere = rule.get("CidrIp", rule.get("CidrIpv6")) in ANYWHERE
    if anywhere and (
        scalar(rule.get("IpProtocol")) == "-1" or scalar(rule.get("FromPort")) != scalar(rule.get("ToPort"))
    ):
        yield Defect(path, f"{title} allows more than one port to everybody.")


def _ingress(deployment: Deployment, title: str) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    if deployment.type(title) == INGRESS:
        group = _group_of(deployment.property(title, "GroupId"))
        yield "Properties", group or "", deployment.properties(title)
        return
    for index, rule in enumerate(deployment.property(title, "SecurityGroupIngress") or ()):
        yield f"Properties.SecurityGroupIngress[{index}]", title, rule


def _group_of(value: Any) -> str | None:
    return value.logical_id if isinstance(value, Reference) else None


def _load_balancer_groups(deployment: Deployment) -> set[str]:
    return {
        group.logical_id
        for title in deployment.existing(LOAD_BALANCER)
        for group in deployment.property(title, "SecurityGroups") or ()
        if isinstance(group, Reference)
    }


def _service_groups(deployment: Deployment) -> set[str]:
    found: set[str] = set()
    for title in deployment.existing("AWS::ECS::Service"):
        configuration = deployment.property(title, "NetworkConfiguration") or {}
        groups = configuration.get("AwsvpcConfiguration", {}).get("SecurityGroups", ())
        found |= {group.logical_id for group in groups if isinstance(group, Reference)}
    return found


def _network(value: Any) -> Network | None:
    try:
        return ipaddress.ip_network(value) if isinstance(value, str) else None
    except ValueError:
        return None


RULES = (
    Rule(subnets_in_vpc, (SUBNET,)),
    Rule(subnets_overlap, (SUBNET,)),
    Rule(open_ingress, (GROUP, INGRESS)),
    Rule(task_ingress, (GROUP, INGRESS)),
    Rule(stated_egress, (GROUP,)),
    Rule(narrow_egress, (EGRESS,)),
)
