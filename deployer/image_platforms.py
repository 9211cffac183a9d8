"""What an image runs on, as its index or its configuration says (OCI image specification)."""

import json

from deployer.registry import Repository


def architectures(repository: Repository, digest: str) -> frozenset[str]:
    """Returns the OCI architectures, such as amd64, that an image has for Linux.

    Raises RefusedError where the registry does not give the image's documents.
    """
    manifest = json.loads(repository.manifest(digest)[0])
    if "manifests" in manifest:
        platforms = [entry.get("platform", {}) for entry in manifest["manifests"]]
        # Attestations stand in an index beside the images, for the platform unknown.
        return frozenset(one["architecture"] for one in platforms if one.get("os") == "linux")
    configuration = json.loads(repository.blob(manifest["config"]["digest"]))
    return frozenset([configuration["architecture"]])
