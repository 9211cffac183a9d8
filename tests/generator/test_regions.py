"""What varies by Region: search by meaning where gateways have it, and whom the administration role trusts."""

from typing import Any

import pytest

from deployer.foundation import opt_in
from generator.evaluation import PSEUDO, Deployment
from generator.parameters import ALL
from generator.stacks import template_dicts
from generator.stacks.foundation import ACCOUNT_FILE


@pytest.fixture(scope="module")
def templates() -> dict[str, dict[str, Any]]:
    return template_dicts()


@pytest.mark.parametrize("root", ["runtime.yaml", "runtime-flat.yaml"])
@pytest.mark.parametrize(
    ("region", "search"),
    [
        ("us-east-1", "SEMANTIC"),
        ("eu-west-3", "SEMANTIC"),
        ("eu-south-1", "SEMANTIC"),
        ("ap-southeast-2", "SEMANTIC"),
        ("us-west-1", None),
        ("ap-southeast-5", None),
        ("us-gov-west-1", None),
    ],
)
def test_gateway_searches_by_meaning_where_that_is_offered(
    templates: dict[str, dict[str, Any]], root: str, region: str, search: str | None
) -> None:
    deployment = Deployment(templates, root, {**PSEUDO, "AWS::Region": region})
    deployment.given({parameter.name: parameter.default or "" for parameter in ALL})
    assert deployment.property("Gateway", "ProtocolConfiguration")["Mcp"].get("SearchType") == search


@pytest.mark.parametrize(
    ("regions", "services"),
    [
        ("", "cloudformation.amazonaws.com"),
        ("ap-east-1", ["cloudformation.amazonaws.com", "cloudformation.ap-east-1.amazonaws.com"]),
        (
            "af-south-1,eu-south-1",
            [
                "cloudformation.amazonaws.com",
                "cloudformation.af-south-1.amazonaws.com",
                "cloudformation.eu-south-1.amazonaws.com",
            ],
        ),
    ],
)
def test_administration_role_trusts_stack_sets_in_exactly_the_opt_in_regions(
    templates: dict[str, dict[str, Any]], regions: str, services: object
) -> None:
    defaults = {name: body.get("Default", "") for name, body in templates[ACCOUNT_FILE]["Parameters"].items()}
    deployment = Deployment(templates, ACCOUNT_FILE).given({**defaults, "OptInRegions": regions})
    (statement,) = deployment.property("AdministrationRole", "AssumeRolePolicyDocument")["Statement"]
    assert statement["Principal"]["Service"] == services
    assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": PSEUDO["AWS::AccountId"]}


def test_regions_that_every_account_has_are_not_opted_into() -> None:
    assert opt_in(["us-east-1", "ap-northeast-3", "eu-north-1", "us-gov-west-1", "cn-north-1"]) == []
    assert opt_in(["eu-south-1", "us-east-1", "ap-east-1", "eu-south-1"]) == ["ap-east-1", "eu-south-1"]
