"""For local mode: the server's source as an OCI image, so that what runs here is pinned by digest as on AWS.

The image holds the source tree and its lock, byte for byte the same for the same source. It is pushed through the
registry's own API; no container runtime takes part, and the emulated service runs the source itself.
"""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"
SOURCES = ("server", "Pipfile.lock")
ALREADY_PUT = ("ImageAlreadyExistsException", "ImageTagAlreadyExistsException")
"""With which ECR refuses an image that it has, and a tag that must not move (service model, `PutImage`)."""


@dataclass(frozen=True)
class SourceImage:
    """An image as its three documents; `tag` names it by content."""

    layer: bytes
    config: bytes
    manifest: bytes

    @property
    def digest(self) -> str:
        """The digest by which the image is launched."""
        return digest_of(self.manifest)

    @property
    def tag(self) -> str:
        """A tag that never has to move."""
        return "source-" + self.digest.removeprefix("sha256:")[:16]


def digest_of(content: bytes) -> str:
    """Returns `sha256:` and the hexadecimal hash of `content`."""
    return "sha256:" + hashlib.sha256(content).hexdigest()


def build(root: Path, architecture: str) -> SourceImage:
    """Returns the image of the source under `root`; `architecture` is the OCI name, amd64 or arm64."""
    archive = _archive(root)
    layer = gzip.compress(archive, mtime=0)
    config = _json(
        {
            "architecture": architecture,
            "os": "linux",
            "config": {"Cmd": ["python", "-m", "server"], "Labels": {"description": "source of the MCP server"}},
            "rootfs": {"type": "layers", "diff_ids": [digest_of(archive)]},
        }
    )
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": _descriptor(CONFIG_TYPE, config),
            "layers": [_descriptor(LAYER_TYPE, layer)],
        }
    )
    return SourceImage(layer, config, manifest)


def push(client: Any, repository: str, image: SourceImage) -> bool:
    """Pushes the image through ECR's API unless the repository has it; returns whether it was pushed."""
    if has_image(client, repository, image.digest):
        return False
    for blob in (image.layer, image.config):
        upload = client.initiate_layer_upload(repositoryName=repository)["uploadId"]
        client.upload_layer_part(
            repositoryName=repository,
            uploadId=upload,
            partFirstByte=0,
            partLastByte=len(blob) - 1,
            layerPartBlob=blob,
        )
        try:
            client.complete_layer_upload(repositoryName=repository, uploadId=upload, layerDigests=[digest_of(blob)])
        except ClientError as error:
            if error.response["Error"]["Code"] != "LayerAlreadyExistsException":
                raise
    try:
        client.put_image(
            repositoryName=repository,
            imageManifest=image.manifest.decode(),
            imageManifestMediaType=MANIFEST_TYPE,
            imageTag=image.tag,
            imageDigest=image.digest,
        )
    except ClientError as error:
        # The answer to the first try was lost, and the second is refused.
        if error.response["Error"]["Code"] not in ALREADY_PUT or not has_image(client, repository, image.digest):
            raise
    return True


def has_image(client: Any, repository: str, digest: str) -> bool:
    """Returns whether the repository holds the digest in the client's Region."""
    try:
        found = client.describe_images(repositoryName=repository, imageIds=[{"imageDigest": digest}])
    except ClientError as error:
        if error.response["Error"]["Code"] in ("ImageNotFoundException", "RepositoryNotFoundException"):
            return False
        raise
    return any(image["imageDigest"] == digest for image in found["imageDetails"])


def _archive(root: Path) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path in _files(root):
            entry = tarfile.TarInfo(path.relative_to(root).as_posix())
            content = path.read_bytes()
            entry.size = len(content)
            entry.mode = 0o644
            archive.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


def _files(root: Path) -> Iterable[Path]:
    found = [path for source in SOURCES for path in (root / source, *(root / source).rglob("*"))]
    return sorted(path for path in found if path.is_file() and "__pycache__" not in path.parts)


def _descriptor(media_type: str, content: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest_of(content), "size": len(content)}


def _json(document: dict[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":"), sort_keys=True).encode()
