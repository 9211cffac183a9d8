"""A registry through ECR's own API: whether it holds an image, its documents, and putting images without a builder.

Facts: ECR service model; layers are uploaded in parts of the size that InitiateLayerUpload says.
"""

import hashlib
import json
import urllib.request
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from botocore.exceptions import ClientError

from deployer.errors import RefusedError

ACCEPTED: Final = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
SECONDS: Final = 60.0
ALREADY_PUT: Final = ("ImageAlreadyExistsException", "ImageTagAlreadyExistsException")
"""With which ECR refuses an image that it has, and a tag that must not move (service model, `PutImage`)."""
ALREADY_UPLOADED: Final = ("LayerAlreadyExistsException", "UploadNotFoundException")
"""With which ECR refuses a layer that it has, and an upload that was completed already (`CompleteLayerUpload`)."""
ABSENT: Final = ("ImageNotFoundException", "RepositoryNotFoundException")


def key_in(key: str, region: str) -> str:
    """Returns the ARN of a multi-Region key's replica in a Region; empty where no key is given."""
    parts = key.split(":")
    return ":".join([*parts[:3], region, *parts[4:]]) if key else ""


def digest_of(content: bytes) -> str:
    """Returns `sha256:` and the hexadecimal hash of `content`."""
    return "sha256:" + hashlib.sha256(content).hexdigest()


@dataclass(frozen=True)
class Repository:
    """A repository of the registry that `client` reaches: one account's in one Region."""

    client: Any
    name: str

    def exists(self) -> bool:
        """Returns whether there is such a repository."""
        try:
            self.client.describe_repositories(repositoryNames=[self.name])
        except ClientError as error:
            if error.response["Error"]["Code"] in ABSENT:
                return False
            raise
        return True

    def made(self) -> datetime:
        """Returns when the repository was made."""
        (found,) = self.client.describe_repositories(repositoryNames=[self.name])["repositories"]
        moment: datetime = found["createdAt"]
        return moment

    def delete(self, account: str) -> None:
        """Deletes the repository of an account's registry with all its images; one that is gone is no error."""
        try:
            self.client.delete_repository(registryId=account, repositoryName=self.name, force=True)
        except ClientError as error:
            if error.response["Error"]["Code"] not in ABSENT:
                raise

    def policy(self) -> dict[str, Any] | None:
        """Returns the repository's policy; None where it has none."""
        try:
            text = self.client.get_repository_policy(repositoryName=self.name)["policyText"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "RepositoryPolicyNotFoundException":
                return None
            raise
        document: dict[str, Any] = json.loads(text)
        return document

    def holds(self, digest: str) -> bool:
        """Returns whether the image of that digest is there; not where the repository is not."""
        return any(found["imageDigest"] == digest for found in self._described({"imageDigest": digest}))

    def tagged(self, tag: str) -> str:
        """Returns the digest of the image of that tag, or an empty text where there is none."""
        return next((str(found["imageDigest"]) for found in self._described({"imageTag": tag})), "")

    def tags(self, digest: str) -> list[str]:
        """Returns the tags of an image, sorted."""
        return sorted(tag for found in self._described({"imageDigest": digest}) for tag in found.get("imageTags", []))

    def _described(self, image: dict[str, str]) -> list[dict[str, Any]]:
        try:
            found: list[dict[str, Any]] = self.client.describe_images(repositoryName=self.name, imageIds=[image])[
                "imageDetails"
            ]
        except ClientError as error:
            if error.response["Error"]["Code"] in ABSENT:
                return []
            raise
        return found

    def manifest(self, digest: str) -> tuple[str, str]:
        """Returns an image's manifest and its media type; raises RefusedError where the registry does not give it."""
        answer = self.client.batch_get_image(
            repositoryName=self.name, imageIds=[{"imageDigest": digest}], acceptedMediaTypes=list(ACCEPTED)
        )
        if not answer["images"]:
            failures = answer.get("failures") or [{}]
            reason = str(failures[0].get("failureReason", "it gives no reason")).rstrip(".")
            raise RefusedError(f"The registry does not give the image {digest} of {self.name}: {reason}.")
        image = answer["images"][0]
        if digest_of(image["imageManifest"].encode()) != digest:
            raise RefusedError(
                f"The registry gives another manifest than that of the image {digest} of {self.name}; push it again."
            )
        return str(image["imageManifest"]), str(image.get("imageManifestMediaType", ACCEPTED[-1]))

    def blob(self, digest: str) -> bytes:
        """Returns a layer or a configuration; its URL needs no further credentials.

        Raises RefusedError where it cannot be downloaded or is not what its digest says.
        """
        url = self.client.get_download_url_for_layer(repositoryName=self.name, layerDigest=digest)["downloadUrl"]
        try:
            with urllib.request.urlopen(url, timeout=SECONDS) as response:  # noqa: S310  # a URL that ECR gave
                content: bytes = response.read()
        except OSError as error:
            raise RefusedError(
                f"The part {digest} of an image of {self.name} could not be downloaded ({error}); check the network and"
                " run the same command again."
            ) from error
        if digest_of(content) != digest:
            raise RefusedError(
                f"The part {digest} of an image of {self.name} arrived damaged; run the same command again."
            )
        return content

    def has_blob(self, digest: str) -> bool:
        """Returns whether a layer or a configuration is there already."""
        layers = self.client.batch_check_layer_availability(repositoryName=self.name, layerDigests=[digest])["layers"]
        return any(layer["layerAvailability"] == "AVAILABLE" for layer in layers)

    def put_blob(self, content: bytes) -> None:
        """Uploads a layer or a configuration."""
        begun = self.client.initiate_layer_upload(repositoryName=self.name)
        size = int(begun["partSize"])
        for first in range(0, len(content), size):
            part = content[first : first + size]
            self.client.upload_layer_part(
                repositoryName=self.name,
                uploadId=begun["uploadId"],
                partFirstByte=first,
                partLastByte=first + len(part) - 1,
                layerPartBlob=part,
            )
        try:
            self.client.complete_layer_upload(
                repositoryName=self.name, uploadId=begun["uploadId"], layerDigests=[digest_of(content)]
            )
        except ClientError as error:
            # Where the answer to the first try was lost, the second is refused.
            if error.response["Error"]["Code"] not in ALREADY_UPLOADED or not self.has_blob(digest_of(content)):
                raise

    def put_manifest(self, manifest: str, media_type: str, tag: str = "") -> None:
        """Puts an image whose parts are there; one that is there already is no error."""
        digest = digest_of(manifest.encode())
        try:
            self.client.put_image(
                repositoryName=self.name,
                imageManifest=manifest,
                imageManifestMediaType=media_type,
                imageDigest=digest,
                **({"imageTag": tag} if tag else {}),
            )
        except ClientError as error:
            if error.response["Error"]["Code"] not in ALREADY_PUT or not self.holds(digest):
                raise
