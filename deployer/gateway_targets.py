"""Telling the gateway that the server's tools may have changed.

CloudFormation has no property for it: tools of a new image are listed only when the target is synchronized
(AgentCore service model, `SynchronizeGatewayTargets`: one target a call, answered before it is done).
"""

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from deployer.errors import RefusedError

READY = "READY"
WAITING = frozenset({"CREATING", "UPDATING", "SYNCHRONIZING", "SYNCHRONIZE_PENDING_AUTH"})
DEADLINE_SECONDS = 300.0


def is_stale(client: Any, outputs: Mapping[str, str], touched: datetime | None) -> bool:
    """Returns whether a runtime's gateway target listed its tools before the runtime was last `touched`.

    A deployment that was interrupted between its update and the listing is caught up with by this, too. A target that
    an update itself touched has listed them once the service was steady, which it waits for.
    """
    gateway, target = outputs.get("GatewayId", ""), outputs.get("GatewayTargetId", "")
    if not gateway or not target:
        return False
    listed = client.get_gateway_target(gatewayIdentifier=gateway, targetId=target).get("lastSynchronizedAt")
    return listed is None or touched is None or listed < touched


def synchronize(client: Any, outputs: Mapping[str, str], poll: float) -> None:
    """Synchronizes a runtime's gateway target and waits until it is ready; does nothing where there is no target.

    Raises RefusedError with AgentCore's reasons where the target does not become ready.
    """
    gateway, target = outputs.get("GatewayId", ""), outputs.get("GatewayTargetId", "")
    if not gateway or not target:
        return
    client.synchronize_gateway_targets(gatewayIdentifier=gateway, targetIdList=[target])
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        found = client.get_gateway_target(gatewayIdentifier=gateway, targetId=target)
        if found["status"] == READY:
            return
        if found["status"] not in WAITING or time.monotonic() > deadline:
            reasons = "; ".join(found.get("statusReasons", [])) or "no reason given"
            raise RefusedError(
                f"The gateway target {target} of {gateway} is {found['status']} after synchronizing: {reasons}."
            )
        time.sleep(poll)
