"""A fleet of targets with a template of one resource, driven by the project's own stack set code."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from deployer.events import Event
from deployer.override_records import OverrideRecords
from deployer.stack_set_plan import Instance, Overrides, Plan, StackSet, Target, Wanted, plan
from deployer.stack_sets import Preferences, StackSets
from tests.emulator.running_emulator import ACCOUNT, REGION, RunningEmulator

BUCKET = "fleet-artifacts"
BASE = f"https://{BUCKET}.s3.{REGION}.amazonaws.com"
ADMINISTRATION, EXECUTION = "Administration", "Execution"


def topic(version: int) -> dict[str, Any]:
    """Returns a template of one topic, whose display name is a parameter; `version` makes it another template."""
    return {
        "Description": f"version {version}",
        "Parameters": {name: {"Type": "String", "Default": "plain"} for name in ("Label", "Other")},
        "Resources": {
            "Topic": {
                "Type": "AWS::SNS::Topic",
                "Properties": {"DisplayName": {"Fn::Sub": f"v{version} ${{Label}} ${{Other}}"}},
            }
        },
        "Outputs": {"Topic": {"Value": {"Ref": "Topic"}}},
    }


@dataclass
class Silence:
    """A reporter that keeps what it is told."""

    events: list[Event] = field(default_factory=list)

    def emit(self, event: Event) -> None:
        """Keeps the event."""
        self.events.append(event)


@dataclass
class Fleet:
    """One stack set of one account's, and the targets that it should have."""

    emulator: RunningEmulator
    name: str
    wanted: StackSet = field(init=False)
    reporter: Silence = field(default_factory=Silence)

    def __post_init__(self) -> None:
        """Wants the first version with the default label."""
        self.wanted = StackSet(
            self.name,
            f"{BASE}/1.json",
            {"Label": "plain", "Other": "plain"},
            f"arn:aws:iam::{ACCOUNT}:role/{ADMINISTRATION}",
            EXECUTION,
        )

    def sets(self, preferences: Preferences | None = None, client: Any = None) -> StackSets:
        """Returns the stack set as a new command would see it."""
        records = OverrideRecords(self.emulator.client("s3"), BUCKET, ACCOUNT)
        return StackSets(
            client or self.emulator.client("cloudformation"),
            self.name,
            self.reporter,
            0.05,
            preferences or Preferences(),
            records=records,
        )

    def converge(
        self, targets: Mapping[Target, Overrides], sets: StackSets | None = None, canary: bool = False
    ) -> Plan:
        """Brings the fleet to `targets` as a command would, and returns what was called."""
        sets = sets or self.sets()
        existing = sets.describe()
        before = sets.instances() if existing else {}
        steps = plan(Wanted(self.wanted, targets, canary=canary), existing, before)
        sets.apply(steps, self.wanted, before)
        return steps

    def version(self, number: int) -> None:
        """Wants another template."""
        self.wanted = replace(self.wanted, template_url=f"{BASE}/{number}.json")

    def share(self, **parameters: str) -> None:
        """Wants other shared parameters."""
        self.wanted = replace(self.wanted, parameters={**self.wanted.parameters, **parameters})

    def instances(self) -> dict[Target, Instance]:
        """Returns the instances as a new command reads them."""
        return self.sets().instances()

    def names(self) -> dict[Target, str]:
        """Returns the display name of every target's topic, read from the topics themselves."""
        found = {}
        for target, instance in self.sets().listed().items():
            cloudformation = self.emulator.client("cloudformation", *target)
            (stack,) = cloudformation.describe_stacks(StackName=instance.stack_id)["Stacks"]
            sns = self.emulator.client("sns", *target)
            attributes = sns.get_topic_attributes(TopicArn=stack["Outputs"][0]["OutputValue"])["Attributes"]
            found[target] = attributes["DisplayName"]
        return found

    def operations(self) -> list[dict[str, Any]]:
        """Returns the operations so far, the oldest first."""
        client = self.emulator.client("cloudformation")
        return list(reversed(client.list_stack_set_operations(StackSetName=self.name)["Summaries"]))


def prepare(emulator: RunningEmulator) -> None:
    """Makes the bucket with two versions of the template, and the administration role."""
    s3 = emulator.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    for version in (1, 2):
        s3.put_object(Bucket=BUCKET, Key=f"{version}.json", Body=json.dumps(topic(version)).encode())
    iam = emulator.client("iam")
    trust = _policy(Principal={"Service": "cloudformation.amazonaws.com"}, Action="sts:AssumeRole")
    iam.create_role(RoleName=ADMINISTRATION, AssumeRolePolicyDocument=trust)
    assume = _policy(Action="sts:AssumeRole", Resource=f"arn:aws:iam::*:role/{EXECUTION}")
    iam.put_role_policy(RoleName=ADMINISTRATION, PolicyName="assume", PolicyDocument=assume)


def admit(emulator: RunningEmulator, account: str) -> None:
    """Makes the execution role of a target's account."""
    iam = emulator.client("iam", account)
    trust = _policy(Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:role/{ADMINISTRATION}"}, Action="sts:AssumeRole")
    iam.create_role(RoleName=EXECUTION, AssumeRolePolicyDocument=trust)
    iam.put_role_policy(RoleName=EXECUTION, PolicyName="all", PolicyDocument=_policy(Action="*", Resource="*"))


def _policy(**statement: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})
