"""What the execution role may do follows from the types that the runtime has and from AWS's own schemas."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from generator.deployer_permissions import DEPLOYER_PERMISSIONS
from generator.handler_permissions import (
    CATALOG_PERMISSIONS,
    FOUNDATION_PERMISSIONS,
    HANDLER_PERMISSIONS,
    SCOPES,
    UNSCOPED,
)
from generator.stacks import foundation, template_dicts
from scripts.handler_permissions import MODULE, module_text, permissions

POLICY_CHARACTERS = 6144
"""IAM's limit for a managed policy, white space not counted (IAM quotas)."""


def unbounded(statement: dict[str, Any]) -> dict[str, Any]:
    """Returns the statement as it is without a permissions boundary."""
    chosen: dict[str, Any] = statement["Fn::If"][2] if "Fn::If" in statement else statement
    return chosen


def formatted(text: str) -> str:
    command = [sys.executable, "-m", "ruff", "format", "-"]
    done = subprocess.run(
        command, input=text, capture_output=True, text=True, check=True, cwd=Path(__file__).parent.parent
    )
    return done.stdout


def test_module_is_what_the_schemas_say_today() -> None:
    assert MODULE.read_text(encoding="utf-8") == formatted(module_text())


def test_every_type_of_the_runtime_has_its_handlers_permissions() -> None:
    types = {
        resource["Type"]
        for name, template in template_dicts().items()
        if not name.startswith(("foundation", "catalog"))
        for resource in template["Resources"].values()
    }
    assert types == HANDLER_PERMISSIONS.keys()
    assert all(HANDLER_PERMISSIONS[name] for name in types)


def test_every_type_of_the_foundation_has_its_handlers_permissions() -> None:
    assert all({**HANDLER_PERMISSIONS, **FOUNDATION_PERMISSIONS}[name] for name in foundation.types())


@pytest.mark.parametrize("action", ["iam:PassRole", "ecs:CreateService", "elasticloadbalancing:CreateRule"])
def test_known_needs_are_found(action: str) -> None:
    assert any(action in actions for actions in HANDLER_PERMISSIONS.values())


def test_actions_of_foreign_services_and_unknown_ones_are_left_out() -> None:
    listener = permissions("AWS::ElasticLoadBalancingV2::Listener")
    assert "elasticloadbalancing:CreateListener" in listener
    assert not any(action.startswith("payments:") for action in permissions("AWS::BedrockAgentCore::Gateway"))


def test_execution_role_allows_every_action_once_and_no_more() -> None:
    resources = template_dicts()["foundation-account.yaml"]["Resources"]
    allowed: dict[str, list[str]] = {}
    for title, resource in resources.items():
        if not title.startswith("Execution"):
            continue
        properties = resource["Properties"]
        documents = [properties["PolicyDocument"]] if "PolicyDocument" in properties else []
        documents += [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
        for document in documents:
            for statement in map(unbounded, document["Statement"]):
                for action in statement["Action"]:
                    allowed.setdefault(action, []).append(title)
    needed = {action for actions in HANDLER_PERMISSIONS.values() for action in actions}
    covered = {action for action in needed if action in allowed or action.startswith("cloudformation:")}
    assert covered == needed
    assert {action for action, titles in allowed.items() if len(titles) > 1} <= {"s3:GetObject", "s3:ListBucket"}


@pytest.mark.parametrize("file", ["foundation-account.yaml", "catalog.yaml"])
def test_policies_fit_iams_limit(file: str) -> None:
    resources = template_dicts()[file]["Resources"]
    for title, resource in resources.items():
        if resource["Type"] == "AWS::IAM::ManagedPolicy":
            text = "".join(str(resource["Properties"]["PolicyDocument"]).split())
            assert len(text) < POLICY_CHARACTERS, title


def test_unscoped_actions_are_used_and_scopes_name_the_account() -> None:
    tables = (HANDLER_PERMISSIONS, FOUNDATION_PERMISSIONS, CATALOG_PERMISSIONS, DEPLOYER_PERMISSIONS)
    used = {action for table in tables for actions in table.values() for action in actions}
    assert used >= UNSCOPED
    owned = [arn for service, arns in SCOPES.items() if service not in ("route53", "s3") for arn in arns]
    assert any("${AWS::AccountId}" in arn for arn in owned)
