"""Service Catalog: what may be launched by whom, new versions and old ones, and what is not published.

The releases come from a copy of this tree whose server changes. The tests of this file are one story and run in their
order.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from deployer.local import STATE_VARIABLE
from tests.end_to_end.catalog_door import DEVELOPER, Developer
from tests.end_to_end.running import ACCOUNT, REGION, ROOT, Done, Project

DOMAIN = ('parent_domain = "example.com" ', 'parent_domain = "" ')
CATALOG = (
    ('provider = "" ', 'provider = "Platform" '),
    ('template = "nested" ', 'template = "flattened" '),
    ("\nprincipals = [] ", f'\nprincipals = ["arn:aws:iam::{ACCOUNT}:role/{DEVELOPER}"] '),
    ('tag_key = "" ', 'tag_key = "team" '),
    ("tag_values = [] ", 'tag_values = ["orders", "stock"] '),
    ("current_versions = 3 ", "current_versions = 1 "),
)
VALUES: dict[str, str] = {"RuntimeName": "orders"}


class Tree:
    """A copy of the source, from which releases are published to the project's AWS."""

    def __init__(self, root: Path, project: Project) -> None:
        self.root = root
        self._project = project
        for folder in ("commands", "deployer", "docs", "emulator", "generator", "server", "templates"):
            shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
        files = ("build.py", "Dockerfile", ".dockerignore", "Pipfile.lock", "README.md", "tools.json")
        for file in (*files, "deployment.example.toml"):
            shutil.copy(ROOT / file, root)
        shutil.copy(ROOT / "deployment.example.toml", root)
        (root / ".local").mkdir()
        (root / ".local" / "environments").symlink_to((ROOT / ".local" / "environments").resolve())

    def change(self, file: str, old: str, new: str) -> None:
        """Replaces a text that is in a file once."""
        path = self.root / file
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1
        path.write_text(text.replace(old, new), encoding="utf-8")

    def run(self, *words: str) -> Done:
        """Runs a command of the copy."""
        done = subprocess.run(
            [sys.executable, "build.py", *words],
            cwd=self.root,
            env={**os.environ, STATE_VARIABLE: str(self._project.folder / "aws")},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def publish(self, *words: str) -> Done:
        """Runs publish in local mode."""
        configuration = str(self._project.configuration)
        return self.run("publish", *words, "--local", "--config", configuration, "--output", "json")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory, project: Project) -> Tree:
    project.configure(DOMAIN, *CATALOG)
    return Tree(tmp_path_factory.mktemp("tree") / "source", project)


@pytest.fixture(scope="module")
def developer(project: Project) -> Developer:
    return Developer(project, ACCOUNT, REGION)


@pytest.fixture(scope="module")
def first(tree: Tree) -> dict[str, Any]:
    """The first release, once it is published."""
    done = tree.publish("--release", "v1.0.0")
    assert done.status == 0, done.err
    found: dict[str, Any] = done.document
    return found


def guidance(project: Project, product: str) -> dict[str, str]:
    client = project.client("servicecatalog")
    found = client.list_provisioning_artifacts(ProductId=product)["ProvisioningArtifactDetails"]
    return {one["Name"]: one["Guidance"] for one in found}


def refusal(call: Any) -> str:
    with pytest.raises(ClientError) as refused:
        call()
    return str(refused.value)


def test_product_is_offered_to_those_who_are_named_alone(
    project: Project, first: dict[str, Any], developer: Developer
) -> None:
    (offer,) = first["regions"]
    assert first["changed"] and offer["made"] and offer["current"] == [first["version"]]
    assert first["tools"] == {"compared": False, "changes": []}
    root = project.client("servicecatalog")
    assert "No launch paths found" in refusal(
        lambda: root.provision_product(
            ProductId=offer["product"],
            ProvisioningArtifactId="pa-any",
            ProvisionedProductName="root",
            ProvisionToken="root",
        )
    )
    developer.admit()
    product, versions = developer.product()
    assert (product, list(versions)) == (offer["product"], [first["version"]])


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"TaskSize": "4096-8192"}, "With the preset development the task size must be preset or one of 256-512"),
        ({"CpuArchitecture": "ARM64"}, "The image is for X86_64."),
    ],
)
def test_rules_refuse_a_launch_before_anything_is_made(
    project: Project, first: dict[str, Any], developer: Developer, values: dict[str, str], told: str
) -> None:
    made = developer.provision("refused", first["version"], VALUES | values, team="orders")
    assert made.status == "FAILED"
    assert told in made.errors[0]
    stacks = project.client("cloudformation").list_stacks()["StackSummaries"]
    assert not [one for one in stacks if one["StackName"].startswith("SC-")]
    developer.terminate("refused")


def test_launch_bears_a_tag_that_is_offered(first: dict[str, Any], developer: Developer) -> None:
    assert "Tag team must be one of orders, stock." in refusal(
        lambda: developer.provision("untagged", first["version"], VALUES)
    )


