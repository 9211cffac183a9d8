"""Deleting what stacks left, in the emulated S3: all versions of it, and nothing that is somebody else's by now."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from deployer.emptying import STACK_TAG, delete_bucket, deleted_stacks, kept_buckets, of_stack_set
from tests.emulator.running_emulator import ACCOUNT, RunningEmulator, interpreter

OTHER = "222222222222"
TEMPLATE = {"Resources": {"Logs": {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain"}}}


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulator]:
    """An emulator of the file's own."""
    running = RunningEmulator(tmp_path_factory.mktemp("emulator"), interpreter("emulator"), interpreter("server"))
    running.start()
    try:
        yield running
    finally:
        running.stop()


def left(emulator: RunningEmulator, stack_set: str) -> str:
    """Makes a stack as a stack set names it, deletes it, and returns the name of the bucket that it left."""
    client = emulator.client("cloudformation")
    name = f"StackSet-{stack_set}-{uuid4()}"
    identity = client.create_stack(StackName=name, TemplateBody=json.dumps(TEMPLATE))["StackId"]
    client.get_waiter("stack_create_complete").wait(StackName=identity, WaiterConfig={"Delay": 1})
    client.delete_stack(StackName=identity)
    client.get_waiter("stack_delete_complete").wait(StackName=identity, WaiterConfig={"Delay": 1})
    (kept,) = kept_buckets(client, identity)
    return kept.bucket


def deleted(emulator: RunningEmulator, stack_set: str) -> list[str]:
    """Deletes what the stack set's stacks left; returns what is said of each bucket."""
    client = emulator.client("cloudformation")
    return [
        delete_bucket(emulator.client("s3"), kept, ACCOUNT)
        for stack_id in deleted_stacks(client, of_stack_set(stack_set))
        for kept in kept_buckets(client, stack_id)
    ]


def names(s3: Any) -> list[str]:
    """Returns the names of an account's buckets."""
    return [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]


def test_every_version_and_marker_goes_with_the_bucket(emulator: RunningEmulator) -> None:
    name = left(emulator, "versions")
    s3 = emulator.client("s3")
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    for body in (b"old", b"new"):
        for key in ("a", "b", "c d/\u00e9&<>"):
            s3.put_object(Bucket=name, Key=key, Body=body)
    s3.delete_object(Bucket=name, Key="a")
    assert deleted(emulator, "versions") == ["deleted"]
    assert name not in names(s3)
    assert deleted(emulator, "versions") == ["gone"]


def test_bucket_is_its_stack_s_with_and_without_tags_until_another_takes_it_over(emulator: RunningEmulator) -> None:
    name = left(emulator, "taken")
    s3 = emulator.client("s3")
    holder = f"arn:aws:cloudformation:us-east-1:{ACCOUNT}:stack/another/1"
    s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": [{"Key": STACK_TAG, "Value": holder}]})
    assert deleted(emulator, "taken") == [f"it is the stack {holder}'s now"]
    assert name in names(s3)
    s3.delete_bucket_tagging(Bucket=name)
    assert deleted(emulator, "taken") == ["deleted"]


def test_bucket_of_another_account_under_the_same_name_is_not_touched(emulator: RunningEmulator) -> None:
    name = left(emulator, "elsewhere")
    emulator.client("s3").delete_bucket(Bucket=name)
    other = emulator.client("s3", OTHER)
    other.create_bucket(Bucket=name)
    (told,) = deleted(emulator, "elsewhere")
    assert told.startswith(f"it belongs to another account than {ACCOUNT}")
    assert name in names(other)
