"""CodeBuild's projects and builds, layers and the registry protocol: what AWS refuses is refused."""

import base64
import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from botocore.exceptions import ClientError

from tests.emulator.control_templates import Deployer, template
from tests.emulator.running_emulator import ACCOUNT, REGION, RunningEmulator

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "codebuild.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
SECONDS = 60


def refusal(call: Callable[[], Any]) -> str:
    with pytest.raises(ClientError) as refused:
        call()
    return str(refused.value.response["Error"]["Code"])


def digest_of(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def project(**changes: Any) -> dict[str, Any]:
    variables = [{"Name": "REPOSITORY", "Value": "built/server", "Type": "PLAINTEXT"}]
    return {
        "ServiceRole": {"Fn::GetAtt": ["Role", "Arn"]},
        "Source": {"Type": "S3", "Location": "sources-of-builds/none.zip", "BuildSpec": "version: 0.2"},
        "Artifacts": {"Type": "NO_ARTIFACTS"},
        "Environment": {
            "Type": "LINUX_CONTAINER",
            "ComputeType": "BUILD_GENERAL1_SMALL",
            "Image": "aws/codebuild/amazonlinux-x86_64-standard:5.0",
            "EnvironmentVariables": variables,
        },
        "LogsConfig": {"CloudWatchLogs": {"Status": "ENABLED", "GroupName": {"Ref": "Log"}}},
        "ConcurrentBuildLimit": 1,
        **changes,
    }


@pytest.fixture(scope="module")
def name(emulator: RunningEmulator) -> str:
    """The name of a project that stands, with a source in its bucket and a repository."""
    resources = {
        "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": TRUST}},
        "Log": {"Type": "AWS::Logs::LogGroup", "Properties": {}},
        "Project": {"Type": "AWS::CodeBuild::Project", "Properties": project()},
        "Repository": {
            "Type": "AWS::ECR::Repository",
            "Properties": {"RepositoryName": "built/server", "ImageTagMutability": "IMMUTABLE"},
        },
    }
    outputs = {"Name": {"Value": {"Ref": "Project"}}}
    made = Deployer(emulator).create("builder", template(resources, Outputs=outputs))
    assert made.status == "CREATE_COMPLETE", made.failures
    client = emulator.client("s3")
    client.create_bucket(Bucket="sources-of-builds")
    for key, file in (("good.zip", "Dockerfile"), ("empty.zip", "README")):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            archive.writestr(file, "FROM scratch\n")
        client.put_object(Bucket="sources-of-builds", Key=key, Body=stream.getvalue())
    (output,) = made.stack["Outputs"]
    return str(output["OutputValue"])


def built(emulator: RunningEmulator, name: str, key: str, tag: str) -> dict[str, Any]:
    """Builds and returns the build as it ended."""
    client = emulator.client("codebuild")
    build = client.start_build(
        projectName=name,
        sourceTypeOverride="S3",
        sourceLocationOverride=f"sources-of-builds/{key}",
        environmentVariablesOverride=[
            {"name": "IMAGE_TAG", "value": tag, "type": "PLAINTEXT"},
            {"name": "IMAGE_PLATFORM", "value": "linux/arm64", "type": "PLAINTEXT"},
        ],
        idempotencyToken=tag,
    )["build"]
    while not build["buildComplete"]:
        (build,) = client.batch_get_builds(ids=[build["id"]])["builds"]
    found: dict[str, Any] = build
    return found


def failed_phase(build: dict[str, Any]) -> tuple[str, str]:
    (phase,) = [phase for phase in build["phases"] if phase["phaseStatus"] != "SUCCEEDED"]
    return phase["phaseType"], phase["contexts"][0]["message"]


def test_build_pushes_what_its_source_holds_and_logs(emulator: RunningEmulator, name: str) -> None:
    build = built(emulator, name, "good.zip", "one")
    assert build["buildStatus"] == "SUCCEEDED"
    client = emulator.client("ecr")
    (image,) = client.batch_get_image(repositoryName="built/server", imageIds=[{"imageTag": "one"}])["images"]
    config = json.loads(image["imageManifest"])["config"]["digest"]
    url = client.get_download_url_for_layer(repositoryName="built/server", layerDigest=config)["downloadUrl"]
    answer = httpx2.get(url, trust_env=False, timeout=SECONDS)
    assert answer.json()["architecture"] == "arm64"
    assert httpx2.get(url.partition("?")[0], trust_env=False, timeout=SECONDS).status_code == 403
    place = {"logGroupName": build["logs"]["groupName"], "logStreamName": build["logs"]["streamName"]}
    events = emulator.client("logs").get_log_events(**place)["events"]
    assert any("No container runs here" in event["message"] for event in events)


