"""The web ACLs before the load balancer and before the gateway, with their logs; each layer associates its own."""

from dataclasses import dataclass

from troposphere import AWSHelperFn, Join, NoValue, logs, wafv2

from generator import conditions as c
from generator import parameters as p
from generator import protection
from generator.composition import Layer, Scope, Value, after, wire
from generator.names import bounded_name
from generator.policies import regional_arn

REQUESTS_PER_SOURCE = 3000
"""Requests of one address within five minutes, above which the gateway's rate rule matches."""
UNTRUSTED_REQUESTS_PER_SOURCE = 100
"""The same for requests to the load balancer without a bearer token: honest callers send none."""
MANAGED_RULE_GROUPS = (
    ("AWSManagedRulesAmazonIpReputationList", "ip-reputation"),
    ("AWSManagedRulesKnownBadInputsRuleSet", "known-bad-inputs"),
    ("AWSManagedRulesCommonRuleSet", "common"),
)

COUNTED_RULES = (
    "SizeRestrictions_BODY",
    "NoUserAgent_HEADER",
    "CrossSiteScripting_BODY",
    "GenericLFI_BODY",
    "GenericRFI_BODY",
    "EC2MetaDataSSRF_BODY",
)
"""Common rules that only count: honest calls of tools are larger than 8 KB, come from programs that need not name
themselves, and carry markup, paths and addresses as arguments."""


@dataclass(frozen=True)
class Inputs:
    """The firewall needs nothing of other layers."""


@dataclass(frozen=True)
class Outputs:
    """What each layer associates with what it makes."""

    load_balancer_web_acl_arn: Value = wire("ARN of the load balancer's web ACL; empty without a firewall.")
    gateway_web_acl_arn: Value = wire("ARN of the gateway's web ACL; empty without a firewall.")


def build(scope: Scope, inputs: Inputs) -> Outputs:
    """Adds both web ACLs. Common rules that honest calls would match only count."""
    load_balancer = _web_acl(
        scope,
        "LoadBalancer",
        wafv2.RateBasedStatement(
            AggregateKeyType="IP",
            Limit=UNTRUSTED_REQUESTS_PER_SOURCE,
            EvaluationWindowSec=300,
            ScopeDownStatement=wafv2.Statement(NotStatement=wafv2.NotStatement(Statement=_bearer_token())),
        ),
        "Filters requests before the load balancer and bounds those without a token.",
    )
    gateway = _web_acl(
        scope,
        "Gateway",
        wafv2.RateBasedStatement(AggregateKeyType="IP", Limit=REQUESTS_PER_SOURCE, EvaluationWindowSec=300),
        "Filters requests before the gateway and bounds them by source address.",
    )
    return Outputs(load_balancer_web_acl_arn=load_balancer, gateway_web_acl_arn=gateway)


def _bearer_token() -> wafv2.Statement:
    return wafv2.Statement(
        ByteMatchStatement=wafv2.ByteMatchStatement(
            FieldToMatch=wafv2.FieldToMatch(SingleHeader=wafv2.SingleHeader(Name="authorization")),
            PositionalConstraint="STARTS_WITH",
            SearchString="bearer ",
            TextTransformations=[wafv2.TextTransformation(Priority=0, Type="LOWERCASE")],
        )
    )


def _visibility(name: str) -> wafv2.VisibilityConfig:
    return wafv2.VisibilityConfig(CloudWatchMetricsEnabled=True, SampledRequestsEnabled=True, MetricName=name)


def _web_acl(scope: Scope, protects: str, rate: wafv2.RateBasedStatement, description: str) -> AWSHelperFn:
    label = "load-balancer" if protects == "LoadBalancer" else "gateway"
    rules = [
        wafv2.WebACLRule(
            Name=name,
            Priority=priority,
            Statement=wafv2.Statement(
                ManagedRuleGroupStatement=wafv2.ManagedRuleGroupStatement(
                    VendorName="AWS", Name=group, RuleActionOverrides=_overrides(group)
                )
            ),
            OverrideAction=scope.choose(c.ONLY_COUNTS, wafv2.OverrideAction(Count={}), _no_override()),
            VisibilityConfig=_visibility(f"{label}-{name}"),
        )
        for priority, (group, name) in enumerate(MANAGED_RULE_GROUPS, start=1)
    ]
    rules.append(
        wafv2.WebACLRule(
            Name="rate",
            Priority=0,
            Statement=wafv2.Statement(RateBasedStatement=rate),
            Action=scope.choose(
                c.ONLY_COUNTS,
                wafv2.RuleAction(Count=wafv2.CountAction()),
                wafv2.RuleAction(Block=wafv2.BlockAction()),
            ),
            VisibilityConfig=_visibility(f"{label}-rate"),
        )
    )
    acl = scope.add(
        wafv2.WebACL(
            f"{protects}WebAcl",
            Scope="REGIONAL",
            DefaultAction=wafv2.DefaultAction(Allow=wafv2.AllowAction()),
            Rules=rules,
            VisibilityConfig=_visibility(label),
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
                wafv2.LoggingConfigurationFieldToMatch(SingleHeader=wafv2.SingleHeader(Name="authorization"))
            ],
        ),
        "Logs what the web ACL decided, without tokens.",
        c.HAS_FIREWALL,
    )
    return scope.choose(c.HAS_FIREWALL, after(acl.get_att("Arn"), logging), "")


def _no_override() -> wafv2.OverrideAction:
    # The property is called None, which Python takes no keyword argument for.
    action = wafv2.OverrideAction()
    setattr(action, "None", {})
    return action


def _overrides(group: str) -> list[wafv2.RuleActionOverride] | AWSHelperFn:
    if group != "AWSManagedRulesCommonRuleSet":
        return NoValue
    return [
        wafv2.RuleActionOverride(Name=name, ActionToUse=wafv2.RuleAction(Count=wafv2.CountAction()))
        for name in COUNTED_RULES
    ]


def _without_stream_suffix(group: logs.LogGroup) -> AWSHelperFn:
    # AWS WAF refuses the ":*" with which a log group's Arn attribute ends.
    return regional_arn("logs", "log-group:${Group}", Group=group.ref())


LAYER = Layer("Firewall", "Web ACLs of the MCP runtime and their logs.", 10, Outputs, build)
