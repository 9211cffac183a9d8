"""Deployments that cannot work: each fails with its cause, leaves nothing half-made, and works once it is corrected.

The tests of this file are one story and run in their order.
"""

import json
from collections.abc import Callable

import pytest

from tests.end_to_end.running import ACCOUNT, REGION, Project

ISSUER = "https://issuer.example.org"


def left(project: Project) -> set[str]:
    """Returns what of a runtime stands: load balancers, gateways and services."""
    cluster = project.client("ecs")
    services = [
        arn
        for name in cluster.list_clusters()["clusterArns"]
        for arn in cluster.list_services(cluster=name)["serviceArns"]
    ]
    gateways = [one["gatewayId"] for one in project.client("bedrock-agentcore-control").list_gateways()["items"]]
    balancers = [one["LoadBalancerArn"] for one in project.client("elbv2").describe_load_balancers()["LoadBalancers"]]
    return {*services, *gateways, *balancers}


def secret(project: Project, name: str, text: str) -> str:
    """Returns the ARN of a secret that holds `text`, made if it is not there."""
    client = project.client("secretsmanager")
    for found in client.list_secrets()["SecretList"]:
        if found["Name"] == name:
            return str(found["ARN"])
    return str(client.create_secret(Name=name, SecretString=text)["ARN"])


def unreadable_secret(project: Project) -> list[tuple[str, str]]:
    """Returns the change that gives the tasks a secret which is no JSON object: the server does not start with it."""
    return [('\nsecret_arn = ""', f'\nsecret_arn = "{secret(project, "unreadable", "no JSON")}"')]


def unreachable_issuer(project: Project) -> list[tuple[str, str]]:
    """Returns the changes that name a token issuer which does not answer."""
    client = secret(project, "client", '{"client_secret": "x"}')
    return [
        ('\nissuer = ""', f'\nissuer = "{ISSUER}"'),
        ('jwks_url = ""', f'jwks_url = "{ISSUER}/keys"'),
        ('discovery_url = ""', f'discovery_url = "{ISSUER}/.well-known/openid-configuration"'),
        ('client_id = ""', 'client_id = "client"'),
        ('client_secret_arn = ""', f'client_secret_arn = "{client}"'),
        ('\nscope = ""', '\nscope = "tools"'),
    ]


def test_image_that_is_not_there_stops_before_any_runtime(project: Project) -> None:
    digest = "sha256:" + "0" * 64
    project.configure(('digest = ""', f'digest = "{digest}"'))
    done = project.run("deploy")
    assert done.status == 1
    assert f"does not hold the image {digest} in us-east-1; push it, or correct image.digest." in done.error
    assert project.json("status")["targets"] == []


@pytest.mark.parametrize(
    ("changes", "place", "reason"),
    [
        (unreadable_secret, "ServiceStack/Service (AWS::ECS::Service)", "Essential container in task exited"),
        (unreachable_issuer, "(AWS::BedrockAgentCore::", "issuer.example.org"),
    ],
)
def test_failure_names_the_resource_and_the_reason_and_leaves_nothing(
    project: Project, changes: Callable[[Project], list[tuple[str, str]]], place: str, reason: str
) -> None:
    assert project.run("destroy", "--yes").status == 0
    project.configure(*changes(project))
    done = project.run("deploy")
    assert done.status == 1
    assert f"{ACCOUNT}/{REGION}/" in done.error
    assert place in done.error
    assert reason in done.error
    assert "Resource creation cancelled" not in done.error
    assert "✗ Stack set" in done.err
    assert left(project) == set()


def test_same_command_works_once_the_configuration_is_corrected(project: Project) -> None:
    project.configure()
    document = project.json("deploy")
    assert all(row["passed"] for row in document["verification"][f"{ACCOUNT}/{REGION}"])
    assert len(left(project)) == 3


def test_failed_update_keeps_what_worked(project: Project) -> None:
    project.configure(*unreadable_secret(project))
    done = project.run("deploy", "--progress", "json")
    assert done.status == 1
    events = [json.loads(line) for line in done.err.splitlines()]
    assert {"step", "operation", "instance", "resource"} <= {event["kind"] for event in events}
    assert all(event["description"] for event in events if event.get("resource_type") == "AWS::ECS::Service")
    assert (events[-1]["kind"], "ServiceStack/" in events[-1]["sentence"]) == ("error", True)
    told = project.run("invoke", "echo", "message=still")
    assert (told.status, told.out) == (0, "still\n")
    project.configure()
    assert project.json("deploy")["changed"] is True
    assert project.json("deploy")["changed"] is False


def test_runtime_without_a_domain_stands_and_says_what_is_missing(project: Project) -> None:
    assert project.run("destroy", "--yes").status == 0
    project.configure(('parent_domain = "example.com"', 'parent_domain = ""'))
    document = project.json("deploy")
    (target,) = document["targets"]
    assert target["outputs"]["GatewayTargetId"] == ""
    assert "no endpoint" in target["outputs"]["MissingSettings"]
    rows = {row["layer"]: row["passed"] for row in document["verification"][f"{ACCOUNT}/{REGION}"]}
    assert rows["health"] is True
    assert rows["stranger at the gateway"] is True
    assert rows["tool call"] is None
    done = project.run("invoke", "echo", "message=x")
    assert done.status == 1
    assert "no endpoint" in done.error
