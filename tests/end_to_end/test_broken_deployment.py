"""Deployments that cannot work: each fails with its cause, leaves nothing half-made, and works once it is corrected.

The tests of this file are one story and run in their order.
"""

import json
import re
from collections.abc import Callable
from datetime import datetime

import pytest

from deployer.aws import Access, Aws
from deployer.context import Context
from deployer.diagnosis.evidence import Diagnosis
from deployer.diagnosis.targets import of_failed
from deployer.events import Event
from deployer.recovering import free, stuck
from deployer.recovery import Stuck
from deployer.settings import load
from deployer.stacks import LOCAL_POLL_SECONDS
from tests.end_to_end.altered_wire import AlteredWire, StuckWire
from tests.end_to_end.failure_gallery import GALLERY, Reported
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


def behind(project: Project, url: str) -> Context:
    """Returns what a command acts with that reaches the project's AWS by `url`."""
    access = Access(region=REGION, endpoint_url=url, emulator_key=project.emulator["secret_access_key"])
    aws = Aws(access, emulated_account=ACCOUNT)
    return Context(load(project.configuration), aws, project.network, Silent(), local=True, poll=LOCAL_POLL_SECONDS)


def diagnosed(project: Project, reported: Reported) -> Diagnosis:
    """Returns the diagnosis of the target, whose failure is told on the wire with a report's words."""
    with AlteredWire(int(project.emulator["endpoint"].rpartition(":")[2]), reported) as wire:
        (found,) = of_failed(behind(project, wire.url))
    return found


def recovered(project: Project, call: str, pattern: str, instead: str) -> Stuck:
    """Frees what the wire says is stuck, on the AWS behind the wire, and returns it."""
    with StuckWire(int(project.emulator["endpoint"].rpartition(":")[2]), call, pattern, instead) as wire:
        (found,) = stuck(behind(project, wire.url))
    free(found, behind(project, project.emulator["endpoint"]))
    return found


class Silent:
    """Nobody wants to know what happens."""

    def emit(self, event: Event) -> None:
        """Takes one event."""


def test_image_that_is_not_there_stops_before_any_runtime(project: Project) -> None:
    digest = "sha256:" + "0" * 64
    project.configure(('digest = ""', f'digest = "{digest}"'))
    done = project.run("deploy")
    assert done.status == 2
    assert f"does not hold the image {digest} in us-east-1: push it, or correct image.digest." in done.error
    assert project.json("status")["targets"] == []


@pytest.mark.parametrize(
    ("changes", "place", "reason", "code"),
    [
        (
            unreadable_secret,
            "ServiceStack/Service (AWS::ECS::Service)",
            "Essential container in task exited",
            # A stack that is taken back takes the log with it, which may be sooner than anybody reads it.
            "MCPR-(208|901)",
        ),
        (unreachable_issuer, "(AWS::BedrockAgentCore::", "issuer.example.org", "MCPR-401"),
    ],
)
def test_failure_names_the_resource_and_the_reason_and_leaves_nothing(
    project: Project, changes: Callable[[Project], list[tuple[str, str]]], place: str, reason: str, code: str
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
    assert re.search(f"{ACCOUNT} {REGION}: {code}\n", done.out)
    assert left(project) == set()


def test_same_command_works_once_the_configuration_is_corrected(project: Project) -> None:
    project.configure()
    document = project.json("deploy")
    assert all(row["passed"] for row in document["verification"][f"{ACCOUNT}/{REGION}"])
    assert len(left(project)) == 3


def test_failed_update_keeps_what_worked_and_is_diagnosed(project: Project) -> None:
    project.configure(*unreadable_secret(project))
    done = project.run("deploy", "--progress", "json", "--output", "json")
    assert done.status == 1
    events = [json.loads(line) for line in done.err.splitlines()]
    assert {"step", "operation", "instance", "resource"} <= {event["kind"] for event in events}
    assert all(event["description"] for event in events if event.get("resource_type") == "AWS::ECS::Service")
    assert (events[-1]["kind"], "ServiceStack/" in events[-1]["sentence"]) == ("error", True)
    (diagnosis,) = done.document["diagnoses"]
    assert (diagnosis["account"], diagnosis["region"], diagnosis["code"]) == (ACCOUNT, REGION, "MCPR-208")
    assert "TOOL_SECRETS is not a JSON object" in diagnosis["evidence"][0]["text"]
    assert {"stack", "task", "service"} <= {one["area"] for one in diagnosis["evidence"]}
    assert diagnosis["notes"] == []
    told = project.run("invoke", "echo", "message=still")
    assert (told.status, told.out) == (0, "still\n")


@pytest.mark.parametrize("reported", GALLERY, ids=lambda reported: f"{reported.code}-{reported.report}")
def test_failure_in_the_words_of_a_public_report_is_diagnosed(project: Project, reported: Reported) -> None:
    found = diagnosed(project, reported)
    assert found.code == reported.code
    assert found.leading is not None
    assert found.leading.text == reported.words
    assert reported.remedy in (found.cause.remedy if found.cause else "")
    assert found.notes == ()


def test_what_could_be_diagnosed_is_gone_once_the_configuration_is_corrected(project: Project) -> None:
    done = project.run("diagnose", "--target", f"{ACCOUNT}/{REGION}")
    assert done.status == 1
    assert "MCPR-208" in done.out
    done = project.run("recover")
    assert done.status == 1
    assert "is OUTDATED" in done.out
    assert "run `python build.py deploy`" in done.out
    project.configure()
    assert project.json("deploy")["changed"] is True
    assert project.json("deploy")["changed"] is False
    (diagnosis,) = project.json("diagnose")["diagnoses"]
    assert (diagnosis["code"], diagnosis["evidence"]) == ("", [])
    assert "is no target" in project.run("diagnose", "--target", "1/x").error
    done = project.run("recover")
    assert (done.status, done.out) == (0, "Nothing is stuck.\n")


def listed_at(project: Project) -> datetime:
    """Returns when the gateway last listed the server's tools."""
    outputs = project.outputs()
    found = project.client("bedrock-agentcore-control").get_gateway_target(
        gatewayIdentifier=outputs["GatewayId"], targetId=outputs["GatewayTargetId"]
    )
    moment: datetime = found["lastSynchronizedAt"]
    return moment


def test_gateway_target_that_did_not_synchronize_is_synchronized(project: Project) -> None:
    before = listed_at(project)
    call = "bedrock-agentcore-control:GetGatewayTarget"
    found = recovered(project, call, '"status": ?"READY"', '"status":"SYNCHRONIZE_UNSUCCESSFUL"')
    assert (found.state, found.call) == ("SYNCHRONIZE_UNSUCCESSFUL", "synchronize")
    assert listed_at(project) > before


def test_target_whose_stack_cannot_be_updated_is_removed_and_deployed_anew(project: Project) -> None:
    status = "<StackStatus>{}</StackStatus>"
    call = "cloudformation:DescribeStacks"
    found = recovered(project, call, status.format(r"\w+"), status.format("ROLLBACK_FAILED"))
    assert (found.state, found.call) == ("ROLLBACK_FAILED", "remove")
    assert left(project) == set()


def test_runtime_without_a_domain_stands_and_says_what_is_missing(project: Project) -> None:
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
