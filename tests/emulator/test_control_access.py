"""Who may read what, and how much an account may have: what AWS refuses is refused."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.emulator.running_emulator import ACCOUNT, REGION, RunningEmulator

OTHER, BUCKET = "222222222222", "read-from-afar"
VPCS = {"ServiceCode": "vpc", "QuotaCode": "L-F678F1CE"}


def refusal(call: Callable[[], Any]) -> str:
    with pytest.raises(ClientError) as refused:
        call()
    return str(refused.value.response["Error"]["Code"])


def test_policy_that_wants_tls_lets_another_account_read_over_the_listener(emulator: RunningEmulator) -> None:
    s3, theirs = emulator.client("s3"), emulator.client("s3", OTHER)
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="open/a", Body=b"a")
    s3.put_object(Bucket=BUCKET, Key="closed/a", Body=b"a")
    read = {"Effect": "Allow", "Principal": {"AWS": OTHER}, "Action": "s3:GetObject"}
    plain = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    everything = [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"]
    statements = [{**read, "Resource": f"arn:aws:s3:::{BUCKET}/open/*"}, {**plain, "Resource": everything}]
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps({"Version": "2012-10-17", "Statement": statements}))
    assert theirs.get_object(Bucket=BUCKET, Key="open/a")["Body"].read() == b"a"
    assert refusal(lambda: theirs.get_object(Bucket=BUCKET, Key="closed/a")) == "AccessDenied"


def test_quota_is_the_default_until_it_is_raised_in_its_account_and_region(emulator: RunningEmulator) -> None:
    quotas = emulator.client("service-quotas")
    assert quotas.get_service_quota(**VPCS)["Quota"]["Value"] == 5
    assert refusal(lambda: quotas.request_service_quota_increase(**VPCS, DesiredValue=5)) == "IllegalArgumentException"
    asked = quotas.request_service_quota_increase(**VPCS, DesiredValue=9)["RequestedQuota"]
    assert asked["Status"] == "APPROVED"
    found = quotas.get_service_quota(**VPCS)["Quota"]
    assert (found["Value"], found["QuotaName"]) == (9, "VPCs per Region")
    assert found["QuotaArn"] == f"arn:aws:servicequotas:{REGION}:{ACCOUNT}:vpc/L-F678F1CE"
    assert quotas.get_aws_default_service_quota(**VPCS)["Quota"]["Value"] == 5
    assert emulator.client("service-quotas", OTHER).get_service_quota(**VPCS)["Quota"]["Value"] == 5


def test_unknown_quota_is_no_quota(emulator: RunningEmulator) -> None:
    quotas = emulator.client("service-quotas")
    unknown = {"ServiceCode": "vpc", "QuotaCode": "L-00000000"}
    assert refusal(lambda: quotas.get_service_quota(**unknown)) == "NoSuchResourceException"
