"""The checked-in templates are what the generator makes, everywhere, and keep the design's invariants."""

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from deployer.lint_verdicts import lint_once
from deployer.linting import REGIONS
from generator import presets, serving
from generator.checks.findings import walk
from generator.evaluation import Deployment
from generator.parameters import ALL, RootParameter
from generator.stacks import template_dicts, templates

ROOT = Path(__file__).parents[2]
TEXTS = templates()
DICTS = template_dicts()
ROOTS = ("runtime.yaml", "runtime-flat.yaml")
DIGEST = (
    "import hashlib, json; from generator.stacks import templates;"
    "print(hashlib.sha256(json.dumps(templates()).encode()).hexdigest())"
)


def in_new_process(code: str, **environment: str) -> str:
    variables = {**os.environ, **environment, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=variables, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


def nodes(name: str) -> list[Any]:
    return [node for _, node in walk(DICTS[name])]


def test_checked_in_templates_are_the_generated_ones() -> None:
    folder = ROOT / "templates"
    assert {path.name for path in folder.iterdir()} == TEXTS.keys()
    for name, text in TEXTS.items():
        assert (folder / name).read_text(encoding="utf-8") == text, f"{name}: run python build.py generate"


@pytest.mark.parametrize("seed", ["0", "1", "4711"])
def test_same_bytes_in_every_process(seed: str) -> None:
    here = hashlib.sha256(json.dumps(TEXTS).encode()).hexdigest()
    assert in_new_process(DIGEST, PYTHONHASHSEED=seed, TZ="Asia/Tokyo", LANG="C", AWS_REGION="eu-west-1") == here


def test_generating_twice_in_one_process_changes_nothing() -> None:
    assert templates() == TEXTS


def test_generator_needs_no_aws_client() -> None:
    code = "import sys, generator.stacks, generator.checks; print({'boto3', 'botocore', 'deployer'} & set(sys.modules))"
    assert in_new_process(code) == "set()"


@pytest.mark.parametrize("name", list(TEXTS))
def test_text_is_plain_yaml_of_the_data(name: str) -> None:
    assert yaml.safe_load(TEXTS[name]) == json.loads(json.dumps(DICTS[name]))
    assert not re.search(r"(^|\s)[&*][A-Za-z0-9_]+\s*$", TEXTS[name], re.MULTILINE)
    assert not re.search(r"(^|\s)!(Ref|Sub|GetAtt|If|Join)\b", TEXTS[name])


@pytest.mark.parametrize("name", ROOTS)
def test_interface_groups_and_labels_every_parameter_once(name: str) -> None:
    interface = DICTS[name]["Metadata"]["AWS::CloudFormation::Interface"]
    grouped = [parameter for group in interface["ParameterGroups"] for parameter in group["Parameters"]]
    assert sorted(grouped) == sorted(DICTS[name]["Parameters"])
    assert interface["ParameterLabels"].keys() == DICTS[name]["Parameters"].keys()
    for group in interface["ParameterGroups"]:
        assert group["Label"]["default"]
        assert group["Parameters"]
    assert all(label["default"] for label in interface["ParameterLabels"].values())


@pytest.mark.parametrize("parameter", ALL, ids=lambda parameter: parameter.name)
def test_parameter_is_described_bounded_and_explained(parameter: RootParameter) -> None:
    for name in ROOTS:
        declared = DICTS[name]["Parameters"][parameter.name]
        assert declared["Description"].endswith(".")
        assert declared["ConstraintDescription"].startswith("must ")
        bounded = {"AllowedPattern", "AllowedValues"} & declared.keys()
        assert bounded or {"MinValue", "MaxValue"} <= declared.keys()


@pytest.mark.parametrize("parameter", ALL, ids=lambda parameter: parameter.name)
def test_default_is_admitted(parameter: RootParameter) -> None:
    declared = DICTS["runtime.yaml"]["Parameters"][parameter.name]
    if "Default" not in declared:
        assert parameter.name in ("ImageRegistryAccount", "ImageDigest")
        return
    default = declared["Default"]
    assert default in declared.get("AllowedValues", [default])
    assert re.search(declared.get("AllowedPattern", ""), default)
    assert int(declared.get("MinValue", 0)) <= int(default if "MinValue" in declared else 0)
    assert len(default) <= int(declared.get("MaxLength", 4096))


def test_development_is_the_table_of_the_original() -> None:
    development = presets.PRESETS.rows["development"]
    assert development["NatGateways"] == "single"
    assert development["TaskSize"] == "256-512"
    assert development["LogRetentionDays"] == "7"


def test_times_keep_their_order() -> None:
    assert serving.KEEP_ALIVE_SECONDS > serving.IDLE_TIMEOUT_SECONDS > serving.PING_INTERVAL_SECONDS
    assert serving.STOP_TIMEOUT_SECONDS >= serving.SHUTDOWN_SECONDS >= serving.DEREGISTRATION_DELAY_SECONDS


def test_target_name_leaves_room_for_tools() -> None:
    longest_tool = max(len(path.stem) for path in (ROOT / "server" / "tools").glob("*.py"))
    assert len(f"{serving.TARGET_NAME}___") + max(longest_tool, 48) <= 64


@pytest.mark.parametrize("name", list(DICTS))
def test_nothing_is_named_that_must_not_be(name: str) -> None:
    for title, resource in DICTS[name]["Resources"].items():
        assert resource["Type"] != "AWS::IAM::ServiceLinkedRole", title
        assert "DesiredCount" not in resource.get("Properties", {}), title
    assert ":latest" not in TEXTS[name]


@pytest.mark.parametrize("name", list(DICTS))
def test_client_secret_goes_only_into_secrets_manager(name: str) -> None:
    for section in ("Resources", "Outputs"):
        for path, node in walk(DICTS[name].get(section, {})):
            if isinstance(node, dict) and node.get("Fn::GetAtt", ["", ""])[1] == "ClientSecret":
                title = path.split(".")[0]
                assert section == "Resources"
                assert DICTS[name]["Resources"][title]["Type"] == "AWS::SecretsManager::Secret"
                assert path.startswith(f"{title}.Properties.SecretString")


@pytest.mark.parametrize("name", list(DICTS))
def test_data_is_kept_or_deleted_on_purpose(name: str) -> None:
    for title, resource in DICTS[name]["Resources"].items():
        if resource["Type"] == "AWS::S3::Bucket":
            assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == "Retain", title
            assert "BucketName" not in resource["Properties"]
        if resource["Type"] == "AWS::ECR::Repository":
            assert resource["DeletionPolicy"] == "Delete", "a named repository that stays would block the next stack"
            assert resource["UpdateReplacePolicy"] == "Retain"
            assert "Fn::If" in resource["Properties"]["EmptyOnDelete"]


def test_every_nested_stack_has_a_timeout() -> None:
    for title, resource in DICTS["runtime.yaml"]["Resources"].items():
        assert resource["Type"] == "AWS::CloudFormation::Stack"
        assert resource["Properties"]["TimeoutInMinutes"] > 0, title
        assert resource["Properties"]["TemplateURL"] in DICTS


def test_conditions_derive_from_root_parameters_alone() -> None:
    root = DICTS["runtime.yaml"]["Parameters"]
    for name in DICTS:
        if name.startswith(("foundation", "catalog")):
            continue
        for _, node in walk(DICTS[name].get("Conditions", {})):
            if isinstance(node, dict) and "Ref" in node:
                assert node["Ref"] in root or node["Ref"].startswith("AWS::"), name


def test_children_pass_root_parameters_unchanged() -> None:
    root = DICTS["runtime.yaml"]["Parameters"]
    for title, resource in DICTS["runtime.yaml"]["Resources"].items():
        for name, value in resource["Properties"].get("Parameters", {}).items():
            if name in root:
                assert value in ({"Ref": name}, {"Fn::Join": [",", {"Ref": name}]}), (title, name)


def test_gateway_speaks_every_version_from_the_start() -> None:
    gateway = DICTS["gateway.yaml"]["Resources"]["Gateway"]["Properties"]
    assert gateway["AuthorizerType"] == "AWS_IAM"
    mcp = gateway["ProtocolConfiguration"]["Mcp"]
    assert mcp["SupportedVersions"] == ["2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"]
    assert mcp["SearchType"] == {"Fn::If": ["HasSemanticSearch", "SEMANTIC", {"Ref": "AWS::NoValue"}]}
    assert mcp["StreamingConfiguration"] == {"EnableResponseStreaming": True}


def test_standing_without_an_endpoint_nothing_is_open() -> None:
    """Without a name and certificate there is no target, no HTTPS listener and no way in from the internet."""
    declared = DICTS["runtime-flat.yaml"]["Parameters"]
    values = {name: str(parameter.get("Default", "0" * 12)) for name, parameter in declared.items()}
    deployment = Deployment(DICTS, "runtime-flat.yaml").given(values)
    existing = deployment.existing()
    assert "Service" in existing
    assert "Gateway" in existing
    assert "GatewayTarget" not in existing
    assert "HttpsListener" not in existing
    for title in deployment.existing("AWS::EC2::SecurityGroupIngress"):
        assert deployment.property(title, "CidrIp") is None
    assert "MissingSettings" in declared or deployment.output(deployment.root, "MissingSettings")


def test_templates_lint_clean_in_every_region() -> None:
    assert lint_once(TEXTS, REGIONS) == []
