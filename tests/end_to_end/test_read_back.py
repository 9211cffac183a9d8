"""What was deployed is what the templates say, as every resource's own service tells it.

The nested form is deployed by the command line with everything switched on that adds resources, the flattened form as
one stack beside it with the defaults, a secret for the tools and a pinned list of them.
"""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest

from deployer.events import Reporter
from deployer.packaging import ImageReference, ToolSchema, packaged
from deployer.progress import LineProgress
from deployer.stacks import LOCAL_POLL_SECONDS, ensure
from generator.evaluation import Deployment
from generator.pinned_schema import pinned_document
from generator.stacks import template_dicts, templates
from generator.tool_catalogue import Catalogue
from tests.end_to_end import read_back
from tests.end_to_end.customer_key import BOUNDARY, Brought, bring
from tests.end_to_end.read_back import Account, Difference, ReadBack, equal, leaves, missing
from tests.end_to_end.readers import EXCEPTIONS, READERS
from tests.end_to_end.running import ACCOUNT, ROOT, Project

NESTED, FLAT = "runtime.yaml", "runtime-flat.yaml"
ACCESS = f"""[[access]]
principal = "*"
tools = ["*"]
[[access]]
principal = "arn:aws:iam::{ACCOUNT}:role/agent"
tools = ["echo"]
"""
EVERYTHING = (
    ('preset = "development"  ', 'preset = "production"  '),
    ('exposure = "public" ', 'exposure = "private" '),
    ("interface_endpoints = false ", "interface_endpoints = true "),
    ("zones = 2 ", "zones = 3 "),
    ("spot_percent = 0 ", "spot_percent = 25 "),
    ("allowed_principals = [] ", f'allowed_principals = ["arn:aws:iam::{ACCOUNT}:root"] '),
    ('alarm_email = "" ', 'alarm_email = "alarms@example.com" '),
    ('tool_access = "off" ', 'tool_access = "enforce" '),
    ("# Who may call which tool, one table", f"{ACCESS}# Who may call which tool, one table"),
)
KEPT = ("ServerLogGroup", "FlowLogGroup", "ClientSecret", "AlarmTopic", "Gateway", "GatewayRole", "TaskRole")
"""What takes a key, a boundary and policies in place."""


@dataclass(frozen=True)
class Deployed:
    """A root stack and the file that it was made from."""

    project: Project
    stack: str
    root: str

    def read_back(self) -> ReadBack:
        """Returns a comparison that reads everything anew."""
        client = cache(self.project.client)
        resources = read_back.made(client("cloudformation"), self.stack)
        deployment = read_back.evaluated(client("cloudformation"), template_dicts(), self.root, self.stack)
        ids = frozenset(resource.physical_id for resource in resources.values())
        return ReadBack(deployment, resources, Account(client, ids, templates()), READERS, EXCEPTIONS)


@pytest.fixture(scope="module")
def brought(project: Project) -> Brought:
    return bring(project)


@pytest.fixture(scope="module")
def target(project: Project, brought: Brought) -> Mapping[str, Any]:
    """The nested runtime's target as `deploy` tells it; whether it serves is another test's matter."""
    project.configure(
        *EVERYTHING,
        ('kms_key_arn = ""                # key that', f'kms_key_arn = "{brought.key}" # key that'),
        ('kms_key_arn = ""                # key of the', f'kms_key_arn = "{brought.key}" # key of the'),
        ('permissions_boundary = "" ', f'permissions_boundary = "{BOUNDARY}" '),
        ("task_policy_arns = [] ", f'task_policy_arns = ["{brought.task_policy}"] '),
    )
    done = project.run("deploy", "--output", "json")
    assert done.out, done.err
    (found,) = done.document["targets"]
    assert found["status"] == "CREATE_COMPLETE", done.err
    return {**found, "template_url": done.document["template_url"]}


@pytest.fixture(scope="module")
def nested(project: Project, target: Mapping[str, Any]) -> Deployed:
    return Deployed(project, target["stack_id"], NESTED)


