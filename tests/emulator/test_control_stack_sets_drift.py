"""Drift of stack sets: what was changed by hand in a target is found, with the property that differs."""

import json
from typing import Any

import pytest

from tests.emulator.control_templates import BASE, Deployer, parameters, template, upload
from tests.emulator.running_emulator import RunningEmulator
from tests.emulator.stack_set_fleets import (
    EXECUTION,
    REGIONS,
    TARGETS,
    Fleet,
    add_execution_role,
    policy,
    prepare,
)

CHILD = {
    "Type": "AWS::CloudFormation::Stack",
    "Properties": {"TemplateURL": f"{BASE}/leaf.json", "Parameters": {"Label": "child"}},
}
LOGS = {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "watched", "RetentionInDays": 7}}
TOPIC = {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": "one"}}
HANDLE = {"Type": "AWS::CloudFormation::WaitConditionHandle"}


@pytest.fixture(scope="module", autouse=True)
def prepared(emulator: RunningEmulator) -> None:
    prepare(emulator)
    body = template({"Logs": LOGS, "Topic": TOPIC, "Child": CHILD, "Handle": HANDLE})
    upload(emulator, {"watched.json": json.dumps(body)})


def drifts(fleet: Fleet, operation: str, account: str, region: str) -> dict[str, dict[str, Any]]:
    answer = fleet.client.list_stack_instance_resource_drifts(
        StackSetName=fleet.name, OperationId=operation, StackInstanceAccount=account, StackInstanceRegion=region
    )
    return {item["LogicalResourceId"]: item for item in answer["Summaries"]}


def detect(fleet: Fleet) -> tuple[str, dict[str, Any]]:
    operation = fleet.begin("detect_stack_set_drift")
    assert fleet.ended(operation) == "SUCCEEDED"
    found = fleet.operation(operation)
    assert found["Action"] == "DETECT_DRIFT"
    details: dict[str, Any] = found["StackSetDriftDetectionDetails"]
    described = fleet.client.describe_stack_set(StackSetName=fleet.name)["StackSet"]
    assert described["StackSetDriftDetectionDetails"] == details
    return operation, details


def test_changed_and_deleted_resources_of_a_target_are_found(emulator: RunningEmulator) -> None:
    fleet = Fleet(emulator, "watched", TemplateURL=f"{BASE}/watched.json")
    fleet.run("create_stack_instances", Accounts=list(TARGETS), Regions=list(REGIONS))
    before = fleet.client.describe_stack_set(StackSetName=fleet.name)["StackSet"]["StackSetDriftDetectionDetails"]
    assert (before["DriftStatus"], before["TotalStackInstancesCount"]) == ("NOT_CHECKED", 4)
    assert {item["DriftStatus"] for item in fleet.instances()} == {"NOT_CHECKED"}
    operation, details = detect(fleet)
    assert details["DriftStatus"] == "IN_SYNC" and details["DriftDetectionStatus"] == "COMPLETED"
    assert (details["TotalStackInstancesCount"], details["InSyncStackInstancesCount"]) == (4, 4)
    assert set(fleet.last_operations().values()) == {operation}
    found = drifts(fleet, operation, TARGETS[0], REGIONS[0])
    assert {name: item["StackResourceDriftStatus"] for name, item in found.items()} == {
        "Logs": "IN_SYNC",
        "Topic": "IN_SYNC",
    }

    account, region = TARGETS[1], REGIONS[1]
    logs, topics = emulator.client("logs", account, region), emulator.client("sns", account, region)
    logs.put_retention_policy(logGroupName="watched", retentionInDays=30)
    stack = next(
        item["StackId"] for item in fleet.instances() if (item["Account"], item["Region"]) == (account, region)
    )
    cloudformation = emulator.client("cloudformation", account, region)
    resource = cloudformation.describe_stack_resource(StackName=stack, LogicalResourceId="Topic")["StackResourceDetail"]
    topics.delete_topic(TopicArn=resource["PhysicalResourceId"])
    operation, details = detect(fleet)
    assert details["DriftStatus"] == "DRIFTED"
    assert (details["DriftedStackInstancesCount"], details["InSyncStackInstancesCount"]) == (1, 3)
    states = {(item["Account"], item["Region"]): item["DriftStatus"] for item in fleet.instances()}
    assert states.pop((account, region)) == "DRIFTED" and set(states.values()) == {"IN_SYNC"}
    drifted = fleet.client.list_stack_instances(
        StackSetName=fleet.name, Filters=[{"Name": "DRIFT_STATUS", "Values": "DRIFTED"}]
    )["Summaries"]
    assert [(item["Account"], item["Region"]) for item in drifted] == [(account, region)]
    assert drifted[0]["Status"] == "CURRENT" and "LastDriftCheckTimestamp" in drifted[0]
    found = drifts(fleet, operation, account, region)
    assert found["Topic"]["StackResourceDriftStatus"] == "DELETED"
    (difference,) = found["Logs"]["PropertyDifferences"]
    assert difference == {
        "PropertyPath": "/RetentionInDays",
        "ExpectedValue": "7",
        "ActualValue": "30",
        "DifferenceType": "NOT_EQUAL",
    }
    modified = fleet.client.list_stack_instance_resource_drifts(
        StackSetName=fleet.name,
        OperationId=operation,
        StackInstanceAccount=account,
        StackInstanceRegion=region,
        StackInstanceResourceDriftStatuses=["MODIFIED"],
    )["Summaries"]
    assert [item["LogicalResourceId"] for item in modified] == ["Logs"]
    listed = fleet.client.list_stack_sets(Status="ACTIVE")["Summaries"]
    assert [item["DriftStatus"] for item in listed if item["StackSetName"] == fleet.name] == ["DRIFTED"]

    fleet.run("delete_stack_instances", Accounts=list(TARGETS), Regions=list(REGIONS), RetainStacks=False)
    fleet.client.delete_stack_set(StackSetName=fleet.name)


def test_instance_without_a_stack_fails_the_detection(emulator: RunningEmulator) -> None:
    fleet = Fleet(emulator, "failing", Parameters=parameters({"Label": "one"}))
    where = {"Accounts": [TARGETS[0]], "Regions": [REGIONS[0]]}
    assert fleet.run("create_stack_instances", **where)[0] == "SUCCEEDED"
    stack = fleet.instances()[0]["StackId"]
    Deployer(emulator, TARGETS[0], REGIONS[0]).delete(stack)
    operation = fleet.begin("detect_stack_set_drift", OperationPreferences={"FailureToleranceCount": 1})
    assert fleet.ended(operation) == "SUCCEEDED"
    details = fleet.operation(operation)["StackSetDriftDetectionDetails"]
    assert details["DriftDetectionStatus"] == "PARTIAL_SUCCESS" and details["FailedStackInstancesCount"] == 1
    assert details["DriftStatus"] == "NOT_CHECKED"
    (reason,) = fleet.results(operation).values()
    assert reason[0] == "FAILED" and "does not exist" in reason[1]
    assert fleet.instances()[0]["Status"] == "CURRENT"
    strict = fleet.begin("detect_stack_set_drift", OperationPreferences={})
    assert fleet.ended(strict) == "FAILED"
    assert fleet.operation(strict)["StackSetDriftDetectionDetails"]["DriftDetectionStatus"] == "FAILED"
    fleet.remove()


def test_execution_role_must_be_allowed_to_detect(emulator: RunningEmulator) -> None:
    account = "444444444444"
    add_execution_role(emulator, account)
    fleet = Fleet(emulator, "denied", Parameters=parameters({"Label": "one"}))
    assert fleet.run("create_stack_instances", Accounts=[account], Regions=[REGIONS[0]])[0] == "SUCCEEDED"
    stacks = f"arn:aws:cloudformation:*:{account}:stack/StackSet-*"
    scoped = policy(Action="cloudformation:*", Resource=stacks)
    emulator.client("iam", account).put_role_policy(RoleName=EXECUTION, PolicyName="all", PolicyDocument=scoped)
    operation = fleet.begin("detect_stack_set_drift")
    assert fleet.ended(operation) == "FAILED"
    ((status, reason),) = fleet.results(operation).values()
    assert status == "FAILED"
    assert "not authorized to perform: cloudformation:BatchDescribeTypeConfigurations on resource: *" in reason
    fleet.remove()
