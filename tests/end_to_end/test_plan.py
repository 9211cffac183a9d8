"""What `plan` says, beside what `deploy` then does; and that it leaves nothing behind. One story, in order."""

import json
import re
import subprocess
import sys
from typing import Any

from tests.end_to_end.running import ACCOUNT, REGION, ROOT, Project

ELSEWHERE = "eu-west-1"
CHANGES = (
    ('task_size = "preset"', 'task_size = "512-1024"'),
    ("max_tasks = 4 ", "max_tasks = 5 "),
)
CALLS = """
import sys
import botocore.client
inner = botocore.client.BaseClient._make_api_call
def call(self, operation, arguments):
    print("CALLED " + operation, file=sys.stderr)
    return inner(self, operation, arguments)
botocore.client.BaseClient._make_api_call = call
import build
sys.exit(build.main(sys.argv[1:]))
"""
"""Runs the command line and tells every call to AWS."""
READING = ("Describe", "Get", "Head", "List", "AssumeRole")


def stands(project: Project) -> dict[str, Any]:
    """Returns everything that a plan might leave behind: stacks, change sets, stack sets, objects and images."""
    found: dict[str, Any] = {"objects": project.objects()}
    for region in (REGION, ELSEWHERE):
        client = project.client("cloudformation", region)
        stacks = client.get_paginator("describe_stacks").paginate().build_full_result()["Stacks"]
        found[region] = {one["StackId"]: (one["StackStatus"], str(one.get("LastUpdatedTime"))) for one in stacks}
        found[f"change sets of {region}"] = [
            summary for one in stacks for summary in client.list_change_sets(StackName=one["StackName"])["Summaries"]
        ]
    sets = project.client("cloudformation").list_stack_sets(Status="ACTIVE")["Summaries"]
    found["stack sets"] = [one["StackSetName"] for one in sets]
    found["operations"] = project.operations() if sets else []
    return found


def resources(project: Project) -> dict[str, str]:
    """Returns the physical id of every resource of the runtime, those of nested stacks among them."""
    client = project.client("cloudformation")
    (instance,) = client.list_stack_instances(StackSetName="mcp-runtime")["Summaries"]
    found: dict[str, str] = {}
    waiting = [instance["StackId"]]
    while waiting:
        for one in client.list_stack_resources(StackName=waiting.pop())["StackResourceSummaries"]:
            if one["ResourceType"] == "AWS::CloudFormation::Stack":
                waiting.append(one["PhysicalResourceId"])
            else:
                found[one["LogicalResourceId"]] = one["PhysicalResourceId"]
    return found


def service_stack(project: Project) -> Any:
    """Returns the nested stack of the service as CloudFormation describes it."""
    found = project.client("cloudformation").describe_stacks()["Stacks"]
    (stack,) = [one for one in found if "-ServiceStack-" in one["StackName"]]
    return stack


def service_values(project: Project) -> list[dict[str, str]]:
    """Returns the parameters of the nested stack of the service."""
    found: list[dict[str, str]] = service_stack(project)["Parameters"]
    return found


def told_by_change_set(project: Project, values: list[dict[str, str]]) -> dict[str, bool]:
    """Returns what a change set to other values of the service's stack lists, and whether it is sure of it."""
    client, name = project.client("cloudformation"), service_stack(project)["StackName"]
    made = client.create_change_set(
        StackName=name,
        ChangeSetName="back",
        UsePreviousTemplate=True,
        Parameters=values,
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
    )
    client.get_waiter("change_set_create_complete").wait(
        ChangeSetName=made["Id"], WaiterConfig={"Delay": 1, "MaxAttempts": 10}
    )
    found = client.describe_change_set(ChangeSetName=made["Id"])["Changes"]
    client.delete_change_set(ChangeSetName=made["Id"])
    listed = [one["ResourceChange"] for one in found]
    return {
        one["LogicalResourceId"]: any(detail["Evaluation"] == "Static" for detail in one["Details"]) for one in listed
    }


def changes(document: Any) -> dict[str, Any]:
    """Returns the changes of a plan's only group by logical id."""
    (group,) = document["targets"]
    return {change["logical_id"]: change for change in group["changes"]}


