"""Telling the gateway that the server's tools may have changed.

CloudFormation has no property for it. An update with another image has them listed all the same, since the target's
description names the image; what that does not reach is synchronized (AgentCore service model,
`SynchronizeGatewayTargets`: one target a call, answered before it is done).
"""

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from deployer.errors import RefusedError
from deployer.synchronized_tools import SynchronizedTools

READY = "READY"
WAITING = frozenset({"CREATING", "UPDATING", "SYNCHRONIZING", "SYNCHRONIZE_PENDING_AUTH"})
DEADLINE_SECONDS = 300.0


def is_pinned(target: Mapping[str, Any]) -> bool:
    """Returns whether a target, as it is read back, offers the tools of a schema instead of the server's own list.

    Such a target cannot be synchronized (service model, `SynchronizeGatewayTargets`).
    """
    return bool(target.get("targetConfiguration", {}).get("mcp", {}).get("mcpServer", {}).get("mcpToolSchema"))


def form(target: Mapping[str, Any]) -> str:
    """Returns in a few words where a target's list of tools comes from."""
    if not is_pinned(target):
        return "tools discovered"
    schema = target["targetConfiguration"]["mcp"]["mcpServer"]["mcpToolSchema"]
    return f"tools pinned to {schema.get('s3', {}).get('uri') or 'a schema of its own'}"


def read(client: Any, outputs: Mapping[str, str]) -> Mapping[str, Any] | None:
    """Returns a runtime's gateway target as AgentCore tells it, or None where there is no target."""
    gateway, target = outputs.get("GatewayId", ""), outputs.get("GatewayTargetId", "")
    if not gateway or not target:
        return None
    found: Mapping[str, Any] = client.get_gateway_target(gatewayIdentifier=gateway, targetId=target)
    return found


def is_stale(found: Mapping[str, Any], touched: datetime | None, tools: str, records: SynchronizedTools) -> bool:
    """Returns whether a gateway target, as it is read back, may offer other tools than the server lists.

    `tools` is the contract's hash, or empty where it is not known what the image lists. A target that listed its tools
    after the runtime was last `touched` offers them: an update that touches it lists them once the service is steady,
    which it waits for. One that listed the same contract before does, too. A deployment that was interrupted between
    its update and the listing is caught up with by this. A pinned target is never stale.
    """
    if is_pinned(found):
        return False
    listed = found.get("lastSynchronizedAt")
    if listed is None or touched is None:
        return True
    if listed >= touched:
        return False
    return not (tools and records.holds(found, tools, listed))


def synchronize(client: Any, found: Mapping[str, Any], poll: float) -> Mapping[str, Any]:
    """Synchronizes a gateway target, waits until it is ready and returns it as it is read back then.

    Raises RefusedError with AgentCore's reasons where the target does not become ready.
    """
    gateway, target = _gateway_of(found), str(found["targetId"])
    client.synchronize_gateway_targets(gatewayIdentifier=gateway, targetIdList=[target])
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        found = client.get_gateway_target(gatewayIdentifier=gateway, targetId=target)
        if found["status"] == READY:
            return found
        if found["status"] not in WAITING or time.monotonic() > deadline:
            reasons = "; ".join(found.get("statusReasons", [])) or "no reason given"
            raise RefusedError(
                f"The gateway target {target} of {gateway} is {found['status']} after synchronizing: {reasons}."
            )
        time.sleep(poll)


def record(found: Mapping[str, Any], tools: str, records: SynchronizedTools) -> None:
    """Records that a target, which is not stale, listed the tools of that hash; nothing for a pinned one."""
    listed = found.get("lastSynchronizedAt")
    if tools and listed and not is_pinned(found) and not records.holds(found, tools, listed):
        records.keep(found, tools, listed)


def _gateway_of(found: Mapping[str, Any]) -> str:
    return str(found["gatewayArn"]).rpartition("/")[2]
