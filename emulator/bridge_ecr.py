"""The bridge's half for ECR: the blobs of a repository, which ministack keeps for the registry protocol alone."""

from collections.abc import MutableMapping

from ministack.services import ecr

_missing = [name for name in ("_layer_blobs",) if not hasattr(ecr, name)]
if _missing:
    raise ImportError(f"this ministack lacks ecr.{', '.join(_missing)}; install the version that Pipfile pins")


def blobs(repository: str) -> MutableMapping[str, bytes]:
    """Return the layers and configurations of a repository of the current scope by digest, to be read and changed."""
    found: MutableMapping[str, bytes] = ecr._layer_blobs.setdefault(repository, {})
    return found