@pytest.fixture(scope="module")
def flat(project: Project, target: Mapping[str, Any], reporter: Reporter) -> Deployed:
    secret = project.client("secretsmanager").create_secret(Name="tools", SecretString=json.dumps({"TOKEN": "x"}))
    given = target["parameters"]
    defaults = {
        name: declared["Default"]
        for name, declared in template_dicts()[FLAT]["Parameters"].items()
        if "Default" in declared
    }
    own = ("ParentDomain", "HostedZoneId", "ImageRegistryAccount", "ImageRepository", "ImageDigest")
    pins = ("ToolSchemaUri", "ToolSchemaAccount")
    parameters = {
        **defaults,
        **{name: given[name] for name in (*own, *pins)},
        "ToolListing": "pinned",
        "RuntimeName": "flat",
        "ContainerSecretArn": secret["ARN"],
    }
    image = ImageReference(given["ImageRegistryAccount"], given["ImageRepository"], given["ImageDigest"])
    bucket = given["ToolSchemaUri"].removeprefix("s3://").partition("/")[0]
    catalogue = Catalogue.parse((ROOT / "tools.json").read_text(encoding="utf-8"))
    schema = ToolSchema(pinned_document(catalogue), bucket, given["ToolSchemaAccount"])
    package = packaged(template_dicts(), target["template_url"].rpartition("/templates/")[0], image, schema)
    client = project.client("cloudformation")
    made = ensure(client, "flat", package.urls[FLAT], parameters, reporter, LOCAL_POLL_SECONDS)
    return Deployed(project, made.stack_id, FLAT)


@pytest.fixture(scope="module")
def reporter() -> Reporter:
    return LineProgress(io.StringIO())


@pytest.fixture(params=["nested", "flat"])
def deployed(request: pytest.FixtureRequest) -> Deployed:
    found: Deployed = request.getfixturevalue(request.param)
    return found


def existing(deployment: Deployment) -> set[str]:
    return {title for title in deployment.homes if deployment.exists(title)}


def told(differences: list[Difference]) -> str:
    return "\n".join(f"{d.logical_id} ({d.type}) {d.path}: {d.wanted!r}, not {d.reported!r}" for d in differences)


@pytest.mark.parametrize("root", [NESTED, FLAT])
def test_every_type_of_the_templates_has_a_reader(root: str) -> None:
    deployment = Deployment(template_dicts(), root)
    assert {deployment.type(title) for title in deployment.homes} <= READERS.keys()


def test_resources_are_those_of_the_evaluation(deployed: Deployed) -> None:
    found = deployed.read_back()
    assert {title: one.type for title, one in found.resources.items()} == {
        title: found.deployment.type(title) for title in existing(found.deployment)
    }


def test_services_report_what_the_templates_say(deployed: Deployed) -> None:
    found = deployed.read_back()
    result = found.compare()
    assert not result.differences, told(result.differences)
    titles = existing(found.deployment)
    properties = {title: found.deployment.properties(title) for title in titles}
    assert result.resources == titles
    assert result.properties == {(title, name) for title in titles for name in properties[title]}
    assert result.values == sum(leaves(value) for one in properties.values() for value in one.values())
    assert len(titles) > 70
    assert result.values > 600


def test_the_deployments_use_every_type_and_every_exception(nested: Deployed, flat: Deployed) -> None:
    found = [nested.read_back(), flat.read_back()]
    assert {made.type for one in found for made in one.resources.values()} == READERS.keys()
    assert set().union(*(one.compare().excepted for one in found)) == EXCEPTIONS.keys()


def test_services_report_what_an_update_changed(flat: Deployed, brought: Brought) -> None:
    client = flat.project.client("cloudformation")
    changes = {
        "Preset": "production",
        "DeletionProtection": "off",
        "InterfaceEndpoints": "on",
        "ZoneCount": "3",
        "SpotPercent": "50",
        "LogRetentionDays": "30",
        "MaxTasks": "6",
        "AllowedPrincipals": f"arn:aws:iam::{ACCOUNT}:root",
        "AlarmEmail": "other@example.com",
        "KmsKeyArn": brought.key,
        "PermissionsBoundaryName": BOUNDARY,
        "TaskPolicyArns": brought.task_policy,
    }
    before = flat.read_back()
    described = client.describe_stacks(StackName=flat.stack)["Stacks"][0]["Parameters"]
    assert changes.items().isdisjoint({(one["ParameterKey"], one["ParameterValue"]) for one in described})
    client.update_stack(
        StackName=flat.stack,
        UsePreviousTemplate=True,
        Parameters=[
            {"ParameterKey": name, "ParameterValue": changes[name]}
            if name in changes
            else {"ParameterKey": name, "UsePreviousValue": True}
            for name in (one["ParameterKey"] for one in described)
        ],
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
    )
    client.get_waiter("stack_update_complete").wait(StackName=flat.stack, WaiterConfig={"Delay": 1, "MaxAttempts": 120})
    after = flat.read_back()
    assert set(after.resources) == existing(after.deployment) > set(before.resources)
    for title in KEPT:
        assert after.resources[title].physical_id == before.resources[title].physical_id, f"{title} was replaced"
    result = after.compare()
    assert not result.differences, told(result.differences)
    assert result.values == sum(leaves(value) for title in after.resources for value in wanted(after, title))


