"""The rules of the web ACLs: which requests they match, and which of them honest MCP traffic must pass.

Sources: AWS WAF developer guide, "AWS Managed Rules rule groups list" (rules, labels) and "Rate-based rule statement";
shapes RateBasedStatement and Body of the wafv2 service model; the MCP specification 2026-07-28, "Streamable HTTP"
(standard request headers).
"""

from typing import Any, Final

from troposphere import wafv2

from generator import parameters as p
from generator import serving
from generator.composition import Scope

COMMON: Final = "AWSManagedRulesCommonRuleSet"
MANAGED_RULE_GROUPS: Final = (
    ("AWSManagedRulesAmazonIpReputationList", "ip-reputation"),
    ("AWSManagedRulesKnownBadInputsRuleSet", "known-bad-inputs"),
    (COMMON, "common"),
)
COUNTED_RULES: Final = (
    "SizeRestrictions_BODY",
    "NoUserAgent_HEADER",
    "CrossSiteScripting_BODY",
    "GenericLFI_BODY",
    "GenericRFI_BODY",
    "EC2MetaDataSSRF_BODY",
)
"""Common rules that only count: honest calls of tools are larger than 8 KB, come from programs that need not name
themselves, and carry markup, paths and addresses as arguments."""
LARGE_BODY_LABEL: Final = "awswaf:managed:aws:core-rule-set:SizeRestrictions_Body"
"""What the common rules put on a request whose body has more than 8 KB."""
MORE_THAN_A_CALL: Final = r"^0*([7-9][0-9]{6}|[1-9][0-9]{7,})$"
"""Content-Length of seven million bytes and more: a gateway takes and sends 6 MB at most (AgentCore quotas)."""
TOOL_HEADER: Final = "mcp-name"
"""Name of the tool that a request calls; clients of 2026-07-28 send it, and a gateway holds it against the body."""


def no_token_rate(scope: Scope) -> wafv2.RateBasedStatement:
    """Returns the rate of requests without a bearer token, by source.

    All honest traffic reaches the load balancer from a few addresses of AgentCore, with a token: it is not counted.
    """
    return wafv2.RateBasedStatement(
        AggregateKeyType="IP",
        Limit=scope.parameter(p.TOKENLESS_RATE),
        EvaluationWindowSec=scope.parameter(p.RATE_WINDOW),
        ScopeDownStatement=_not(_bearer_token()),
    )


def source_rate(scope: Scope) -> wafv2.RateBasedStatement:
    """Returns the rate of all requests, by source."""
    return wafv2.RateBasedStatement(
        AggregateKeyType="IP",
        Limit=scope.parameter(p.SOURCE_RATE),
        EvaluationWindowSec=scope.parameter(p.RATE_WINDOW),
    )


def tool_rate(scope: Scope) -> wafv2.RateBasedStatement:
    """Returns the rate of requests by tool and source; requests that name no tool are not counted.

    Not by tool alone: AWS WAF looks before the gateway knows who calls, so a stranger could use up a tool's rate.
    """
    keys = [
        wafv2.RateBasedStatementCustomKey(
            Header=wafv2.RateLimitHeader(Name=TOOL_HEADER, TextTransformations=_transformation("NONE"))
        ),
        wafv2.RateBasedStatementCustomKey(IP={}),
    ]
    return wafv2.RateBasedStatement(
        AggregateKeyType="CUSTOM_KEYS",
        CustomKeys=keys,
        Limit=scope.parameter(p.TOOL_RATE),
        EvaluationWindowSec=scope.parameter(p.RATE_WINDOW),
    )


def large_body_elsewhere() -> wafv2.Statement:
    """Returns what matches a body of more than 8 KB on any path but the endpoint's, where large calls are honest."""
    endpoint = wafv2.Statement(
        RegexMatchStatement=wafv2.RegexMatchStatement(
            FieldToMatch=wafv2.FieldToMatch(UriPath={}),
            RegexString=f"^{serving.MCP_PATH}/?$",
            TextTransformations=_transformation("NONE"),
        )
    )
    label = wafv2.LabelMatchStatement(Scope="LABEL", Key=LARGE_BODY_LABEL)
    return wafv2.Statement(
        AndStatement=wafv2.AndStatement(Statements=[wafv2.Statement(LabelMatchStatement=label), _not(endpoint)])
    )


def more_than_a_call() -> wafv2.Statement:
    """Returns what matches a request that announces more than any call can have.

    By its Content-Length: AWS WAF sees no more than the first 8 KB of a body before a load balancer and 16 KB before a
    gateway, so a size constraint cannot tell a large call from one that is too large.
    """
    return wafv2.Statement(
        RegexMatchStatement=wafv2.RegexMatchStatement(
            FieldToMatch=_header("content-length"),
            RegexString=MORE_THAN_A_CALL,
            TextTransformations=_transformation("NONE"),
        )
    )


def managed(group: str) -> wafv2.Statement:
    """Returns a managed rule group of AWS, with what honest calls match only counted."""
    overrides: dict[str, Any] = {}
    if group == COMMON:
        overrides["RuleActionOverrides"] = [
            wafv2.RuleActionOverride(Name=name, ActionToUse=wafv2.RuleAction(Count=wafv2.CountAction()))
            for name in COUNTED_RULES
        ]
    return wafv2.Statement(
        ManagedRuleGroupStatement=wafv2.ManagedRuleGroupStatement(VendorName="AWS", Name=group, **overrides)
    )


def _bearer_token() -> wafv2.Statement:
    return wafv2.Statement(
        ByteMatchStatement=wafv2.ByteMatchStatement(
            FieldToMatch=_header("authorization"),
            PositionalConstraint="STARTS_WITH",
            SearchString="bearer ",
            TextTransformations=_transformation("LOWERCASE"),
        )
    )


def _header(name: str) -> wafv2.FieldToMatch:
    return wafv2.FieldToMatch(SingleHeader=wafv2.SingleHeader(Name=name))


def _not(statement: wafv2.Statement) -> wafv2.Statement:
    return wafv2.Statement(NotStatement=wafv2.NotStatement(Statement=statement))


def _transformation(kind: str) -> list[wafv2.TextTransformation]:
    return [wafv2.TextTransformation(Priority=0, Type=kind)]
