"""Templates of the control plane's tests and what deploys them."""

import json
import re
import time
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from tests.emulator.running_emulator import ACCOUNT, REGION, ROOT, RunningEmulator

CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
BUCKET = "control-tests-templates"
BASE = f"https://{BUCKET}.s3.{REGION}.amazonaws.com"
MANIFEST = json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": []})
DIGEST = "sha256:" + sha256(MANIFEST.encode()).hexdigest()
_SECONDS = 240


@dataclass(frozen=True)
class Outcome:
    """A stack when its operation is over, and why resources failed, by logical id."""

    stack: dict[str, Any]
    failures: dict[str, str]

    @property
    def status(self) -> str:
        return str(self.stack["StackStatus"])

    @property
    def outputs(self) -> dict[str, str]:
        return {item["OutputKey"]: item["OutputValue"] for item in self.stack.get("Outputs", [])}


def parameters(values: dict[str, str]) -> list[dict[str, str]]:
    """Return parameters as the API takes them."""
    return [{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()]


class Deployer:
    """Creates, updates and deletes stacks of one account and Region and waits for them."""

    def __init__(self, emulator: RunningEmulator, account: str = ACCOUNT, region: str = REGION) -> None:
        self.cloudformation = emulator.client("cloudformation", account, region)

    def create(self, name: str, template: dict[str, Any] | str, values: dict[str, str] | None = None) -> Outcome:
        self.cloudformation.create_stack(StackName=name, **self._given(template, values))
        return self.settled(name)

    def update(self, name: str, template: dict[str, Any] | str, values: dict[str, str] | None = None) -> Outcome:
        self.cloudformation.update_stack(StackName=name, **self._given(template, values))
        return self.settled(name)

    def delete(self, stack_id: str) -> Outcome:
        self.cloudformation.delete_stack(StackName=stack_id)
        return self.settled(stack_id)

    def _given(self, template: dict[str, Any] | str, values: dict[str, str] | None) -> dict[str, Any]:
        source = {"TemplateURL": template} if isinstance(template, str) else {"TemplateBody": json.dumps(template)}
        return {**source, "Parameters": parameters(values or {}), "Capabilities": CAPABILITIES}

    def settled(self, name: str) -> Outcome:
        deadline = time.monotonic() + _SECONDS
        while time.monotonic() < deadline:
            stack = self.cloudformation.describe_stacks(StackName=name)["Stacks"][0]
            if not stack["StackStatus"].endswith("_IN_PROGRESS"):
                return Outcome(stack, self._failures(stack["StackId"]))
            time.sleep(0.1)
        raise TimeoutError(f"{name} did not settle")

    def _failures(self, stack_id: str) -> dict[str, str]:
        pages = self.cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack_id)
        events = [event for page in pages for event in page["StackEvents"]]
        failed = [event for event in events if event["ResourceStatus"].endswith("_FAILED")]
        return {event["LogicalResourceId"]: event.get("ResourceStatusReason", "") for event in failed}


def upload(emulator: RunningEmulator, templates: dict[str, str], account: str = ACCOUNT) -> None:
    """Put templates into the tests' bucket, making it first."""
    client = emulator.client("s3", account)
    if BUCKET not in [item["Name"] for item in client.list_buckets()["Buckets"]]:
        client.create_bucket(Bucket=BUCKET)
    for key, body in templates.items():
        client.put_object(Bucket=BUCKET, Key=key, Body=body.encode())


def upload_runtime(emulator: RunningEmulator, account: str = ACCOUNT) -> str:
    """Upload the project's templates with the children's URLs made absolute; return the root's URL."""
    files = {path.name: path.read_text() for path in (ROOT / "templates").glob("*.yaml")}
    files["runtime.yaml"] = re.sub(r"(TemplateURL: )(?:\./)?([a-z-]+\.yaml)", rf"\1{BASE}/\2", files["runtime.yaml"])
    upload(emulator, files, account)
    return f"{BASE}/runtime.yaml"


def put_image(emulator: RunningEmulator, account: str = ACCOUNT, region: str = REGION) -> None:
    """Put the image that the runtime's templates name by default."""
    client = emulator.client("ecr", account, region)
    client.create_repository(repositoryName="mcp-runtime/server")
    client.put_image(repositoryName="mcp-runtime/server", imageManifest=MANIFEST, imageTag="one")


def template(resources: dict[str, Any], **sections: Any) -> dict[str, Any]:
    """Return a template."""
    return {"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources, **sections}
