"""Signature verification: botocore's own signatures pass, and every change to a signed request is found."""

import datetime
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from emulator.data_plane.errors import ServiceError
from emulator.data_plane.exchange import Request
from emulator.data_plane.signatures import Key, verify

URL = "https://gw.gateway.bedrock-agentcore.us-east-1.amazonaws.com/mcp?b=2&a=1"
ACCESS_KEY = "111122223333"
NOW = datetime.datetime.now(datetime.UTC)


def signed(body: bytes = b"{}", token: str | None = None, headers: dict[str, str] | None = None) -> Request:
    """Return a request that botocore signed just now."""
    sent = {"host": urlsplit(URL).netloc, "content-type": "application/json", **(headers or {})}
    request = AWSRequest("POST", URL, data=body, headers=sent)
    SigV4Auth(Credentials(ACCESS_KEY, "secret", token), "bedrock-agentcore", "us-east-1").add_auth(request)
    target = URL.partition(".com")[2]
    headers_sent = {name.lower(): value for name, value in request.headers.items()}
    return Request("POST", "/mcp", "b=2&a=1", target, headers_sent, body)


def check(request: Request, *, key: Key | None = Key("secret"), now: datetime.datetime | None = None) -> str:  # noqa: B008  # frozen
    """Verify for the service and Region of the tests."""
    return verify(
        request,
        service="bedrock-agentcore",
        region="us-east-1",
        key_of=lambda access_key: key if access_key == ACCESS_KEY else None,
        now=now or datetime.datetime.now(datetime.UTC),
    )


def test_botocores_signature_passes() -> None:
    assert check(signed()) == ACCESS_KEY
    assert check(signed(headers={"x-amz-custom": "a  b ", "user-agent": "client"})) == ACCESS_KEY
    assert check(signed(token="session"), key=Key("secret", "session")) == ACCESS_KEY


@given(body=st.binary(max_size=200), value=st.text("abc %+/=", max_size=20))
def test_any_body_and_header_value_passes(body: bytes, value: str) -> None:
    assert check(signed(body, headers={"x-amz-custom": value})) == ACCESS_KEY


def with_header(name: str, value: str | None) -> Callable[[Request], Request]:
    """Return a change of one header, or its removal."""

    def change(request: Request) -> Request:
        kept = {key: item for key, item in request.headers.items() if key != name}
        return replace(request, headers=kept if value is None else {**kept, name: value})

    return change


def unsigned_host(request: Request) -> Request:
    """Leave the host out of what was signed."""
    authorization = request.headers["authorization"].replace("host;", "")
    return with_header("authorization", authorization)(request)


@pytest.mark.parametrize(
    "change",
    [
        with_header("authorization", None),
        with_header("authorization", "Bearer token"),
        with_header("authorization", "AWS4-HMAC-SHA256 nonsense"),
        with_header("host", "other.example.com"),
        with_header("x-amz-date", "20200101T000000Z"),
        with_header("x-amz-date", "yesterday"),
        with_header("x-amz-date", None),
        with_header("x-amz-extra", "not signed"),
        with_header("content-type", "text/plain"),
        unsigned_host,
        lambda request: replace(request, body=b'{"other":1}'),
        lambda request: replace(request, method="GET"),
        lambda request: replace(request, target="/mcp?b=2&a=2"),
        lambda request: replace(request, target="/other?b=2&a=1"),
    ],
    ids=[
        *(
            "no signature",
            "another scheme",
            "nonsense",
            "host",
            "old date",
            "no real date",
            "no date",
            "unsigned header",
        ),
        *("header", "unsigned host", "body", "method", "query", "path"),
    ],
)
def test_a_changed_request_is_refused(change: Callable[[Request], Request]) -> None:
    with pytest.raises(ServiceError) as refusal:
        check(change(signed()))
    assert refusal.value.status == 403


@pytest.mark.parametrize(
    "key", [None, Key("other"), Key("secret", "another session")], ids=["unknown key", "secret", "session"]
)
def test_a_wrong_key_is_refused(key: Key | None) -> None:
    with pytest.raises(ServiceError):
        check(signed(token="session"), key=key)


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_request_is_good_for_five_minutes(minutes: int) -> None:
    request = signed()
    moment = datetime.datetime.now(datetime.UTC)
    with pytest.raises(ServiceError, match=r"5 min"):
        check(request, now=moment + datetime.timedelta(minutes=minutes))
    check(request, now=moment + datetime.timedelta(minutes=minutes // 2))
