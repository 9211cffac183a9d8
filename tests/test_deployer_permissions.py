"""What whoever runs `build.py` may do follows from its code, and covers the calls that were seen on the wire."""

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from deployer.catalog_stack import CATALOG_STACK, RECIPIENT_STACK
from deployer.foundation import ACCOUNT_STACK, REGION_STACK, TARGET_STACK
from generator.deployer_permissions import DEPLOYER_PERMISSIONS
from generator.handler_permissions import CATALOG_PERMISSIONS, FOUNDATION_PERMISSIONS, HANDLER_PERMISSIONS
from generator.key_policy import ALARMS_SID, LOGS_SID, encrypted_types, key_policy
from generator.stacks import template_dicts
from generator.stacks.deployer import CATALOG_STACKS, FILE, FOUNDATION_STACKS
from scripts.deployer_permissions import LOCAL, MODULE, actions, calls, permissions, unknown
from scripts.key_policy import PAGE, page_text
from tests.test_handler_permissions import POLICY_CHARACTERS, formatted

ROOT = Path(__file__).parents[1]
TEMPLATE = template_dicts()[FILE]
SEEN = re.compile(r"^\| (?P<service>[a-z0-9-]+):(?P<operation>[A-Za-z0-9]+) \|", re.MULTILINE)


def statements() -> Iterator[dict[str, Any]]:
    for resource in TEMPLATE["Resources"].values():
        for statement in resource["Properties"]["PolicyDocument"]["Statement"]:
            yield from statement["Fn::If"][1:2] if "Fn::If" in statement else [statement]


ALLOWED = {action for statement in statements() for action in statement["Action"]}


def test_module_is_what_the_code_calls_today() -> None:
    from scripts.deployer_permissions import module_text

    assert MODULE.read_text(encoding="utf-8") == formatted(module_text()), "run python -m scripts.deployer_permissions"


def test_iam_knows_every_action() -> None:
    assert unknown() == []


@pytest.mark.parametrize(
    "call",
    ["cloudformation:CreateStackInstances", "ecr:DescribeImages", "ec2:DescribeRegions", "s3:HeadObject"],
)
def test_calls_by_name_by_paginator_and_through_handed_clients_are_found(call: str) -> None:
    service, operation = call.split(":")
    assert operation in calls()[service]


def test_words_are_not_taken_for_calls() -> None:
    assert not {"account", "config", "events", "health"} & calls().keys()
    assert "ec2:DescribeImages" not in permissions()["ec2"]


def test_template_allows_what_the_code_and_the_foundation_s_handlers_need_and_no_more() -> None:
    handlers = {**HANDLER_PERMISSIONS, **FOUNDATION_PERMISSIONS, **CATALOG_PERMISSIONS}
    foundation = {
        resource["Type"]
        for name, template in template_dicts().items()
        if name.startswith(("foundation", "catalog")) and name != FILE
        for resource in template["Resources"].values()
    }
    needed = {action for found in DEPLOYER_PERMISSIONS.values() for action in found}
    needed |= {action for name in foundation for action in handlers[name]}
    needed |= {"iam:AttachRolePolicy", "iam:CreateServiceLinkedRole", "kms:Decrypt", "kms:GenerateDataKey"}
    assert needed == ALLOWED


def test_calls_that_were_seen_on_the_wire_are_allowed() -> None:
    page = (ROOT / "docs" / "fault-campaign.md").read_text(encoding="utf-8")
    seen = {(one["service"], one["operation"]) for one in SEEN.finditer(page)}
    assert len(seen) > 20
    needed = {action for service, operation in seen for action in actions(service, operation)} - LOCAL.keys()
    assert needed <= ALLOWED


def test_policies_fit_iams_limit() -> None:
    for title, resource in TEMPLATE["Resources"].items():
        assert len("".join(str(resource["Properties"]["PolicyDocument"]).split())) < POLICY_CHARACTERS, title


def test_stacks_bear_the_names_that_are_allowed() -> None:
    assert all(fnmatchcase(name, CATALOG_STACKS) for name in (CATALOG_STACK, RECIPIENT_STACK))
    assert all(fnmatchcase(name, FOUNDATION_STACKS) for name in (ACCOUNT_STACK, REGION_STACK, TARGET_STACK))


def test_all_resources_stand_only_where_iam_has_no_narrower_ones() -> None:
    assert [one["Sid"] for one in statements() if "*" in one["Resource"]] == ["Unscoped"] * 4


def test_key_policy_admits_exactly_the_services_that_use_the_key_as_themselves() -> None:
    types = encrypted_types(template_dicts())
    assert {"AWS::Logs::LogGroup", "AWS::SNS::Topic", "AWS::BedrockAgentCore::Gateway"} <= types
    document = key_policy(template_dicts(), "111111111111", "eu-west-1", "aws")
    found = {one["Sid"]: one for one in document["Statement"]}
    assert found[LOGS_SID]["Principal"] == {"Service": "logs.eu-west-1.amazonaws.com"}
    assert found[ALARMS_SID]["Condition"] == {"StringEquals": {"aws:SourceAccount": "111111111111"}}
    without = {"t": {"Resources": {"Group": {"Type": "AWS::Logs::LogGroup", "Properties": {"KmsKeyId": "x"}}}}}
    assert ALARMS_SID not in {one["Sid"] for one in key_policy(without, "1", "r", "aws")["Statement"]}


def test_documented_key_policy_is_the_one_that_the_templates_need() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == page_text(text), "run python -m scripts.key_policy"
