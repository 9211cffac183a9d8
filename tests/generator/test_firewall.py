"""The web ACLs: their order, their capacity, what honest calls pass, and what their logs leave out."""

import re
from typing import Any

import pytest

from generator.evaluation import PSEUDO, Deployment
from generator.firewall_rules import COUNTED_RULES, MORE_THAN_A_CALL
from generator.layers.firewall import SECRET_HEADERS
from generator.parameters import ALL
from generator.stacks import template_dicts

LARGEST_CAPACITY = 1500
"""Web ACL capacity units that the price of a web ACL includes (AWS WAF developer guide, "WCUs"); 5,000 are the most."""
MANAGED_CAPACITY = {
    "AWSManagedRulesAmazonIpReputationList": 25,
    "AWSManagedRulesKnownBadInputsRuleSet": 200,
    "AWSManagedRulesCommonRuleSet": 700,
}
"""AWS WAF developer guide, "AWS Managed Rules rule groups list"."""


def capacity(statement: dict[str, Any]) -> int:
    """Returns the units of a statement, the most that its kind can have (same guide, "Using rule statements")."""
    ((kind, body),) = statement.items()
    transformations = 10 * len(body.get("TextTransformations", ()))
    match kind:
        case "ManagedRuleGroupStatement":
            return MANAGED_CAPACITY[body["Name"]]
        case "RateBasedStatement":
            inner = body.get("ScopeDownStatement")
            return 2 + 30 * len(body.get("CustomKeys", ())) + (capacity(inner) if inner else 0)
        case "NotStatement":
            return capacity(body["Statement"])
        case "AndStatement":
            return sum(map(capacity, body["Statements"]))
        case "LabelMatchStatement":
            return 1
        case "RegexMatchStatement":
            return 3 + transformations
        case "ByteMatchStatement":
            return 2 + transformations
    raise AssertionError(f"the capacity of {kind} is not known here")


def deployed(**given: str) -> Deployment:
    found = Deployment(template_dicts(), "runtime-flat.yaml", PSEUDO)
    found.given({parameter.name: parameter.default or "" for parameter in ALL} | {"Firewall": "on"} | given)
    return found


