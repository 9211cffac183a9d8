"""The web ACLs before the load balancer and before the gateway, with their logs; each layer associates its own."""

from dataclasses import dataclass
from typing import Any

from troposphere import AWSHelperFn, Join, logs, wafv2

from generator import conditions as c
from generator import firewall_rules as rules
from generator import parameters as p
from generator import protection
from generator.composition import Layer, Scope, Value, after, wire
from generator.names import bounded_name
from generator.policies import regional_arn

SECRET_HEADERS = ("authorization", "cookie", "x-amz-security-token")
"""Headers that carry tokens, signatures and session credentials; a signature may also stand in the query string."""


@dataclass(frozen=True)
class Inputs:
    """The firewall needs nothing of other layers."""


@dataclass(frozen=True)
class Outputs:
    """What each layer associates with what it makes."""

    load_balancer_web_acl_arn: Value = wire("ARN of the load balancer's web ACL; empty without a firewall.")
    gateway_web_acl_arn: Value = wire("ARN of the gateway's web ACL; empty without a firewall.")
    load_balancer_metric: Value = wire("Name of the load balancer's web ACL in metrics; empty without a firewall.")
    gateway_metric: Value = wire("Name of the gateway's web ACL in metrics; empty without a firewall.")


def build(scope: Scope, inputs: Inputs) -> Outputs:
    """Adds both web ACLs with their logs. With `FirewallMode` count, every rule only counts."""
    load_balancer = _web_acl(
        scope,
        "LoadBalancer",
        {"rate": rules.no_token_rate(scope)},
        "Filters requests before the load balancer and bounds those without a token.",
    )
    gateway = _web_acl(
        scope,
        "Gateway",
        {"rate": rules.source_rate(scope), "tool-rate": rules.tool_rate(scope)},
        "Filters requests before the gateway and bounds them by source address, and by tool where clients name it.",
    )
    return Outputs(
        load_balancer_web_acl_arn=load_balancer,
        gateway_web_acl_arn=gateway,
        load_balancer_metric=scope.choose(c.HAS_FIREWALL, _metric(scope, "load-balancer"), ""),
        gateway_metric=scope.choose(c.HAS_FIREWALL, _metric(scope, "gateway"), ""),
    )


def _metric(scope: Scope, label: str) -> AWSHelperFn:
    """Returns the name of a web ACL in metrics, which must tell this runtime's from another's in the Region."""
    return Join("-", [bounded_name(scope), label])


def _web_acl(scope: Scope, protects: str, rates: dict[str, wafv2.RateBasedStatement], description: str) -> AWSHelperFn:
    label = "load-balancer" if protects == "LoadBalancer" else "gateway"
    acl = scope.add(
        wafv2.WebACL(
            f"{protects}WebAcl",
            Scope="REGIONAL",
            DefaultAction=wafv2.DefaultAction(Allow=wafv2.AllowAction()),
            Rules=_rules(scope, label, rates),
            VisibilityConfig=_visibility(_metric(scope, label)),
            DataProtectionConfig=_without_secrets(),
        ),
        description,
        c.HAS_FIREWALL,
    )
    group = scope.add(
        logs.LogGroup(
            f"{protects}WebAclLogGroup",
            KmsKeyId=protection.key(scope),
            LogGroupName=Join("-", ["aws-waf-logs", bounded_name(scope), label]),
            RetentionInDays=scope.setting(p.LOG_RETENTION),
            DeletionPolicy="Delete",
            UpdateReplacePolicy="Delete",
        ),
        f"Log of the {label.replace('-', ' ')}'s web ACL; AWS WAF requires the name's beginning.",
        c.HAS_FIREWALL,
    )
    logging = scope.add(
        wafv2.LoggingConfiguration(
            f"{protects}WebAclLogging",
            ResourceArn=acl.get_att("Arn"),
            LogDestinationConfigs=[_without_stream_suffix(group)],
            RedactedFields=[
                *(
                    wafv2.LoggingConfigurationFieldToMatch(SingleHeader=wafv2.SingleHeader(Name=name))
                    for name in SECRET_HEADERS
                ),
                wafv2.LoggingConfigurationFieldToMatch(QueryString={}),
            ],
        ),
        "Logs what the web ACL decided, without tokens and signatures.",
        c.HAS_FIREWALL,
    )
    return scope.choose(c.HAS_FIREWALL, after(acl.get_att("Arn"), logging), "")


def _rules(scope: Scope, label: str, rates: dict[str, wafv2.RateBasedStatement]) -> list[wafv2.WebACLRule]:
    """Returns the rules by priority: what bounds floods first, what needs labels after the rules that put them."""
    blocking = scope.choose(
        c.ONLY_COUNTS,
        wafv2.RuleAction(Count=wafv2.CountAction()),
        wafv2.RuleAction(Block=wafv2.BlockAction()),
    )
    overriding = scope.choose(c.ONLY_COUNTS, wafv2.OverrideAction(Count={}), _no_override())
    found: list[tuple[str, wafv2.Statement, dict[str, Any]]] = [
        *((name, wafv2.Statement(RateBasedStatement=rate), {"Action": blocking}) for name, rate in rates.items()),
        ("more-than-a-call", rules.more_than_a_call(), {"Action": blocking}),
        *((name, rules.managed(group), {"OverrideAction": overriding}) for group, name in rules.MANAGED_RULE_GROUPS),
        ("large-body-elsewhere", rules.large_body_elsewhere(), {"Action": blocking}),
    ]
    return [
        wafv2.WebACLRule(
            Name=name, Priority=priority, Statement=statement, VisibilityConfig=_visibility(f"{label}-{name}"), **action
        )
        for priority, (name, statement, action) in enumerate(found)
    ]


def _visibility(name: Value) -> wafv2.VisibilityConfig:
    return wafv2.VisibilityConfig(CloudWatchMetricsEnabled=True, SampledRequestsEnabled=True, MetricName=name)


def _without_secrets() -> wafv2.DataProtectionConfig:
    """Returns what keeps secrets out of sampled requests too, and arguments of tools out of the details of a match.

    The log's redaction alone has "no impact on request sampling" (wafv2 service model, LoggingConfiguration).
    """
    fields = (
        wafv2.FieldToProtect(FieldType="SINGLE_HEADER", FieldKeys=list(SECRET_HEADERS)),
        wafv2.FieldToProtect(FieldType="QUERY_STRING"),
        wafv2.FieldToProtect(FieldType="BODY"),
    )
    return wafv2.DataProtectionConfig(
        DataProtections=[wafv2.DataProtect(Field=field, Action="SUBSTITUTION") for field in fields]
    )


def _no_override() -> wafv2.OverrideAction:
    # The property is called None, which Python takes no keyword argument for.
    action = wafv2.OverrideAction()
    setattr(action, "None", {})
    return action


def _without_stream_suffix(group: logs.LogGroup) -> AWSHelperFn:
    # AWS WAF refuses the ":*" with which a log group's Arn attribute ends.
    return regional_arn("logs", "log-group:${Group}", Group=group.ref())


LAYER = Layer("Firewall", "Web ACLs of the MCP runtime and their logs.", 10, Outputs, build)
