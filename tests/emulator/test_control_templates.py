"""What CloudFormation refuses of templates and parameters before it makes anything."""

from typing import Any

import pytest

from tests.emulator.control_templates import Deployer, template
from tests.emulator.running_emulator import RunningEmulator

TOPIC: dict[str, Any] = {"Type": "AWS::SNS::Topic"}
NEVER = {"Never": {"Fn::Equals": ["a", "b"]}}
LETTERS = {"Type": "String", "AllowedPattern": "^a+$", "ConstraintDescription": "only a's"}


def named(value: Any, **attributes: Any) -> dict[str, Any]:
    return {**TOPIC, "Properties": {"DisplayName": value}, **attributes}


def rule(assertion: Any) -> dict[str, Any]:
    return {"Held": {"Assertions": [{"Assert": assertion, "AssertDescription": "This is why."}]}}


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no resources": (template({}), "At least one Resources member"),
    "unknown section": (template({"A": TOPIC}, Bogus={}), r"Invalid template property or properties \[Bogus\]"),
    "unknown attribute": (template({"A": {**TOPIC, "Bogus": 1}}), "Invalid template resource property 'Bogus'"),
    "logical id": (template({"A_b": TOPIC}), "Resource name A_b is non alphanumeric"),
    "no type": (template({"A": {"Properties": {}}}), "must contain a Type member"),
    "policy": (template({"A": {**TOPIC, "DeletionPolicy": "Keep"}}), "Unrecognized DeletionPolicy Keep"),
    "type": (template({"A": {"Type": "AWS::No::Such"}}), r"Unrecognized resource types: \[AWS::No::Such\]"),
    "Ref": (template({"A": named({"Ref": "Nope"})}), r"dependencies \[Nope\] in the Resources block"),
    "Ref in Outputs": (
        template({"A": TOPIC}, Outputs={"O": {"Value": {"Ref": "Nope"}}}),
        r"dependencies \[Nope\] in the Outputs block",
    ),
    "Ref in a branch not taken": (
        template({"A": named({"Fn::If": ["Never", {"Ref": "Nope"}, "b"]})}, Conditions=NEVER),
        r"dependencies \[Nope\]",
    ),
    "Fn::GetAtt": (template({"A": named({"Fn::GetAtt": ["Nope", "Arn"]})}), "undefined resource Nope"),
    "Fn::Sub": (template({"A": named({"Fn::Sub": "x-${Nope}"})}), r"dependencies \[Nope\]"),
    "Fn::Sub attribute": (template({"A": named({"Fn::Sub": "${Nope.Arn}"})}), "attribute Nope.Arn"),
    "DependsOn": (template({"A": {**TOPIC, "DependsOn": "Nope"}}), r"dependencies \[Nope\]"),
    "Metadata": (template({"A": {**TOPIC, "Metadata": {"Ref": "Nope"}}}), r"dependencies \[Nope\]"),
    "Condition": (template({"A": {**TOPIC, "Condition": "Nope"}}), "condition dependency Nope in the Resources block"),
    "Fn::If": (template({"A": named({"Fn::If": ["Nope", "a", "b"]})}), "condition dependency Nope in Fn::If"),
    "absent resource": (
        template({"A": named({"Ref": "B"}), "B": {**TOPIC, "Condition": "Never"}}, Conditions=NEVER),
        r"dependencies \[B\]",
    ),
    "map": (template({"A": named({"Fn::FindInMap": ["M", "x", "y"]})}, Mappings={"M": {"z": {"y": "1"}}}), "M::x::y"),
    "circle": (
        template({"A": named({"Ref": "B"}), "B": {**TOPIC, "DependsOn": "A"}}),
        r"Circular dependency between resources: \[A, B\]",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_templates_are_refused_before_a_stack_is_made(emulator: RunningEmulator, case: str) -> None:
    client = emulator.client("cloudformation")
    body, reason = REFUSED[case]
    with pytest.raises(client.exceptions.ClientError, match=reason):
        Deployer(emulator).create("refused", body)
    with pytest.raises(client.exceptions.ClientError, match="does not exist"):
        client.describe_stacks(StackName="refused")


@pytest.mark.parametrize(
    ("declared", "given", "reason"),
    [
        ({}, {"Other": "1"}, r"Parameters: \[Other\] do not exist in the template"),
        ({"X": {"Type": "String"}}, {}, r"Parameters: \[X\] must have values"),
        ({"X": LETTERS}, {"X": "b"}, "Parameter X failed to satisfy constraint: only a's"),
        ({"X": {"Type": "String", "AllowedValues": ["a"]}}, {"X": "b"}, "Parameter 'X' must be one of AllowedValues"),
        ({"X": {"Type": "CommaDelimitedList", "AllowedValues": ["a", "b"]}}, {"X": "a,c"}, "one of AllowedValues"),
        ({"X": {"Type": "Number", "MaxValue": 4}}, {"X": "9"}, "must be a number not greater than 4"),
        ({"X": {"Type": "String", "MaxLength": 3}}, {"X": "long"}, "must contain at most 3 characters"),
    ],
)
def test_parameters_are_refused(
    emulator: RunningEmulator, declared: dict[str, Any], given: dict[str, str], reason: str
) -> None:
    with pytest.raises(emulator.client("cloudformation").exceptions.ClientError, match=reason):
        Deployer(emulator).create("refused", template({"A": TOPIC}, Parameters=declared), given)


@pytest.mark.parametrize(
    "assertion",
    [
        {"Fn::Contains": [["p", "q"], {"Ref": "One"}]},
        {"Fn::EachMemberIn": [{"Ref": "Many"}, ["a", "c"]]},
        {"Fn::Not": [{"Fn::And": [{"Fn::Equals": [{"Ref": "One"}, "z"]}, {"Fn::Contains": [{"Ref": "Many"}, "b"]}]}]},
        {"Fn::Or": [{"Fn::Equals": [{"Ref": "One"}, "x"]}, {"Fn::Contains": [{"Ref": "Many"}, "c"]}]},
    ],
)
def test_rules_refuse_with_their_descriptions(emulator: RunningEmulator, assertion: Any) -> None:
    declared = {"One": {"Type": "String"}, "Many": {"Type": "CommaDelimitedList"}}
    body = template({"A": TOPIC}, Parameters=declared, Rules=rule(assertion))
    with pytest.raises(emulator.client("cloudformation").exceptions.ClientError, match="This is why"):
        Deployer(emulator).create("refused", body, {"One": "z", "Many": "a,b"})


def test_what_is_sound_is_made(emulator: RunningEmulator) -> None:
    deployer = Deployer(emulator)
    body = template(
        {
            "A": named({"Fn::Sub": ["${Own}-${Listed}-${AWS::Region}-${!Literal}", {"Own": {"Ref": "One"}}]}),
            "B": {**TOPIC, "Condition": "Never"},
            "C": named({"Fn::If": ["Never", {"Ref": "B"}, "without"]}, DependsOn=["A", "B"]),
        },
        Parameters={
            "One": {"Type": "String", "AllowedValues": ["a"], "Default": "a"},
            "Listed": {"Type": "String", "Default": "b"},
            "Many": {"Type": "CommaDelimitedList", "AllowedValues": ["a", "b"], "Default": "a,b"},
        },
        Conditions=NEVER,
        Rules=rule({"Fn::EachMemberIn": [{"Ref": "Many"}, ["a", "b"]]}),
        Outputs={"B": {"Condition": "Never", "Value": {"Ref": "B"}}},
    )
    made = deployer.create("sound", body)
    assert made.status == "CREATE_COMPLETE", made.failures
    resources = deployer.cloudformation.describe_stack_resources(StackName="sound")["StackResources"]
    assert sorted(item["LogicalResourceId"] for item in resources) == ["A", "C"]
    assert deployer.delete(made.stack["StackId"]).status == "DELETE_COMPLETE"
