"""Remote builds: joined where one runs, started once, explained when they fail."""

from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from deployer.artifact_bucket import ArtifactBucket
from deployer.build_context import BuildContext, ContextFile
from deployer.codebuild import Remote, build, failure
from deployer.errors import RefusedError

CONTEXT = BuildContext((ContextFile("Dockerfile", b"FROM scratch\n", False),), "amd64")
KEY = f"sources/{CONTEXT.content_hash}.zip"
OWNER = "111111111111"
PLACE = {"Bucket": "bucket", "Key": KEY, "ExpectedBucketOwner": OWNER}
BUILD_ID = "builder:00000000-0000-0000-0000-000000000001"
SESSION = boto3.Session("1", "2", region_name="us-east-1")


class Stubbed:
    """The three clients, whose answers are given and checked against the service models."""

    def __init__(self) -> None:
        self.clients = [SESSION.client(name) for name in ("codebuild", "logs", "s3")]
        self.codebuild, self.logs, self.s3 = (Stubber(client) for client in self.clients)
        for stubber in (self.codebuild, self.logs, self.s3):
            stubber.activate()
        self.said: list[str] = []

    def run(self, context: BuildContext = CONTEXT) -> None:
        codebuild, logs, s3 = self.clients
        bucket = ArtifactBucket(s3, "bucket", OWNER)
        build(Remote(codebuild, logs, bucket, "builder", 0.0, self.said.append), context)
        for stubber in (self.codebuild, self.logs, self.s3):
            stubber.assert_no_pending_responses()

    def none_running(self) -> None:
        self.codebuild.add_response("list_builds_for_project", {})

    def source_there(self) -> None:
        self.s3.add_response("head_object", {}, PLACE)

    def starts(self, answer: dict[str, Any], token: Any = ANY, **overrides: str) -> None:
        request = {
            "projectName": "builder",
            "sourceTypeOverride": "S3",
            "sourceLocationOverride": ANY,
            "environmentVariablesOverride": ANY,
            "idempotencyToken": token,
            **overrides,
        }
        self.codebuild.add_response("start_build", {"build": answer}, request)

    def shows(self, answer: dict[str, Any]) -> None:
        self.codebuild.add_response("batch_get_builds", {"builds": [answer]}, {"ids": [answer["id"]]})

    def logs_page(self, lines: list[str], token: str) -> None:
        events = [{"timestamp": 1, "message": f"{line}\n", "ingestionTime": 1} for line in lines]
        self.logs.add_response("get_log_events", {"events": events, "nextForwardToken": token})


def state(status: str, logged: bool = False, number: int = 1, **more: Any) -> dict[str, Any]:
    found = {"id": f"{BUILD_ID[:-1]}{number}", "buildStatus": status, **more}
    return {**found, "logs": {"groupName": "group", "streamName": "stream"}} if logged else found


@pytest.fixture
def stubbed() -> Stubbed:
    return Stubbed()


def test_source_is_uploaded_and_each_line_is_told_once(stubbed: Stubbed) -> None:
    stubbed.none_running()
    stubbed.s3.add_client_error("head_object", "404", http_status_code=404)
    stubbed.s3.add_response("put_object", {}, {**PLACE, "Body": CONTEXT.archive(), "ContentType": "application/zip"})
    stubbed.starts(state("IN_PROGRESS"), CONTEXT.tag)
    stubbed.shows(state("IN_PROGRESS", logged=True))
    stubbed.logs_page(["one", "two"], "f/1")
    stubbed.logs_page([], "f/1")
    stubbed.shows(state("SUCCEEDED", logged=True))
    stubbed.logs_page(["three"], "f/2")
    stubbed.logs_page([], "f/2")
    stubbed.run()
    assert stubbed.said == [f"build {BUILD_ID}", "one", "two", "three"]


