"""When a gateway's target must list its tools anew, and what is remembered of it."""

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from deployer.gateway_targets import form, is_stale, record
from deployer.synchronized_tools import SynchronizedTools

BEGAN = datetime(2026, 11, 22, 12, tzinfo=UTC)
BEFORE, AFTER = BEGAN - timedelta(seconds=1), BEGAN + timedelta(seconds=90)
OUTPUTS = {"GatewayId": "gateway-0123456789", "GatewayTargetId": "ABCDEFGHIJ"}
OWNER = "111111111111"
PINNED = {"mcp": {"mcpServer": {"endpoint": "https://a", "mcpToolSchema": {"s3": {"uri": "s3://b/c.json"}}}}}


class Gateways:
    """The one call that is asked, with the moment of the last listing."""

    def __init__(self, listed: datetime | None, configuration: dict[str, Any] | None = None) -> None:
        self.listed = listed
        self.configuration = configuration or {"mcp": {"mcpServer": {"endpoint": "https://a"}}}

    def get_gateway_target(self, **asked: str) -> dict[str, Any]:
        assert asked == {"gatewayIdentifier": OUTPUTS["GatewayId"], "targetId": OUTPUTS["GatewayTargetId"]}
        listed = {"lastSynchronizedAt": self.listed} if self.listed else {}
        return {"status": "READY", "targetConfiguration": self.configuration, **listed}


class Objects:
    """An S3 client over a dictionary."""

    def __init__(self) -> None:
        self.held: dict[str, bytes] = {}

    def put_object(self, **request: Any) -> None:
        assert request["ExpectedBucketOwner"] == OWNER
        self.held[request["Key"]] = request["Body"]

    def get_object(self, **request: Any) -> dict[str, Any]:
        assert request["ExpectedBucketOwner"] == OWNER
        if request["Key"] not in self.held:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": "no"}}, "GetObject")
        return {"Body": io.BytesIO(self.held[request["Key"]])}


@pytest.fixture
def records() -> SynchronizedTools:
    return SynchronizedTools(Objects(), "artifacts", OWNER)


@pytest.mark.parametrize(
    ("listed", "touched", "expected"),
    [(AFTER, BEGAN, False), (BEFORE, BEGAN, True), (None, BEGAN, True), (BEGAN, None, True)],
)
def test_listing_before_the_last_change_is_stale(
    listed: datetime | None, touched: datetime | None, expected: bool
) -> None:
    assert is_stale(Gateways(listed), OUTPUTS, touched) is expected


def test_a_change_of_the_runtime_with_the_same_contract_needs_no_listing(records: SynchronizedTools) -> None:
    gateways = Gateways(BEFORE)
    assert is_stale(gateways, OUTPUTS, BEGAN, "sha256:a", records)
    record(gateways, OUTPUTS, "sha256:a", records)
    assert not is_stale(gateways, OUTPUTS, BEGAN, "sha256:a", records)
    assert is_stale(gateways, OUTPUTS, BEGAN, "sha256:b", records)
    assert is_stale(gateways, OUTPUTS, BEGAN, "", records)


def test_a_listing_at_somebody_else_s_wish_makes_the_record_void(records: SynchronizedTools) -> None:
    record(Gateways(BEFORE), OUTPUTS, "sha256:a", records)
    assert is_stale(Gateways(BEFORE - timedelta(hours=1)), OUTPUTS, BEGAN, "sha256:a", records)


def test_a_damaged_record_counts_for_nothing(records: SynchronizedTools) -> None:
    record(Gateways(BEFORE), OUTPUTS, "sha256:a", records)
    for key in records.s3.held:
        records.s3.held[key] = b"{"
    assert is_stale(Gateways(BEFORE), OUTPUTS, BEGAN, "sha256:a", records)


def test_a_pinned_target_is_never_stale_and_never_recorded(records: SynchronizedTools) -> None:
    gateways = Gateways(None, PINNED)
    assert not is_stale(gateways, OUTPUTS, BEGAN, "sha256:a", records)
    record(Gateways(AFTER, PINNED), OUTPUTS, "sha256:a", records)
    assert records.s3.held == {}


def test_its_form_is_told() -> None:
    assert form({"targetConfiguration": PINNED}) == "tools pinned to s3://b/c.json"
    assert form({"targetConfiguration": {"mcp": {"mcpServer": {}}}}) == "tools discovered"


def test_runtime_without_a_target_has_nothing_to_list(records: SynchronizedTools) -> None:
    assert not is_stale(None, {"GatewayId": "gateway-0123456789", "GatewayTargetId": ""}, BEGAN)
    record(None, {"GatewayId": "gateway-0123456789", "GatewayTargetId": ""}, "sha256:a", records)
    assert records.s3.held == {}
