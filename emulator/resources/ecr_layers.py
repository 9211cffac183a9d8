"""ECR's operations on layers, over the same blobs as the registry protocol's.

Rules: InitiateLayerUpload, UploadLayerPart, CompleteLayerUpload, BatchCheckLayerAvailability and GetDownloadUrlForLayer
in the ECR API reference. A download URL carries its own permission, as the presigned URLs of ECR do.
"""

import base64
import hashlib
import hmac
import os
import threading
from typing import Any
from uuid import uuid4

from botocore.exceptions import ClientError

from emulator import bridge, bridge_ecr
from emulator.json_api import ApiError

PART_SIZE = 20 * 1024 * 1024
DOWNLOADS = "/_emulator/layers/"
_uploads: dict[tuple[str, str, str, str], bytearray] = {}
_lock = threading.Lock()


def digest_of(content: bytes) -> str:
    """Return the digest of a layer or a manifest."""
    return "sha256:" + hashlib.sha256(content).hexdigest()


def _known(repository: str) -> None:
    try:
        bridge.client("ecr").describe_repositories(repositoryNames=[repository])
    except ClientError as error:
        details = error.response["Error"]
        raise ApiError(str(details["Code"]), str(details["Message"])) from error


def _upload(parameters: dict[str, Any]) -> tuple[str, str, str, str]:
    key = (*bridge.current_scope(), parameters["repositoryName"], parameters["uploadId"])
    if key not in _uploads:
        text = f"The upload '{parameters['uploadId']}' could not be found in the repository"
        raise ApiError("UploadNotFoundException", f"{text} '{parameters['repositoryName']}'")
    return key


def initiate(parameters: dict[str, Any]) -> dict[str, Any]:
    """Begin an upload."""
    _known(parameters["repositoryName"])
    upload = str(uuid4())
    with _lock:
        _uploads[(*bridge.current_scope(), parameters["repositoryName"], upload)] = bytearray()
    return {"uploadId": upload, "partSize": PART_SIZE}


def put_part(parameters: dict[str, Any]) -> dict[str, Any]:
    """Take the next part."""
    key = _upload(parameters)
    content = base64.b64decode(parameters["layerPartBlob"])
    with _lock:
        received = len(_uploads[key])
        if parameters["partLastByte"] == received - 1 and _uploads[key].endswith(content):
            received -= len(content)  # The same part again, since the answer to the first was lost.
            del _uploads[key][received:]
        if parameters["partFirstByte"] != received or parameters["partLastByte"] != received + len(content) - 1:
            text = f"The part does not follow the last valid byte {received - 1}"
            raise ApiError("InvalidLayerPartException", text)
        _uploads[key] += content
    answer = {name: parameters[name] for name in ("repositoryName", "uploadId")}
    return {**answer, "registryId": bridge.current_scope()[0], "lastByteReceived": parameters["partLastByte"]}


def complete(parameters: dict[str, Any]) -> dict[str, Any]:
    """Make a layer of an upload."""
    key = _upload(parameters)
    with _lock:
        content = bytes(_uploads.pop(key))
    digest = digest_of(content)
    if not content:
        raise ApiError("EmptyUploadException", f"The upload '{parameters['uploadId']}' contains no data")
    if digest not in parameters["layerDigests"]:
        text = f"Layer digest {digest} does not match the given {', '.join(parameters['layerDigests'])}"
        raise ApiError("InvalidLayerException", text)
    held = bridge_ecr.blobs(parameters["repositoryName"])
    if digest in held:
        text = f"Layer with digest '{digest}' already exists in the repository '{parameters['repositoryName']}'"
        raise ApiError("LayerAlreadyExistsException", text)
    held[digest] = content
    answer = {name: parameters[name] for name in ("repositoryName", "uploadId")}
    return {**answer, "registryId": bridge.current_scope()[0], "layerDigest": digest}


def check(parameters: dict[str, Any]) -> dict[str, Any]:
    """Say which layers are there."""
    _known(parameters["repositoryName"])
    held = bridge_ecr.blobs(parameters["repositoryName"])
    layers = [
        {"layerDigest": digest, "layerAvailability": "AVAILABLE", "layerSize": len(held[digest])}
        for digest in parameters["layerDigests"]
        if digest in held
    ]
    failures = [
        {
            "layerDigest": digest,
            "failureCode": "MissingLayerDigest",
            "failureReason": f"Layer '{digest}' is not in the repository",
        }
        for digest in parameters["layerDigests"]
        if digest not in held
    ]
    return {"layers": layers, "failures": failures}


def download_url(parameters: dict[str, Any]) -> dict[str, Any]:
    """Give the URL of a layer."""
    repository, digest = parameters["repositoryName"], parameters["layerDigest"]
    _known(repository)
    if digest not in bridge_ecr.blobs(repository):
        text = f"The layer with digest '{digest}' does not exist in the repository with name '{repository}'"
        raise ApiError("LayersNotFoundException", text)
    path = f"{DOWNLOADS}{'/'.join(bridge.current_scope())}/{repository}/{digest}"
    url = f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}{path}?signature={_signature(path)}"
    return {"downloadUrl": url, "layerDigest": digest}


def download(path: str, signature: str) -> tuple[int, bytes]:
    """Return status and content for a layer's URL."""
    if not hmac.compare_digest(signature, _signature(path)):
        return 403, b"The signature does not match"
    account, region, *repository, digest = path.removeprefix(DOWNLOADS).split("/")
    with bridge.scope(account, region):
        content = bridge_ecr.blobs("/".join(repository)).get(digest)
    return (200, content) if content is not None else (404, b"")


def _signature(path: str) -> str:
    return hmac.new(os.environ["AWS_SECRET_ACCESS_KEY"].encode(), path.encode(), hashlib.sha256).hexdigest()


OPERATIONS = {
    "BatchCheckLayerAvailability": check,
    "CompleteLayerUpload": complete,
    "GetDownloadUrlForLayer": download_url,
    "InitiateLayerUpload": initiate,
    "UploadLayerPart": put_part,
}
