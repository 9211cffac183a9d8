"""What a gateway lets one caller list and call, as its policy engine decides: a stand-in with Cedar's own evaluator.

With the engine in LOG_ONLY mode its decisions are only logged; with ENFORCE what is not permitted is not listed and not
called (AgentCore developer guide, "Policy enforcement modes" and "Use an AgentCore Gateway with Policy in AgentCore").
Whether the gateway's own search tool is subject to the engine is not documented: here it is open to every caller, and
finds what that caller may call.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from emulator.data_plane.agentcore import Scope
from emulator.data_plane.agentcore_policies import engine_for
from emulator.data_plane.agentcore_store import Record


class Permissions:
    """One caller's permissions at one gateway; everything is permitted where the gateway has no policy engine."""

    def __init__(self, scope: Scope, gateway: Record, caller_arn: str, note: Callable[[str], None]) -> None:
        self._asked = engine_for(scope, gateway, caller_arn)
        self._name = f"gateway {gateway['gatewayId']}"
        self._note = note

    def listed(self, tools: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return those of the tools, named ``target___tool``, that the caller may see."""
        if self._asked is None:
            return list(tools)
        engine, enforced = self._asked
        return [tool for tool in tools if not enforced or engine.lists(tool["name"])]

    def refusal(self, tool: str, arguments: Mapping[str, Any]) -> str:
        """Return why a call is refused, an empty string where it is not."""
        if self._asked is None:
            return ""
        engine, enforced = self._asked
        decision = engine.call(tool, arguments)
        if decision.permitted:
            return ""
        mode = "ENFORCE" if enforced else "LOG_ONLY"
        self._note(f"{self._name} policy decision DENY ({mode}) for {engine.caller} calling {tool}: {decision.reason}")
        return decision.reason if enforced else ""


def denied(reason: str) -> dict[str, Any]:
    """Return the result of a call that the engine refused, as the developer guide shows it ("Policy responses")."""
    text = (
        f"AuthorizeActionException - Tool Execution Denied: Tool call not allowed due to policy enforcement [{reason}]"
    )
    return {"content": [{"type": "text", "text": text}], "isError": True}