def test_deploy_makes_what_was_planned_from_nothing_and_says_what_took_how_long(project: Project) -> None:
    done = project.run("plan", "--exit-code", "--output", "json")
    assert done.status == 3, done.err
    (group,) = done.document["targets"]
    assert (group["state"], group["targets"]) == ("create", [f"{ACCOUNT}/{REGION}"])
    assert {change["action"] for change in group["changes"]} == {"add"}
    assert group["monthly_cost"]["before"]["expected"] == 0 < group["monthly_cost"]["after"]["expected"]
    assert group["estimate"]["recorded"] == 0
    assert "GatewayStack/GatewayTarget" in group["estimate"]["path"]
    assert done.document["evidence"] == "cited"
    assert [(one["stack"], one["made"]) for one in done.document["foundation"]] == [("mcp-runtime-foundation", True)]
    left = stands(project)
    assert not any(left.values()), left
    planned = {change["logical_id"] for change in group["changes"]}
    document = project.json("deploy")
    assert set(resources(project)) == planned
    told = document["timeline"]
    assert told["target"] == f"{ACCOUNT}/{REGION}"
    assert told["resources"] == len(planned)
    path = [one["resource"].rpartition("/")[2] for one in told["path"]]
    assert "Service" in path
    assert len(told["path"]) <= 10
    assert len(told["slowest_beside"]) <= 10


def test_nothing_would_change_after_that(project: Project) -> None:
    before = stands(project)
    done = project.run("plan", "--exit-code", "--output", "json")
    assert done.status == 0, done.out
    assert done.document["differs"] is False
    assert done.document["tools"] == []
    assert [group["state"] for group in done.document["targets"]] == ["same"]
    assert stands(project) == before


def test_deploy_replaces_and_updates_what_the_plan_of_an_update_says(project: Project) -> None:
    project.configure(*CHANGES)
    before, held = stands(project), resources(project)
    done = project.run("plan", "--exit-code", "--output", "json")
    assert done.status == 3, done.err
    planned = changes(done.document)
    assert {name: one["action"] for name, one in planned.items()} == {
        "TaskDefinition": "replace",
        "Service": "update",
        "ScalableTarget": "update",
    }
    forcing = {one["path"] for one in planned["TaskDefinition"]["properties"] if one["replaces"]}
    assert forcing >= {"Cpu", "Memory"}
    assert [one["follows"] for one in planned["Service"]["properties"]] == ["TaskDefinition"]
    (group,) = done.document["targets"]
    assert set(group["monthly_cost"]["components"]) == {"Fargate tasks"}
    assert group["monthly_cost"]["change"]["expected"] > 0
    assert group["estimate"]["path"] == [
        "ServiceStack/TaskDefinition",
        "ServiceStack/Service",
        "ServiceStack/ScalableTarget",
    ]
    assert stands(project) == before
    asked_of_cloudformation(project, planned)
    values = service_values(project)
    assert project.json("deploy")["changed"] is True
    after = resources(project)
    assert {name for name in after if after[name] != held[name]} == {"TaskDefinition"}
    assert after.keys() == held.keys()
    # The emulated CloudFormation touches unchanged resources too, but its change sets tell what differs: from the new
    # values back to the old ones it is what the plan said of the way there. Of what refers to a changed resource the
    # change set says only that it may change.
    told = told_by_change_set(project, values)
    assert {name for name, sure in told.items() if sure} == {"TaskDefinition", "ScalableTarget"}
    assert told.keys() >= planned.keys()


