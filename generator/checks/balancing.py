"""The load balancer: nothing passes a listener without a token, and every target group is attached in time.

Sources: ELB user guide, "Verify JSON Web Tokens" (the action comes first, HTTPS only), "Target groups" (Fargate tasks
register by address), "Listener rules"; ECS refuses a service whose target group has no load balancer (aws-cdk#1160);
WAF developer guide (web ACLs of scope CLOUDFRONT protect distributions alone).
"""

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any, Final

from generator.checks.findings import Defect, Rule
from generator.evaluation import Deployment
from generator.symbols import Reference, scalar

LISTENER: Final = "AWS::ElasticLoadBalancingV2::Listener"
LISTENER_RULE: Final = "AWS::ElasticLoadBalancingV2::ListenerRule"
TARGET_GROUP: Final = "AWS::ElasticLoadBalancingV2::TargetGroup"
SERVICE: Final = "AWS::ECS::Service"


def target_type(deployment: Deployment, title: str) -> Iterator[Defect]:
    """A Fargate service's target group registers tasks by address."""
    for group in _target_groups(deployment, title):
        kind = deployment.property(group, "TargetType")
        if kind != "ip":
            sentence = f"{title} runs on Fargate, but its target group {group} is of type {kind or 'instance'}, not ip."
            yield Defect("Properties.LoadBalancers", sentence)


def health_check_path(deployment: Deployment, title: str) -> Iterator[Defect]:
    """A health check's path begins with a slash."""
    path = deployment.property(title, "HealthCheckPath")
    if isinstance(path, str) and not path.startswith("/"):
        yield Defect("Properties.HealthCheckPath", f"{title} checks health at {path!r}; a path begins with a slash.")


def web_acl_scope(deployment: Deployment, title: str) -> Iterator[Defect]:
    """A web ACL that is associated with a Regional resource has the scope REGIONAL."""
    acl = deployment.property(title, "WebACLArn")
    if isinstance(acl, Reference) and deployment.property(acl.logical_id, "Scope") != "REGIONAL":
        yield Defect("Properties.WebACLArn", f"{title} associates {acl.logical_id}, whose scope is not REGIONAL.")


def attached_target_group(deployment: Deployment, title: str) -> Iterator[Defect]:
    """A service's target group has a listener or a rule, under every condition, before the service is created."""
    for group in _target_groups(deployment, title):
        holders = [
            other for other in deployment.existing(LISTENER, LISTENER_RULE) if group in _forwards(deployment, other)
        ]
        if not holders:
            sentence = f"{title} uses {group}, to which no listener forwards; ECS refuses such a service."
            yield Defect("Properties.LoadBalancers", sentence)
        elif not any(deployment.precedes(holder, title) for holder in holders):
            sentence = f"{title} does not wait for {', '.join(holders)}, through which {group} gets its load balancer."
            yield Defect("DependsOn", sentence)


def token_first(deployment: Deployment, title: str) -> Iterator[Defect]:
    """An HTTPS listener's every action list validates the token before anything else that answers."""
    path, actions = _actions(deployment, title)
    if _protocol(deployment, title) != "HTTPS":
        return
    ordered = sorted(actions, key=lambda action: int(scalar(action.get("Order", 1))))
    kinds = [action.get("Type") for action in ordered]
    if kinds[:1] != ["jwt-validation"]:
        yield Defect(path, f"{title} answers with {kinds[0] if kinds else 'nothing'} before the token is validated.")
    for action in ordered:
        configuration = action.get("JwtValidationConfig", {})
        if action.get("Type") == "jwt-validation" and not all(
            configuration.get(name) for name in ("Issuer", "JwksEndpoint")
        ):
            yield Defect(path, f"{title} validates tokens without an issuer or its keys under some condition.")


def plain_http(deployment: Deployment, title: str) -> Iterator[Defect]:
    """A listener without TLS never forwards, unless by a rule that no client can match."""
    path, actions = _actions(deployment, title)
    if _protocol(deployment, title) == "HTTPS" or not any(action.get("Type") == "forward" for action in actions):
        return
    if not _unmatchable(deployment.property(title, "Conditions") or ()):
        yield Defect(path, f"{title} forwards plain HTTP, without a token.")


def modern_tls(deployment: Deployment, title: str) -> Iterator[Defect]:
    """An HTTPS listener names a TLS policy; CloudFormation's default is the one of 2016."""
    policy = deployment.property(title, "SslPolicy")
    if _protocol(deployment, title) == "HTTPS" and "TLS13" not in str(policy):
        yield Defect("Properties.SslPolicy", f"{title} has the TLS policy {policy or 'of 2016'}, not one with TLS 1.3.")


def _target_groups(deployment: Deployment, service: str) -> list[str]:
    entries = deployment.property(service, "LoadBalancers") or ()
    groups = [entry.get("TargetGroupArn") for entry in entries]
    return [group.logical_id for group in groups if isinstance(group, Reference)]


def _actions(deployment: Deployment, title: str) -> tuple[str, list[Mapping[str, Any]]]:
    name = "DefaultActions" if deployment.type(title) == LISTENER else "Actions"
    return f"Properties.{name}", deployment.property(title, name) or []


def _forwards(deployment: Deployment, title: str) -> set[str]:
    found: set[str] = set()
    for action in _actions(deployment, title)[1]:
        groups = [action.get("TargetGroupArn")]
        groups += [group.get("TargetGroupArn") for group in action.get("ForwardConfig", {}).get("TargetGroups", ())]
        found |= {group.logical_id for group in groups if isinstance(group, Reference)}
    return found


def _protocol(deployment: Deployment, title: str) -> Any:
    if deployment.type(title) == LISTENER:
        return deployment.property(title, "Protocol")
    listener = deployment.property(title, "ListenerArn")
    return deployment.property(listener.logical_id, "Protocol") if isinstance(listener, Reference) else None


def _unmatchable(conditions: Any) -> bool:
    for condition in conditions:
        values = condition.get("SourceIpConfig", {}).get("Values", ())
        if values and all(_never_a_source(value) for value in values):
            return True
    return False


def _never_a_source(value: Any) -> bool:
    """Says whether packets from a network cannot bear the address (RFC 1122, 3.2.1.3): loopback, zero, broadcast."""
    try:
        network = ipaddress.ip_network(value)
    except ValueError:
        return False
    broadcast = network == ipaddress.ip_network("255.255.255.255/32")
    return network.is_loopback or network == ipaddress.ip_network("0.0.0.0/32") or broadcast


RULES = (
    Rule(target_type, (SERVICE,)),
    Rule(health_check_path, (TARGET_GROUP,)),
    Rule(web_acl_scope, ("AWS::WAFv2::WebACLAssociation",)),
    Rule(attached_target_group, (SERVICE,)),
    Rule(token_first, (LISTENER, LISTENER_RULE)),
    Rule(plain_http, (LISTENER, LISTENER_RULE)),
    Rule(modern_tls, (LISTENER,)),
)
