"""Images of the emulated ECR: what a task may name, and which of them a container can be made of."""

import json
import platform
from dataclasses import dataclass
from typing import Any

from emulator import bridge_data_plane as bridge
from emulator import bridge_ecr
from emulator.data_plane.task_specs import StartRefused

STAND_IN_LABEL = "mcp-runtime.stand-in"
"""Of images that hold nothing but the source: no container can be made of them."""

_OWN_ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True)
class ImageName:
    """An image as a task definition names it: ``ACCOUNT.dkr.ecr.REGION.DOMAIN/REPOSITORY@DIGEST``."""

    text: str
    account: str
    region: str
    repository: str
    digest: str


@dataclass(frozen=True)
class StoredImage:
    """An image that the registry describes. ``configuration`` is the digest of its configuration, which is what
    runtimes call the image's id.
    """

    name: ImageName
    configuration: str
    architecture: str


def require_image(image: str) -> ImageName:
    """Return an image that its emulated ECR repository holds. ECS says so in a stopped task's reason where it does not
    ("Stopped tasks error messages", ECS developer guide). Raises StartRefused.
    """
    registry, _, rest = image.partition("/")
    parts = registry.split(".")
    repository, _, digest = rest.partition("@")
    failed = (
        f"CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref {image}: "
    )
    if len(parts) < 6 or parts[1:3] != ["dkr", "ecr"]:
        raise StartRefused(failed + "only images of the emulated ECR exist on this machine")
    if not digest.startswith("sha256:") or not bridge.image_exists(parts[0], parts[3], repository, digest):
        raise StartRefused(f"{failed}{image}: not found")
    return ImageName(image, parts[0], parts[3], repository, digest)


def stored(name: ImageName) -> StoredImage | str:
    """Return what a container can be made of, or the reason why none can."""
    with bridge.scope(name.account, name.region):
        blobs = bridge_ecr.blobs(name.repository)
        try:
            manifest = json.loads(bridge.image_manifest(name.repository, name.digest))
            configuration = str(manifest["config"]["digest"])
            document: dict[str, Any] = json.loads(blobs[configuration])
        except (ValueError, KeyError, TypeError):
            return "the registry holds no more of the image than its manifest"
        if STAND_IN_LABEL in ((document.get("config") or {}).get("Labels") or {}):
            return "the image holds only the source"
    architecture = str(document.get("architecture"))
    if architecture != _OWN_ARCHITECTURE.get(platform.machine(), platform.machine()):
        return f"the image is for {architecture} and this machine is not"
    return StoredImage(name, configuration, architecture)
