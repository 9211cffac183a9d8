"""Targets come and go with the configuration: a second Region is reached by replication and left again.

The tests of this file are one story and run in their order.
"""

from typing import Any

from tests.end_to_end.running import ACCOUNT, REGION, Project

OTHER = "eu-west-1"
LABELS = ('host_labels = "none"', 'host_labels = "region"')
SECOND = ('region = "us-east-1"', f'region = "us-east-1"\n\n[[targets]]\naccount = "{ACCOUNT}"\nregion = "{OTHER}"')


def instances(project: Project) -> dict[str, str]:
    """Returns the status of the stack set's instances by Region."""
    found: Any = project.client("cloudformation").list_stack_instances(StackSetName="mcp-runtime")["Summaries"]
    return {one["Region"]: one["Status"] for one in found}


def test_two_targets_that_would_share_a_name_are_refused_before_anything_is_made(project: Project) -> None:
    project.configure(SECOND)
    done = project.run("deploy")
    assert done.status == 2
    assert "would both be named mcp-runtime.example.com; set address.host_labels" in done.error
    assert not (project.folder / "aws").exists()


def test_both_regions_stand_and_only_one_runs_here(project: Project) -> None:
    project.configure(LABELS, SECOND)
    document = project.json("deploy")
    assert instances(project) == {REGION: "CURRENT", OTHER: "CURRENT"}
    names = {target["region"]: target["outputs"]["HostName"] for target in document["targets"]}
    assert names == {REGION: f"mcp-runtime.{REGION}.example.com", OTHER: f"mcp-runtime.{OTHER}.example.com"}
    rows = {target: [row["passed"] for row in found] for target, found in document["verification"].items()}
    started, other = rows[f"{ACCOUNT}/{REGION}"], rows[f"{ACCOUNT}/{OTHER}"]
    if not all(started):  # Which of the two runs is the emulator's choice.
        started, other = other, started
    assert all(started)
    assert set(other) == {None}
    (idle,) = [found for found in document["verification"].values() if found[0]["passed"] is None]
    assert all(row["detail"].startswith("Not started: ") for row in idle)


def test_image_and_foundation_reach_the_other_region(project: Project) -> None:
    digest = project.json("deploy")["image_digest"]
    ecr = project.client("ecr", OTHER)
    (held,) = ecr.describe_images(repositoryName="mcp-runtime/server", imageIds=[{"imageDigest": digest}])[
        "imageDetails"
    ]
    assert held["imageDigest"] == digest
    stacks = [one["StackName"] for one in project.client("cloudformation", OTHER).describe_stacks()["Stacks"]]
    assert "mcp-runtime-foundation-replica" in stacks


def test_second_deploy_changes_nothing_in_either(project: Project) -> None:
    operations = project.operations()
    assert project.json("deploy")["changed"] is False
    assert project.operations() == operations


def test_target_that_leaves_the_configuration_is_removed(project: Project) -> None:
    project.configure(LABELS)
    assert project.json("deploy")["changed"] is True
    assert instances(project) == {REGION: "CURRENT"}
    assert project.client("elbv2", OTHER).describe_load_balancers()["LoadBalancers"] == []
