"""ECR over dictionaries, one registry a Region: it refuses what ECR refuses, and gives layers at file URLs."""

import json
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from deployer.aws import Access, Aws
from deployer.images import Registries
from deployer.registry import digest_of

ACCOUNT = "111111111111"
HOME = "us-east-1"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"


def refused(code: str, call: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}}, call)


class Registry:
    """One account's registry in one Region; `images` are the tags by digest."""

    def __init__(self, folder: Path, repositories: tuple[str, ...] = ("r",)) -> None:
        self.folder = folder
        self.repositories = list(repositories)
        self.blobs: set[str] = set()
        self.manifests: dict[str, str] = {}
        self.images: dict[str, list[str]] = {}
        self.parts: dict[str, bytes] = {}
        self.policies: dict[str, str] = {}
        self.lifecycles: dict[str, str] = {}
        self.statuses: list[dict[str, str]] = []
        self.calls: list[str] = []
        self.part_size = 10

    def initiate_layer_upload(self, **request: Any) -> dict[str, Any]:
        self._known(request, "InitiateLayerUpload")
        upload = str(len(self.parts))
        self.parts[upload] = b""
        return {"uploadId": upload, "partSize": self.part_size}

    def upload_layer_part(self, **request: Any) -> None:
        assert request["partFirstByte"] == len(self.parts[request["uploadId"]])
        self.parts[request["uploadId"]] += request["layerPartBlob"]
        assert request["partLastByte"] == len(self.parts[request["uploadId"]]) - 1
        assert len(request["layerPartBlob"]) <= self.part_size

    def complete_layer_upload(self, **request: Any) -> None:
        (digest,) = request["layerDigests"]
        if digest in self.blobs:
            raise refused("LayerAlreadyExistsException", "CompleteLayerUpload")
        assert digest == digest_of(self.parts[request["uploadId"]])
        self.add_blob(self.parts[request["uploadId"]])

    def add_blob(self, content: bytes) -> str:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / digest_of(content).replace(":", "-")).write_bytes(content)
        self.blobs.add(digest_of(content))
        return digest_of(content)

    def batch_check_layer_availability(self, **request: Any) -> dict[str, Any]:
        found = [digest for digest in request["layerDigests"] if digest in self.blobs]
        return {"layers": [{"layerDigest": digest, "layerAvailability": "AVAILABLE"} for digest in found]}

    def get_download_url_for_layer(self, **request: Any) -> dict[str, Any]:
        return {"downloadUrl": (self.folder / request["layerDigest"].replace(":", "-")).as_uri()}

    def put_image(self, **request: Any) -> None:
        digest, tag = digest_of(request["imageManifest"].encode()), request.get("imageTag")
        assert request["imageDigest"] == digest
        manifest = json.loads(request["imageManifest"])
        parts = [manifest["config"], *manifest["layers"]] if "config" in manifest else []
        assert {part["digest"] for part in parts} <= self.blobs
        assert {child["digest"] for child in manifest.get("manifests", [])} <= self.images.keys()
        if digest in self.images and tag in (None, *self.images[digest]):
            raise refused("ImageAlreadyExistsException", "PutImage")
        self.manifests[digest] = request["imageManifest"]
        self.images.setdefault(digest, []).extend([tag] if tag else [])

    def describe_images(self, **request: Any) -> dict[str, Any]:
        self._known(request, "DescribeImages")
        (wanted,) = request["imageIds"]
        for digest, tags in self.images.items():
            if digest == wanted.get("imageDigest") or wanted.get("imageTag") in tags:
                return {"imageDetails": [{"imageDigest": digest, "imageTags": tags}]}
        raise refused("ImageNotFoundException", "DescribeImages")

    def batch_get_image(self, **request: Any) -> dict[str, Any]:
        (wanted,) = request["imageIds"]
        if wanted["imageDigest"] not in self.manifests:
            return {"images": [], "failures": [{"failureReason": "Requested image not found"}]}
        text = self.manifests[wanted["imageDigest"]]
        return {"images": [{"imageManifest": text, "imageManifestMediaType": MANIFEST_TYPE}], "failures": []}

    def describe_image_replication_status(self, **request: Any) -> dict[str, Any]:
        return {"replicationStatuses": self.statuses}

    def create_repository(self, **request: Any) -> None:
        if request["repositoryName"] in self.repositories:
            raise refused("RepositoryAlreadyExistsException", "CreateRepository")
        assert request["imageTagMutability"] == "IMMUTABLE" and request["imageScanningConfiguration"]["scanOnPush"]
        self.repositories.append(request["repositoryName"])

    def describe_repositories(self, **request: Any) -> dict[str, Any]:
        for name in request["repositoryNames"]:
            self._known({"repositoryName": name}, "DescribeRepositories")
        return {}

    def put_lifecycle_policy(self, **request: Any) -> None:
        self.lifecycles[request["repositoryName"]] = request["lifecyclePolicyText"]

    def get_repository_policy(self, **request: Any) -> dict[str, Any]:
        if request["repositoryName"] not in self.policies:
            raise refused("RepositoryPolicyNotFoundException", "GetRepositoryPolicy")
        return {"policyText": self.policies[request["repositoryName"]]}

    def set_repository_policy(self, **request: Any) -> None:
        self.calls.append("set")
        self.policies[request["repositoryName"]] = request["policyText"]

    def delete_repository_policy(self, **request: Any) -> None:
        self.calls.append("delete")
        del self.policies[request["repositoryName"]]

    def _known(self, request: Any, call: str) -> None:
        if request["repositoryName"] not in self.repositories:
            raise refused("RepositoryNotFoundException", call)

    def hold(self, architecture: str = "amd64", tag: str = "tag", layer: bytes = b"a layer of some length") -> str:
        """Puts an image and returns its digest."""
        config = json.dumps({"architecture": architecture, "os": "linux"}).encode()
        parts = {"config": {"digest": self.add_blob(config)}, "layers": [{"digest": self.add_blob(layer)}]}
        return self._put(parts, tag)

    def hold_index(self, *architectures: str, tag: str = "both") -> str:
        """Puts an index over one image an architecture, with an attestation beside each, and returns its digest."""
        children: list[dict[str, Any]] = []
        for architecture in architectures:
            platform = {"architecture": architecture, "os": "linux"}
            children.append({"digest": self.hold(architecture, ""), "platform": platform})
            attested = {"architecture": "unknown", "os": "unknown"}
            children.append({"digest": self.hold("unknown", "", b"attestation"), "platform": attested})
        return self._put({"manifests": children}, tag)

    def _put(self, document: dict[str, Any], tag: str) -> str:
        manifest = json.dumps(document)
        digest = digest_of(manifest.encode())
        self.manifests[digest] = manifest
        self.images[digest] = [tag] if tag else []
        return digest


class Regions(Aws):
    """One registry a Region, made when it is asked for."""

    def __init__(self, folder: Path) -> None:
        super().__init__(Access())
        self.folder = folder
        self.registries: dict[str, Registry] = {}

    def client(self, service: str, account: str, region: str) -> Any:
        assert (service, account) == ("ecr", ACCOUNT)
        return self[region]

    def __getitem__(self, region: str) -> Registry:
        if region not in self.registries:
            self.registries[region] = Registry(self.folder / region, ("r",) if region == HOME else ())
        return self.registries[region]

    def publisher(self, said: list[str] | None = None, accounts: tuple[str, ...] = ()) -> Registries:
        """Returns the publisher's registries; what is said goes to `said`."""
        say = (said if said is not None else []).append
        return Registries(self, ACCOUNT, "r", HOME, accounts, "", 0.25, say)
