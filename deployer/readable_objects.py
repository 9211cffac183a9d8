"""Whether somebody else's credentials can read what was packaged, tried by reading it; why not, in a sentence.

CloudFormation fetches a root template with the rights of who creates the stack, and a nested one with the same, or with
the role that the stack acts with; S3 asks the bucket's policy and the caller's own where they are of different accounts
(S3 user guide, "How Amazon S3 authorizes a request").
"""

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError

from deployer.artifact_bucket import ArtifactBucket
from deployer.aws import partition_of
from deployer.packaging import PREFIX, SCHEMA_FILE, Package
from deployer.registry import digest_of
from deployer.resource_policies import admits

CONNECTIONS: Final = 8
READ: Final = "s3:GetObject"
MISSING: Final = ("404", "NoSuchKey", "NotFound", "NoSuchBucket")
REFUSED: Final = ("403", "AccessDenied", "AllAccessDisabled")
NO_POLICY: Final = "NoSuchBucketPolicy"


@dataclass(frozen=True)
class Packaged:
    """One packaged object: the file that it comes from, its key and its text."""

    file: str
    key: str
    text: str


@dataclass(frozen=True)
class Store:
    """The artifact bucket as its owner reaches it, its Region, and the organization that it may admit (or empty)."""

    bucket: ArtifactBucket
    region: str
    organization: str

    @property
    def templates(self) -> str:
        """The ARN of every packaged object."""
        return f"arn:{partition_of(self.region)}:s3:::{self.bucket.name}/{PREFIX}/*"


@dataclass(frozen=True)
class Reader:
    """Whose rights are tried: a client of S3 with them, its account, and how sentences name who has them."""

    s3: Any
    account: str
    name: str


def reached(package: Package, root: str, pinned: bool) -> list[Packaged]:
    """Returns what a launch of the root template reads, the root first; with `pinned` the tool schema too."""
    texts, urls = package.texts, package.urls
    found: list[str] = []
    waiting = [root]
    while waiting:
        file = waiting.pop(0)
        found.append(file)
        waiting += [child for child, url in urls.items() if url in texts[file] and child not in (*found, *waiting)]
    keys = {artifact.file: artifact.key for artifact in package.artifacts}
    objects = [Packaged(file, keys[file], texts[file]) for file in found]
    if pinned and package.schema:
        objects.append(Packaged(SCHEMA_FILE, package.schema.key, package.schema.text))
    return objects


def unreadable(store: Store, reader: Reader, objects: Sequence[Packaged]) -> list[str]:
    """Returns a sentence for each object that is missing, altered or not the reader's to read; empty where all are.

    A permission that is missing for several objects is told once.
    """
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        outcomes = list(pool.map(lambda one: _read(store, reader, one), objects))
    refused = [one for one, outcome in zip(objects, outcomes, strict=True) if outcome in REFUSED]
    sentences = [outcome for outcome in outcomes if outcome and outcome not in REFUSED]
    if refused:
        # S3 tells a reader who may not list the bucket that a missing object is refused; its owner is told the truth.
        gone = [one for one in refused if not store.bucket.holds(one.key)]
        sentences += [_gone(store, one) for one in gone]
        closed = [one for one in refused if one not in gone]
        sentences += list(_why(store, reader, closed)) if closed else []
    return sentences


def _read(store: Store, reader: Reader, one: Packaged) -> str:
    """Returns nothing where the object was read, the code where S3 refuses it, else a sentence."""
    try:
        answer = reader.s3.get_object(Bucket=store.bucket.name, Key=one.key, ExpectedBucketOwner=store.bucket.owner)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in REFUSED:
            return REFUSED[0]
        if code in MISSING:
            return _gone(store, one)
        raise
    if digest_of(answer["Body"].read()) != digest_of(one.text.encode()):
        return (
            f"The object s3://{store.bucket.name}/{one.key} ({one.file}) is not what was packaged: delete it, and run"
            " `python build.py package`."
        )
    return ""


def _gone(store: Store, one: Packaged) -> str:
    return (
        f"The object s3://{store.bucket.name}/{one.key} ({one.file}) is not in the artifact bucket: run `python"
        " build.py package`."
    )


def _why(store: Store, reader: Reader, objects: Sequence[Packaged]) -> Iterator[str]:
    which = f"s3://{store.bucket.name}/{objects[0].key} ({objects[0].file})"
    if len(objects) > 1:
        which += f" and {len(objects) - 1} more"
    own = f"allow {reader.name} {READ} on {store.templates}"
    if reader.account == store.bucket.owner:
        yield f"{reader.name} cannot read {which}: {own}."
        return
    document = bucket_policy(store)
    if document is None:
        yield (
            f"{reader.name} cannot read {which}, and the bucket's policy may not be read here: see that it admits"
            f" account {reader.account}, and {own}."
        )
    elif not admits(document, reader.account, store.organization, [READ]):
        yield (
            f"{reader.name} cannot read {which}: the policy of the bucket {store.bucket.name} does not allow account"
            f" {reader.account} {READ}; add the account to the targets and run `python build.py package`."
        )
    else:
        yield f"{reader.name} cannot read {which}: the bucket's policy admits its account, so {own}."


def bucket_policy(store: Store) -> dict[str, Any] | None:
    """Returns the bucket's policy, empty where it has none; None where its owner's credentials may not read it."""
    try:
        text = store.bucket.s3.get_bucket_policy(Bucket=store.bucket.name, ExpectedBucketOwner=store.bucket.owner)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == NO_POLICY:
            return {}
        if code in REFUSED:
            return None
        raise
    document: dict[str, Any] = json.loads(text["Policy"])
    return document
