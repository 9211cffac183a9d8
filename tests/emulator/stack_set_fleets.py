"""Stack sets of the control plane's tests: their roles, their templates and the operations on them."""

import json
import time
from collections.abc import Callable
from typing import Any

from tests.emulator.control_templates import BASE, CAPABILITIES, template, upload
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


def prepare(emulator: RunningEmulator) -> None:
    """Make the roles of self-managed permissions, and upload templates that all accounts of the tests may read."""
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
    signal = {"ResourceSignal": {"Count": 1, "Timeout": "PT2M"}}
    slow = template({"Waiting": {"Type": "AWS::CloudFormation::WaitCondition", "CreationPolicy": signal}})
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


def until(found: Callable[[], bool]) -> None:
    """Wait until something holds. Raises TimeoutError."""
    deadline = time.monotonic() + 240
    while not found():
        if time.monotonic() > deadline:
            raise TimeoutError("it did not come to hold")
        time.sleep(0.05)


class Fleet:
    """One stack set and its operations."""

    def __init__(self, emulator: RunningEmulator, name: str, **given: Any) -> None:
        self.client = emulator.client("cloudformation")
        self.name = name
        source = {"TemplateURL": f"{BASE}/root.json", "Capabilities": CAPABILITIES}
        request = {key: value for key, value in {**source, **given}.items() if value is not None}
        self.client.create_stack_set(StackSetName=name, **request)

    def begin(self, call: str, **given: Any) -> str:
        preferences = given.pop("OperationPreferences", PREFERENCES)
        answer = getattr(self.client, call)(StackSetName=self.name, OperationPreferences=preferences, **given)
        return str(answer["OperationId"])

    def run(self, call: str, **given: Any) -> tuple[str, dict[tuple[str, str], tuple[str, str]]]:
        operation = self.begin(call, **given)
        return self.ended(operation), self.results(operation)

    def ended(self, operation: str) -> str:
        until(lambda: self.status(operation) not in ("RUNNING", "QUEUED", "STOPPING"))
        return self.status(operation)

    def status(self, operation: str) -> str:
        return str(self.operation(operation)["Status"])

    def operation(self, operation: str) -> dict[str, Any]:
        answer = self.client.describe_stack_set_operation(StackSetName=self.name, OperationId=operation)
        found: dict[str, Any] = answer["StackSetOperation"]
        return found

    def results(self, operation: str) -> dict[tuple[str, str], tuple[str, str]]:
        found = self.client.list_stack_set_operation_results(StackSetName=self.name, OperationId=operation)["Summaries"]
        return {(item["Account"], item["Region"]): (item["Status"], item.get("StatusReason", "")) for item in found}

    def instances(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.client.list_stack_instances(StackSetName=self.name)["Summaries"]
        return found

    def last_operations(self) -> dict[tuple[str, str], str]:
        return {(item["Account"], item["Region"]): item["LastOperationId"] for item in self.instances()}

    def remove(self) -> None:
        for instance in self.instances():
            where = {"Accounts": [instance["Account"]], "Regions": [instance["Region"]]}
            retain = not instance.get("StackId")
            assert self.run("delete_stack_instances", **where, RetainStacks=retain)[0] == "SUCCEEDED"
        self.client.delete_stack_set(StackSetName=self.name)


def label(emulator: RunningEmulator, account: str, region: str) -> list[str]:
    """Return the display names of an account's topics in a Region."""
    client = emulator.client("sns", account, region)
    topics = [item["TopicArn"] for item in client.list_topics()["Topics"]]
    return [client.get_topic_attributes(TopicArn=arn)["Attributes"]["DisplayName"] for arn in topics]