def test_launch_role_that_may_not_read_the_template_launches_nothing(
    project: Project, first: dict[str, Any], developer: Developer
) -> None:
    iam = project.client("iam")
    role = "MCPRuntimeLaunchRole"
    before = iam.get_role_policy(RoleName=role, PolicyName="stacks-and-roles")["PolicyDocument"]
    kept = [one for one in before["Statement"] if one["Sid"] != "CopiedTemplate"]
    without = json.dumps({**before, "Statement": kept})
    iam.put_role_policy(RoleName=role, PolicyName="stacks-and-roles", PolicyDocument=without)
    made = developer.provision("unread", first["version"], VALUES, team="orders")
    assert made.status == "FAILED" and "s3:GetObject" in made.errors[0]
    iam.put_role_policy(RoleName=role, PolicyName="stacks-and-roles", PolicyDocument=json.dumps(before))
    developer.terminate("unread")


def test_new_version_takes_the_place_of_the_old_one(
    project: Project, tree: Tree, first: dict[str, Any], developer: Developer
) -> None:
    made = developer.provision("orders", first["version"], VALUES, team="orders")
    assert (made.status, made.errors) == ("SUCCEEDED", ())
    again = tree.publish("--release", "v1.0.0")
    assert again.status == 0 and again.document["changed"] is False
    (tree.root / "server" / "release.txt").write_text("v1.1.0\n", encoding="utf-8")
    taken = tree.publish("--release", "v1.0.0")
    assert taken.status == 1
    assert f"The release v1.0.0 is published in {REGION} already, with other content" in taken.error
    second = tree.publish("--release", "v1.1.0")
    assert second.status == 0, second.err
    (offer,) = second.document["regions"]
    assert offer["deprecated"] == [first["version"]]
    assert second.document["tools"] == {"compared": True, "changes": []}
    newer = second.document["version"]
    assert guidance(project, offer["product"]) == {first["version"]: "DEPRECATED", newer: "DEFAULT"}
    assert "is deprecated" in refusal(lambda: developer.provision("late", first["version"], VALUES, team="orders"))
    stack = made.outputs["CloudformationStackARN"]
    before = values_of(project, stack)
    updated = developer.update("orders", newer, {}, VALUES)
    assert (updated.status, updated.errors) == ("SUCCEEDED", ())
    after = values_of(project, stack)
    assert {name for name in after if after[name] != before[name]} == {"ImageDigest"}
    tags = project.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]["Tags"]
    assert {"Key": "team", "Value": "orders"} in tags


def values_of(project: Project, stack: str) -> dict[str, str]:
    (found,) = project.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    return {one["ParameterKey"]: one["ParameterValue"] for one in found["Parameters"]}


def test_tools_that_break_agents_are_published_only_if_that_is_said(tree: Tree) -> None:
    tree.change("server/tools/echo.py", "def echo(message: ", "def echo(text: ")
    body = (tree.root / "server" / "tools" / "echo.py").read_text(encoding="utf-8")
    (tree.root / "server" / "tools" / "echo.py").write_text(body.replace("message", "text"), encoding="utf-8")
    assert tree.run("generate").status == 0
    refused = tree.publish("--release", "v2.0.0")
    assert refused.status == 1
    assert "Agents that work with v1.1.0-" in refused.err
    assert "Publish with --allow-breaking" in refused.err
    allowed = tree.publish("--release", "v2.0.0", "--allow-breaking")
    assert allowed.status == 0, allowed.err
    assert {one["kind"] for one in allowed.document["tools"]["changes"]} >= {"breaking"}


def test_constraint_of_a_product_is_not_changed_under_what_was_launched(project: Project, tree: Tree) -> None:
    project.configure(DOMAIN, *CATALOG, ('constraint = "role" ', 'constraint = "stack-set" '))
    refused = tree.publish("--release", "v2.0.0")
    assert refused.status == 1
    assert "publish --withdraw" in refused.error


def test_stack_set_constraint_launches_over_the_targets(project: Project, tree: Tree, developer: Developer) -> None:
    assert developer.terminate("orders").status == "SUCCEEDED"
    gone = tree.run("publish", "--withdraw", "--yes", "--local", "--config", str(project.configuration))
    assert gone.status == 0, gone.err
    done = tree.publish("--release", "v2.0.0")
    assert done.status == 0, done.err
    made = developer.provision("everywhere", done.document["version"], VALUES, team="stock")
    assert (made.status, made.errors) == ("SUCCEEDED", ())
    client = project.client("cloudformation")
    (found,) = client.list_stack_sets(Status="ACTIVE")["Summaries"]
    assert found["StackSetId"] == made.outputs["CloudformationStackSetARN"]
    (instance,) = client.list_stack_instances(StackSetName=found["StackSetName"])["Summaries"]
    assert (instance["Account"], instance["Region"], instance["Status"]) == (ACCOUNT, REGION, "CURRENT")
    assert developer.terminate("everywhere").status == "SUCCEEDED"
    assert not client.list_stack_sets(Status="ACTIVE")["Summaries"]
