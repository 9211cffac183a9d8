"""The gateway's rate limits: which there are, on what, and that every rate that may be given is one of AgentCore's."""

import re
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator
from hypothesis import given
from hypothesis import strategies as st

from deployer.sections import fits
from generator import parameters as p
from generator.evaluation import PSEUDO, Deployment
from generator.parameters import ALL
from generator.stacks import template_dicts

LIMITS = {"PrincipalRateLimit": "$.context.iam.principal", "ToolRateLimit": "toolName"}
GATEWAY = "mcp-runtime-0123abcd-0123456789"
LARGEST_RATE = 10_000_000
OPERATION = botocore.session.Session().get_service_model("bedrock-agentcore-control").operation_model
TEMPLATES = template_dicts()


def deployed(region: str = "us-east-1", **values: str) -> Deployment:
    found = Deployment(TEMPLATES, "runtime-flat.yaml", {**PSEUDO, "AWS::Region": region})
    found.given({parameter.name: parameter.default or "" for parameter in ALL} | values)
    return found


def limits(**values: str) -> dict[str, Any]:
    found = deployed(**values)
    return {title: found.property(title, "Entries") for title in LIMITS if found.exists(title)}


def rates(**values: str) -> dict[str, int]:
    return {title: int(entries[0]["Requests"][0]["Rate"]) for title, entries in limits(**values).items()}


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ({"Preset": "development"}, {}),
        ({"Preset": "production"}, {"PrincipalRateLimit": 3000, "ToolRateLimit": 6000}),
        ({"Preset": "production", "RequestsPerTool": "0"}, {"PrincipalRateLimit": 3000}),
        ({"RequestsPerPrincipal": "60"}, {"PrincipalRateLimit": 60}),
        ({"RequestsPerPrincipal": "0", "RequestsPerTool": "7"}, {"ToolRateLimit": 7}),
    ],
)
def test_rate_of_zero_is_no_limit(values: dict[str, str], wanted: dict[str, int]) -> None:
    assert rates(**values) == wanted


def test_region_without_rate_limits_gets_none() -> None:
    found = deployed("us-gov-west-1", Preset="production")
    assert not any(found.exists(title) for title in LIMITS)


@given(st.text(alphabet="0123456789", min_size=1, max_size=9))
def test_every_admitted_rate_is_one_of_agentcore(text: str) -> None:
    admitted = fits(p.CALLS_PER_PRINCIPAL, text)
    assert admitted == fits(p.CALLS_PER_TOOL, text)
    assert admitted is (len(text) <= 8 and int(text) <= LARGEST_RATE and (len(text) < 8 or int(text) == LARGEST_RATE))


@pytest.mark.parametrize("wrong", ["-1", "1.5", "", "Preset", "10000001", " 5"])
def test_what_is_no_rate_is_refused(wrong: str) -> None:
    assert not fits(p.CALLS_PER_TOOL, wrong)


@pytest.mark.parametrize("title", LIMITS)
def test_limit_is_what_the_api_takes(title: str) -> None:
    found = deployed(Preset="production")
    (entry,) = found.property(title, "Entries")
    assert found.property(title, "DimensionKeys") == [LIMITS[title]]
    assert entry["Dimensions"] == {LIMITS[title]: "*"}
    identity = found.property(title, "RateLimitId")
    assert re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9\-_.]{0,62}[a-zA-Z0-9]", identity)
    (rate,) = entry["Requests"]
    request = {
        "gatewayIdentifier": GATEWAY,
        "rateLimitId": identity,
        "dimensionKeys": [LIMITS[title]],
        "entries": [
            {"dimensions": entry["Dimensions"], "requests": [{"period": rate["Period"], "rate": float(rate["Rate"])}]}
        ],
    }
    shape = OPERATION("CreateGatewayRateLimit").input_shape
    assert not ParamValidator().validate(request, shape).has_errors()


def test_no_two_limits_have_the_same_dimensions_or_id() -> None:
    found = deployed(Preset="production")
    assert len({str(found.property(title, "DimensionKeys")) for title in LIMITS}) == len(LIMITS)
    assert len({found.property(title, "RateLimitId") for title in LIMITS}) == len(LIMITS)
