"""Only what a removed stack demonstrably left behind is emptied, and all of it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from deployer.emptying import Kept, delete_bucket, deleted_stacks, kept_buckets, of_stack_set
from deployer.errors import RefusedError
from tests.deployer.scripted import ACCOUNT, REGION, Scripted

STACK = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/StackSet-runtime-1/1"
NESTED = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/StackSet-runtime-1-LoadBalancerStack-2/2"
OWNED = {"Bucket": "logs", "ExpectedBucketOwner": ACCOUNT}
MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
UUID = "7fe8e897-117d-416a-95f8-7a1caec2c6e6"


def tagged(aws: Scripted, stack_id: str) -> None:
    tags = {"TagSet": [{"Key": "aws:cloudformation:stack-id", "Value": stack_id}]}
    aws.answers("s3", "get_bucket_tagging", tags, OWNED)


def page(versions: int, markers: int) -> dict[str, Any]:
    return {
        "Versions": [{"Key": f"v{number}", "VersionId": "1"} for number in range(versions)],
        "DeleteMarkers": [{"Key": f"m{number}", "VersionId": "2"} for number in range(markers)],
    }


def deletes(aws: Scripted, held: dict[str, Any], errors: list[dict[str, str]]) -> None:
    objects = [
        {"Key": one["Key"], "VersionId": one["VersionId"]} for one in [*held["Versions"], *held["DeleteMarkers"]]
    ]
    given = OWNED | {"Delete": {"Objects": objects, "Quiet": True}}
    aws.answers("s3", "delete_objects", {"Errors": errors} if errors else {}, given)


def test_every_version_and_marker_goes_a_page_at_a_time_until_nothing_is_written_any_more() -> None:
    aws = Scripted()
    tagged(aws, STACK)
    first, second, late = page(600, 400), page(1, 0), page(1, 1)
    more = {"IsTruncated": True, "NextKeyMarker": "v600", "NextVersionIdMarker": "1"}
    aws.answers("s3", "list_object_versions", first | more, OWNED)
    deletes(aws, first, [])
    further = OWNED | {"KeyMarker": "v600", "VersionIdMarker": "1"}
    aws.answers("s3", "list_object_versions", second, further)
    deletes(aws, second, [])
    aws.refuses("s3", "delete_bucket", "BucketNotEmpty")
    aws.answers("s3", "list_object_versions", late, OWNED)
    deletes(aws, late, [])
    aws.answers("s3", "delete_bucket", {}, OWNED)
    assert delete_bucket(aws.client("s3", ACCOUNT, REGION), Kept("logs", STACK), ACCOUNT) == "deleted"
    aws.ended()


@pytest.mark.parametrize(
    ("code", "why"), [("AccessDenied", "it belongs to another account"), ("", f"it is the stack {NESTED}'s now")]
)
def test_bucket_that_is_another_stack_s_or_account_s_is_left_alone(code: str, why: str) -> None:
    aws = Scripted()
    if code:
        aws.refuses("s3", "get_bucket_tagging", code)
    else:
        tagged(aws, NESTED)
    told = delete_bucket(aws.client("s3", ACCOUNT, REGION), Kept("logs", STACK), ACCOUNT)
    assert told.startswith(why)
    assert aws.calls == ["GetBucketTagging"]


def test_bucket_from_which_cloudformation_took_its_tags_is_known_by_the_events() -> None:
    aws = Scripted()
    aws.refuses("s3", "get_bucket_tagging", "NoSuchTagSet")
    aws.answers("s3", "list_object_versions", page(0, 0), OWNED)
    aws.answers("s3", "delete_bucket", {}, OWNED)
    assert delete_bucket(aws.client("s3", ACCOUNT, REGION), Kept("logs", STACK), ACCOUNT) == "deleted"
    aws.ended()


def test_bucket_that_is_gone_is_no_error() -> None:
    aws = Scripted()
    aws.refuses("s3", "get_bucket_tagging", "NoSuchBucket")
    assert delete_bucket(aws.client("s3", ACCOUNT, REGION), Kept("logs", STACK), ACCOUNT) == "gone"


def test_objects_that_s3_does_not_delete_are_told() -> None:
    aws = Scripted()
    tagged(aws, STACK)
    held = page(2, 0)
    aws.answers("s3", "list_object_versions", held, OWNED)
    deletes(aws, held, [{"Key": "v1", "Code": "AccessDenied", "Message": "Access Denied."}])
    with pytest.raises(RefusedError, match="1 objects of the bucket logs, the first v1: Access Denied"):
        delete_bucket(aws.client("s3", ACCOUNT, REGION), Kept("logs", STACK), ACCOUNT)


def event(stack_id: str, resource_type: str, status: str, physical: str) -> dict[str, Any]:
    return {
        "StackId": stack_id,
        "EventId": f"{physical}-{status}",
        "StackName": "x",
        "LogicalResourceId": "X",
        "ResourceType": resource_type,
        "ResourceStatus": status,
        "PhysicalResourceId": physical,
        "Timestamp": MOMENT,
    }


def test_events_of_a_deleted_stack_and_of_those_in_it_tell_what_was_left_behind() -> None:
    aws = Scripted()
    root = [
        event(STACK, "AWS::CloudFormation::Stack", "DELETE_COMPLETE", STACK),
        event(STACK, "AWS::CloudFormation::Stack", "DELETE_COMPLETE", NESTED),
    ]
    inner = [
        event(NESTED, "AWS::CloudFormation::Stack", "DELETE_COMPLETE", NESTED),
        event(NESTED, "AWS::S3::Bucket", "DELETE_SKIPPED", "logs"),
        event(NESTED, "AWS::S3::Bucket", "DELETE_COMPLETE", "other"),
        event(NESTED, "AWS::S3::Bucket", "DELETE_SKIPPED", "replaced"),
    ]
    aws.answers("cloudformation", "describe_stack_events", {"StackEvents": root}, {"StackName": STACK})
    aws.answers("cloudformation", "describe_stack_events", {"StackEvents": inner}, {"StackName": NESTED})
    found = list(kept_buckets(aws.client("cloudformation", ACCOUNT, REGION), STACK))
    assert found == [Kept("logs", NESTED), Kept("replaced", NESTED)]


def test_stacks_of_other_sets_and_nested_ones_are_not_taken_for_the_set_s() -> None:
    aws = Scripted()
    names = [
        f"StackSet-runtime-{UUID}",
        f"StackSet-runtime-two-{UUID}",
        f"StackSet-runtime-{UUID}-LoadBalancerStack-1",
        "runtime",
    ]
    summaries = [
        {"StackName": name, "StackId": name, "StackStatus": "DELETE_COMPLETE", "CreationTime": MOMENT} for name in names
    ]
    aws.answers("cloudformation", "list_stacks", {"StackSummaries": summaries})
    client = aws.client("cloudformation", ACCOUNT, REGION)
    assert deleted_stacks(client, of_stack_set("runtime")) == [names[0]]
