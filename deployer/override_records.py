"""Which overrides an operation gave its targets, kept where the next command finds them with a few calls.

AWS lists instances by the hundred with the id of the last operation on each, but tells an instance's overrides only one
at a time (CloudFormation service model, `StackInstanceSummary`, `DescribeStackInstance`). An operation's id is the
caller's to choose: it carries the hash of a record in the artifact bucket that says what the operation gave to whom.
An id that somebody else chose, or a record that is gone, only costs the call that tells.
"""

import hashlib
import json
import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from botocore.exceptions import ClientError

from deployer.stack_set_plan import Group, Overrides, Target

PREFIX: Final = "overrides"
_ID: Final = re.compile(r"([0-9a-f]{64})-[0-9a-f]{32}")
"""At most 128 letters, digits and hyphens (shape `ClientRequestToken`)."""


def record_text(groups: Iterable[Group]) -> str:
    """Returns the record of an operation on `groups`, the same text for the same content."""
    entries = [
        {"accounts": list(group.accounts), "overrides": dict(group.overrides), "regions": list(group.regions)}
        for group in groups
    ]
    return json.dumps(entries, separators=(",", ":"), sort_keys=True)


def recorded(text: str) -> dict[Target, Overrides]:
    """Returns the overrides by target that a record states; raises ValueError where it is none."""
    try:
        return {
            (account, region): tuple(sorted(entry["overrides"].items()))
            for entry in json.loads(text)
            for account in entry["accounts"]
            for region in entry["regions"]
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("not a record of overrides") from error


def hash_of(operation: str) -> str:
    """Returns the hash of the record that an operation's id carries, or an empty string."""
    found = _ID.fullmatch(operation)
    return found[1] if found else ""


@dataclass
class OverrideRecords:
    """The records in the artifact bucket of the publishing account."""

    s3: Any
    bucket: str
    account: str
    _known: dict[str, Mapping[Target, Overrides]] = field(default_factory=dict)

    def operation_id(self, groups: Iterable[Group]) -> str:
        """Returns a new operation's id, whose record is in the bucket when this returns."""
        text = record_text(groups)
        digest = hashlib.sha256(text.encode()).hexdigest()
        if digest not in self._known:
            self.s3.put_object(
                Bucket=self.bucket,
                Key=_key(digest),
                Body=text.encode(),
                ContentType="application/json",
                ExpectedBucketOwner=self.account,
            )
            self._known[digest] = recorded(text)
        return f"{digest}-{uuid.uuid4().hex}"

    def overrides(self, operation: str, target: Target) -> Overrides | None:
        """Returns what an operation gave to a target, or None where there is no record that says so."""
        digest = hash_of(operation)
        if not digest:
            return None
        if digest not in self._known:
            self._known[digest] = self._read(digest)
        return self._known[digest].get(target)

    def _read(self, digest: str) -> Mapping[Target, Overrides]:
        try:
            answer = self.s3.get_object(Bucket=self.bucket, Key=_key(digest), ExpectedBucketOwner=self.account)
            text = answer["Body"].read().decode()
            return recorded(text) if hashlib.sha256(text.encode()).hexdigest() == digest else {}
        except (ClientError, ValueError):
            return {}


def _key(digest: str) -> str:
    return f"{PREFIX}/{digest}.json"
