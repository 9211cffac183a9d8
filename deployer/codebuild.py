"""Building the image remotely: the source goes to the artifact bucket, a CodeBuild project builds and pushes it.

A build that already runs for the same tag is joined, not repeated. Its log is passed on line by line as it grows; a
build that fails is explained by the message of the phase that failed (`BuildPhase.contexts`, CodeBuild service model).
"""

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from botocore.exceptions import ClientError

from deployer.artifact_bucket import ArtifactBucket
from deployer.build_context import BuildContext
from deployer.builders import KEPT_LINES, words
from deployer.errors import RefusedError
from generator.layers.image_builder import PLATFORM_VARIABLE, SOURCES, TAG_VARIABLE

RUNNING: Final = "IN_PROGRESS"
SUCCEEDED: Final = "SUCCEEDED"
ARM: Final = {
    "environmentTypeOverride": "ARM_CONTAINER",
    "imageOverride": "aws/codebuild/amazonlinux-aarch64-standard:3.0",
}
"""An ARM image is built on ARM ("Docker images provided by CodeBuild"), not emulated."""


@dataclass(frozen=True)
class Remote:
    """What a remote build acts with: clients of the publisher's home Region, the project and the artifact bucket.

    `poll` is in seconds; `say` takes one line of the log.
    """

    codebuild: Any
    logs: Any
    bucket: ArtifactBucket
    project: str
    poll: float
    say: Callable[[str], None]


def build(remote: Remote, context: BuildContext) -> None:
    """Builds the context and pushes the image under its tag; returns when the build has succeeded.

    Raises RefusedError where the build cannot start or does not succeed.
    """
    running = _joined(remote, context.tag)
    if running is None:
        key = f"{SOURCES}{context.content_hash}.zip"
        if not remote.bucket.holds(key):
            remote.bucket.put(key, context.archive(), "application/zip")
        running = _started(remote, context, key)
    build_id = running["id"]
    remote.say(f"build {build_id}")
    log, last = _Log(remote.logs), deque[str](maxlen=KEPT_LINES)
    while True:
        for line in log.lines(running):
            last.append(line)
            remote.say(line)
        if running["buildStatus"] != RUNNING:
            break
        time.sleep(remote.poll)
        running = _described(remote, [build_id])[0]
    if running["buildStatus"] != SUCCEEDED:
        raise RefusedError(failure(running, last))


def failure(build: Mapping[str, Any], last: Sequence[str]) -> str:
    """Returns one sentence about a build that did not succeed, whose log ended with the lines `last`.

    It says the phase, CodeBuild's message, what the log says of it, and where the log is.
    """
    failed = next(
        (phase for phase in build.get("phases", []) if phase.get("phaseStatus", SUCCEEDED) not in (SUCCEEDED, RUNNING)),
        None,
    )
    told = [
        " ".join(context["message"].split()).rstrip(".")
        for context in (failed or {}).get("contexts", [])
        if context.get("message")
    ]
    where = f" in phase {failed['phaseType']}" if failed else ""
    # CodeBuild's own lines say no more than its message; those of the commands say why.
    said = [line for line in last if not line.startswith("[Container]") and "Phase co" not in line]
    why = f": {'; '.join([*told, *([words(said)] if said else [])])}" if told or said else ""
    link = build.get("logs", {}).get("deepLink", "")
    log = f"; its log is at {link}" if link else ""
    return f"The build {build['id']} of the image ended in {build['buildStatus']}{where}{why}{log}."


def _joined(remote: Remote, tag: str) -> dict[str, Any] | None:
    """Returns a build of the same tag that runs, among the project's newest, or None."""
    try:
        answer = remote.codebuild.list_builds_for_project(projectName=remote.project, sortOrder="DESCENDING")
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            raise RefusedError(
                f"The CodeBuild project {remote.project} is gone; bring the foundation's stack back to its template, or"
                " set image.builder to a builder of this machine."
            ) from error
        raise
    ids = answer.get("ids", [])
    for found in _described(remote, ids) if ids else []:
        variables = {one["name"]: one["value"] for one in found.get("environment", {}).get("environmentVariables", [])}
        if found["buildStatus"] == RUNNING and variables.get(TAG_VARIABLE) == tag:
            return found
    return None


def _started(remote: Remote, context: BuildContext, key: str) -> dict[str, Any]:
    request = {
        "projectName": remote.project,
        "sourceTypeOverride": "S3",
        "sourceLocationOverride": f"{remote.bucket.name}/{key}",
        "environmentVariablesOverride": [
            {"name": TAG_VARIABLE, "value": context.tag, "type": "PLAINTEXT"},
            {"name": PLATFORM_VARIABLE, "value": context.platform, "type": "PLAINTEXT"},
        ],
        **(ARM if context.architecture == "arm64" else {}),
    }
    try:
        started: dict[str, Any] = remote.codebuild.start_build(**request, idempotencyToken=context.tag)["build"]
        # A token is remembered for five minutes, so that soon after a failure it gives the failed build again.
        if started["buildStatus"] != RUNNING:
            started = remote.codebuild.start_build(**request, idempotencyToken=f"{context.tag}-{started['id'][-36:]}")[
                "build"
            ]
    except ClientError as error:
        if error.response["Error"]["Code"] == "AccountLimitExceededException":
            told = " ".join(error.response["Error"]["Message"].split()).rstrip(".")
            raise RefusedError(
                f"CodeBuild starts no build of {remote.project} now ({told}); run the same command again when other"
                " builds have ended, or have AWS raise the account's quota of concurrent builds."
            ) from error
        raise
    return started


def _described(remote: Remote, ids: list[str]) -> list[dict[str, Any]]:
    """Returns the builds; CodeBuild takes at most 100 ids (`BatchGetBuilds`), as many as it lists at once."""
    builds: list[dict[str, Any]] = remote.codebuild.batch_get_builds(ids=ids[:100])["builds"]
    return builds


@dataclass
class _Log:
    """The log of a build, each line once."""

    client: Any
    _token: str = field(default="", init=False)

    def lines(self, build: Mapping[str, Any]) -> Iterator[str]:
        """Yields what was logged since the last call; nothing as long as the build has no log."""
        group, stream = build.get("logs", {}).get("groupName", ""), build.get("logs", {}).get("streamName", "")
        while group and stream:
            after = {"nextToken": self._token} if self._token else {}
            try:
                page = self.client.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True, **after)
            except ClientError as error:
                if error.response["Error"]["Code"] == "ResourceNotFoundException":
                    return
                raise
            for event in page["events"]:
                yield from (line.rstrip() for line in event["message"].splitlines() if line.strip())
            # The same token again means the end of what there is (GetLogEvents, nextForwardToken).
            if page["nextForwardToken"] == self._token:
                return
            self._token = page["nextForwardToken"]
