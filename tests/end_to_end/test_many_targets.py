"""Two accounts in two Regions as one stack set: a canary, values of their own, changes in place, and leaving again.

The tests of this file are one story and run in their order.
"""

import json
import os
import subprocess
import sys
from typing import Any

from tests.end_to_end.running import ACCOUNT, REGION, ROOT, Project

OTHER_ACCOUNT, OTHER_REGION = "222222222222", "eu-west-1"
TARGETS = [(account, region) for account in (ACCOUNT, OTHER_ACCOUNT) for region in (REGION, OTHER_REGION)]
LABELS = ('host_labels = "none"', 'host_labels = "account-region"')
CANARY = ("canary = false", "canary = true")
READER = "RuntimeReader"
TABLE = f'[[targets]]\naccount = "{ACCOUNT}"\nregion = "{REGION}"\n'


def tables(*targets: tuple[str, str]) -> tuple[str, str]:
    """Returns the change of the example that gives these targets."""
    text = "\n".join(f'[[targets]]\naccount = "{account}"\nregion = "{region}"\n' for account, region in targets)
    return TABLE, text.replace(
        f'"{OTHER_ACCOUNT}"\nregion = "{OTHER_REGION}"\n',
        f'"{OTHER_ACCOUNT}"\nregion = "{OTHER_REGION}"\noverrides.compute.max_tasks = 6\n',
    )


def instances(project: Project) -> dict[tuple[str, str], Any]:
    """Returns the stack set's instances by account and Region."""
    found: Any = project.client("cloudformation").list_stack_instances(StackSetName="mcp-runtime")["Summaries"]
    return {(one["Account"], one["Region"]): one for one in found}


def stacks(project: Project) -> dict[tuple[str, str], Any]:
    """Returns the root stack of every instance as its own account's CloudFormation describes it."""
    return {
        (account, region): project.client("cloudformation", region, account).describe_stacks(StackName=one["StackId"])[
            "Stacks"
        ][0]
        for (account, region), one in instances(project).items()
    }


def parameter(project: Project, name: str) -> dict[tuple[str, str], str]:
    """Returns a parameter's value in the root stack of every instance."""
    return {
        target: next(item["ParameterValue"] for item in stack["Parameters"] if item["ParameterKey"] == name)
        for target, stack in stacks(project).items()
    }


def test_targets_that_would_share_a_name_are_refused_before_anything_is_made(project: Project) -> None:
    project.configure(tables(*TARGETS))
    done = project.run("deploy")
    assert done.status == 2
    assert "would both be named mcp-runtime.example.com; set address.host_labels" in done.error
    assert not (project.folder / "aws").exists()


def test_all_four_stand_after_the_canary_and_one_of_them_runs_here(project: Project) -> None:
    project.configure(LABELS, CANARY, tables(*TARGETS))
    document = project.json("deploy")
    assert {target: one["Status"] for target, one in instances(project).items()} == dict.fromkeys(TARGETS, "CURRENT")
    names = {(target["account"], target["region"]): target["outputs"]["HostName"] for target in document["targets"]}
    assert names == {(account, region): f"mcp-runtime.{account}.{region}.example.com" for account, region in TARGETS}
    assert parameter(project, "MaxTasks") == dict.fromkeys(TARGETS, "4") | {(OTHER_ACCOUNT, OTHER_REGION): "6"}
    rows = {target: {row["passed"] for row in found} for target, found in document["verification"].items()}
    assert sorted(map(str, rows.values())) == sorted(["{True}", *["{None}"] * 3])
    first, *rest = project.operations()[::-1]
    results = project.client("cloudformation").list_stack_set_operation_results(
        StackSetName="mcp-runtime", OperationId=first["OperationId"]
    )["Summaries"]
    assert [(result["Account"], result["Region"]) for result in results] == [TARGETS[0]]
    # One for each distinct set of overrides; both accounts have zones of their own.
    assert len(rest) == 3


def test_image_and_foundation_reach_the_other_region_and_account(project: Project) -> None:
    digest = project.json("deploy")["image_digest"]
    ecr = project.client("ecr", OTHER_REGION)
    (held,) = ecr.describe_images(repositoryName="mcp-runtime/server", imageIds=[{"imageDigest": digest}])[
        "imageDetails"
    ]
    assert held["imageDigest"] == digest
    found = project.client("cloudformation", OTHER_REGION).describe_stacks()["Stacks"]
    assert "mcp-runtime-foundation-replica" in [one["StackName"] for one in found]
    found = project.client("cloudformation", REGION, OTHER_ACCOUNT).describe_stacks()["Stacks"]
    assert "mcp-runtime-foundation-target" in [one["StackName"] for one in found]


