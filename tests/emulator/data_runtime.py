"""Deploying the test runtime and speaking to it as clients on AWS do."""

import json
import ssl
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx2
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.emulator import data_templates as templates
from tests.emulator.running_emulator import ACCOUNT, REGION, RunningEmulator

_STACK_SECONDS = 240
_PATIENCE_SECONDS = 180
MODERN = "2026-07-28"
MODERN_META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}


@dataclass(frozen=True)
class Outcome:
    """How a stack operation ended: its status, outputs, and the failures by logical id."""

    status: str
    outputs: dict[str, str]
    failures: dict[str, str]


@dataclass(frozen=True)
class Signer:
    """How a request is signed; what is wrong with it is one of these."""

    access_key: str = ACCOUNT
    secret: str = ""
    region: str = REGION
    service: str = "bedrock-agentcore"
    token: str | None = None


def prepare(emulator: RunningEmulator) -> str:
    """Make what a runtime needs before it: the image and the hosted zone; return the zone's id."""
    ecr, route53 = emulator.client("ecr"), emulator.client("route53")
    ecr.create_repository(repositoryName=templates.REPOSITORY)
    ecr.put_image(repositoryName=templates.REPOSITORY, imageManifest=templates.image_manifest(), imageTag="test")
    zone = route53.create_hosted_zone(Name=templates.ZONE, CallerReference="data")["HostedZone"]
    return str(zone["Id"]).rpartition("/")[2]


def create(
    emulator: RunningEmulator, name: str, variation: templates.Variation, zone: str, region: str = REGION
) -> Outcome:
    """Create a stack and wait for its end."""
    emulator.client("cloudformation", region=region).create_stack(
        StackName=name, TemplateBody=templates.template(variation, zone), Capabilities=["CAPABILITY_IAM"]
    )
    return _end(emulator, name, region)


def update(emulator: RunningEmulator, name: str, variation: templates.Variation, zone: str) -> Outcome:
    """Update a stack and wait for its end."""
    emulator.client("cloudformation").update_stack(
        StackName=name, TemplateBody=templates.template(variation, zone), Capabilities=["CAPABILITY_IAM"]
    )
    return _end(emulator, name)


def delete(emulator: RunningEmulator, name: str, region: str = REGION) -> None:
    """Delete a stack and wait until it is gone."""
    client = emulator.client("cloudformation", region=region)
    identity = client.describe_stacks(StackName=name)["Stacks"][0]["StackId"]
    client.delete_stack(StackName=name)
    assert _end(emulator, identity, region).status == "DELETE_COMPLETE"


def _end(emulator: RunningEmulator, name: str, region: str = REGION) -> Outcome:
    client = emulator.client("cloudformation", region=region)
    deadline = time.monotonic() + _STACK_SECONDS
    while True:
        stack = client.describe_stacks(StackName=name)["Stacks"][0]
        if not stack["StackStatus"].endswith("_IN_PROGRESS"):
            break
        assert time.monotonic() < deadline, f"{name} is still {stack['StackStatus']}"
        time.sleep(0.2)
    events = client.describe_stack_events(StackName=name)["StackEvents"]
    failures = {
        event["LogicalResourceId"]: event["ResourceStatusReason"]
        for event in events
        if event["ResourceStatus"] in ("CREATE_FAILED", "UPDATE_FAILED") and event.get("ResourceStatusReason")
    }
    outputs = {item["OutputKey"]: item["OutputValue"] for item in stack.get("Outputs", ())}
    return Outcome(stack["StackStatus"], outputs, failures)


def send(
    emulator: RunningEmulator, method: str, url: str, headers: dict[str, str] | None = None, body: bytes = b""
) -> httpx2.Response:
    """Send a request as on AWS: only the resolver and the trusted authority differ."""
    parts = urlsplit(url)
    name = str(parts.hostname)
    found = emulator.resolve(name)
    assert "address" in found, found
    port = found["port"] if parts.scheme == "https" else found["http_port"]
    target = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
    context = ssl.create_default_context(cafile=str(emulator.ca))
    with httpx2.Client(verify=context, trust_env=False, timeout=60) as client:
        return client.request(
            method,
            f"{parts.scheme}://{found['address']}:{port}{target}",
            headers={"host": parts.netloc, **(headers or {})},
            content=body,
            extensions={"sni_hostname": name},
        )


def call_gateway(
    emulator: RunningEmulator,
    url: str,
    message: dict[str, Any],
    *,
    headers: dict[str, str] | None = None,
    signer: Signer | None = Signer(),  # frozen
    tamper: bytes | None = None,
) -> httpx2.Response:
    """Send a signed JSON-RPC message to a gateway (``signer`` None: unsigned; ``tamper``: another body than signed)."""
    body = json.dumps(message).encode()
    sent = {
        "host": urlsplit(url).netloc,
        "content-type": "application/json",
        "accept": "application/json, text/event-stream",
        **(headers or {}),
    }
    request = AWSRequest("POST", url, data=body, headers=sent)
    if signer is not None:
        credentials = Credentials(signer.access_key, signer.secret or emulator.secret, signer.token)
        SigV4Auth(credentials, signer.service, signer.region).add_auth(request)
    signed = dict(request.headers)
    if urlsplit(url).hostname == "127.0.0.1":
        with httpx2.Client(trust_env=False, timeout=60) as client:
            return client.post(url, headers=signed, content=tamper or body)
    return send(emulator, "POST", url, signed, tamper or body)


def rpc(method: str, parameters: dict[str, Any] | None = None, identity: int = 1) -> dict[str, Any]:
    """Return a JSON-RPC request."""
    return {"jsonrpc": "2.0", "id": identity, "method": method, "params": parameters or {}}


def access_token(emulator: RunningEmulator, outputs: dict[str, str], stack: str) -> str:
    """Get an access token from Cognito as the gateway does."""
    url = f"https://{stack}-{ACCOUNT}.auth.{REGION}.amazoncognito.com/oauth2/token"
    basic = httpx2.BasicAuth(outputs["Client"], outputs["ClientSecret"])
    authorization = next(basic.auth_flow(httpx2.Request("POST", url))).headers["authorization"]
    headers = {"content-type": "application/x-www-form-urlencoded", "authorization": authorization}
    form = b"grant_type=client_credentials&scope=tools%2Fcall"
    answer = send(emulator, "POST", url, headers, form)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


def wait_until(true: Callable[[], bool]) -> None:
    """Wait until something is true; fail when it does not become so."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.1)


def command_of(pid: int) -> str:
    """Return the command line of a process, empty when there is none or it has ended."""
    listed = subprocess.run(
        ["ps", "-ww", "-o", "stat=,command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    state, _, command = listed.stdout.strip().partition(" ")
    return "" if state.startswith("Z") else command.strip()


def server_processes(emulator: RunningEmulator) -> list[int]:
    """Return the ids of the server processes that the emulator runs."""
    recorded = [int(entry.name) for entry in (emulator.state / "processes").iterdir()]
    return [pid for pid in recorded if command_of(pid).endswith("-m server")]
