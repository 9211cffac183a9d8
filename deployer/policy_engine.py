"""The policy engine before a gateway's tools, read back: whether callers are held to statements, and to which."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from deployer.errors import RefusedError
from generator import parameters as p

MODES: Final = {"LOG_ONLY": "log-only", "ENFORCE": "enforce"}
"""The mode of an attached engine (AgentCore service model, `GatewayPolicyEngineMode`) in the configuration's words."""
DENIED: Final = "not allowed due to policy enforcement"
"""What an engine's refusal of a call says, be it a tool's error (AgentCore developer guide, "Policy responses") or one
of the protocol, as users report."""
OFF: Final = "off"
IN_FORCE: Final = "ACTIVE"


@dataclass(frozen=True)
class Attached:
    """What stands before a gateway's tools: the `mode` in the configuration's words, and the engine's id."""

    mode: str
    engine: str = ""

    @property
    def enforced(self) -> bool:
        """Whether callers are refused what no statement permits."""
        return self.mode == MODES["ENFORCE"]


def attached(client: Any, gateway: str) -> Attached:
    """Returns what stands before the tools of a gateway, by its id; `client` is of bedrock-agentcore-control."""
    found = client.get_gateway(gatewayIdentifier=gateway).get("policyEngineConfiguration")
    if not found:
        return Attached(OFF)
    return Attached(MODES[found["mode"]], found["arn"].rpartition("/")[2])


def told(client: Any, gateway: str, parameters: Mapping[str, str]) -> str:
    """Returns one sentence on who may call which tool, as AgentCore tells it.

    `parameters` are the root stack's, by name; what they do not hold is not compared. Raises RefusedError where the
    engine's mode, or the number of its statements in force, is not what they say.
    """
    found = attached(client, gateway)
    wanted = parameters.get(p.TOOL_ACCESS.name, found.mode)
    if found.mode != wanted:
        raise RefusedError(f"The tool access of the gateway {gateway} is {found.mode}, not {wanted}.")
    if not found.engine:
        return "No policy engine is attached: who may call the gateway may call every tool."
    pages = client.get_paginator("list_policies").paginate(policyEngineId=found.engine)
    policies = [one for page in pages for one in page["policies"]]
    failed = [one["name"] for one in policies if one["status"] != IN_FORCE]
    if failed:
        raise RefusedError(f"Of the policy engine {found.engine} not every statement is in force: {', '.join(failed)}.")
    given = [slot for slot in p.ACCESS_STATEMENTS if parameters.get(slot.name)]
    if parameters and len(policies) != len(given):
        raise RefusedError(f"The policy engine {found.engine} has {len(policies)} statements, not {len(given)}.")
    what = "refuses" if found.enforced else "only logs"
    return f"The policy engine {found.engine} {what} what its {len(policies)} statements do not permit."