def test_second_deploy_changes_nothing_in_any(project: Project) -> None:
    operations = project.operations()
    assert project.json("deploy")["changed"] is False
    assert project.operations() == operations


def test_other_account_is_read_through_the_role_that_is_named(project: Project) -> None:
    project.configure(LABELS, CANARY, tables(*TARGETS), ('access_role_name = ""', f'access_role_name = "{READER}"'))
    iam = project.client("iam", REGION, OTHER_ACCOUNT)
    trust = _policy({"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"})
    assert _states(_status(project)) == {ACCOUNT: "CREATE_COMPLETE", OTHER_ACCOUNT: "CURRENT"}
    iam.create_role(RoleName=READER, AssumeRolePolicyDocument=trust)
    iam.put_role_policy(RoleName=READER, PolicyName="read", PolicyDocument=_policy({"Action": "*", "Resource": "*"}))
    assert set(_states(_status(project)).values()) == {"CREATE_COMPLETE"}


def test_templates_and_values_change_in_place_everywhere(project: Project) -> None:
    before = {target: stack["StackId"] for target, stack in stacks(project).items()}
    project.configure(LABELS, CANARY, tables(*TARGETS), ("max_tasks = 4 ", "max_tasks = 5 "))
    document = project.json("plan")
    assert document["foundation"] == []
    planned = {tuple(group["targets"]): group for group in document["targets"]}
    names = tuple("/".join(target) for target in TARGETS)
    assert {targets: group["state"] for targets, group in planned.items()} == {names[:3]: "update", names[3:]: "same"}
    assert [change["logical_id"] for change in planned[names[:3]]["changes"]] == ["ScalableTarget"]
    assert project.json("deploy")["changed"] is True
    assert parameter(project, "MaxTasks") == dict.fromkeys(TARGETS, "5") | {(OTHER_ACCOUNT, OTHER_REGION): "6"}
    assert {target: stack["StackId"] for target, stack in stacks(project).items()} == before
    # Where the value is the target's own nothing changes, and CloudFormation leaves the stack as it is.
    states = {target: stack["StackStatus"] for target, stack in stacks(project).items()}
    assert states == dict.fromkeys(TARGETS, "UPDATE_COMPLETE") | {(OTHER_ACCOUNT, OTHER_REGION): "CREATE_COMPLETE"}


def test_another_configuration_takes_nothing_from_the_foundation_that_both_stand_on(project: Project) -> None:
    before = _foundation(project)
    beside = ('name = "mcp-runtime"  ', 'name = "beside"  ')
    project.configure(beside)
    project.json("package")
    assert _foundation(project) == before
    project.configure(beside, ('repository = "mcp-runtime/server"', 'repository = "beside/server"'))
    refused = project.run("package")
    assert refused.status == 2
    assert (
        "image.repository is beside/server, but the foundation of this account has mcp-runtime/server, which the"
        in (refused.error)
    )
    assert _foundation(project) == before


def test_targets_that_leave_the_configuration_are_removed(project: Project) -> None:
    project.configure(LABELS)
    planned = {tuple(group["targets"]): group["state"] for group in project.json("plan")["targets"]}
    assert planned.pop((f"{ACCOUNT}/{REGION}",)) == "update"
    assert planned == {("/".join(target),): "remove" for target in TARGETS[1:]}
    assert project.json("deploy")["changed"] is True
    assert list(instances(project)) == [(ACCOUNT, REGION)]
    for account, region in TARGETS[1:]:
        assert project.client("elbv2", region, account).describe_load_balancers()["LoadBalancers"] == []


def _foundation(project: Project) -> dict[str, str]:
    """Returns the values of the foundation's parameters."""
    (stack,) = project.client("cloudformation").describe_stacks(StackName="mcp-runtime-foundation")["Stacks"]
    return {one["ParameterKey"]: one["ParameterValue"] for one in stack["Parameters"]}


def _policy(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})


def _status(project: Project) -> list[Any]:
    """Runs `status` with the credentials of one account only, as on AWS."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    credentials = {
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": project.emulator["secret_access_key"],
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    words = ["status", "--config", str(project.configuration), "--endpoint-url", project.emulator["endpoint"]]
    done = subprocess.run(
        [sys.executable, "build.py", *words, "--output", "json"],
        cwd=ROOT,
        env={**kept, **credentials},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: list[Any] = json.loads(done.stdout)["targets"]
    return found


def _states(found: list[Any]) -> dict[str, str]:
    """Returns the state of an account's root stack by account."""
    return {target["account"]: target["facts"][0]["state"] for target in found}
