"""The publisher's artifact bucket: objects under the hash of their content, and what S3 refuses of it in a sentence."""

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from deployer.errors import RefusedError


@dataclass(frozen=True)
class ArtifactBucket:
    """The bucket `name`, reached through the client `s3`; every call says that the account `owner` must own it."""

    s3: Any
    name: str
    owner: str

    def holds(self, key: str) -> bool:
        """Returns whether an object is there; raises RefusedError where the bucket is not the caller's to read."""
        try:
            self.s3.head_object(Bucket=self.name, Key=key, ExpectedBucketOwner=self.owner)
        except ClientError as error:
            # To HEAD a bucket that is missing is 404 as well; putting the object tells then.
            if error.response["Error"]["Code"] in ("404", "NoSuchKey", "NotFound"):
                return False
            self._explain(error)
            raise
        return True

    def put(self, key: str, content: bytes, content_type: str) -> None:
        """Puts an object; raises RefusedError where the bucket is missing or is not the caller's to write."""
        try:
            self.s3.put_object(
                Bucket=self.name, Key=key, Body=content, ContentType=content_type, ExpectedBucketOwner=self.owner
            )
        except ClientError as error:
            self._explain(error)
            raise

    def _explain(self, error: ClientError) -> None:
        """Raises RefusedError where the bucket or the permission is the cause of an error of S3.

        S3 answers 403 both where the owner is another than the expected one and where the caller may not (S3 user
        guide, "Verifying bucket ownership with bucket owner condition").
        """
        code = error.response["Error"]["Code"]
        if code in ("403", "AccessDenied"):
            raise RefusedError(
                f"S3 refuses the artifact bucket {self.name} (403): it belongs to another account than {self.owner}, or"
                " the credentials may not read and write its objects; correct their permissions, or remove the"
                " foundation with destroy --foundation and run the same command again."
            ) from error
        if code == "NoSuchBucket":
            raise RefusedError(
                f"The artifact bucket {self.name} is gone, though the foundation made it; remove the foundation with"
                " destroy --foundation and run the same command again."
            ) from error
