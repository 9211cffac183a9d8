"""Three doors to one artifact: what is launched with exactly what a link says, and what a product of Service Catalog
launches, is what `deploy` makes; a link that would fail is not told. Two accounts in two Regions.

The tests of this file are one story and run in their order.
"""

import json
from pathlib import Path
from typing import Any

import pytest

import build
from deployer import console_links
from deployer.local import STATE_VARIABLE
from tests.end_to_end.catalog_door import PATTERN, Developer
from tests.end_to_end.doors import Launched
from tests.end_to_end.running import ACCOUNT, REGION, Project
from tests.portal.parsed import parsed

OTHER_ACCOUNT, OTHER_REGION = "222222222222", "eu-west-1"
TARGETS = ((ACCOUNT, REGION), (OTHER_ACCOUNT, OTHER_REGION))
LABELS = ('host_labels = "none"', 'host_labels = "account-region"')
TABLES = (
    f'[[targets]]\naccount = "{ACCOUNT}"\nregion = "{REGION}"\n',
    "\n".join(f'[[targets]]\naccount = "{account}"\nregion = "{region}"\n' for account, region in TARGETS)
    + "overrides.compute.max_tasks = 6\n",
)
LINKED = ('name = "mcp-runtime"            #', 'name = "linked" #')
OFFERED = (
    ('name = "mcp-runtime"            #', 'name = "offered" #'),
    ('provider = "" ', 'provider = "Platform" '),
    ("principal_patterns = [] ", f'principal_patterns = ["{PATTERN}"] '),
    ("share_accounts = [] ", f'share_accounts = ["{OTHER_ACCOUNT}"] '),
    ("share_principals = false ", "share_principals = true "),
)
LAUNCHER = f"arn:aws:iam::{OTHER_ACCOUNT}:role/Launcher"


class Door:
    """The command `launch-url` in this process, as a person runs it."""

    def __init__(self, project: Project, capsys: pytest.CaptureFixture[str]) -> None:
        self.project = project
        self._capsys = capsys

    def run(self, *words: str) -> tuple[int, str, str]:
        """Returns status, standard output and standard error."""
        given = ["launch-url", *words, "--local", "--config", str(self.project.configuration)]
        status = build.main(given)
        captured = self._capsys.readouterr()
        return status, captured.out, captured.err

    def document(self, *words: str) -> Any:
        """Returns the JSON document, whatever the status."""
        return json.loads(self.run(*words, "--output", "json")[1])

    def reasons(self, *words: str) -> str:
        """Returns why there is no link, of the one target that gets none."""
        (refused,) = self.document(*words)["refused"]
        assert (refused["account"], refused["region"]) == TARGETS[1]
        (reason,) = refused["reasons"]
        return str(reason)


@pytest.fixture
def door(project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Door:
    monkeypatch.setenv(STATE_VARIABLE, str(project.folder / "aws"))
    return Door(project, capsys)


@pytest.fixture(scope="module")
def deployed(project: Project) -> dict[tuple[str, str], Launched]:
    """The runtimes that `deploy` made, by target."""
    project.configure(LABELS, TABLES)
    found = project.json("deploy")["targets"]
    return {
        (one["account"], one["region"]): Launched(project, one["account"], one["region"], one["stack_id"])
        for one in found
    }


@pytest.fixture(scope="module")
def linked(project: Project) -> dict[tuple[str, str], Launched]:
    """The runtimes that links launch, by target; whoever asks for them first launches none."""
    return {(account, region): Launched(project, account, region, "linked") for account, region in TARGETS}


def create(project: Project, link: str, account: str) -> None:
    """Does what the console does when a person submits the link's form unchanged."""
    region, template_url, name, parameters = console_links.read(link)
    client = project.client("cloudformation", region, account)
    client.create_stack(
        StackName=name,
        TemplateURL=template_url,
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
    )
    client.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 120})


def test_no_link_where_the_runtime_stands_already(door: Door, deployed: dict[tuple[str, str], Launched]) -> None:
    status, out, err = door.run("--target", f"{ACCOUNT}/{REGION}")
    assert (status, out) == (1, "")
    assert f"The stack set mcp-runtime has a runtime in {ACCOUNT} {REGION} already" in err
    assert deployed.keys() == set(TARGETS)