def wanted(found: ReadBack, title: str) -> list[Any]:
    return list(found.deployment.properties(title).values())


def test_the_foundation_takes_the_key_and_the_boundary(project: Project, nested: Deployed, brought: Brought) -> None:
    (repository,) = project.client("ecr").describe_repositories()["repositories"]
    assert repository["encryptionConfiguration"] == {"encryptionType": "KMS", "kmsKey": brought.key}
    role = project.client("iam").get_role(RoleName="AWSCloudFormationStackSetExecutionRole")["Role"]
    assert role["PermissionsBoundary"]["PermissionsBoundaryArn"].endswith(f":policy/{BOUNDARY}")


def test_planted_differences_are_found(flat: Deployed) -> None:
    resources = flat.read_back().resources
    group, task_group = resources["TargetGroup"].physical_id, resources["TaskSecurityGroup"].physical_id
    elbv2, ec2 = flat.project.client("elbv2"), flat.project.client("ec2")
    elbv2.modify_target_group(TargetGroupArn=group, HealthCheckPath="/other")
    ec2.authorize_security_group_ingress(
        GroupId=task_group, IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0"
    )
    role = resources["TaskRole"].physical_id
    flat.project.client("iam").put_role_policy(
        RoleName=role,
        PolicyName="planted",
        PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
        ),
    )
    found = {(d.logical_id, d.path): (d.wanted, d.reported) for d in flat.read_back().compare().differences}
    assert found.pop(("TargetGroup", "HealthCheckPath")) == ("/ready", "/other")
    wanted, (rule,) = found.pop(("TaskSecurityGroup", "SecurityGroupIngress"))
    assert (wanted, rule["FromPort"], rule["CidrIp"]) == (None, 22, "0.0.0.0/0")
    _, (policy,) = found.pop(("TaskRole", "Policies"))
    assert policy["PolicyName"] == "planted"
    assert found == {}


@pytest.mark.parametrize(
    ("wanted", "reported", "paths"),
    [
        ({"A": "60"}, {"A": 60.0, "B": 1}, []),
        ({"A": True}, {"A": "true"}, []),
        ({"A": "x"}, {}, ["P.A"]),
        ({"A": 1}, {"A": True}, ["P.A"]),
        (["a", "b"], ["b", "a"], []),
        (["a"], ["a", "b"], ["P"]),
        (["a", "a"], ["a", "b"], ["P"]),
        ([{"K": "a", "V": 1}], [{"K": "a", "V": 2}], ["P.V"]),
        ({"Tags": [{"Key": "a"}]}, {"Tags": [{"Key": "b"}, {"Key": "a"}]}, []),
        ({"Policy": '{"A": 1}'}, {"Policy": '{"A":1}'}, []),
        ({"PolicyDocument": {"A": 1}}, {"PolicyDocument": {"A": 1, "B": 2}}, ["P.PolicyDocument.B"]),
        ({"PolicyDocument": [{"A": 1}]}, {"PolicyDocument": [{"A": 1, "B": 2}]}, ["P.PolicyDocument.B"]),
        ({}, None, ["P"]),
        ([], None, ["P"]),
    ],
)
def test_comparison_finds_what_is_missing(wanted: Any, reported: Any, paths: list[str]) -> None:
    assert [path for path, _, _ in missing(wanted, reported, "P", whole=False)] == paths


@pytest.mark.parametrize(("wanted", "reported"), [("x", 1), ("", 0), (None, 0), ("true", "false"), (1, None)])
def test_unequal_values_are_not_taken_for_equal(wanted: Any, reported: Any) -> None:
    assert not equal(wanted, reported)


def test_what_bounds_callers_is_verified(project: Project, target: Mapping[str, Any]) -> None:
    done = project.run("verify", "--output", "json")
    ((rows),) = done.document["verification"].values()
    (row,) = [row for row in rows if row["layer"] == "firewall and limits"]
    assert (row["passed"], row["evidence"]) == (True, "observed"), row
    assert "3000 a minute by $.context.iam.principal, 6000 a minute by toolName" in row["detail"]
