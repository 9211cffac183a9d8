"""Cedar statements against a gateway's tools: what AgentCore checks of them and what they decide, by Cedar itself.

The schema is the one that AgentCore documents ("Schema constraints" in the developer guide): a caller is an
`AgentCore::IamEntity` with an `id`, every tool an action in `CallTool`, the gateway the resource, and the arguments
`context.input`. Arguments that are no texts, whole numbers or truth values are left out here.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cedarpy

_TYPES = {"string": "String", "integer": "Long", "boolean": "Boolean"}
_NAMESPACE = "AgentCore"

Tool = Mapping[str, Any]


class StatementError(Exception):
    """A statement is refused; the message is AgentCore's or Cedar's."""


@dataclass(frozen=True)
class Scope:
    """What one statement names: the gateway's ARN, empty where it names none, and the actions, empty for all."""

    gateway: str
    actions: tuple[str, ...]


def scope_of(statement: str) -> Scope:
    """Return what a statement names.

    Raises StatementError where the text is not one statement ("unexpected token" for a second one: reported in
    awslabs/nx-plugin-for-aws#1199), where its resource is unconstrained ("a wildcard resource was detected", reported
    from `CreatePolicy`), and where it names actions without the one gateway that has them (developer guide, "Schema
    constraints": specific ARNs to refer to specific actions).
    """
    try:
        parsed = json.loads(cedarpy.policies_to_json_str(statement))
    except ValueError as error:
        raise StatementError(str(error)) from None
    found = list(parsed["staticPolicies"].values())
    if len(found) != 1 or parsed["templates"]:
        effect = found[1]["effect"] if len(found) > 1 else "end of input"
        raise StatementError(f"unexpected token '{effect}'")
    resource, action = found[0]["resource"], found[0]["action"]
    if resource["op"] == "All":
        raise StatementError("a wildcard resource was detected")
    entities = [*action.get("entities", ()), *([action["entity"]] if "entity" in action else ())]
    gateway = resource["entity"]["id"] if resource["op"] == "==" else ""
    if entities and not gateway:
        raise StatementError("a specific gateway ARN is required to refer to specific actions")
    return Scope(str(gateway), tuple(str(entity["id"]) for entity in entities))


def findings(statement: str, tools: Iterable[Tool]) -> list[str]:
    """Return what Cedar's validator finds in a statement about a gateway with these tools, named `target___tool`."""
    checked = cedarpy.validate_policies(statement, _schema(tools))
    return [found.error for found in checked.errors]


def _schema(tools: Iterable[Tool]) -> dict[str, Any]:
    identified = {"shape": _record({"id": {"type": "String"}})}
    applies = {"principalTypes": ["IamEntity"], "resourceTypes": ["Gateway"]}
    actions: dict[str, Any] = {"Mcp": {}, "CallTool": {"memberOf": [{"id": "Mcp"}]}}
    for tool in tools:
        context = _record({"input": _record(_attributes(tool.get("inputSchema") or {}))})
        actions[str(tool["name"])] = {"memberOf": [{"id": "CallTool"}], "appliesTo": {**applies, "context": context}}
    return {_NAMESPACE: {"entityTypes": {"IamEntity": identified, "Gateway": {}}, "actions": actions}}


def _record(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "Record", "attributes": dict(attributes)}


def _attributes(schema: Mapping[str, Any]) -> dict[str, Any]:
    required = schema.get("required") or ()
    return {
        name: {"type": _TYPES[item["type"]], "required": name in required}
        for name, item in (schema.get("properties") or {}).items()
        if isinstance(item, Mapping) and item.get("type") in ("string", "integer", "boolean")
    }


@dataclass(frozen=True)
class Decision:
    """Whether a call is permitted, and why not, in AgentCore's words."""

    permitted: bool
    reason: str = ""


@dataclass(frozen=True)
class Engine:
    """The statements of a policy engine, by the ids of their policies, asked by one gateway for one caller."""

    statements: Mapping[str, str]
    gateway: str
    caller: str

    def call(self, tool: str, arguments: Mapping[str, Any]) -> Decision:
        """Decide a call of `target___tool`: a statement must permit it and none forbid it."""
        known = {key: item for key, item in arguments.items() if isinstance(item, str | int)}
        answer = cedarpy.is_authorized({**self._request(tool), "context": {"input": known}}, *self._given(tool))
        if answer.allowed:
            return Decision(True)
        ids = list(self.statements)
        because = ", ".join(ids[int(name.removeprefix("policy"))] for name in answer.diagnostics.reasons)
        if because:
            return Decision(False, f"Policy evaluation denied due to {because}")
        return Decision(False, "No policy applies to the request (denied by default).")

    def lists(self, tool: str) -> bool:
        """Decide whether a tool is listed: it is where some arguments would be permitted."""
        answer = cedarpy.is_authorized_partial(self._request(tool), *self._given(tool))
        return answer.decision is not cedarpy.Decision.Deny

    def _request(self, tool: str) -> dict[str, Any]:
        return {
            "principal": _uid("IamEntity", self.caller),
            "action": _uid("Action", tool),
            "resource": _uid("Gateway", self.gateway),
        }

    def _given(self, tool: str) -> tuple[str, list[dict[str, Any]]]:
        """The statements, and everything that a request names: what is not given counts as unknown for a listing."""
        entities = [
            _entity("IamEntity", self.caller, {"id": self.caller}),
            _entity("Action", tool, parents=("CallTool",)),
            _entity("Action", "CallTool", parents=("Mcp",)),
            _entity("Action", "Mcp"),
            _entity("Gateway", self.gateway),
        ]
        return "\n".join(self.statements.values()), entities


def _entity(
    kind: str, identity: str, attributes: Mapping[str, str] | None = None, parents: Sequence[str] = ()
) -> dict[str, Any]:
    return {
        "uid": {"type": f"{_NAMESPACE}::{kind}", "id": identity},
        "attrs": dict(attributes or {}),
        "parents": [{"type": f"{_NAMESPACE}::{kind}", "id": parent} for parent in parents],
    }


def _uid(kind: str, identity: str) -> str:
    escaped = identity.replace("\\", "\\\\").replace('"', '\\"').replace("'", "\\'")
    return f'{_NAMESPACE}::{kind}::"{escaped}"'


def caller_id(principal_arn: str) -> str:
    """Return the id under which an engine sees a caller: of a role's session the role alone (developer guide,
    "IAM-based authorization examples"), else the ARN.
    """
    return "/".join(principal_arn.split("/")[:2]) if ":assumed-role/" in principal_arn else principal_arn


def named(target: str, tools: Sequence[Tool]) -> list[dict[str, Any]]:
    """Return a target's tools under the names that a gateway gives them."""
    return [{**tool, "name": f"{target}___{tool['name']}"} for tool in tools]
