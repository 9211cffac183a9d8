"""The REST API of bedrock-agentcore-control for gateways and what belongs to them, routed by the service model."""

import json
import re
import threading
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any
from urllib.parse import unquote

from emulator import bridge_data_plane as bridge
from emulator.data_plane import agentcore, current, shapes
from emulator.data_plane import agentcore_policies as engines
from emulator.data_plane import agentcore_providers as providers
from emulator.data_plane import agentcore_targets as targets
from emulator.data_plane.agentcore import Scope
from emulator.data_plane.agentcore_store import Record
from emulator.data_plane.errors import ServiceError
from emulator.handlers import Response

Operation = Callable[[Scope, dict[str, Any]], Record]


def handle(method: str, path: str, headers: Mapping[str, str], body: bytes) -> Response | None:
    """Answer a request of the current scope (no header matters); None when ministack itself answers it."""
    found = _route(method, path)
    if found is None:
        return None
    name, parameters = found
    scope = current().agentcore(*bridge.current_scope())
    try:
        parameters |= _body(body)
        shapes.validate(name, parameters)
        record = _OPERATIONS[name](scope, parameters)
    except ServiceError as error:
        refusal = {"content-type": "application/json", "x-amzn-errortype": error.code}
        return error.status, refusal, json.dumps({"message": str(error)}).encode()
    status = shapes.operations()[name][2]
    return status, {"content-type": "application/json"}, json.dumps(shapes.output(name, record)).encode()


def _body(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body or b"{}")
    except ValueError:
        raise ServiceError("ValidationException", "The request body is not JSON") from None
    return document if isinstance(document, dict) else {}


def _route(method: str, path: str) -> tuple[str, dict[str, Any]] | None:
    """The operation of a path and the parameters in it. Resource policies of anything but gateways are ministack's."""
    for name, verb, pattern in _routes():
        match = pattern.fullmatch(path)
        if verb != method or match is None:
            continue
        parameters: dict[str, Any] = {key: unquote(value) for key, value in match.groupdict().items()}
        if "resourceArn" in parameters and ":gateway/" not in parameters["resourceArn"]:
            return None
        return name, parameters
    return None


@cache
def _routes() -> tuple[tuple[str, str, re.Pattern[str]], ...]:
    routes = []
    for name, (method, template, _) in shapes.operations().items():
        if name in _OPERATIONS:
            # An ARN in a path may arrive with its slashes decoded.
            pattern = re.sub(
                r"\{(\w+)\}", lambda m: f"(?P<{m[1]}>{'.+' if m[1] == 'resourceArn' else '[^/]+'})", template
            )
            routes.append((name, method, re.compile(pattern.rstrip("/") + "/?")))
    return tuple(routes)


def _connected(scope: Scope, record: Record) -> Record:
    """A target's record as it is now, while it is connected to in the background, as AgentCore does."""
    threading.Thread(target=targets.connect, args=(scope, record), name="gateway-target", daemon=True).start()
    return dict(record)


def _synchronize(scope: Scope, parameters: dict[str, Any]) -> Record:
    begun = targets.begin_synchronization(scope, parameters["gatewayIdentifier"], parameters["targetIdList"])
    return {"targets": [_connected(scope, record) for record in begun]}


def _delete_target(scope: Scope, parameters: dict[str, Any]) -> Record:
    record = targets.delete_target(scope, parameters["gatewayIdentifier"], parameters["targetId"])
    current().release_if_idle()
    return record


def _list_targets(scope: Scope, parameters: dict[str, Any]) -> Record:
    gateway = agentcore.gateway_of(scope, parameters["gatewayIdentifier"])
    return {"items": [_listed(record) for record in scope.records.targets.get(gateway["gatewayId"], {}).values()]}


def _listed(record: Record) -> Record:
    server = record["targetConfiguration"]["mcp"]["mcpServer"]
    priority = server.get("resourcePriority", 1000)
    mode = server.get("listingMode", "DEFAULT")
    return {**record, "targetType": "MCP_SERVER", "listingMode": mode, "resourcePriority": priority}


