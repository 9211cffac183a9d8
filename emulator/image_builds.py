"""What a build of the image does here: a stand-in, which its log says in its first line.

No container runs. The source is really read from S3, its Dockerfile must be there, and the files are pushed as an image
of one layer under the tag and for the platform that the build was told, so that whoever waits for the digest is served.
"""

import contextvars
import gzip
import io
import json
import tarfile
import threading
import time
import zipfile
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from emulator import bridge
from emulator.data_plane.images import STAND_IN_LABEL
from emulator.records import Record
from emulator.resources.ecr_layers import digest_of

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
STAND_IN = "[emulator] No container runs here: the source itself is pushed as an image of one layer."


class BuildFailed(Exception):
    """A phase of a build fails: CodeBuild's status code and its message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def start(record: Record) -> None:
    """Run a build in the current scope on a thread of its own; the record tells how it goes."""
    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(_run, record), daemon=True).start()


def _run(record: Record) -> None:
    log = _Log(record["logs"]["groupName"], record["logs"]["streamName"])
    variables = {one["name"]: one["value"] for one in record["environment"]["environmentVariables"]}
    files: dict[str, bytes] = {}
    phases: list[tuple[str, Callable[[], None]]] = [
        ("SUBMITTED", lambda: None),
        ("PROVISIONING", lambda: log.say(STAND_IN)),
        ("DOWNLOAD_SOURCE", lambda: files.update(_source(str(record["source"]["location"])))),
        ("BUILD", lambda: _push(files, variables, log)),
        ("COMPLETED", lambda: None),
    ]
    status = "SUCCEEDED"
    for name, work in phases:
        record["currentPhase"] = name
        if status == "SUCCEEDED":
            phase, status = _phase(name, work, log)
            record["phases"] = [*record["phases"], phase]
    record |= {"currentPhase": "COMPLETED", "endTime": time.time(), "buildComplete": True, "buildStatus": status}


def _phase(name: str, work: Callable[[], None], log: "_Log") -> tuple[Record, str]:
    began = time.time()
    status, contexts = "SUCCEEDED", [{"statusCode": "", "message": ""}]
    try:
        work()
    except BuildFailed as failed:
        status, contexts = "FAILED", [{"statusCode": failed.code, "message": str(failed)}]
        log.say(f"Phase context status code: {failed.code} Message: {failed}")
    except ClientError as error:
        status, contexts = "FAULT", [{"statusCode": "INTERNAL_ERROR", "message": str(error)}]
    log.say(f"Phase complete: {name} State: {status}")
    return {
        "phaseType": name,
        "phaseStatus": status,
        "startTime": began,
        "endTime": time.time(),
        "durationInSeconds": int(time.time() - began),
        "contexts": contexts,
    }, status


def _source(location: str) -> dict[str, bytes]:
    bucket, _, key = location.partition("/")
    try:
        content = bridge.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        text = f"{error.response['Error']['Code']}: {error.response['Error']['Message']} for primary source"
        raise BuildFailed("CLIENT_ERROR", text) from error
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return {name: archive.read(name) for name in archive.namelist()}
    except zipfile.BadZipFile as error:
        raise BuildFailed("CLIENT_ERROR", f"The source {location} is no ZIP archive") from error


def _push(files: Mapping[str, bytes], variables: Mapping[str, str], log: "_Log") -> None:
    command = "docker build"
    if "Dockerfile" not in files:
        log.say("ERROR: failed to read dockerfile: open Dockerfile: no such file or directory")
        text = f"Error while executing command: {command}. Reason: exit status 1"
        raise BuildFailed("COMMAND_EXECUTION_ERROR", text)
    archive = _archive(files)
    config = _json(
        {
            "architecture": variables["IMAGE_PLATFORM"].partition("/")[2],
            "os": "linux",
            "config": {"Cmd": ["python", "-m", "server"], "Labels": {STAND_IN_LABEL: "source"}},
            "rootfs": {"type": "layers", "diff_ids": [digest_of(archive)]},
        }
    )
    layer = gzip.compress(archive, mtime=0)
    media_type = "application/vnd.oci.image"
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": {"mediaType": f"{media_type}.config.v1+json", "digest": digest_of(config), "size": len(config)},
            "layers": [
                {"mediaType": f"{media_type}.layer.v1.tar+gzip", "digest": digest_of(layer), "size": len(layer)}
            ],
        }
    )
    client, repository = bridge.client("ecr"), variables["REPOSITORY"]
    for blob in (layer, config):
        _upload(client, repository, blob)
    try:
        client.put_image(
            repositoryName=repository,
            imageManifest=manifest.decode(),
            imageManifestMediaType=_MANIFEST,
            imageTag=variables["IMAGE_TAG"],
        )
    except ClientError as error:
        log.say(f"denied: {error.response['Error']['Message']}")
        text = "Error while executing command: docker push. Reason: exit status 1"
        raise BuildFailed("COMMAND_EXECUTION_ERROR", text) from error
    log.say(f"pushed {repository}:{variables['IMAGE_TAG']} {digest_of(manifest)}")


def _upload(client: Any, repository: str, blob: bytes) -> None:
    if client.batch_check_layer_availability(repositoryName=repository, layerDigests=[digest_of(blob)])["layers"]:
        return
    upload = client.initiate_layer_upload(repositoryName=repository)["uploadId"]
    client.upload_layer_part(
        repositoryName=repository,
        uploadId=upload,
        partFirstByte=0,
        partLastByte=len(blob) - 1,
        layerPartBlob=blob,
    )
    client.complete_layer_upload(repositoryName=repository, uploadId=upload, layerDigests=[digest_of(blob)])


def _archive(files: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o644
            archive.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":"), sort_keys=True).encode()


class _Log:
    """The log stream of a build."""

    def __init__(self, group: str, stream: str) -> None:
        self._place = {"logGroupName": group, "logStreamName": stream}
        self._made = False

    def say(self, line: str) -> None:
        """Write a line."""
        client = bridge.client("logs")
        if not self._made:
            client.create_log_stream(**self._place)
            self._made = True
        client.put_log_events(**self._place, logEvents=[{"timestamp": int(time.time() * 1000), "message": f"{line}\n"}])
