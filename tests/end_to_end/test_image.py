"""The image from its source to every Region's registry, through the command line; what cannot be is one sentence.

The tests of this file are one story and run in their order.
"""

import json
import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest

from deployer.aws import Access, Aws
from deployer.builders import BUILDERS
from deployer.image_supply import settle, supply
from deployer.images import Registries
from deployer.settings import Settings, parse
from tests.end_to_end.running import ACCOUNT, REGION, ROOT, Project

REMOTE = ('builder = "auto"', 'builder = "codebuild"')
ELSEWHERE, ANOTHER = "eu-west-1", "333333333333"
TARGET = f'[[targets]]\naccount = "{ACCOUNT}"\nregion = "{REGION}"\n'
SECOND = f'{TARGET}\n[[targets]]\naccount = "222222222222"\nregion = "{ELSEWHERE}"\n'
THIRD = f'{SECOND}\n[[targets]]\naccount = "{ANOTHER}"\nregion = "{ELSEWHERE}"\n'
LABELS = ('host_labels = "none"', 'host_labels = "account-region"')
REPOSITORY = "mcp-runtime/server"


def settings(builder: str) -> Settings:
    document = tomllib.loads((ROOT / "deployment.example.toml").read_text(encoding="utf-8"))
    document["image"]["builder"] = builder
    document["address"]["host_labels"] = "region"
    document["targets"].append({"account": ACCOUNT, "region": ELSEWHERE})
    return parse(document, "deployment.toml")


def builds(project: Project) -> list[str]:
    """Returns the ids of all builds of the foundation's image builder."""
    stacks = project.client("cloudformation").describe_stacks(StackName="mcp-runtime-foundation")["Stacks"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stacks[0]["Outputs"]}
    found = project.client("codebuild").list_builds_for_project(projectName=outputs["ImageBuilderName"])
    return [str(one) for one in found.get("ids", [])]


def image_in(project: Project, region: str) -> dict[str, Any]:
    """Returns the first image that was pushed to a Region."""
    found: list[dict[str, Any]] = project.client("ecr", region).describe_images(repositoryName=REPOSITORY)[
        "imageDetails"
    ]
    return found[0]


def pullers(project: Project, region: str) -> list[str]:
    policy = project.client("ecr", region).get_repository_policy(repositoryName=REPOSITORY)
    found: list[str] = json.loads(policy["policyText"])["Statement"][0]["Principal"]["AWS"]
    return found


