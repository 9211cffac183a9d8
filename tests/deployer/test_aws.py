"""Clients and what goes wrong with credentials, endpoints and calls: sentences, and the exit status behind them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    TokenRetrievalError,
)

from deployer.aws import Access, Aws, aws_sentences, credential_sentences, dns_suffix, known_regions, refusal
from deployer.errors import OutOfReachError, RefusedError, UsageError


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "You may not.\n  Really."}}, "CreateStackSet")


def failing(error: Exception) -> Callable[[], None]:
    def work() -> None:
        raise error

    return work


def test_without_credentials_nothing_is_tried() -> None:
    with pytest.raises(UsageError, match="There are no AWS credentials; run `aws configure`"):
        Aws(Access(region="us-east-1")).identity()


def test_profile_that_is_not_there_is_named() -> None:
    with pytest.raises(UsageError, match="There is no AWS profile named 'absent'"):
        Aws(Access(profile="absent")).identity()


def test_endpoint_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setattr("deployer.aws.FIRST_ATTEMPTS", 1)
    with pytest.raises(UsageError, match=r"AWS cannot be reached .*127\.0\.0\.1:9.*; check the network and --endpoint"):
        Aws(Access(region="us-east-1", endpoint_url="http://127.0.0.1:9")).identity()


def test_endpoint_that_is_no_url_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    with pytest.raises(UsageError, match="'nowhere' is no URL of an AWS endpoint"):
        Aws(Access(region="us-east-1", endpoint_url="nowhere")).identity()


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (NoCredentialsError(), "There are no AWS credentials"),
        (TokenRetrievalError(provider="sso", error_msg="expired"), "run `aws sso login`"),
        (refused("ExpiredToken"), r"AWS refuses the credentials \(ExpiredToken\)"),
        (refused("InvalidClientTokenId"), r"AWS refuses the credentials \(InvalidClientTokenId\)"),
        (EndpointConnectionError(endpoint_url="https://x"), "AWS cannot be reached"),
    ],
)
def test_credentials_fail_with_status_2_before_anything_changed(error: Exception, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence) as caught, credential_sentences():
        failing(error)()
    assert caught.value.exit_status == 2


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (refused("AlreadyExists"), r"^AWS refused CreateStackSet \(AlreadyExists\): You may not\. Really\.$"),
        (refused("ExpiredToken"), "renew the credentials and run the same command again"),
        (EndpointConnectionError(endpoint_url="https://x"), "AWS could not be asked"),
    ],
)
def test_what_aws_refuses_later_is_status_1(error: Exception, sentence: str) -> None:
    with pytest.raises(RefusedError, match=sentence) as caught, aws_sentences():
        failing(error)()
    assert caught.value.exit_status == 1
    assert "\n" not in str(caught.value)


def test_refusal_is_one_sentence() -> None:
    assert refusal(refused("AccessDeniedException")) == (
        "AWS refused CreateStackSet (AccessDeniedException): You may not. Really."
    )


def test_expired_credentials_are_told_where_s3_gives_no_reason() -> None:
    bare = ClientError({"Error": {"Code": "400", "Message": "Bad Request"}}, "HeadObject")
    assert refusal(bare).startswith("AWS refused HeadObject (400): Bad Request; renew the credentials and run")
    other = ClientError({"Error": {"Code": "400", "Message": "Bad Request"}}, "PutObject")
    assert "renew" not in refusal(other)


class Known(Aws):
    """Credentials of a known account, without asking."""

    def identity(self) -> str:
        return "111111111111"


def test_another_account_is_out_of_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    aws = Known(Access(region="us-east-1"))
    assert aws.reaches("111111111111")
    assert not aws.reaches("222222222222")
    with pytest.raises(OutOfReachError, match="are of account 111111111111 and cannot read account 222222222222"):
        aws.client("cloudformation", "222222222222", "us-east-1")
    with pytest.raises(OutOfReachError, match="cannot sign for account 222222222222"):
        aws.credentials("222222222222")
    assert aws.credentials("111111111111").access_key == "x"


def test_emulated_accounts_are_their_own_access_keys() -> None:
    aws = Aws(Access(endpoint_url="http://127.0.0.1:9", emulator_key="s"), emulated_account="111111111111")
    assert aws.reaches("222222222222")
    found: Any = aws.credentials("222222222222")
    assert (found.access_key, found.secret_key) == ("222222222222", "s")
    client = aws.client("ecr", "222222222222", "eu-west-1")
    assert client.meta.region_name == "eu-west-1"
    assert client is aws.client("ecr", "222222222222", "eu-west-1")
    assert client is not aws.client("ecr", "222222222222", "us-east-1")


def test_control_planes_retry_adaptively_and_s3_does_not() -> None:
    aws = Aws(Access(endpoint_url="http://127.0.0.1:9", emulator_key="s"), emulated_account="111111111111")
    modes = {
        service: aws.client(service, "111111111111", "us-east-1").meta.config.retries["mode"]
        for service in ("cloudformation", "s3")
    }
    assert modes == {"cloudformation": "adaptive", "s3": "standard"}


def test_bucket_url_follows_the_partition() -> None:
    aws = Aws(Access())
    assert aws.bucket_url("b", "us-west-2") == "https://b.s3.us-west-2.amazonaws.com"
    assert aws.bucket_url("b", "cn-north-1") == "https://b.s3.cn-north-1.amazonaws.com.cn"
    assert dns_suffix("us-gov-west-1") == "amazonaws.com"


def test_known_regions_are_those_of_every_partition() -> None:
    assert {"us-east-1", "eu-west-1", "ap-northeast-1", "cn-north-1", "us-gov-west-1"} <= known_regions()
