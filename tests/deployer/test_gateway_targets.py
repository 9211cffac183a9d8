"""When a gateway's target must list its tools anew, and what is remembered of it."""

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from deployer.errors import RefusedError
from deployer.gateway_targets import form, is_stale, read, record, synchronize
from deployer.synchronized_tools import SynchronizedTools

BEGAN = datetime(2026, 11, 22, 12, tzinfo=UTC)
BEFORE, AFTER = BEGAN - timedelta(seconds=1), BEGAN + timedelta(seconds=90)
GATEWAY, TARGET = "gateway-0123456789", "ABCDEFGHIJ"
OWNER = "111111111111"
PINNED = {"mcp": {"mcpServer": {"endpoint": "https://a", "mcpToolSchema": {"s3": {"uri": "s3://b/c.json"}}}}}


def target(listed: datetime | None, status: str = "READY", **more: Any) -> dict[str, Any]:
    """A target as it is read back."""
    return {
        "gatewayArn": f"arn:aws:bedrock-agentcore:us-east-1:{OWNER}:gateway/{GATEWAY}",
        "targetId": TARGET,
        "status": status,
        "targetConfiguration": {"mcp": {"mcpServer": {"endpoint": "https://a"}}},
        **({"lastSynchronizedAt": listed} if listed else {}),
        **more,
    }


class Gateways:
    """AgentCore's control plane with one target, which is read back in these states, one after the other."""

    def __init__(self, *states: dict[str, Any]) -> None:
        self.states = list(states)
        self.synchronized: list[dict[str, Any]] = []

    def get_gateway_target(self, **asked: str) -> dict[str, Any]:
        assert asked == {"gatewayIdentifier": GATEWAY, "targetId": TARGET}
        return self.states.pop(0)

    def synchronize_gateway_targets(self, **asked: Any) -> None:
        self.synchronized.append(asked)


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
    listed: datetime | None, touched: datetime | None, expected: bool, records: SynchronizedTools
) -> None:
    assert is_stale(target(listed), touched, "", records) is expected


def test_a_change_of_the_runtime_with_the_same_contract_needs_no_listing(records: SynchronizedTools) -> None:
    found = target(BEFORE)
    assert is_stale(found, BEGAN, "sha256:a", records)
    record(found, "sha256:a", records)
    assert not is_stale(found, BEGAN, "sha256:a", records)
    assert is_stale(found, BEGAN, "sha256:b", records)
    assert is_stale(found, BEGAN, "", records)


def test_a_listing_at_somebody_else_s_wish_makes_the_record_void(records: SynchronizedTools) -> None:
    record(target(BEFORE), "sha256:a", records)
    assert is_stale(target(BEFORE - timedelta(hours=1)), BEGAN, "sha256:a", records)


def test_a_damaged_record_counts_for_nothing(records: SynchronizedTools) -> None:
    record(target(BEFORE), "sha256:a", records)
    for key in records.s3.held:
        records.s3.held[key] = b"{"
    assert is_stale(target(BEFORE), BEGAN, "sha256:a", records)


def test_a_pinned_target_is_never_stale_and_never_recorded(records: SynchronizedTools) -> None:
    assert not is_stale(target(None, targetConfiguration=PINNED), BEGAN, "sha256:a", records)
    record(target(AFTER, targetConfiguration=PINNED), "sha256:a", records)
    assert records.s3.held == {}


def test_an_image_of_unknown_tools_is_not_recorded(records: SynchronizedTools) -> None:
    record(target(AFTER), "", records)
    assert records.s3.held == {}


def test_its_form_is_told() -> None:
    assert form({"targetConfiguration": PINNED}) == "tools pinned to s3://b/c.json"
    assert form(target(None)) == "tools discovered"


def test_synchronizing_waits_until_the_target_is_ready() -> None:
    gateways = Gateways(target(BEFORE, "SYNCHRONIZING"), target(AFTER))
    assert synchronize(gateways, target(BEFORE), 0.0) == target(AFTER)
    assert gateways.synchronized == [{"gatewayIdentifier": GATEWAY, "targetIdList": [TARGET]}]


def test_a_target_that_does_not_become_ready_is_told_with_agentcore_s_reasons() -> None:
    gateways = Gateways(target(BEFORE, "SYNCHRONIZE_UNSUCCESSFUL", statusReasons=["no answer"]))
    with pytest.raises(RefusedError, match=f"{TARGET} of {GATEWAY} is SYNCHRONIZE_UNSUCCESSFUL .*: no answer"):
        synchronize(gateways, target(BEFORE), 0.0)


def test_runtime_without_a_target_has_nothing_to_list() -> None:
    assert read(None, {"GatewayId": GATEWAY, "GatewayTargetId": ""}) is None
    assert read(Gateways(target(BEFORE)), {"GatewayId": GATEWAY, "GatewayTargetId": TARGET}) == target(BEFORE)