def test_builder_that_is_not_there_changes_nothing(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    project.configure(('builder = "auto"', 'builder = "podman"'))
    done = project.run("image")
    assert done.status == 2
    assert "image.builder is podman, but it does not answer on this machine; start or install it" in done.error
    assert project.client("cloudformation").describe_stacks()["Stacks"] == []


def test_image_is_built_remotely_and_its_log_is_told(project: Project) -> None:
    project.configure(REMOTE, LABELS, (TARGET, SECOND))
    done = project.run("image", "--output", "json")
    assert done.status == 0, done.err
    assert "[emulator] No container runs here" in done.err
    digest = done.document["digest"]
    assert len(builds(project)) == 1
    for region in (REGION, ELSEWHERE):
        held = image_in(project, region)
        assert held["imageDigest"] == digest
        assert [tag[:6] for tag in held["imageTags"]] == ["amd64-"]
    sources = [name for name in project.objects() if "/sources/" in name]
    assert len(sources) == 1 and sources[0].endswith(".zip")


def test_same_source_is_not_built_again_and_an_account_that_is_added_may_pull(project: Project) -> None:
    digest = image_in(project, REGION)["imageDigest"]
    assert ANOTHER not in pullers(project, ELSEWHERE)
    project.configure(REMOTE, LABELS, (TARGET, THIRD))
    assert project.json("image")["digest"] == digest
    assert len(builds(project)) == 1
    assert ANOTHER in pullers(project, ELSEWHERE)


def test_region_that_is_added_gets_the_image_that_was_there(project: Project) -> None:
    later = f'{THIRD}\n[[targets]]\naccount = "{ACCOUNT}"\nregion = "us-west-2"\n'
    project.configure(REMOTE, LABELS, (TARGET, later))
    digest = project.json("image")["digest"]
    assert image_in(project, "us-west-2")["imageDigest"] == digest
    assert pullers(project, "us-west-2") == ["222222222222", ANOTHER]
    repository = project.client("ecr", "us-west-2").describe_repositories()["repositories"][0]
    assert repository["imageTagMutability"] == "IMMUTABLE"
    assert len(builds(project)) == 1


@pytest.mark.parametrize("name", ["buildah", "podman"])
def test_builder_of_this_machine_builds_and_pushes(
    project: Project, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not shutil.which(name) or not BUILDERS[name].answers():
        pytest.skip(f"{name} does not answer on this machine")
    # A build of no step needs no isolation; this is what works without privileges.
    monkeypatch.setenv("BUILDAH_ISOLATION", "chroot")
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY content /content\n")
    (tmp_path / "content").write_text(name)
    said: list[str] = []
    emulated = Access(
        region=REGION,
        endpoint_url=project.emulator["endpoint"],
        emulator_key=project.emulator["secret_access_key"],
    )
    registries = Registries(
        Aws(emulated, emulated_account=ACCOUNT), ACCOUNT, REPOSITORY, REGION, [], "", 0.2, said.append
    )
    configured = settings(name)
    settled = settle(configured, registries, True, tmp_path)
    image = supply(configured, settled, registries, "", "")
    assert settled.context is not None and registries.home.tags(image.digest) == [settled.context.tag]
    assert any("Writing manifest" in line for line in said)
    assert registries.of(ELSEWHERE).holds(image.digest)
    assert settle(configured, registries, True, tmp_path).digest == image.digest


def test_image_for_another_architecture_is_refused_before_any_runtime(project: Project) -> None:
    digest = image_in(project, REGION)["imageDigest"]
    project.configure(('digest = ""', f'digest = "{digest}"'), ('"X86_64"  ', '"ARM64"  '))
    done = project.run("deploy")
    assert done.status == 2
    assert f"{digest} is for amd64, but the target {ACCOUNT} {REGION} runs arm64: set compute.cpu" in done.error
    assert project.json("status")["targets"] == []


def test_targets_of_two_architectures_want_an_image_for_both(project: Project) -> None:
    arm = f'{SECOND}overrides.compute.cpu_architecture = "ARM64"\n'
    project.configure(REMOTE, LABELS, (TARGET, arm))
    done = project.run("image")
    assert done.status == 2
    assert "The targets run on both amd64 and arm64, but what is built here is for one of them" in done.error


def test_foundation_goes_everywhere_and_its_replicas_where_data_are_deleted(project: Project) -> None:
    project.configure(REMOTE, LABELS, (TARGET, THIRD))
    named = f"repository {REPOSITORY} in {ELSEWHERE}"
    kept = project.json("destroy", "--foundation", "--yes")
    assert kept["removed"] == [
        f"mcp-runtime-foundation-replica in {ELSEWHERE}",
        f"mcp-runtime-foundation-target in 222222222222 {REGION}",
        f"mcp-runtime-foundation-target in {ANOTHER} {REGION}",
        f"mcp-runtime-foundation in {REGION}",
    ]
    assert named in kept["retained"]
    assert project.client("ecr").describe_repositories()["repositories"] == []
    (bucket,) = {*kept["retained"]} - {named}
    gone = project.json("destroy", "--foundation", "--delete-data", "--yes")
    assert (gone["removed"], gone["retained"]) == ([], [])
    assert gone["deleted"] == [f"bucket {bucket}", named]
    assert project.client("ecr", ELSEWHERE).describe_repositories()["repositories"] == []
    assert project.client("s3").list_buckets()["Buckets"] == []