def test_links_launch_what_deploy_makes(
    project: Project, door: Door, deployed: dict[tuple[str, str], Launched], linked: dict[tuple[str, str], Launched]
) -> None:
    project.configure(LINKED, LABELS, TABLES)
    document = door.document()
    assert document["refused"] == []
    assert [(link["account"], link["region"]) for link in document["links"]] == list(TARGETS)
    for link in document["links"]:
        assert link["evidence"] == "called"
        create(project, link["url"], link["account"])
    for target in TARGETS:
        ours, theirs = linked[target].parameters(), deployed[target].parameters()
        assert {name for name in theirs if ours[name] != theirs[name]} == {"RuntimeName"}
        assert ours.keys() == theirs.keys()
        made = {door: launched.read_back() for door, launched in (("link", linked[target]), ("set", deployed[target]))}
        shapes = [{title: one.type for title, one in back.resources.items()} for back in made.values()]
        assert shapes[0] == shapes[1]
        assert [back.compare().differences for back in made.values()] == [[], []]


@pytest.fixture(scope="module")
def offered(project: Project) -> dict[tuple[str, str], Launched]:
    """The runtimes that Service Catalog launches, by target, once a test has launched them."""
    return {}


def test_products_launch_what_deploy_makes(
    project: Project,
    door: Door,
    deployed: dict[tuple[str, str], Launched],
    linked: dict[tuple[str, str], Launched],
    offered: dict[tuple[str, str], Launched],
) -> None:
    project.configure(*OFFERED, LABELS, TABLES)
    links = {(one["account"], one["region"]): one["parameters"] for one in door.document()["links"]}
    published = project.json("publish", "--release", "v1.0.0")
    assert [one["region"] for one in published["regions"]] == [REGION, OTHER_REGION]
    for target in TARGETS:
        developer = Developer(project, *target)
        developer.admit()
        made = developer.provision("orders", published["version"], links[target])
        assert (made.status, made.errors) == ("SUCCEEDED", ())
        offered[target] = Launched(project, *target, made.outputs["CloudformationStackARN"])
        assert made.outputs["GatewayUrl"]
        ours, theirs = offered[target].parameters(), deployed[target].parameters()
        assert {name for name in theirs if ours[name] != theirs[name]} == {"RuntimeName"}
        back, other = offered[target].read_back(), linked[target].read_back()
        assert {title: one.type for title, one in back.resources.items()} == {
            title: one.type for title, one in other.resources.items()
        }
        assert back.compare().differences == []


def test_buttons_are_all_that_markdown_prints_and_the_page_has_the_same(project: Project, door: Door) -> None:
    project.configure(('name = "mcp-runtime"            #', 'name = "other" #'), LABELS, TABLES)
    status, out, _ = door.run("--markdown")
    assert status == 0
    lines = out.splitlines()
    assert len(lines) == len(TARGETS)
    assert all(line.startswith("[![Launch in ") and line.endswith(")") for line in lines)
    given = ["portal", "--file", str(project.folder / "portal.html"), "--local", "--config", str(project.configuration)]
    assert build.main(given) == 0
    page = parsed((project.folder / "portal.html").read_text(encoding="utf-8"))
    buttons = [node for node in page.every("a") if node.attributes.get("class") == "button"]
    assert [node.text for node in buttons] == [f"Launch in {account} {region}" for account, region in TARGETS]
    assert [node.attributes["href"] for node in buttons] == [line.rpartition("](")[2][:-1] for line in lines]


def test_what_was_launched_is_updated_and_removed_like_any_stack(
    project: Project, door: Door, linked: dict[tuple[str, str], Launched]
) -> None:
    project.configure(LINKED, LABELS, TABLES)
    assert "update it in the console by replacing its template with https://" in door.reasons(
        "--target", f"{OTHER_ACCOUNT}/{OTHER_REGION}"
    )
    for launched in linked.values():
        client = project.client("cloudformation", launched.region, launched.account)
        values = launched.parameters() | {"MaxTasks": "5"}
        client.update_stack(
            StackName=launched.stack,
            UsePreviousTemplate=True,
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()],
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
        )
        wait = {"Delay": 1, "MaxAttempts": 120}
        client.get_waiter("stack_update_complete").wait(StackName=launched.stack, WaiterConfig=wait)
        back = launched.read_back()
        assert back.wanted("ScalableTarget")["MaxCapacity"] in (5, "5")
        assert back.compare().differences == []
    for launched in linked.values():
        client = project.client("cloudformation", launched.region, launched.account)
        stack_id = client.describe_stacks(StackName=launched.stack)["Stacks"][0]["StackId"]
        client.delete_stack(StackName=launched.stack)
        client.get_waiter("stack_delete_complete").wait(StackName=stack_id, WaiterConfig=wait)


