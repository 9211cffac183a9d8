"""Private exposure: an internal load balancer admits the gateway alone, and the gateway has a way to it.

Sources: ELB API reference, `CreateLoadBalancer.Scheme`; AgentCore developer guide, "Managed VPC resources" (the load
balancer must admit the resource gateway's group) and "Route traffic through an intermediate domain". Without a private
endpoint the gateway calls from the internet, which never reaches an internal load balancer.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from generator.checks.findings import Defect, Rule
from generator.evaluation import Deployment
from generator.symbols import Reference, scalar

GROUP: Final = "AWS::EC2::SecurityGroup"
INGRESS: Final = "AWS::EC2::SecurityGroupIngress"
LOAD_BALANCER: Final = "AWS::ElasticLoadBalancingV2::LoadBalancer"
TARGET: Final = "AWS::BedrockAgentCore::GatewayTarget"
TASKS: Final = "AWS::ECS::Service"
HTTPS: Final = "443"


def internal_exposure(deployment: Deployment, title: str) -> Iterator[Defect]:
    """An internal load balancer is reached on port 443 from the group of the gateway's private endpoint alone."""
    if deployment.property(title, "Scheme") != "internal":
        return
    own = _groups(deployment.property(title, "SecurityGroups"))
    endpoints = {group for target in deployment.existing(TARGET) for group in _endpoint_groups(deployment, target)}
    for holder, group, rule in _rules(deployment):
        if group not in own:
            continue
        source = rule.get("SourceSecurityGroupId")
        if not isinstance(source, Reference):
            yield Defect("Properties.Scheme", f"{title} is internal, but {holder} admits an address range.")
        elif source.logical_id in _others(deployment) or (endpoints and source.logical_id not in endpoints):
            yield Defect("Properties.Scheme", f"{title} is internal, but {holder} admits {source.logical_id}.")
        elif _ports(rule) != (HTTPS, HTTPS):
            yield Defect("Properties.Scheme", f"{title} is internal, but {holder} opens more than port {HTTPS}.")


def private_endpoint(deployment: Deployment, title: str) -> Iterator[Defect]:
    """A gateway's target has a private endpoint to the load balancer where, and only where, that is internal."""
    path = "Properties.PrivateEndpoint"
    internal = [one for one in deployment.existing(LOAD_BALANCER) if deployment.property(one, "Scheme") == "internal"]
    endpoint = (deployment.property(title, "PrivateEndpoint") or {}).get("ManagedVpcResource")
    if endpoint is None:
        if internal:
            yield Defect(path, f"{title} has no private endpoint, without which no call reaches {internal[0]}.")
        return
    if not internal:
        yield Defect(path, f"{title} has a private endpoint, but no load balancer is internal.")
        return
    domain = endpoint.get("RoutingDomain")
    if not isinstance(domain, Reference) or domain.logical_id not in internal:
        yield Defect(path, f"{title} is routed to {domain or 'no name'}, not to {internal[0]}.")
        return
    admitting = _groups(deployment.property(domain.logical_id, "SecurityGroups"))
    entering = set(_endpoint_groups(deployment, title))
    admitted = {
        source.logical_id
        for _, group, rule in _rules(deployment)
        if group in admitting and _ports(rule) == (HTTPS, HTTPS)
        for source in [rule.get("SourceSecurityGroupId")]
        if isinstance(source, Reference)
    }
    if not entering & admitted:
        yield Defect(path, f"No rule of {domain.logical_id} admits the private endpoint of {title} on port {HTTPS}.")


def _endpoint_groups(deployment: Deployment, target: str) -> set[str]:
    endpoint = (deployment.property(target, "PrivateEndpoint") or {}).get("ManagedVpcResource") or {}
    return _groups(endpoint.get("SecurityGroupIds"))


def _others(deployment: Deployment) -> set[str]:
    found: set[str] = set()
    for service in deployment.existing(TASKS):
        configuration = deployment.property(service, "NetworkConfiguration") or {}
        found |= _groups(configuration.get("AwsvpcConfiguration", {}).get("SecurityGroups"))
    return found


def _rules(deployment: Deployment) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for title in deployment.existing(INGRESS):
        group = deployment.property(title, "GroupId")
        if isinstance(group, Reference):
            yield title, group.logical_id, deployment.properties(title)
    for title in deployment.existing(GROUP):
        for rule in deployment.property(title, "SecurityGroupIngress") or ():
            yield title, title, rule


def _ports(rule: Mapping[str, Any]) -> tuple[Any, Any]:
    return scalar(rule.get("FromPort")), scalar(rule.get("ToPort"))


def _groups(values: Any) -> set[str]:
    return {value.logical_id for value in values or () if isinstance(value, Reference)}


RULES = (
    Rule(internal_exposure, (LOAD_BALANCER,)),
    Rule(private_endpoint, (TARGET,)),
)
