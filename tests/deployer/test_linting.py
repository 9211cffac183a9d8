import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from deployer.linting import REASONS, SUPPRESSED, UNREASONED, Finding, check_graph, lint, lint_file

Templates = dict[str, Any]

CHILD: dict[str, Any] = {
    "AWSTemplateFormatVersion": "2010-09-09",
    "Description": "A topic.",
    "Parameters": {"TopicName": {"Type": "String", "Description": "Name of the topic."}},
    "Resources": {
        "Topic": {
            "Type": "AWS::SNS::Topic",
            "Metadata": {"Description": "Tells of alarms."},
            "Properties": {"DisplayName": {"Ref": "TopicName"}},
        }
    },
    "Outputs": {"TopicArn": {"Description": "The topic.", "Value": {"Ref": "Topic"}}},
}
PARENT: dict[str, Any] = {
    "AWSTemplateFormatVersion": "2010-09-09",
    "Description": "A stack around a topic.",
    "Resources": {
        "TopicStack": {
            "Type": "AWS::CloudFormation::Stack",
            "DeletionPolicy": "Delete",
            "UpdateReplacePolicy": "Delete",
            "Metadata": {"Description": "The topic."},
            "Properties": {"TemplateURL": "child.yaml", "Parameters": {"TopicName": "alarms"}},
        }
    },
    "Outputs": {"TopicArn": {"Description": "The topic.", "Value": {"Fn::GetAtt": ["TopicStack", "Outputs.TopicArn"]}}},
}


def spoilt(change: Callable[[Templates], Any] = lambda templates: None) -> dict[str, str]:
    templates = copy.deepcopy({"parent.yaml": PARENT, "child.yaml": CHILD})
    change(templates)
    return {name: yaml.safe_dump(template, sort_keys=False) for name, template in templates.items()}


def topic(templates: Templates) -> Any:
    return templates["child.yaml"]["Resources"]["Topic"]


def stack(templates: Templates) -> Any:
    return templates["parent.yaml"]["Resources"]["TopicStack"]


def test_clean_templates_have_no_findings() -> None:
    assert lint(spoilt()) == []


def test_both_linters_report_in_one_stable_list() -> None:
    def change(templates: Templates) -> None:
        topic(templates)["Properties"]["DisplayNam"] = "x"
        topic(templates)["Metadata"] = {}
        stack(templates)["Properties"]["Parameters"]["Spare"] = "x"

    findings = lint(spoilt(change), ["us-east-1"])
    assert findings == sorted(findings)
    by_rule = {finding.rule: finding for finding in findings}
    assert by_rule["E3002"].template == "child.yaml"
    assert by_rule["E3002"].severity == "error"
    assert by_rule["E3002"].line > 0
    assert by_rule["E3002"].path == "Resources.Topic.Properties.DisplayNam"
    assert by_rule["described-resources"].path == "Resources.Topic.Metadata.Description"
    assert by_rule["child-parameters"].template == "parent.yaml"
    assert "E3043" in by_rule, "cfn-lint follows the local URL to the child's parameters"


def test_child_that_lacks_an_output_is_found() -> None:
    def rename(templates: Templates) -> None:
        outputs = templates["child.yaml"]["Outputs"]
        outputs["Arn"] = outputs.pop("TopicArn")

    rules = {finding.rule for finding in lint(spoilt(rename), ["us-east-1"])}
    assert {"child-outputs", "E6101"} <= rules


def test_informational_checks_are_on() -> None:
    def table(templates: Templates) -> None:
        templates["child.yaml"]["Resources"]["Table"] = {
            "Type": "AWS::DynamoDB::Table",
            "Metadata": {"Description": "Data."},
            "Properties": {
                "BillingMode": "PAY_PER_REQUEST",
                "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
                "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            },
        }

    severities = {finding.rule: finding.severity for finding in lint(spoilt(table), ["us-east-1"])}
    assert severities["I3011"] == "informational"


def test_only_the_warning_about_local_urls_is_off() -> None:
    assert SUPPRESSED == ("W3002",)


@pytest.mark.parametrize("reason", ["", "The topic has no data."])
def test_suppression_needs_a_reason_beside_it(reason: str) -> None:
    def change(templates: Templates) -> None:
        metadata = topic(templates)["Metadata"]
        metadata["cfn-lint"] = {"config": {"ignore_checks": ["E3002"]}}
        if reason:
            metadata[REASONS] = {"E3002": reason}

    findings = check_graph(spoilt(change))
    assert [finding.rule for finding in findings] == ([] if reason else [UNREASONED])


def test_finding_of_a_suppressed_check_is_not_reported() -> None:
    def change(templates: Templates) -> None:
        topic(templates)["Properties"]["DisplayNam"] = "x"
        topic(templates)["Metadata"]["cfn-lint"] = {"config": {"ignore_checks": ["E3002"]}}
        topic(templates)["Metadata"][REASONS] = {"E3002": "Only to show that it counts."}

    assert lint(spoilt(change), ["us-east-1"]) == []


def test_unknown_region_is_one_sentence() -> None:
    with pytest.raises(ValueError, match=r"^cfn-lint does not know one of the Regions us-nowhere-1: correct"):
        lint(spoilt(), ["us-nowhere-1"])


def test_text_that_is_no_template_is_a_finding(tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text("Resources: [", encoding="utf-8")
    findings = lint_file(str(path), ("us-east-1",))
    assert [(finding.template, finding.rule) for finding in findings] == [("broken.yaml", "E0000")]


def test_findings_sort_by_template_and_line() -> None:
    findings = [
        Finding("b.yaml", 1, "E1", "error", "m", "p"),
        Finding("a.yaml", 20, "E1", "error", "m", "p"),
        Finding("a.yaml", 3, "E2", "error", "m", "p"),
    ]
    assert [(finding.template, finding.line) for finding in sorted(findings)] == [
        ("a.yaml", 3),
        ("a.yaml", 20),
        ("b.yaml", 1),
    ]