def test_same_token_gives_the_same_build(emulator: RunningEmulator, name: str) -> None:
    assert built(emulator, name, "good.zip", "two")["id"] == built(emulator, name, "good.zip", "two")["id"]


@pytest.mark.parametrize(
    ("key", "tag", "phase", "message"),
    [
        ("absent.zip", "three", "DOWNLOAD_SOURCE", "NoSuchKey"),
        ("empty.zip", "four", "BUILD", "Error while executing command: docker build. Reason: exit status 1"),
    ],
)
def test_build_that_cannot_succeed_says_in_which_phase(
    emulator: RunningEmulator, name: str, key: str, tag: str, phase: str, message: str
) -> None:
    build = built(emulator, name, key, tag)
    assert build["buildStatus"] == "FAILED"
    failed, told = failed_phase(build)
    assert failed == phase and message in told


def test_project_needs_a_role_that_there_is(emulator: RunningEmulator) -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/absent"
    resources = {
        "Project": {
            "Type": "AWS::CodeBuild::Project",
            "Properties": project(ServiceRole=role, LogsConfig={"CloudWatchLogs": {"Status": "DISABLED"}}),
        }
    }
    made = Deployer(emulator).create("no-role", template(resources))
    assert "not authorized to perform: sts:AssumeRole on service role" in made.failures["Project"]


def test_build_of_a_project_that_is_gone_is_refused(emulator: RunningEmulator) -> None:
    client = emulator.client("codebuild")
    assert refusal(lambda: client.start_build(projectName="absent")) == "ResourceNotFoundException"


def test_layer_must_be_what_its_digest_says(emulator: RunningEmulator, name: str) -> None:
    client = emulator.client("ecr")
    place = {"repositoryName": "built/server"}

    def upload(content: bytes, digest: str, first: int = 0) -> None:
        begun = {**place, "uploadId": client.initiate_layer_upload(**place)["uploadId"]}
        last = first + len(content) - 1
        client.upload_layer_part(**begun, partFirstByte=first, partLastByte=last, layerPartBlob=content)
        client.complete_layer_upload(**begun, layerDigests=[digest])

    assert refusal(lambda: upload(b"one", digest_of(b"two"))) == "InvalidLayerException"
    assert refusal(lambda: upload(b"one", digest_of(b"one"), first=5)) == "InvalidLayerPartException"
    upload(b"one", digest_of(b"one"))
    assert refusal(lambda: upload(b"one", digest_of(b"one"))) == "LayerAlreadyExistsException"
    checked = client.batch_check_layer_availability(**place, layerDigests=[digest_of(b"one"), digest_of(b"none")])
    assert [layer["layerDigest"] for layer in checked["layers"]] == [digest_of(b"one")]
    assert [failure["layerDigest"] for failure in checked["failures"]] == [digest_of(b"none")]


def test_registry_takes_what_a_builder_pushes_with_its_password_alone(emulator: RunningEmulator, name: str) -> None:
    token = emulator.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
    base = f"{emulator.endpoint}/v2/{ACCOUNT}/{REGION}/built/server"
    headers = {"Authorization": f"Basic {token}"}
    wrong = {"Authorization": f"Basic {base64.b64encode(b'AWS:wrong').decode()}"}
    with httpx2.Client(trust_env=False, timeout=SECONDS) as anyone:
        for given in ({}, wrong):
            answer = anyone.get(f"{emulator.endpoint}/v2/", headers=given)
            assert answer.status_code == 401 and "Basic" in answer.headers["www-authenticate"]
            assert anyone.post(f"{base}/blobs/uploads/", headers=given).status_code == 401
        assert anyone.get(f"{emulator.endpoint}/v2/", headers=headers).status_code == 200
        begun = anyone.post(f"{base}/blobs/uploads/", headers=headers)
        assert begun.status_code == 202
        location = f"{emulator.endpoint}{begun.headers['location']}"
        config = b'{"architecture": "amd64", "os": "linux"}'
        put = anyone.put(location, params={"digest": digest_of(config)}, content=config, headers=headers)
        assert put.status_code == 201
        manifest = json.dumps({"schemaVersion": 2, "config": {"digest": digest_of(config)}, "layers": []}).encode()
        assert anyone.put(f"{base}/manifests/pushed", content=manifest, headers=headers).status_code == 201
        moved = anyone.put(f"{base}/manifests/pushed", content=manifest + b" ", headers=headers)
        assert moved.status_code == 400
    found = emulator.client("ecr").describe_images(repositoryName="built/server", imageIds=[{"imageTag": "pushed"}])
    assert [image["imageDigest"] for image in found["imageDetails"]] == [digest_of(manifest)]