def _list_rate_limits(scope: Scope, parameters: dict[str, Any]) -> Record:
    gateway = agentcore.gateway_of(scope, parameters["gatewayIdentifier"])
    return {"rateLimits": list(scope.records.rate_limits.get(gateway["gatewayId"], {}).values())}


_OPERATIONS: Mapping[str, Operation] = {
    "CreateGateway": agentcore.create_gateway,
    "UpdateGateway": agentcore.update_gateway,
    "GetGateway": lambda scope, p: agentcore.gateway_of(scope, p["gatewayIdentifier"]),
    "DeleteGateway": lambda scope, p: agentcore.delete_gateway(scope, p["gatewayIdentifier"]),
    "ListGateways": lambda scope, p: {"items": list(scope.records.gateways.values())},
    "CreateGatewayTarget": lambda scope, p: _connected(scope, targets.create_target(scope, p)),
    "UpdateGatewayTarget": lambda scope, p: _connected(scope, targets.update_target(scope, p)),
    "GetGatewayTarget": lambda scope, p: targets.target_of(scope, p["gatewayIdentifier"], p["targetId"]),
    "DeleteGatewayTarget": _delete_target,
    "ListGatewayTargets": _list_targets,
    "SynchronizeGatewayTargets": _synchronize,
    "CreateOauth2CredentialProvider": providers.create_provider,
    "UpdateOauth2CredentialProvider": providers.update_provider,
    "GetOauth2CredentialProvider": lambda scope, p: providers.provider_of(scope, p["name"]),
    "DeleteOauth2CredentialProvider": lambda scope, p: providers.delete_provider(scope, p["name"]),
    "ListOauth2CredentialProviders": lambda scope, p: {"credentialProviders": list(scope.records.providers.values())},
    "PutResourcePolicy": lambda scope, p: agentcore.put_resource_policy(scope, p["resourceArn"], p["policy"]),
    "GetResourcePolicy": lambda scope, p: agentcore.get_resource_policy(scope, p["resourceArn"]),
    "DeleteResourcePolicy": lambda scope, p: agentcore.delete_resource_policy(scope, p["resourceArn"]),
    "CreateGatewayRateLimit": agentcore.create_rate_limit,
    "UpdateGatewayRateLimit": agentcore.update_rate_limit,
    "GetGatewayRateLimit": lambda scope, p: agentcore.rate_limit_of(scope, p["gatewayIdentifier"], p["rateLimitId"]),
    "DeleteGatewayRateLimit": lambda scope, p: agentcore.delete_rate_limit(
        scope, p["gatewayIdentifier"], p["rateLimitId"]
    ),
    "ListGatewayRateLimits": _list_rate_limits,
    "CreatePolicyEngine": lambda scope, p: {**engines.create_engine(scope, p), "status": "CREATING"},
    "UpdatePolicyEngine": lambda scope, p: {**engines.update_engine(scope, p), "status": "UPDATING"},
    "GetPolicyEngine": lambda scope, p: engines.engine_of(scope, p["policyEngineId"]),
    "DeletePolicyEngine": lambda scope, p: engines.delete_engine(scope, p["policyEngineId"]),
    "ListPolicyEngines": lambda scope, p: {"policyEngines": list(scope.records.policy_engines.values())},
    "CreatePolicy": lambda scope, p: {**engines.create_policy(scope, p), "status": "CREATING"},
    "UpdatePolicy": lambda scope, p: {**engines.update_policy(scope, p), "status": "UPDATING"},
    "GetPolicy": lambda scope, p: engines.policy_of(scope, p["policyEngineId"], p["policyId"]),
    "DeletePolicy": lambda scope, p: engines.delete_policy(scope, p["policyEngineId"], p["policyId"]),
    "ListPolicies": lambda scope, p: {"policies": engines.policies_of(scope, p["policyEngineId"])},
}