def test_what_a_product_launched_is_updated_and_removed_by_who_launched_it(
    project: Project, offered: dict[tuple[str, str], Launched]
) -> None:
    project.configure(*OFFERED, LABELS, TABLES)
    version = project.json("publish", "--release", "v1.0.0")["version"]
    refused = project.run("publish", "--withdraw", "--yes")
    assert refused.status == 1
    assert f"orders in {REGION} is launched of the product; terminate that first" in refused.error
    for target, launched in offered.items():
        developer = Developer(project, *target)
        changed = developer.update("orders", version, {"MaxTasks": "5"}, launched.parameters())
        assert (changed.status, changed.errors) == ("SUCCEEDED", ())
        back = launched.read_back()
        assert back.wanted("ScalableTarget")["MaxCapacity"] in (5, "5")
        assert back.compare().differences == []
        assert developer.terminate("orders").status == "SUCCEEDED"
        client = project.client("cloudformation", launched.region, launched.account)
        assert client.describe_stacks(StackName=launched.stack)["Stacks"][0]["StackStatus"] == "DELETE_COMPLETE"
    gone = project.json("publish", "--withdraw", "--yes")
    assert len(gone["removed"]) == 3


def policy(**statement: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})


def test_launcher_without_a_permission_gets_no_link(project: Project, door: Door) -> None:
    iam = project.client("iam", REGION, OTHER_ACCOUNT)
    words = ("--role-arn", LAUNCHER)
    assert "cannot be assumed with these credentials" in door.run(*words)[2]
    trust = policy(Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, Action="sts:AssumeRole")
    iam.create_role(RoleName="Launcher", AssumeRolePolicyDocument=trust)
    reason = door.reasons(*words)
    assert "assumed-role/Launcher/" in reason
    assert "s3:GetObject on arn:aws:s3:::" in reason
    assert "the bucket's policy admits its account" in reason
    iam.put_role_policy(RoleName="Launcher", PolicyName="read", PolicyDocument=policy(Action="s3:*", Resource="*"))
    (link,) = door.document(*words)["links"]
    assert link["launcher"].startswith(f"arn:aws:sts::{OTHER_ACCOUNT}:assumed-role/Launcher/")


def bucket_of(project: Project) -> str:
    (bucket,) = [one["Name"] for one in project.client("s3").list_buckets()["Buckets"] if "artifact" in one["Name"]]
    return str(bucket)


def test_object_that_is_gone_or_altered_is_named(project: Project, door: Door) -> None:
    s3, bucket = project.client("s3"), bucket_of(project)
    template = door.document("--role-arn", LAUNCHER)["template_url"].rpartition("/templates/")[2]
    root = f"templates/{template}"
    text = s3.get_object(Bucket=bucket, Key=root)["Body"].read()
    child = next(line for line in text.decode().splitlines() if "TemplateURL" in line).rpartition("/templates/")[2]
    key = f"templates/{Path(child.strip()).name}"
    content = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    s3.delete_object(Bucket=bucket, Key=key)
    reason = door.reasons("--role-arn", LAUNCHER)
    assert reason.startswith(f"The object s3://{bucket}/{key} (")
    assert reason.endswith("is not in the artifact bucket: run `python build.py package`.")
    s3.put_object(Bucket=bucket, Key=key, Body=content + b"\n")
    assert "is not what was packaged" in door.reasons("--role-arn", LAUNCHER)
    s3.put_object(Bucket=bucket, Key=key, Body=content)


def test_bucket_that_does_not_admit_the_account_is_named(project: Project, door: Door) -> None:
    s3, bucket = project.client("s3"), bucket_of(project)
    before = s3.get_bucket_policy(Bucket=bucket)["Policy"]
    document = json.loads(before)
    document["Statement"] = [one for one in document["Statement"] if one.get("Sid") != "ReadFromAccounts"]
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(document))
    reason = door.reasons("--role-arn", LAUNCHER)
    assert f"the policy of the bucket {bucket} does not allow account {OTHER_ACCOUNT} s3:GetObject" in reason
    s3.put_bucket_policy(Bucket=bucket, Policy=before)


def test_image_that_is_not_in_the_region_is_named(project: Project, door: Door) -> None:
    ecr = project.client("ecr", OTHER_REGION)
    repository = "mcp-runtime/server"
    policy_text = ecr.get_repository_policy(repositoryName=repository)["policyText"]
    ecr.delete_repository_policy(repositoryName=repository)
    assert f"does not let account {OTHER_ACCOUNT} pull" in door.reasons("--role-arn", LAUNCHER)
    ecr.set_repository_policy(repositoryName=repository, policyText=policy_text)
    images = ecr.list_images(repositoryName=repository)["imageIds"]
    ecr.batch_delete_image(repositoryName=repository, imageIds=images)
    reason = door.reasons("--role-arn", LAUNCHER)
    assert f"is not in the repository {repository} of account {ACCOUNT} in {OTHER_REGION}: run `python" in reason
