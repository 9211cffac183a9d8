"""Records of overrides: the same text for the same content, and nothing believed that does not say so."""

import io
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from deployer.override_records import OverrideRecords, hash_of, record_text, recorded
from deployer.stack_set_plan import Overrides, Target, grouped

ACCOUNT = "111111111111"
HERE: Target = (ACCOUNT, "us-east-1")
SIZE: Overrides = (("TaskSize", "512-1024"),)

TARGETS = st.dictionaries(
    st.tuples(st.sampled_from([f"{number:012}" for number in range(5)]), st.sampled_from(["us-east-1", "eu-west-1"])),
    st.lists(st.tuples(st.sampled_from(["A", "B"]), st.text()), unique_by=lambda pair: pair[0]).map(
        lambda pairs: tuple(sorted(pairs))
    ),
)


class Bucket:
    """The two calls of S3 that records need, over a dictionary; wants its owner named."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.calls = 0

    def put_object(self, Key: str, Body: bytes, ExpectedBucketOwner: str, **_: Any) -> None:  # noqa: N803
        assert ExpectedBucketOwner == ACCOUNT
        self.calls += 1
        self.objects[Key] = Body

    def get_object(self, Key: str, ExpectedBucketOwner: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        assert ExpectedBucketOwner == ACCOUNT
        self.calls += 1
        if Key not in self.objects:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": ""}}, "GetObject")
        return {"Body": io.BytesIO(self.objects[Key])}


def records(bucket: Bucket) -> OverrideRecords:
    return OverrideRecords(bucket, "artifacts", ACCOUNT)


@given(TARGETS)
def test_record_states_what_was_recorded(targets: dict[Target, Overrides]) -> None:
    text = record_text(grouped(targets))
    assert recorded(text) == targets
    assert record_text(grouped(dict(reversed(targets.items())))) == text


def test_another_command_reads_what_the_first_recorded() -> None:
    bucket = Bucket()
    operation = records(bucket).operation_id(grouped({HERE: SIZE}))
    assert len(operation) <= 128
    assert records(bucket).overrides(operation, HERE) == SIZE
    assert records(bucket).overrides(operation, (ACCOUNT, "eu-west-1")) is None


def test_operations_with_the_same_record_have_ids_of_their_own_and_one_object() -> None:
    bucket = Bucket()
    one = records(bucket)
    first, second = (one.operation_id(grouped({HERE: SIZE})) for _ in range(2))
    assert first != second
    assert hash_of(first) == hash_of(second)
    assert bucket.calls == 1


@pytest.mark.parametrize("operation", ["", "0f0e0d0c-1111-2222-3333-444455556666", "x" * 64 + "-" + "0" * 32])
def test_foreign_id_is_not_looked_up(operation: str) -> None:
    bucket = Bucket()
    assert records(bucket).overrides(operation, HERE) is None
    assert bucket.calls == 0


@pytest.mark.parametrize("body", [None, b"", b"[]x", b"{}", b'[{"accounts": 3}]', b"[]"])
def test_record_that_is_gone_or_tampered_with_tells_nothing(body: bytes | None) -> None:
    bucket = Bucket()
    operation = records(bucket).operation_id(grouped({HERE: SIZE}))
    (key,) = bucket.objects
    if body is None:
        del bucket.objects[key]
    else:
        bucket.objects[key] = body
    assert records(bucket).overrides(operation, HERE) is None
