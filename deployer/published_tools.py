"""The tool contract of each published version, kept under its hash in the artifact bucket; the version names it."""

import re
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError

from deployer.artifact_bucket import ArtifactBucket
from deployer.errors import RefusedError
from deployer.readable_objects import MISSING
from generator.tool_catalogue import Catalogue

PREFIX: Final = "contracts/published"
NAMED: Final = re.compile(r"tools (sha256:[0-9a-f]{64})")


@dataclass(frozen=True)
class PublishedTools:
    """The contracts in a bucket that the account `owner` must own."""

    s3: Any
    bucket: str
    owner: str

    def keep(self, catalogue: Catalogue) -> None:
        """Puts a contract where it is not yet."""
        bucket = ArtifactBucket(self.s3, self.bucket, self.owner)
        if not bucket.holds(_key(catalogue.hash)):
            bucket.put(_key(catalogue.hash), catalogue.render().encode(), "application/json; charset=utf-8")

    def read(self, description: str) -> Catalogue | None:
        """Returns the contract that a version's description names; None where it names none, or it is gone.

        Raises RefusedError where the contract that lies there cannot be read.
        """
        named = NAMED.search(description)
        if named is None:
            return None
        try:
            answer = self.s3.get_object(Bucket=self.bucket, Key=_key(named[1]), ExpectedBucketOwner=self.owner)
        except ClientError as error:
            if error.response["Error"]["Code"] in MISSING:
                return None
            raise
        try:
            return Catalogue.parse(answer["Body"].read().decode())
        except ValueError as error:
            raise RefusedError(
                f"The object s3://{self.bucket}/{_key(named[1])} is no tool contract, so that the tools cannot be"
                " compared; delete it to publish without that."
            ) from error


def _key(hashed: str) -> str:
    return f"{PREFIX}/{hashed.partition(':')[2]}.json"
