"""Stack sets over several accounts and Regions, through the API that the deployer uses."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.emulator.control_templates import BASE, CAPABILITIES, parameters, template, upload
from tests.emulator.running_emulator import ACCOUNT, RunningEmulator

TARGETS = ("222222222222", "333333333333")
REGIONS = ("us-east-1", "eu-west-1")
ADMINISTRATION = "AWSCloudFormationStackSetAdministrationRole"
EXECUTION = "AWSCloudFormationStackSetExecutionRole"
PREFERENCES = {
    "RegionConcurrencyType": "PARALLEL",
    "MaxConcurrentPercentage": 100,
    "ConcurrencyMode": "SOFT_FAILURE_TOLERANCE",
}


def policy(**statement: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})


def add_execution_role(emulator: RunningEmulator, account: str) -> None:
    iam = emulator.client("iam", account)
    trust = policy(Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:role/{ADMINISTRATION}"}, Action="sts:AssumeRole")
    iam.create_role(RoleName=EXECUTION, AssumeRolePolicyDocument=trust)
    iam.put_role_policy(RoleName=EXECUTION, PolicyName="all", PolicyDocument=policy(Action="*", Resource="*"))


@pytest.fixture(scope="module")
def prepared(emulator: RunningEmulator) -> None:
    iam = emulator.client("iam")
    trust = policy(Principal={"Service": "cloudformation.amazonaws.com"}, Action="sts:AssumeRole")
    iam.create_role(RoleName=ADMINISTRATION, AssumeRolePolicyDocument=trust)
    assume = policy(Action="sts:AssumeRole", Resource=f"arn:aws:iam::*:role/{EXECUTION}")
    iam.put_role_policy(RoleName=ADMINISTRATION, PolicyName="assume", PolicyDocument=assume)
    for account in TARGETS:
        add_execution_role(emulator, account)
    leaf = template(
        {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": {"Ref": "Label"}}}},
        Parameters={"Label": {"Type": "String", "AllowedPattern": "[a-z]*"}},
    )
    child = {
        "Type": "AWS::CloudFormation::Stack",
        "Properties": {"TemplateURL": f"{BASE}/leaf.json", "Parameters": {"Label": {"Ref": "Label"}}},
    }
    root = template({"Child": child}, Parameters={"Label": {"Type": "String", "Default": "one"}})
    waiting = {
        "Type": "AWS::CloudFormation::WaitCondition",
        "Properties": {"Handle": {"Ref": "Handle"}, "Timeout": "2"},
    }
    slow = template({"Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"}, "Waiting": waiting})
    files = {"leaf.json": leaf, "root.json": root, "slow.json": slow}
    upload(emulator, {name: json.dumps(body) for name, body in files.items()})
    emulator.client("s3").put_bucket_policy(
        Bucket=BASE[8:].partition(".")[0],
        Policy=policy(
            Principal={"AWS": [*TARGETS, "444444444444"]},
            Action="s3:GetObject",
            Resource=f"arn:aws:s3:::{BASE[8:].partition('.')[0]}/*",
        ),
    )


class Fleet:
    """One stack set and its operations."""

    def __init__(self, emulator: RunningEmulator, name: str, **given: Any) -> None:
        self.client = emulator.client("cloudformation")
        self.name = name
        source = {"TemplateURL": f"{BASE}/root.json", "Capabilities": CAPABILITIES}
        self.client.create_stack_set(StackSetName=name, **{**source, **given})

    def begin(self, call: str, **given: Any) -> str:
        preferences = given.pop("OperationPreferences", PREFERENCES)
        answer = getattr(self.client, call)(StackSetName=self.name, OperationPreferences=preferences, **given)
        return str(answer["OperationId"])

    def run(self, call: str, **given: Any) -> tuple[str, dict[tuple[str, str], tuple[str, str]]]:
        operation = self.begin(call, **given)
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            found = self.client.describe_stack_set_operation(StackSetName=self.name, OperationId=operation)
            status = found["StackSetOperation"]["Status"]
            if status not in ("RUNNING", "QUEUED", "STOPPING"):
                return status, self.results(operation)
            time.sleep(0.05)
        raise TimeoutError(f"{call} did not end")

    def results(self, operation: str) -> dict[tuple[str, str], tuple[str, str]]:
        found = self.client.list_stack_set_operation_results(StackSetName=self.name, OperationId=operation)["Summaries"]
        return {(item["Account"], item["Region"]): (item["Status"], item.get("StatusReason", "")) for item in found}

    def instances(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.client.list_stack_instances(StackSetName=self.name)["Summaries"]
        return found

    def remove(self) -> None:
        for instance in self.instances():
            where = {"Accounts": [instance["Account"]], "Regions": [instance["Region"]]}
            retain = not instance.get("StackId")
            assert self.run("delete_stack_instances", **where, RetainStacks=retain)[0] == "SUCCEEDED"
        self.client.delete_stack_set(StackSetName=self.name)


@pytest.fixture
def fleet(emulator: RunningEmulator, prepared: None, request: pytest.FixtureRequest) -> Iterator[Fleet]:
    made = Fleet(emulator, f"fleet{abs(hash(request.node.name)) % 10**8}")
    yield made
    made.remove()


def label(emulator: RunningEmulator, account: str, region: str) -> list[str]:
    client = emulator.client("sns", account, region)
    topics = [item["TopicArn"] for item in client.list_topics()["Topics"]]
    return [client.get_topic_attributes(TopicArn=arn)["Attributes"]["DisplayName"] for arn in topics]


def test_every_account_and_region_gets_nested_stacks(emulator: RunningEmulator, fleet: Fleet) -> None:
    status, results = fleet.run("create_stack_instances", Accounts=list(TARGETS), Regions=list(REGIONS))
    assert status == "SUCCEEDED", results
    assert set(results) == {(account, region) for account in TARGETS for region in REGIONS}
    assert {item["Status"] for item in fleet.instances()} == {"CURRENT"}
    for account, region in results:
        assert label(emulator, account, region) == ["one"]
        stacks = emulator.client("cloudformation", account, region).describe_stacks()["Stacks"]
        live = [item for item in stacks if item["StackStatus"] == "CREATE_COMPLETE"]
        assert sum("ParentId" in item for item in live) == 1 and len(live) == 2

    one = {"Accounts": [TARGETS[0]], "Regions": [REGIONS[0]]}
    changed = fleet.run("update_stack_instances", **one, ParameterOverrides=parameters({"Label": "other"}))
    assert changed[0] == "SUCCEEDED"
    assert label(emulator, TARGETS[0], REGIONS[0]) == ["other"]
    given = {"UsePreviousTemplate": True, "Capabilities": CAPABILITIES, "Parameters": parameters({"Label": "two"})}
    assert fleet.run("update_stack_set", **given)[0] == "SUCCEEDED"
    assert label(emulator, TARGETS[0], REGIONS[0]) == ["other"]
    assert label(emulator, TARGETS[1], REGIONS[1]) == ["two"]
    assert fleet.run("update_stack_instances", **one, ParameterOverrides=[])[0] == "SUCCEEDED"
    assert label(emulator, TARGETS[0], REGIONS[0]) == ["two"]

    with pytest.raises(fleet.client.exceptions.StackSetNotEmptyException):
        fleet.client.delete_stack_set(StackSetName=fleet.name)
    everywhere = {"Accounts": list(TARGETS), "Regions": list(REGIONS)}
    assert fleet.run("delete_stack_instances", **everywhere, RetainStacks=False)[0] == "SUCCEEDED"
    assert fleet.instances() == []
    assert label(emulator, TARGETS[0], REGIONS[0]) == []


def test_failing_target_is_named_with_its_resource(emulator: RunningEmulator, fleet: Fleet) -> None:
    bad = parameters({"Label": "UPPER"})
    status, results = fleet.run(
        "create_stack_instances", Accounts=[TARGETS[0]], Regions=[REGIONS[0]], ParameterOverrides=bad
    )
    assert status == "FAILED"
    state, reason = results[TARGETS[0], REGIONS[0]]
    assert state == "FAILED" and reason.startswith("ResourceLogicalId:Child, ResourceType:AWS::CloudFormation::Stack")
    assert [item["Status"] for item in fleet.instances()] == ["OUTDATED"]
    repaired = fleet.run("update_stack_instances", Accounts=[TARGETS[0]], Regions=[REGIONS[0]], ParameterOverrides=[])
    assert repaired[0] == "SUCCEEDED", repaired
    assert label(emulator, TARGETS[0], REGIONS[0]) == ["one"]


def test_execution_role_is_needed(emulator: RunningEmulator, fleet: Fleet) -> None:
    where = {"Accounts": ["444444444444"], "Regions": [REGIONS[0]]}
    status, results = fleet.run("create_stack_instances", **where)
    expected = (
        f"Account 444444444444 should have '{EXECUTION}' role with trust relationship to Role '{ADMINISTRATION}'."
    )
    assert (status, results) == ("FAILED", {("444444444444", REGIONS[0]): ("FAILED", expected)})
    add_execution_role(emulator, "444444444444")
    assert fleet.run("update_stack_instances", **where)[0] == "SUCCEEDED"


def test_intolerable_failure_cancels_what_has_not_begun(fleet: Fleet) -> None:
    sequential = {"RegionConcurrencyType": "SEQUENTIAL", "MaxConcurrentCount": 1}
    status, results = fleet.run(
        "create_stack_instances",
        Accounts=[TARGETS[0]],
        Regions=list(REGIONS),
        ParameterOverrides=parameters({"Label": "UPPER"}),
        OperationPreferences=sequential,
    )
    assert status == "FAILED"
    assert [results[TARGETS[0], region][0] for region in REGIONS] == ["FAILED", "CANCELLED"]


def test_requests_that_contradict_the_set_are_refused(emulator: RunningEmulator, fleet: Fleet) -> None:
    errors = fleet.client.exceptions
    one = {"Accounts": [TARGETS[0]], "Regions": [REGIONS[0]]}
    with pytest.raises(errors.StackInstanceNotFoundException):
        fleet.begin("update_stack_instances", **one)
    with pytest.raises(errors.ClientError, match="do not exist in the template"):
        fleet.begin("create_stack_instances", **one, ParameterOverrides=parameters({"Absent": "one"}))
    with pytest.raises(errors.StackSetNotFoundException):
        fleet.client.describe_stack_set(StackSetName="absent")
    with pytest.raises(errors.NameAlreadyExistsException):
        Fleet(emulator, fleet.name)
    with pytest.raises(errors.ClientError, match="service managed"):
        Fleet(emulator, "managed", PermissionModel="SERVICE_MANAGED")


def test_operations_exclude_each_other_unless_execution_is_managed(emulator: RunningEmulator, prepared: None) -> None:
    everywhere = {"Accounts": list(TARGETS), "Regions": list(REGIONS)}
    slow = f"{BASE}/slow.json"
    plain = Fleet(emulator, "plain", TemplateURL=slow)
    first = plain.begin("create_stack_instances", **everywhere)
    with pytest.raises(plain.client.exceptions.OperationInProgressException, match=first):
        plain.begin("update_stack_instances", **everywhere)
    managed = Fleet(emulator, "managed", TemplateURL=slow, ManagedExecution={"Active": True})
    managed.begin("create_stack_instances", **everywhere)
    queued = managed.begin("delete_stack_instances", **everywhere, RetainStacks=False)
    described = managed.client.describe_stack_set_operation(StackSetName="managed", OperationId=queued)
    assert described["StackSetOperation"]["Status"] == "QUEUED"
    while plain.client.describe_stack_set_operation(StackSetName="plain", OperationId=first)["StackSetOperation"][
        "Status"
    ] in ("RUNNING", "QUEUED"):
        time.sleep(0.05)
    assert plain.run("delete_stack_instances", **everywhere, RetainStacks=False)[0] == "SUCCEEDED"
    plain.client.delete_stack_set(StackSetName="plain")
    while managed.instances():
        time.sleep(0.05)
    while managed.client.list_stack_set_operations(StackSetName="managed")["Summaries"][0]["Status"] == "RUNNING":
        time.sleep(0.05)
    managed.client.delete_stack_set(StackSetName="managed")