def asked_of_cloudformation(project: Project, planned: dict[str, Any]) -> None:
    """Asks for change sets too, once undisturbed and once interrupted; both leave only the templates that deploy uses.

    The emulated CloudFormation is not sure of what refers to a changed resource, and says that it may change.
    """
    before = stands(project)
    (group,) = project.json("plan", "--change-sets")["targets"]
    assert (group["evidence"], group["state"]) == ("observed", "update")
    assert {change["logical_id"]: change["action"] for change in group["changes"]} == {
        name: change["action"] for name, change in planned.items()
    }
    assert {tuple(change["path"]) for change in group["changes"]} == {("ServiceStack",)}
    assert group["detail"].startswith("CloudFormation's own change set was asked. It says the same.")
    after = stands(project)
    uploaded = after.pop("objects").keys() - before["objects"].keys()
    assert {name.partition("/")[2].partition("/")[0] for name in uploaded} <= {"templates"}
    assert after == {name: found for name, found in before.items() if name != "objects"}
    client = project.client("cloudformation")
    (instance,) = client.list_stack_instances(StackSetName="mcp-runtime")["Summaries"]
    client.create_change_set(
        StackName=instance["StackId"],
        ChangeSetName="mcp-runtime-plan",
        UsePreviousTemplate=True,
        IncludeNestedStacks=True,
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
    )
    assert project.run("plan", "--change-sets").status == 0
    assert {**stands(project), "objects": {}} == {**after, "objects": {}}


def test_durations_of_the_update_are_known_to_the_next_plan(project: Project) -> None:
    project.configure()
    (group,) = project.json("plan")["targets"]
    assert group["estimate"]["recorded"] == len(group["estimate"]["path"]) > 0


def test_target_that_leaves_is_told_loudly_and_another_one_would_be_made(project: Project) -> None:
    project.configure(
        (
            f'[[targets]]\naccount = "{ACCOUNT}"\nregion = "{REGION}"',
            f'[[targets]]\naccount = "{ACCOUNT}"\nregion = "{ELSEWHERE}"',
        ),
        ('home_region = ""', f'home_region = "{REGION}"'),
    )
    before = stands(project)
    document = project.json("plan")
    states = {target: group["state"] for group in document["targets"] for target in group["targets"]}
    assert states == {f"{ACCOUNT}/{ELSEWHERE}": "create", f"{ACCOUNT}/{REGION}": "remove"}
    (leaving,) = [group for group in document["targets"] if group["state"] == "remove"]
    assert leaving["monthly_cost"]["after"]["expected"] == 0 < leaving["monthly_cost"]["before"]["expected"]
    assert [one["code"] for one in leaving["warnings"]] == ["target-leaves"]
    assert "deploy REMOVES its runtime" in leaving["warnings"][0]["sentence"]
    assert document["foundation"][0]["stack"] == "mcp-runtime-foundation"
    only = project.json("plan", "--target", f"{ACCOUNT}/{REGION}")
    assert [group["state"] for group in only["targets"]] == ["remove"]
    assert f"no target; the targets are {ACCOUNT}/{ELSEWHERE}" in project.run("plan", "--target", "1/x").error
    assert stands(project) == before


def test_every_call_of_a_plan_only_reads_so_that_it_may_be_interrupted_anywhere(project: Project) -> None:
    project.configure(*CHANGES)
    words = ["plan", "--local", "--config", str(project.configuration)]
    done = subprocess.run(
        [sys.executable, "-c", CALLS, *words],
        cwd=ROOT,
        env=project._environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    called = {line.removeprefix("CALLED ") for line in done.stderr.splitlines() if line.startswith("CALLED ")}
    assert "DescribeStackSet" in called
    assert [name for name in called if not name.startswith(READING)] == []


def test_what_changes_is_said_to_be_unknown_where_the_standing_templates_are_gone(project: Project) -> None:
    client = project.client("cloudformation")
    (instance,) = client.list_stack_instances(StackSetName="mcp-runtime")["Summaries"]
    root = json.dumps(client.get_template(StackName=instance["StackId"])["TemplateBody"])
    child = re.findall(r"templates/[0-9a-f]{64}\.yaml", root)[0]
    (name,) = [name for name in project.objects() if name.endswith(child)]
    bucket, _, key = name.partition("/")
    project.client("s3").delete_object(Bucket=bucket, Key=key)
    (group,) = project.json("plan")["targets"]
    assert group["state"] == "same"
    project.configure()
    done = project.run("plan", "--exit-code")
    assert done.status == 3
    assert "1 target changed, in what is not known" in done.out
    assert "The templates that it was launched from are not in the artifact bucket." in done.out
