"""The tool contract that a stack set's last deployment left its targets with: one object in the artifact bucket."""

from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError

from generator.tool_catalogue import Catalogue

PREFIX: Final = "contracts"


@dataclass(frozen=True)
class DeployedTools:
    """The record of a stack set, reached through the client `s3`; the account `owner` must own the bucket."""

    s3: Any
    bucket: str
    owner: str
    stack_set: str

    def read(self) -> Catalogue | None:
        """Returns the tools that were deployed last, None where they are not known."""
        try:
            answer = self.s3.get_object(Bucket=self.bucket, Key=self._key, ExpectedBucketOwner=self.owner)
            return Catalogue.parse(answer["Body"].read().decode())
        except (ClientError, ValueError):
            return None

    def keep(self, catalogue: Catalogue | None) -> None:
        """Records the tools that are deployed now, None where an image is pinned whose tools this tree cannot know."""
        if self.read() == catalogue:
            return
        self.s3.put_object(
            Bucket=self.bucket,
            Key=self._key,
            # Empty text is no catalogue, and needs no permission to delete.
            Body=catalogue.render().encode() if catalogue is not None else b"",
            ContentType="application/json",
            ExpectedBucketOwner=self.owner,
        )

    @property
    def _key(self) -> str:
        return f"{PREFIX}/{self.stack_set}.json"
