"""For local mode: the server's source as an OCI image, so that what runs here is pinned by digest as on AWS.

The image holds the source tree and its lock, byte for byte the same for the same source. It is pushed through the
registry's own API; no container runtime takes part, and the emulated service runs the source itself.
"""

import gzip
import io
import json
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deployer.registry import Repository, digest_of

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"
SOURCES = ("server", "Pipfile.lock")
STAND_IN_LABEL = "mcp-runtime.stand-in"
"""Tells the emulator that no container can be made of the image."""


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


def build(root: Path, architecture: str) -> SourceImage:
    """Returns the image of the source under `root`; `architecture` is the OCI name, amd64 or arm64."""
    archive = _archive(root)
    layer = gzip.compress(archive, mtime=0)
    config = _json(
        {
            "architecture": architecture,
            "os": "linux",
            "config": {"Cmd": ["python", "-m", "server"], "Labels": {STAND_IN_LABEL: "source"}},
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


def push(repository: Repository, image: SourceImage) -> bool:
    """Pushes the image through ECR's API unless the repository has it; returns whether it was pushed."""
    if repository.holds(image.digest):
        return False
    for blob in (image.layer, image.config):
        repository.put_blob(blob)
    repository.put_manifest(image.manifest.decode(), MANIFEST_TYPE, image.tag)
    return True


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
