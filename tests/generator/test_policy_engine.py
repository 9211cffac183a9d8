"""The policy engine in the templates: attached only where it is wanted, its statements whole, its role always able."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator import cedar
from generator import parameters as p
from generator.evaluation import Deployment
from generator.stacks import template_dicts
from generator.symbols import Reference, Text, canonical

TEMPLATES = template_dicts()
STATEMENT = cedar.permit(["mcp___echo"], cedar.is_one_of(["arn:aws:sts::111122223333:assumed-role/agent"]))
DEFAULTS = {parameter.name: parameter.default or "" for parameter in p.ALL} | {
    "ParentDomain": "example.com",
    "HostedZoneId": "Z0123456789ABCDEFGHIJ",
}
POLICIES = [f"AccessPolicy{number}" for number in range(1, 1 + len(p.ACCESS_STATEMENTS))]


@pytest.fixture(params=["runtime.yaml", "runtime-flat.yaml"])
def form(request: pytest.FixtureRequest) -> Deployment:
    return Deployment(TEMPLATES, request.param)


def configured(form: Deployment, mode: str, *statements: str, **values: str) -> Deployment:
    slots = {slot.name: text for slot, text in zip(p.ACCESS_STATEMENTS, statements, strict=False)}
    return form.given({**DEFAULTS, "ToolAccess": mode, **slots, **values})


@pytest.mark.parametrize(("mode", "attached"), [("log-only", "LOG_ONLY"), ("enforce", "ENFORCE")])
def test_the_gateway_is_attached_in_the_mode_that_is_asked_for(form: Deployment, mode: str, attached: str) -> None:
    found = configured(form, mode, STATEMENT, "", STATEMENT)
    assert found.exists("PolicyEngine")
    assert found.property("Gateway", "PolicyEngineConfiguration")["Mode"] == attached
    assert [title for title in POLICIES if found.exists(title)] == [POLICIES[0], POLICIES[2]]


def test_without_tool_access_there_is_no_engine_and_no_statement(form: Deployment) -> None:
    found = configured(form, "off", STATEMENT)
    assert not any(found.exists(title) for title in ("PolicyEngine", *POLICIES))
    assert found.property("Gateway", "PolicyEngineConfiguration") is None


def test_without_a_target_no_statement_has_a_tool_to_name(form: Deployment) -> None:
    found = configured(form, "enforce", STATEMENT, ConnectGateway="off")
    assert found.exists("PolicyEngine")
    assert not any(found.exists(title) for title in POLICIES)


def test_a_statement_is_what_was_given_with_the_gateway_s_arn_in_it(form: Deployment) -> None:
    found = configured(form, "enforce", STATEMENT)
    before, after = STATEMENT.split(cedar.GATEWAY)
    made = canonical(found.property(POLICIES[0], "Definition"))["Cedar"]["Statement"]
    assert made == Text((before, Reference("Gateway", "GatewayArn"), after))


@given(name=st.from_regex(re.compile(p.RUNTIME_NAME.allowed_pattern or "", re.ASCII), fullmatch=True))
def test_the_names_are_ones_that_agentcore_takes(name: str) -> None:
    name = name.strip()[:20].rstrip("-")
    found = configured(Deployment(TEMPLATES, "runtime-flat.yaml"), "enforce", *([STATEMENT] * 5), RuntimeName=name)
    for title in ("PolicyEngine", *POLICIES):
        made = canonical(found.property(title, "Name"))
        assert re.fullmatch("[A-Za-z][A-Za-z0-9_]{0,47}", made), made


def test_the_role_may_ask_an_engine_before_there_is_one(form: Deployment) -> None:
    found = configured(form, "off")
    policies = {
        one["PolicyName"]: one["PolicyDocument"] for one in canonical(found.property("GatewayRole", "Policies"))
    }
    actions = {action for statement in policies["ask-policy-engine"]["Statement"] for action in statement["Action"]}
    assert actions == {
        f"bedrock-agentcore:{name}" for name in ("GetPolicyEngine", "AuthorizeAction", "PartiallyAuthorizeActions")
    }


def test_a_new_image_has_its_tools_listed_before_the_statements(form: Deployment) -> None:
    digests = [f"sha256:{digit * 64}" for digit in "ab"]
    first, second = (
        canonical(configured(form, "enforce", STATEMENT, ImageDigest=digest).property("GatewayTarget", "Description"))
        for digest in digests
    )
    assert first != second
    assert max(len(first), len(second)) <= 200
    assert "GatewayTarget" in form.may_wait_for(POLICIES[0])
