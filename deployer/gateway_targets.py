"""Telling the gateway that the server's tools may have changed.

CloudFormation has no property for it: tools of a new image are listed only when the target is synchronized
(AgentCore service model, `SynchronizeGatewayTargets`: one target a call, answered before it is done).
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


def is_stale(
    client: Any,
    outputs: Mapping[str, str],
    touched: datetime | None,
    tools: str = "",
    records: SynchronizedTools | None = None,
) -> bool:
    """Returns whether a runtime's gateway target may offer other tools than the server lists.

    `tools` is the contract's hash, or empty where it is not known what the image lists. A target that listed its tools
    after the runtime was last `touched` offers them: an update that touches it lists them once the service is steady,
    which it waits for. One that listed the same contract before does, too. A deployment that was interrupted between
    its update and the listing is caught up with by this. A pinned target is never stale.
    """
    gateway, target = outputs.get("GatewayId", ""), outputs.get("GatewayTargetId", "")
    if not gateway or not target:
        return False
    found = client.get_gateway_target(gatewayIdentifier=gateway, targetId=target)
    if is_pinned(found):
        return False
    listed = found.get("lastSynchronizedAt")
    if listed is None or touched is None:
        return True
    if listed >= touched:
        return False
    return not (tools and records and records.holds(outputs, tools, listed))


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


def record(client: Any, outputs: Mapping[str, str], tools: str, records: SynchronizedTools) -> None:
    """Records that a runtime's target, which is not stale, listed the tools of that hash; nothing for a pinned one."""
    gateway, target = outputs.get("GatewayId", ""), outputs.get("GatewayTargetId", "")
    if not gateway or not target or not tools:
        return
    found = client.get_gateway_target(gatewayIdentifier=gateway, targetId=target)
    listed = found.get("lastSynchronizedAt")
    if listed and not is_pinned(found) and not records.holds(outputs, tools, listed):
        records.keep(outputs, tools, listed)
