"""When a gateway's target must list its tools anew."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from deployer.gateway_targets import is_stale

BEGAN = datetime(2026, 11, 22, 12, tzinfo=UTC)
OUTPUTS = {"GatewayId": "gateway-0123456789", "GatewayTargetId": "ABCDEFGHIJ"}


class Gateways:
    """The one call that is asked, with the moment of the last listing."""

    def __init__(self, listed: datetime | None) -> None:
        self.listed = listed

    def get_gateway_target(self, **asked: str) -> dict[str, Any]:
        assert asked == {"gatewayIdentifier": OUTPUTS["GatewayId"], "targetId": OUTPUTS["GatewayTargetId"]}
        return {"status": "READY", **({"lastSynchronizedAt": self.listed} if self.listed else {})}


@pytest.mark.parametrize(
    ("listed", "touched", "expected"),
    [
        (BEGAN + timedelta(seconds=90), BEGAN, False),
        (BEGAN - timedelta(seconds=1), BEGAN, True),
        (None, BEGAN, True),
        (BEGAN, None, True),
    ],
)
def test_listing_before_the_last_change_is_stale(
    listed: datetime | None, touched: datetime | None, expected: bool
) -> None:
    assert is_stale(Gateways(listed), OUTPUTS, touched) is expected


def test_runtime_without_a_target_has_nothing_to_list() -> None:
    assert not is_stale(None, {"GatewayId": "gateway-0123456789", "GatewayTargetId": ""}, BEGAN)
