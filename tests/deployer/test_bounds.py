"""What bounds callers is read back and held against what was asked for."""

from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from deployer.bounds import Bounds, told, wanted
from deployer.errors import RefusedError
from generator.parameters import ALL

OUTPUTS = {
    "LoadBalancerArn": "arn:aws:elasticloadbalancing:us-east-1:111111111111:loadbalancer/app/runtime/0123456789abcdef",
    "GatewayArn": "arn:aws:bedrock-agentcore:us-east-1:111111111111:gateway/runtime-0123456789",
    "GatewayId": "runtime-0123456789",
}
RATES = {"$.context.iam.principal": 30, "toolName": 60}


def asked(region: str = "us-east-1", **values: str) -> Bounds:
    return wanted({parameter.name: parameter.default or "" for parameter in ALL} | values, region)


def test_parameters_say_what_is_asked_for() -> None:
    assert not wanted({}, "us-east-1")
    assert not asked()
    assert asked(Preset="production") == Bounds("block", {"$.context.iam.principal": 3000, "toolName": 6000})
    assert asked("us-gov-west-1", Preset="production") == Bounds("block", {})
    assert asked(Firewall="on", FirewallMode="count") == Bounds("count", {})
    assert asked(Preset="production", Firewall="off", RequestsPerTool="0").rates == {"$.context.iam.principal": 3000}


def client(service: str) -> tuple[Any, Stubber]:
    made = boto3.client(service, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    stubber = Stubber(made)
    stubber.activate()
    return made, stubber


def acl(action: str) -> dict[str, Any]:
    seen = {"SampledRequestsEnabled": True, "CloudWatchMetricsEnabled": True, "MetricName": "x"}
    group = {"ManagedRuleGroupStatement": {"VendorName": "AWS", "Name": "AWSManagedRulesCommonRuleSet"}}
    rate = {"RateBasedStatement": {"Limit": 100, "AggregateKeyType": "IP"}}
    rules = [
        {"Name": "rate", "Priority": 0, "Statement": rate, "Action": {action: {}}, "VisibilityConfig": seen},
        {"Name": "common", "Priority": 1, "Statement": group, "OverrideAction": {"None": {}}, "VisibilityConfig": seen},
    ]
    named = {"Name": "x", "Id": "x", "ARN": "arn:aws:wafv2:us-east-1:111111111111:regional/webacl/x/x"}
    return {**named, "DefaultAction": {"Allow": {}}, "Rules": rules, "VisibilityConfig": seen}


def told_of(bounds: Bounds, *acls: dict[str, Any] | None, rates: dict[str, float] | None = None) -> str:
    """What is told where these web ACLs stand before load balancer and gateway (None: none), with these limits."""
    waf, waf_answers = client("wafv2")
    for found in acls:
        if found is None:
            waf_answers.add_client_error("get_web_acl_for_resource", "WAFNonexistentItemException")
        else:
            waf_answers.add_response("get_web_acl_for_resource", {"WebACL": found} if found else {})
    agentcore, answers = client("bedrock-agentcore-control")
    limits = [
        {
            "gatewayIdentifier": OUTPUTS["GatewayId"],
            "rateLimitId": "ab",
            "dimensionKeys": [name],
            "entries": [{"dimensions": {name: "*"}, "requests": [{"period": "minute", "rate": rate}]}],
            "status": "ACTIVE",
            "createdAt": 0,
            "updatedAt": 0,
        }
        for name, rate in (rates or {}).items()
    ]
    answers.add_response("list_gateway_rate_limits", {"rateLimits": limits})
    return told(waf, agentcore, OUTPUTS, bounds)


def test_everything_that_is_there_is_told() -> None:
    assert told_of(Bounds("block", RATES), acl("Block"), acl("Block"), rates={**RATES}) == (
        "Web ACLs of 2 and 2 rules stand before load balancer and gateway and block what they match. The gateway limits"
        " requests: 30 a minute by $.context.iam.principal, 60 a minute by toolName."
    )
    assert told_of(Bounds("count", {}), acl("Count"), acl("Count")).endswith("and gateway and only count.")


@pytest.mark.parametrize(
    ("acls", "rates", "sentence"),
    [
        ([None], RATES, "No web ACL stands before the load balancer."),
        ([acl("Block"), {}], RATES, "No web ACL stands before the gateway."),
        ([acl("Block"), acl("Count")], RATES, "The rule rate of the web ACL before the gateway does not block."),
        ([acl("Block"), acl("Block")], {"toolName": 60.0}, "limits $.context.iam.principal to nothing, not to 30"),
        ([acl("Block"), acl("Block")], {**RATES, "toolName": 0.0}, "limits toolName to 0.0, not to 60"),
    ],
)
def test_what_is_not_there_is_told(acls: list[dict[str, Any] | None], rates: dict[str, float], sentence: str) -> None:
    with pytest.raises(RefusedError) as refused:
        told_of(Bounds("block", RATES), *acls, rates=rates)
    assert sentence in str(refused.value)
