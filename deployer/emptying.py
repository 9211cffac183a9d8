"""Data that outlived its stacks: which it is, how it is known to be this project's, and deleting it.

A deleted stack's events tell for 90 days what it left behind (service model, `ListStacks`, and `DescribeStackEvents`
by a stack's id). A bucket whose own tags name another stack was taken over and is left: CloudFormation sets them and
nobody else can (user guide, "Resource tag": keys with the prefix `aws:` are reserved). Without such tags the events are
the proof, since CloudFormation takes its own from what it retains, where it can (aws-cloudformation
/cloudformation-coverage-roadmap issue 1049).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError

from deployer.errors import RefusedError
from deployer.stacks import DENIALS, NESTED

BUCKET: Final = "AWS::S3::Bucket"
STACK_TAG: Final = "aws:cloudformation:stack-id"
ROUNDS: Final = 10
"""So often a bucket is emptied into which a service still writes, such as the last logs of a load balancer."""
UUID: Final = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


@dataclass(frozen=True)
class Kept:
    """A bucket that a deleted stack left behind."""

    bucket: str
    stack_id: str


def of_stack_set(name: str) -> re.Pattern[str]:
    """Returns what the names of the stacks look like that a stack set made in its targets, nested ones left out.

    CloudFormation names them `StackSet-`, the set's name and a UUID.
    """
    return re.compile(rf"StackSet-{re.escape(name)}-{UUID}")


def deleted_stacks(client: Any, named: re.Pattern[str]) -> list[str]:
    """Returns the ids of the deleted stacks whose whole name matches, the one that was made last first."""
    pages = client.get_paginator("list_stacks").paginate(StackStatusFilter=["DELETE_COMPLETE"])
    found = [one for page in pages for one in page["StackSummaries"] if named.fullmatch(one["StackName"])]
    found.sort(key=lambda one: one["CreationTime"], reverse=True)
    return [one["StackId"] for one in found]


def kept_buckets(client: Any, stack_id: str) -> Iterator[Kept]:
    """Yields the buckets that a stack and those nested in it left behind, each once, also former ones."""
    nested: set[str] = set()
    buckets: set[str] = set()
    for page in client.get_paginator("describe_stack_events").paginate(StackName=stack_id):
        for event in page["StackEvents"]:
            physical = event.get("PhysicalResourceId", "")
            if event["ResourceType"] == NESTED and physical not in ("", stack_id):
                nested.add(physical)
            elif event["ResourceType"] == BUCKET and event["ResourceStatus"] == "DELETE_SKIPPED" and physical:
                buckets.add(physical)
    yield from (Kept(bucket, stack_id) for bucket in sorted(buckets))
    for inner in sorted(nested):
        yield from kept_buckets(client, inner)


def delete_bucket(client: Any, kept: Kept, account: str) -> str:
    """Empties and deletes a bucket; returns "deleted", "gone" where there is none, or why it is kept.

    Every call says whose the bucket must be. Raises RefusedError where objects cannot be deleted.
    """
    owned = {"Bucket": kept.bucket, "ExpectedBucketOwner": account}
    try:
        tags = {tag["Key"]: tag["Value"] for tag in client.get_bucket_tagging(**owned)["TagSet"]}
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == "NoSuchBucket":
            return "gone"
        if code in DENIALS:
            return f"it belongs to another account than {account}, or these credentials may not delete it"
        if code != "NoSuchTagSet":
            raise
        tags = {}
    holder = tags.get(STACK_TAG, kept.stack_id)
    if holder != kept.stack_id:
        return f"it is the stack {holder}'s now"
    for _ in range(ROUNDS):
        _empty(client, owned)
        try:
            client.delete_bucket(**owned)
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchBucket":
                return "deleted"
            if error.response["Error"]["Code"] != "BucketNotEmpty":
                raise
        else:
            return "deleted"
    raise RefusedError(f"Something still writes to the bucket {kept.bucket}; run the same command again.")


def _empty(client: Any, owned: dict[str, str]) -> None:
    """Deletes every version and delete marker: a page of them, which is what one call takes (1,000), at a time."""
    for page in client.get_paginator("list_object_versions").paginate(**owned):
        found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        if not found:
            continue
        objects = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in found]
        answer = client.delete_objects(**owned, Delete={"Objects": objects, "Quiet": True})
        if answer.get("Errors"):
            first = answer["Errors"][0]
            raise RefusedError(
                f"S3 did not delete {len(answer['Errors'])} objects of the bucket {owned['Bucket']}, the first"
                f" {first['Key']}: {first['Message'].rstrip('.')}."
            )