def test_source_that_is_there_is_not_uploaded_again(stubbed: Stubbed) -> None:
    stubbed.none_running()
    stubbed.source_there()
    stubbed.starts(state("IN_PROGRESS"))
    stubbed.shows(state("SUCCEEDED"))
    stubbed.run()


def test_build_of_the_same_source_is_joined(stubbed: Stubbed) -> None:
    variables = {"environmentVariables": [{"name": "IMAGE_TAG", "value": CONTEXT.tag}]}
    environment = {"type": "LINUX_CONTAINER", "image": "i", "computeType": "BUILD_GENERAL1_SMALL", **variables}
    stubbed.codebuild.add_response("list_builds_for_project", {"ids": [BUILD_ID]})
    stubbed.shows(state("IN_PROGRESS", environment=environment))
    stubbed.shows(state("SUCCEEDED"))
    stubbed.run()


def test_arm_image_is_built_on_arm(stubbed: Stubbed) -> None:
    stubbed.none_running()
    stubbed.source_there()
    image = "aws/codebuild/amazonlinux-aarch64-standard:3.0"
    stubbed.starts(state("SUCCEEDED"), environmentTypeOverride="ARM_CONTAINER", imageOverride=image)
    stubbed.starts(state("IN_PROGRESS"), environmentTypeOverride="ARM_CONTAINER", imageOverride=image)
    stubbed.shows(state("SUCCEEDED"))
    stubbed.run(BuildContext(CONTEXT.files, "arm64"))


def test_failed_build_of_minutes_ago_is_not_taken_for_this_one(stubbed: Stubbed) -> None:
    stubbed.none_running()
    stubbed.source_there()
    stubbed.starts(state("FAILED", number=1), CONTEXT.tag)
    stubbed.starts(state("IN_PROGRESS", number=2), f"{CONTEXT.tag}-{BUILD_ID[-36:]}")
    stubbed.shows(state("SUCCEEDED", number=2))
    stubbed.run()


def test_failed_build_is_one_sentence(stubbed: Stubbed) -> None:
    message = "Error while executing command: docker build. Reason: exit status 1"
    phases = [
        {"phaseType": "PRE_BUILD", "phaseStatus": "SUCCEEDED"},
        {"phaseType": "BUILD", "phaseStatus": "FAILED", "contexts": [{"statusCode": "X", "message": message}]},
    ]
    stubbed.none_running()
    stubbed.source_there()
    stubbed.starts(state("IN_PROGRESS"))
    stubbed.shows(state("FAILED", logged=True, phases=phases))
    stubbed.logs_page(["denied: not yours.", "[Container] Phase complete: BUILD State: FAILED"], "f/1")
    stubbed.logs_page([], "f/1")
    with pytest.raises(
        RefusedError,
        match=rf"The build {BUILD_ID} of the image ended in FAILED in phase BUILD: {message}; denied: not yours\.",
    ):
        stubbed.run()


def test_sentence_of_a_build_that_says_nothing() -> None:
    told = failure({"id": BUILD_ID, "buildStatus": "TIMED_OUT", "logs": {"deepLink": "https://logs"}}, [])
    assert told == f"The build {BUILD_ID} of the image ended in TIMED_OUT; its log is at https://logs."


def test_second_build_beside_another_is_one_sentence(stubbed: Stubbed) -> None:
    stubbed.none_running()
    stubbed.source_there()
    stubbed.codebuild.add_client_error("start_build", "AccountLimitExceededException", "Cannot have more than 1 builds")
    with pytest.raises(
        RefusedError, match=r"starts no build of builder now \(Cannot have more than 1 builds\); run the"
    ):
        stubbed.run()


def test_project_that_is_gone_is_one_sentence(stubbed: Stubbed) -> None:
    stubbed.codebuild.add_client_error("list_builds_for_project", "ResourceNotFoundException")
    with pytest.raises(RefusedError, match="The CodeBuild project builder is gone; bring the foundation's stack back"):
        stubbed.run()