def rules(title: str, **given: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = deployed(**given).property(title, "Rules")
    return found


ACLS = pytest.mark.parametrize("title", ["LoadBalancerWebAcl", "GatewayWebAcl"])


@ACLS
def test_capacity_is_within_what_the_price_includes(title: str) -> None:
    assert 925 < sum(capacity(rule["Statement"]) for rule in rules(title)) <= LARGEST_CAPACITY


@ACLS
def test_label_is_read_after_it_is_put_and_priorities_are_distinct(title: str) -> None:
    found = sorted(rules(title), key=lambda rule: int(rule["Priority"]))
    names = [rule["Name"] for rule in found]
    assert len({rule["Priority"] for rule in found}) == len(found)
    assert names.index("common") < names.index("large-body-elsewhere")
    assert names.index("rate") == 0
    assert len({rule["VisibilityConfig"]["MetricName"] for rule in found}) == len(found)


@ACLS
@pytest.mark.parametrize(("mode", "action", "override"), [("block", "Block", "None"), ("count", "Count", "Count")])
def test_mode_decides_of_every_rule(title: str, mode: str, action: str, override: str) -> None:
    for rule in rules(title, FirewallMode=mode):
        if "ManagedRuleGroupStatement" in rule["Statement"]:
            assert rule["OverrideAction"] == {override: {}}
        else:
            assert rule["Action"] == {action: {}}


@ACLS
def test_rules_that_honest_calls_match_only_count(title: str) -> None:
    (common,) = [rule for rule in rules(title) if rule["Name"] == "common"]
    overrides = common["Statement"]["ManagedRuleGroupStatement"]["RuleActionOverrides"]
    assert {one["Name"]: one["ActionToUse"] for one in overrides} == {name: {"Count": {}} for name in COUNTED_RULES}


@pytest.mark.parametrize(
    ("path", "blocked"), [("/mcp", False), ("/mcp/", False), ("/", True), ("/mcpx", True), ("/a/mcp", True)]
)
@ACLS
def test_large_bodies_pass_on_the_endpoints_path_alone(title: str, path: str, blocked: bool) -> None:
    (rule,) = [rule for rule in rules(title) if rule["Name"] == "large-body-elsewhere"]
    label, elsewhere = rule["Statement"]["AndStatement"]["Statements"]
    assert label["LabelMatchStatement"]["Key"].endswith(":core-rule-set:SizeRestrictions_Body")
    pattern = elsewhere["NotStatement"]["Statement"]["RegexMatchStatement"]["RegexString"]
    assert (re.search(pattern, path) is None) is blocked


@pytest.mark.parametrize(
    ("length", "blocked"),
    [
        *(("0", False), ("8193", False), ("6000000", False), ("6291456", False), ("06291456", False)),
        *(("7000000", True), ("10000000", True), ("007000000", True), ("99999999999", True)),
    ],
)
def test_call_of_the_gateways_largest_size_passes(length: str, blocked: bool) -> None:
    assert (re.search(MORE_THAN_A_CALL, length) is not None) is blocked


def test_only_requests_without_a_token_are_counted_at_the_load_balancer() -> None:
    rates = [rule["Statement"]["RateBasedStatement"] for rule in rules("LoadBalancerWebAcl") if "rate" in rule["Name"]]
    (rate,) = rates
    match = rate["ScopeDownStatement"]["NotStatement"]["Statement"]["ByteMatchStatement"]
    assert match["FieldToMatch"] == {"SingleHeader": {"Name": "authorization"}}
    assert (match["SearchString"], match["PositionalConstraint"]) == ("bearer ", "STARTS_WITH")


def test_rates_and_window_are_the_parameters() -> None:
    given = {"FirewallSourceRate": "11", "FirewallToolRate": "12", "FirewallTokenlessRate": "13"}
    found = {}
    for title in ("LoadBalancerWebAcl", "GatewayWebAcl"):
        for rule in rules(title, **given, FirewallWindowSeconds="120"):
            if rate := rule["Statement"].get("RateBasedStatement"):
                found[title, rule["Name"]] = int(rate["Limit"])
                assert int(rate["EvaluationWindowSec"]) == 120
    assert found == {
        ("LoadBalancerWebAcl", "rate"): 13,
        ("GatewayWebAcl", "rate"): 11,
        ("GatewayWebAcl", "tool-rate"): 12,
    }


def test_tool_is_counted_by_its_header_for_each_source() -> None:
    (rule,) = [rule for rule in rules("GatewayWebAcl") if rule["Name"] == "tool-rate"]
    header, source = rule["Statement"]["RateBasedStatement"]["CustomKeys"]
    assert header["Header"]["Name"] == "mcp-name"
    assert source == {"IP": {}}


@pytest.mark.parametrize("protected", ["LoadBalancer", "Gateway"])
def test_logs_and_samples_hold_no_secret(protected: str) -> None:
    found = deployed()
    redacted = found.property(f"{protected}WebAclLogging", "RedactedFields")
    assert [field["SingleHeader"]["Name"] for field in redacted if "SingleHeader" in field] == list(SECRET_HEADERS)
    assert {"QueryString": {}} in redacted
    fields = [one["Field"] for one in found.property(f"{protected}WebAcl", "DataProtectionConfig")["DataProtections"]]
    assert fields == [
        {"FieldType": "SINGLE_HEADER", "FieldKeys": list(SECRET_HEADERS)},
        {"FieldType": "QUERY_STRING"},
        {"FieldType": "BODY"},
    ]
    assert {"authorization", "cookie", "x-amz-security-token"} <= set(SECRET_HEADERS)
