"""The preflight: with one permission or object taken away at a time it names that one, and deploy changes nothing.

Two accounts in two Regions. The tests of this file are one story and run in their order.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest

import build
from deployer import console_links
from deployer.local import STATE_VARIABLE
from tests.end_to_end.running import ACCOUNT, REGION, Project

OTHER_ACCOUNT, OTHER_REGION = "222222222222", "eu-west-1"
PLACE = f"{OTHER_ACCOUNT} {OTHER_REGION}"
TABLE = f'[[targets]]\naccount = "{ACCOUNT}"\nregion = "{REGION}"\n'
TABLES = (TABLE, f'{TABLE}[[targets]]\naccount = "{OTHER_ACCOUNT}"\nregion = "{OTHER_REGION}"\n')
LABELS = ('host_labels = "none"', 'host_labels = "account-region"')
ADMINISTRATION = "AWSCloudFormationStackSetAdministrationRole"
EXECUTION = "AWSCloudFormationStackSetExecutionRole"
REPOSITORY = "mcp-runtime/server"
Preflight = Callable[..., tuple[int, list[dict[str, Any]]]]


@pytest.fixture
def preflight(project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Preflight:
    """Runs the command in this process; returns its status and its rows."""
    monkeypatch.setenv(STATE_VARIABLE, str(project.folder / "aws"))

    def run(*changes: tuple[str, str]) -> tuple[int, list[dict[str, Any]]]:
        project.configure(LABELS, TABLES, *changes)
        words = ["preflight", "--local", "--config", str(project.configuration), "--output", "json"]
        status = build.main(words)
        captured = capsys.readouterr()
        rows: list[dict[str, Any]] = json.loads(captured.out)["preflight"]
        return status, rows

    return run


def red(found: tuple[int, list[dict[str, Any]]]) -> dict[str, Any]:
    """Returns the one row that failed."""
    status, rows = found
    (row,) = [row for row in rows if row["passed"] is False]
    assert status == 1
    assert row["result"] == "FAILED"
    return row


def test_before_anything_is_there_all_is_well(preflight: Preflight, project: Project) -> None:
    status, rows = preflight()
    assert status == 0, [row for row in rows if row["passed"] is False]
    said = {(row["check"], row["where"]): row for row in rows}
    assert said["image", f"{ACCOUNT} {REGION}"]["detail"] == "deploy builds it"
    assert said["execution role", f"account {OTHER_ACCOUNT}"]["detail"] == "deploy makes it"
    assert said["quota: VPCs", PLACE]["detail"] == "1 of 5 used, 1 more needed"
    assert said["quota: VPCs", PLACE]["evidence"] == "stand-in"
    assert said["identity", f"account {ACCOUNT}"]["detail"] == f"arn:aws:iam::{ACCOUNT}:root"
    assert {row["evidence"] for row in rows} <= {"called", "observed", "cited", "stand-in", "none"}
    assert project.client("cloudformation").describe_stacks()["Stacks"] == []


def test_once_packaged_all_is_well(preflight: Preflight, project: Project) -> None:
    project.json("package")
    status, rows = preflight()
    assert status == 0
    checks = {row["check"] for row in rows if row["where"] == f"account {OTHER_ACCOUNT}"}
    assert {"execution role", "permissions of the execution role", "templates readable"} <= checks


def test_bucket_that_does_not_admit_the_account(preflight: Preflight, project: Project) -> None:
    s3 = project.client("s3")
    (bucket,) = [one["Name"] for one in s3.list_buckets()["Buckets"] if "artifact" in one["Name"]]
    before = s3.get_bucket_policy(Bucket=bucket)["Policy"]
    document = json.loads(before)
    document["Statement"] = [one for one in document["Statement"] if one.get("Sid") != "ReadFromAccounts"]
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(document))
    row = red(preflight())
    assert row["check"] == "templates readable"
    assert f"The policy of the bucket {bucket} does not allow account {OTHER_ACCOUNT} s3:GetObject" in row["remedy"]
    s3.put_bucket_policy(Bucket=bucket, Policy=before)


@pytest.mark.parametrize(
    ("sid", "check", "said"),
    [
        ("PackagedTemplates", "templates readable", "may not read the nested templates: allow it s3:GetObject on"),
        ("Roles", "permissions of the execution role", "role/StackSet-preflight and 21 more"),
        ("ServiceLinkedRoles", "service-linked roles", "allow it iam:CreateServiceLinkedRole"),
    ],
)
def test_execution_role_without_a_permission(
    preflight: Preflight, project: Project, sid: str, check: str, said: str
) -> None:
    iam = project.client("iam", REGION, OTHER_ACCOUNT)
    given = {"RoleName": EXECUTION, "PolicyName": "stacks-and-roles"}
    document = iam.get_role_policy(**given)["PolicyDocument"]
    less = {**document, "Statement": [one for one in document["Statement"] if one.get("Sid") != sid]}
    iam.put_role_policy(**given, PolicyDocument=json.dumps(less))
    status, rows = preflight()
    iam.put_role_policy(**given, PolicyDocument=json.dumps(document))
    found = {row["check"]: row for row in rows if row["passed"] is False}
    assert status == 1
    assert {row["where"] for row in found.values()} == {f"account {OTHER_ACCOUNT}"}
    assert said in found[check]["remedy"]
    assert f"role/{EXECUTION}" in found[check]["remedy"]


def test_execution_role_that_does_not_trust_the_publisher(preflight: Preflight, project: Project) -> None:
    iam = project.client("iam", REGION, OTHER_ACCOUNT)
    before = iam.get_role(RoleName=EXECUTION)["Role"]["AssumeRolePolicyDocument"]
    stranger = json.dumps(before).replace(f"role/{ADMINISTRATION}", "role/Stranger")
    iam.update_assume_role_policy(RoleName=EXECUTION, PolicyDocument=stranger)
    row = red(preflight())
    assert "does not trust arn:aws:iam::" in row["remedy"]
    assert f"role/{ADMINISTRATION}" in row["remedy"]
    iam.update_assume_role_policy(RoleName=EXECUTION, PolicyDocument=json.dumps(before))


def test_image_that_is_pinned_and_not_there(preflight: Preflight) -> None:
    digest = "sha256:" + "0" * 64
    row = red(preflight(('digest = "" ', f'digest = "{digest}" ')))
    assert row["check"] == "image"
    assert f"does not hold the image {digest} in {REGION}: push it, or correct image.digest" in row["remedy"]


def test_image_for_another_architecture(preflight: Preflight, project: Project) -> None:
    ecr = project.client("ecr")
    digest = ecr.list_images(repositoryName=REPOSITORY)["imageIds"][0]["imageDigest"]
    changes = (('digest = "" ', f'digest = "{digest}" '), ('"X86_64"     #', '"ARM64" #'))
    _, rows = preflight(*changes)
    wrong = [row for row in rows if row["passed"] is False]
    assert {row["where"] for row in wrong} == {f"{ACCOUNT} {REGION}", PLACE}
    assert all("is for amd64, but the target" in row["remedy"] for row in wrong)


def test_zone_that_is_not_there(preflight: Preflight) -> None:
    found = preflight(('hosted_zone_id = ""             # public', 'hosted_zone_id = "Z0123456789ABCDEFGHIJ" # public'))
    wrong = [row for row in found[1] if row["passed"] is False]
    assert {row["check"] for row in wrong} == {"hosted zone Z0123456789ABCDEFGHIJ"}
    assert all("does not exist in account" in row["remedy"] for row in wrong)


def test_quota_that_is_used_up_stops_a_deploy_before_it_changes_anything(
    preflight: Preflight, project: Project
) -> None:
    ec2 = project.client("ec2", OTHER_REGION, OTHER_ACCOUNT)
    made = [ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"] for _ in range(4)]
    row = red(preflight())
    assert (row["check"], row["where"], row["detail"]) == ("quota: VPCs", PLACE, "5 of 5 used, 1 more needed")
    assert "ask for 6 (Service Quotas, vpc L-F678F1CE)" in row["remedy"]
    done = project.run("deploy")
    assert done.status == 2
    assert done.error == f"Error: {row['remedy']}"
    assert project.client("cloudformation").list_stack_sets(Status="ACTIVE")["Summaries"] == []
    quotas = project.client("service-quotas", OTHER_REGION, OTHER_ACCOUNT)
    quotas.request_service_quota_increase(ServiceCode="vpc", QuotaCode="L-F678F1CE", DesiredValue=6)
    assert preflight()[0] == 0
    for vpc in made:
        ec2.delete_vpc(VpcId=vpc)


def test_role_that_is_gone(preflight: Preflight, project: Project) -> None:
    iam = project.client("iam", REGION, OTHER_ACCOUNT)
    for one in iam.list_attached_role_policies(RoleName=EXECUTION)["AttachedPolicies"]:
        iam.detach_role_policy(RoleName=EXECUTION, PolicyArn=one["PolicyArn"])
    for name in iam.list_role_policies(RoleName=EXECUTION)["PolicyNames"]:
        iam.delete_role_policy(RoleName=EXECUTION, PolicyName=name)
    iam.delete_role(RoleName=EXECUTION)
    row = red(preflight())
    assert row["check"] == "execution role"
    assert f"arn:aws:iam::{OTHER_ACCOUNT}:role/{EXECUTION} is gone, though the stack mcp-runtime-fo" in row["remedy"]


def test_link_makes_the_execution_role_and_then_all_is_well(
    preflight: Preflight, project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    cloudformation = project.client("cloudformation", REGION, OTHER_ACCOUNT)
    cloudformation.delete_stack(StackName="mcp-runtime-foundation-target")
    given = ["launch-url", "--execution-roles", "--local", "--config", str(project.configuration), "--output", "json"]
    assert build.main(given) == 0
    (link,) = json.loads(capsys.readouterr().out)["links"]
    assert (link["account"], link["evidence"]) == (OTHER_ACCOUNT, "called")
    region, template_url, name, parameters = console_links.read(link["url"])
    assert (region, name) == (REGION, "mcp-runtime-foundation-target")
    cloudformation.create_stack(
        StackName=name,
        TemplateURL=template_url,
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    wait = {"Delay": 1, "MaxAttempts": 60}
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig=wait)
    status, rows = preflight()
    assert status == 0
    assert {row["detail"] for row in rows if row["check"] == "execution role"} == {
        "there, and trusts the administration role"
    }
    assert build.main(given) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["links"] == []
    assert f"Account {OTHER_ACCOUNT} has its execution role." in captured.err


def test_caller_without_a_permission_is_told_which(
    project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    iam = project.client("iam")
    iam.create_user(UserName="ann")
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    allowed = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    denied = {"Effect": "Deny", "Action": "iam:PassRole", "Resource": f"arn:aws:iam::{ACCOUNT}:role/{ADMINISTRATION}"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allowed, denied]})
    iam.put_user_policy(UserName="ann", PolicyName="most", PolicyDocument=document)
    project.configure()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
    words = ["--endpoint-url", project.emulator["endpoint"], "--config", str(project.configuration)]
    assert build.main(["preflight", *words, "--output", "json"]) == 1
    rows = {row["check"]: row for row in json.loads(capsys.readouterr().out)["preflight"]}
    assert rows["identity"]["detail"] == f"arn:aws:iam::{ACCOUNT}:user/ann"
    row = rows["permissions"]
    assert (row["passed"], row["certain"]) == (False, False)
    assert f"user/ann lacks iam:PassRole on arn:aws:iam::{ACCOUNT}:role/{ADMINISTRATION}, as IAM" in row["remedy"]
    assert "attach the managed policies of templates/foundation-deployer.yaml" in row["remedy"]


def test_account_that_the_credentials_do_not_reach_is_named_and_gets_a_link(
    project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same emulated AWS by its address alone, with one account's key, as a person reaches AWS."""
    digest = project.client("ecr").list_images(repositoryName=REPOSITORY)["imageIds"][0]["imageDigest"]
    zone = 'overrides.address.hosted_zone_id = "Z0123456789ABCDEFGHIJ"\n'
    project.configure(LABELS, (TABLE, TABLES[1] + zone), ('digest = "" ', f'digest = "{digest}" '))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCOUNT)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", project.emulator["secret_access_key"])
    url = ["--endpoint-url", project.emulator["endpoint"], "--config", str(project.configuration), "--output", "json"]
    build.main(["preflight", *url])
    rows = json.loads(capsys.readouterr().out)["preflight"]
    of_other = [row for row in rows if OTHER_ACCOUNT in row["where"]]
    (role,) = [row for row in of_other if row["check"] == "execution role"]
    assert (role["passed"], role["evidence"]) == (None, "none")
    assert "launch-url --execution-roles" in role["detail"]
    assert build.main(["launch-url", "--execution-roles", *url]) == 0
    (link,) = json.loads(capsys.readouterr().out)["links"]
    assert (link["account"], link["launcher"], link["evidence"]) == (OTHER_ACCOUNT, "", "observed")


def test_text_shows_the_table_and_each_remedy_once(project: Project) -> None:
    project.client("iam").delete_role_policy(RoleName=ADMINISTRATION, PolicyName="act-in-targets")
    project.client("iam").delete_role(RoleName=ADMINISTRATION)
    project.configure(LABELS, TABLES)
    done = project.run("preflight")
    assert done.status == 1
    header = done.out.splitlines()[0].split()
    assert header == ["check", "where", "result", "evidence", "detail"]
    assert done.out.count("is gone, though the stack") == 1
