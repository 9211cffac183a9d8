"""What may not be taken away is refused before anything is, and the rest goes in the order that AWS accepts."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml
from botocore.exceptions import ClientError

from deployer import disconnecting
from deployer.disconnecting import disconnect
from deployer.each_target import Pause, each
from deployer.errors import RefusedError
from deployer.events import Step
from deployer.runtimes import Runtime
from deployer.stack_set_plan import Group, Instance, Target
from deployer.stack_sets import StackSets
from deployer.standing import Resource, Standing, hindrances, is_protected
from deployer.teardown import remove_stacks
from generator.serving import TRACES_POLICY
from tests.deployer.scripted import ACCOUNT, REGION, Scripted
from tests.deployer.test_stacks import Recorder

ROOT = Path(__file__).resolve().parents[2]
GATEWAY, TARGET = "gateway-0123456789", "ABCDEFGHIJ"
POLICY = f"arn:aws:iam::{ACCOUNT}:policy/callers"
MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
VALUES = {"DeletionProtection": "off"}


def runtime(readable: bool = True) -> Runtime:
    return Runtime(ACCOUNT, REGION, "arn:stack", "CREATE_COMPLETE", "", readable, {}, VALUES if readable else {})


def standing(*resources: tuple[str, str, str], **values: str) -> Standing:
    of = runtime()
    return Standing(
        replace(of, parameters={**of.parameters, **values}),
        tuple(Resource(*one, "CREATE_COMPLETE") for one in resources),
    )


ROLE = ("TaskRole", "AWS::IAM::Role", "task-role")
CALLERS = ("CallerPolicy", "AWS::IAM::ManagedPolicy", POLICY)
NETWORK = ("Vpc", "AWS::EC2::VPC", "vpc-1")
GATE = ("Gateway", "AWS::BedrockAgentCore::Gateway", GATEWAY)
FORWARD = ("GatewayTarget", "AWS::BedrockAgentCore::GatewayTarget", f"{GATEWAY}|{TARGET}")

ARN = f"arn:aws:bedrock-agentcore:{REGION}:{ACCOUNT}:gateway/{GATEWAY}"
DELETING: dict[str, Any] = {"gatewayArn": ARN, "targetId": TARGET, "status": "DELETING"}
DESCRIBED = DELETING | {
    "createdAt": MOMENT,
    "updatedAt": MOMENT,
    "name": "mcp",
    "targetConfiguration": {"mcp": {"mcpServer": {"endpoint": "https://mcp.example.com/mcp"}}},
    "credentialProviderConfigurations": [{"credentialProviderType": "OAUTH"}],
}


@pytest.mark.parametrize(
    ("parameters", "protected"),
    [
        ({"DeletionProtection": "on", "Preset": "development"}, True),
        ({"DeletionProtection": "off", "Preset": "production"}, False),
        ({"DeletionProtection": "preset", "Preset": "production"}, True),
        ({"DeletionProtection": "preset", "Preset": "development"}, False),
        ({}, False),
    ],
)
def test_protection_follows_from_choice_and_preset(parameters: dict[str, str], protected: bool) -> None:
    assert is_protected(parameters) is protected


def test_protection_is_told_of_an_account_that_cannot_be_read() -> None:
    (sentence,) = hindrances(Scripted(), Standing(runtime(readable=False)), {"DeletionProtection": "on"})
    assert sentence.startswith(f"The runtime of {ACCOUNT} {REGION} is protected from deletion")


def test_what_somebody_attached_is_named() -> None:
    aws = Scripted()
    attached = {"AttachedPolicies": [{"PolicyName": "More", "PolicyArn": "arn:aws:iam::aws:policy/More"}]}
    aws.answers("iam", "list_attached_role_policies", attached, {"RoleName": "task-role"})
    aws.answers("iam", "list_role_policies", {"PolicyNames": ["mine"]}, {"RoleName": "task-role"})
    entities = {"PolicyUsers": [{"UserName": "agent"}], "PolicyGroups": [], "PolicyRoles": [{"RoleName": "caller"}]}
    aws.answers("iam", "list_entities_for_policy", entities, {"PolicyArn": POLICY})
    summary = {"status": "READY", "createdAt": MOMENT, "updatedAt": MOMENT}
    targets = [{"targetId": TARGET, "name": "mcp"}, {"targetId": "KLMNOPQRST", "name": "theirs"}]
    aws.answers("bedrock-agentcore-control", "list_gateway_targets", {"items": [one | summary for one in targets]})
    role, policy, gateway = hindrances(aws, standing(ROLE, CALLERS, GATE, FORWARD), {})
    assert role.endswith("take them from it: arn:aws:iam::aws:policy/More, the inline policy mine.")
    assert policy.endswith("detach it from: user agent, role caller.")
    assert gateway.endswith("delete them: theirs (KLMNOPQRST).")
    aws.ended()


def test_policies_that_the_configuration_names_are_the_runtime_s_own() -> None:
    aws = Scripted()
    attached = [{"PolicyName": name, "PolicyArn": f"arn:aws:iam::aws:policy/{name}"} for name in ("Read", "Write")]
    for _ in range(2):
        aws.answers("iam", "list_attached_role_policies", {"AttachedPolicies": attached}, {"RoleName": "task-role"})
        aws.answers("iam", "list_role_policies", {"PolicyNames": []}, {"RoleName": "task-role"})
    arns = [one["PolicyArn"] for one in attached]
    assert hindrances(aws, standing(ROLE, TaskPolicyArns=",".join(arns)), {}) == []
    (sentence,) = hindrances(aws, standing(ROLE, TaskPolicyArns=arns[0]), {})
    assert sentence.endswith("take them from it: arn:aws:iam::aws:policy/Write.")
    aws.ended()


@pytest.mark.parametrize("codes", [("NoSuchEntity", "ResourceNotFoundException"), ("AccessDenied", "AccessDenied")])
def test_what_was_deleted_by_hand_or_may_not_be_looked_at_hinders_nothing(codes: tuple[str, str]) -> None:
    aws = Scripted()
    aws.refuses("iam", "list_attached_role_policies", codes[0])
    aws.refuses("iam", "list_entities_for_policy", codes[0])
    aws.refuses("bedrock-agentcore-control", "list_gateway_targets", codes[1])
    assert hindrances(aws, standing(ROLE, CALLERS, GATE), {}) == []
    aws.ended()


def test_templates_attach_nothing_that_would_be_taken_for_somebody_s() -> None:
    text = (ROOT / "templates" / "runtime-flat.yaml").read_text(encoding="utf-8")
    resources: dict[str, Any] = yaml.safe_load(text)["Resources"]
    roles = {title: one["Properties"] for title, one in resources.items() if one["Type"] == "AWS::IAM::Role"}
    policies = [one["Properties"] for one in resources.values() if one["Type"] == "AWS::IAM::ManagedPolicy"]
    assert policies
    assert [title for title, properties in roles.items() if "ManagedPolicyArns" in properties] == ["TaskRole"]
    (own,) = roles["TaskRole"]["Policies"]
    assert own["Fn::If"][1]["PolicyName"] == TRACES_POLICY
    assert not [one for one in policies if one.keys() & {"Roles", "Users", "Groups"}]


def interface(name: str, tag: str, network: str = "vpc-1") -> dict[str, Any]:
    return {"NetworkInterfaceId": name, "VpcId": network, "TagSet": [{"Key": tag, "Value": "true"}]}


def test_target_goes_and_then_the_interfaces_of_services_are_waited_for() -> None:
    aws, seen = Scripted(), Recorder()
    named = {"gatewayIdentifier": GATEWAY, "targetId": TARGET}
    control = "bedrock-agentcore-control"
    aws.answers(control, "delete_gateway_target", DELETING, named)
    aws.answers(control, "get_gateway_target", DESCRIBED, named)
    aws.refuses(control, "get_gateway_target", "ResourceNotFoundException")
    filters = {
        "Filters": [
            {"Name": "vpc-id", "Values": ["vpc-1"]},
            {"Name": "tag-key", "Values": ["VpcLatticeManaged", "AmazonBedrockAgentCoreManaged"]},
        ]
    }
    # An endpoint that does not filter tells of more; what is a person's own, or elsewhere, is not waited for.
    others = [interface("eni-3", "Name"), interface("eni-4", "VpcLatticeManaged", "vpc-2")]
    managed = [interface("eni-1", "VpcLatticeManaged"), interface("eni-2", "AmazonBedrockAgentCoreManaged")]
    for left in (managed, managed[:1], []):
        aws.answers("ec2", "describe_network_interfaces", {"NetworkInterfaces": [*left, *others]}, filters)
    disconnect(aws, standing(NETWORK, GATE, FORWARD), seen, 0.0, Pause())
    calls = ["DeleteGatewayTarget", "GetGatewayTarget", "GetGatewayTarget", *["DescribeNetworkInterfaces"] * 3]
    assert aws.calls == calls
    told = [(one.name.split()[0], one.state, one.detail) for one in seen.events if isinstance(one, Step)]
    assert told == [
        ("Gateway", "started", ""),
        ("Gateway", "done", "removed"),
        ("Network", "started", "2 left that a service manages"),
        ("Network", "started", "1 left that a service manages"),
        ("Network", "done", "gone"),
    ]
    aws.ended()


def test_interfaces_that_stay_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disconnecting, "INTERFACES_SECONDS", -1.0)
    aws = Scripted()
    left = {"NetworkInterfaces": [interface("eni-1", "VpcLatticeManaged")]}
    aws.answers("ec2", "describe_network_interfaces", left)
    with pytest.raises(RefusedError, match=f"The network interfaces eni-1 of {ACCOUNT} {REGION} are still there"):
        disconnect(aws, standing(NETWORK), Recorder(), 0.0, Pause())


def test_in_a_vpc_of_others_only_the_stack_s_groups_count() -> None:
    aws = Scripted()
    found = interface("eni-1", "VpcLatticeManaged") | {"Groups": [{"GroupId": "sg-theirs"}]}
    aws.answers("ec2", "describe_network_interfaces", {"NetworkInterfaces": [found]})
    disconnect(aws, standing(("Group", "AWS::EC2::SecurityGroup", "sg-ours")), Recorder(), 0.0, Pause())
    aws.ended()


def test_account_that_cannot_be_read_is_left_to_its_stack() -> None:
    aws, seen = Scripted(), Recorder()
    disconnect(aws, Standing(runtime(readable=False)), seen, 0.0, Pause())
    (step,) = seen.events
    assert isinstance(step, Step)
    assert (step.state, step.detail) == ("unchanged", "its account cannot be read; it goes with its stack")
    assert aws.calls == []


@pytest.mark.parametrize(("status", "goes_on"), [("DELETING", True), ("CREATING", False)])
def test_deletion_that_is_under_way_is_joined_and_another_conflict_is_told(status: str, goes_on: bool) -> None:
    aws = Scripted()
    control = "bedrock-agentcore-control"
    aws.refuses(control, "delete_gateway_target", "ConflictException")
    aws.answers(control, "get_gateway_target", DESCRIBED | {"status": status})
    if goes_on:
        aws.refuses(control, "get_gateway_target", "ResourceNotFoundException")
        disconnect(aws, standing(GATE, FORWARD), Recorder(), 0.0, Pause())
    else:
        with pytest.raises(ClientError, match="ConflictException"):
            disconnect(aws, standing(GATE, FORWARD), Recorder(), 0.0, Pause())
    aws.ended()


def test_interruption_ends_the_waiting_of_all_targets() -> None:
    pause = Pause()

    def work(target: tuple[str, str]) -> None:
        if target[1] == "ap-south-1":
            raise KeyboardInterrupt
        pause(3600.0)

    with pytest.raises(KeyboardInterrupt):
        each([(ACCOUNT, "us-east-1"), (ACCOUNT, "ap-south-1")], work, pause)


def test_failure_of_one_target_ends_no_other() -> None:
    def work(target: tuple[str, str]) -> str:
        if target[1] == "eu-west-1":
            raise RefusedError("It is still there.")
        return "gone"

    done = each([(ACCOUNT, "us-east-1"), (ACCOUNT, "eu-west-1"), (ACCOUNT, "ap-south-1")], work)
    assert done.results == {(ACCOUNT, "us-east-1"): "gone", (ACCOUNT, "ap-south-1"): "gone"}
    assert done.told() == [f"{ACCOUNT} eu-west-1: It is still there."]


HELD = (ACCOUNT, "us-east-1")
LOST = (ACCOUNT, "eu-west-1")


class Sets(StackSets):
    """A stack set whose instances go only where their stacks are retained."""

    there: ClassVar[dict[Target, Instance]] = {}
    calls: ClassVar[list[tuple[tuple[Target, ...], bool, str]]] = []

    def listed(self) -> dict[Target, Instance]:
        return dict(self.there)

    def remove(self, group: Group, retain: bool) -> dict[Target, str]:
        self.calls.append((group.targets, retain, self.preferences.tolerance))
        for target in group.targets if retain else ():
            del self.there[target]
        return {} if retain else dict.fromkeys(group.targets, "resource sg-1 has a dependent object")


def test_instance_whose_stack_is_gone_is_released_and_one_whose_stack_stays_says_why() -> None:
    aws = Scripted()
    stack = {"StackId": "a", "StackName": "a", "CreationTime": MOMENT, "StackStatus": "DELETE_FAILED"}
    aws.answers("cloudformation", "describe_stacks", {"Stacks": [stack]}, {"StackName": "arn:held"})
    Sets.there = {HELD: Instance((), False, "arn:held", status="INOPERABLE"), LOST: Instance((), False)}
    failures = remove_stacks(aws, Sets(None, "runtime", Recorder(), 0.0), dict(Sets.there), Recorder())
    assert failures == {HELD: "resource sg-1 has a dependent object."}
    first, second = Sets.calls
    assert sorted(first[0]) == sorted([HELD, LOST])
    assert (first[1], second[1]) == (False, True)
    assert second[0] == (LOST,)
    assert first[2] == "100%"
    aws.ended()
