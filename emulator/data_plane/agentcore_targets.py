"""AgentCore's gateway targets: made, changed and synchronised by really connecting to the MCP server."""

import time
from collections.abc import Mapping
from typing import Any

from emulator.data_plane import private_endpoints, shapes
from emulator.data_plane.agentcore import Scope, gateway_of, not_found, random_id
from emulator.data_plane.agentcore_providers import provider_by_arn, token_for
from emulator.data_plane.agentcore_store import Record
from emulator.data_plane.credentials import CredentialError
from emulator.data_plane.errors import ServiceError
from emulator.data_plane.handshake import McpServer, TargetError
from emulator.data_plane.pinned_tools import pinned_tools

# AgentCore developer guide, quotas.
_TARGETS_PER_GATEWAY = 100
_TOOLS_PER_TARGET = 1000
# Users report a limit of about 30 seconds; AWS documents none.
_CONNECT_SECONDS = 30.0
# The words of the failure that users report (aws/agentcore-cli#1254).
_FAILED = "Failed to connect and fetch tools from the provided MCP target server. Error - "


def create_target(scope: Scope, parameters: Mapping[str, Any]) -> Record:
    """Record a target in status CREATING; ``connect`` finishes it. Refuses a gateway that does not exist, a name in use
    and credentials that MCP servers do not take (AgentCore developer guide, gateway outbound authorization).
    """
    shapes.validate("CreateGatewayTarget", parameters)
    gateway = gateway_of(scope, str(parameters["gatewayIdentifier"]))
    _check(scope, gateway, parameters)
    with scope.store.change(scope.account, scope.region) as records:
        targets = records.targets.setdefault(str(gateway["gatewayId"]), {})
        if any(target["name"] == parameters["name"] for target in targets.values()):
            text = f"A target with name {parameters['name']} already exists in gateway {gateway['gatewayId']}"
            raise ServiceError("ConflictException", text, 409)
        if len(targets) >= _TARGETS_PER_GATEWAY:
            raise ServiceError("ServiceQuotaExceededException", "The gateway has 100 targets already", 402)
        now = time.time()
        target_id = random_id().upper()
        targets[target_id] = {
            **_configuration(parameters),
            "targetId": target_id,
            "gatewayArn": gateway["gatewayArn"],
            "gatewayId": gateway["gatewayId"],
            "protocolType": "MCP",
            "status": "CREATING",
            "createdAt": now,
            "updatedAt": now,
            "tools": [],
        }
        return targets[target_id]


def update_target(scope: Scope, parameters: Mapping[str, Any]) -> Record:
    """Replace a target's configuration, in status UPDATING; ``connect`` finishes it."""
    shapes.validate("UpdateGatewayTarget", parameters)
    target = target_of(scope, str(parameters["gatewayIdentifier"]), str(parameters["targetId"]))
    _check(scope, gateway_of(scope, str(parameters["gatewayIdentifier"])), parameters)
    with scope.store.change(scope.account, scope.region):
        former = private_endpoints.resource_of(target)
        if former is not None:
            target[private_endpoints.FORMER] = former
        for optional in ("description", "metadataConfiguration", "privateEndpoint"):
            target.pop(optional, None)
        target.update(_configuration(parameters))
        target.update(status="UPDATING", updatedAt=time.time())
    return target


def delete_target(scope: Scope, gateway_id: str, target_id: str) -> Record:
    """Remove a target."""
    target = target_of(scope, gateway_id, target_id)
    with scope.store.change(scope.account, scope.region) as records:
        del records.targets[gateway_id][target_id]
    private_endpoints.leave(scope, target)
    return {**target, "status": "DELETING"}


def target_of(scope: Scope, gateway_id: str, target_id: str) -> Record:
    """Return a target's record. Raises ServiceError when there is none."""
    gateway_of(scope, gateway_id)
    target = scope.records.targets.get(gateway_id, {}).get(target_id)
    if target is None:
        raise not_found("Target", target_id)
    return target


def begin_synchronization(scope: Scope, gateway_id: str, target_ids: list[str]) -> list[Record]:
    """Set targets to SYNCHRONIZING; ``connect`` finishes each. A target with a static tool schema, or in DYNAMIC mode,
    has no tools to be fetched and is refused (service model, SynchronizeGatewayTargets and McpToolSchema).
    """
    shapes.validate("SynchronizeGatewayTargets", {"gatewayIdentifier": gateway_id, "targetIdList": target_ids})
    targets = [target_of(scope, gateway_id, target_id) for target_id in target_ids]
    for target in targets:
        if not _is_indexed(_server(target)):
            raise ServiceError("ValidationException", f"Target {target['targetId']} cannot be synchronized")
    with scope.store.change(scope.account, scope.region):
        for target in targets:
            target.update(status="SYNCHRONIZING", updatedAt=time.time())
    return targets


def connect(scope: Scope, target: Record) -> Record:
    """Finish what made the target CREATING, UPDATING or SYNCHRONIZING: fetch its tools and set its status, FAILED with
    the reason when that does not succeed.
    """
    failed = {"CREATING": "FAILED", "UPDATING": "UPDATE_UNSUCCESSFUL"}.get(
        str(target["status"]), "SYNCHRONIZE_UNSUCCESSFUL"
    )
    tools: list[dict[str, Any]] = []
    status, reasons = "READY", []
    server = _server(target)
    try:
        if not _is_indexed(server):
            tools = pinned_tools(server["mcpToolSchema"], scope.platform.read_object) if _is_pinned(server) else []
        elif scope.connects():
            tools = _fetch_tools(scope, target)
        else:
            reasons = ["Not connected: the data plane runs for another account or Region on this machine"]
    except (CredentialError, TargetError, ServiceError) as error:
        status, reasons = failed, [_FAILED + str(error)]
    with scope.store.change(scope.account, scope.region):
        now = time.time()
        target.update(status=status, statusReasons=reasons, updatedAt=now)
        if status == "READY":
            target["tools"] = tools
            target.pop("lastSynchronizedAt", None)
            if _is_indexed(server):
                target["lastSynchronizedAt"] = now
            private_endpoints.settle(scope, target)
    return target


def server_of(scope: Scope, target: Record) -> McpServer:
    """Return the target's MCP server with a fresh credential. Raises CredentialError, TargetError when nothing passes
    the private endpoint, and ServiceError when the provider is gone.
    """
    gateway = gateway_of(scope, str(target["gatewayId"]))
    headers: dict[str, str] = {}
    for configured in target.get("credentialProviderConfigurations") or ():
        oauth = (configured.get("credentialProvider") or {}).get("oauthCredentialProvider")
        if oauth:
            provider = provider_by_arn(scope, str(oauth["providerArn"]))
            parameters = oauth.get("customParameters") or {}
            token = token_for(scope, gateway, provider, oauth.get("scopes") or (), parameters)
            headers["authorization"] = f"Bearer {token}"
    endpoint = str(_server(target)["endpoint"])
    return McpServer(endpoint, headers, private_endpoints.outbound(scope, target, endpoint))


def _fetch_tools(scope: Scope, target: Record) -> list[dict[str, Any]]:
    tools = server_of(scope, target).tools(_CONNECT_SECONDS)
    if len(tools) > _TOOLS_PER_TARGET:
        raise TargetError(f"the server has {len(tools)} tools, a target takes {_TOOLS_PER_TARGET}")
    return tools


def _is_pinned(server: Mapping[str, Any]) -> bool:
    """Whether an MCP server target's tools come from a static schema."""
    return bool(server.get("mcpToolSchema"))


def _is_indexed(server: Mapping[str, Any]) -> bool:
    return server.get("listingMode", "DEFAULT") == "DEFAULT" and not _is_pinned(server)


def _server(target: Mapping[str, Any]) -> Mapping[str, Any]:
    server = ((target.get("targetConfiguration") or {}).get("mcp") or {}).get("mcpServer")
    if server is None:
        raise ServiceError("ValidationException", "Only targets of type mcpServer are emulated; test others on AWS")
    found: Mapping[str, Any] = server
    return found


def _configuration(parameters: Mapping[str, Any]) -> Record:
    record = {k: v for k, v in parameters.items() if k not in ("clientToken", "gatewayIdentifier", "targetId")}
    record.setdefault("credentialProviderConfigurations", [])
    return record


def _check(scope: Scope, gateway: Record, parameters: Mapping[str, Any]) -> None:
    _server(parameters)
    private_endpoints.check(scope, gateway, parameters)
    for configured in parameters.get("credentialProviderConfigurations") or ():
        kind = configured["credentialProviderType"]
        provider = configured.get("credentialProvider") or {}
        if kind == "GATEWAY_IAM_ROLE" and "iamCredentialProvider" not in provider:
            raise ServiceError("ValidationException", "IamCredentialProvider is required for mcpServer targets")
        if kind == "GATEWAY_IAM_ROLE":
            # A load balancer takes no SigV4 credential (AgentCore developer guide, gateway outbound authorization).
            text = "IAM credentials are emulated for no endpoint; a load balancer does not take them"
            raise ServiceError("ValidationException", text)
        if kind == "OAUTH" and "oauthCredentialProvider" not in provider:
            raise ServiceError("ValidationException", "OauthCredentialProvider is required for OAUTH")
        if kind not in ("OAUTH", "GATEWAY_IAM_ROLE"):
            raise ServiceError("ValidationException", f"{kind} is not supported for mcpServer targets here")
        provider_by_arn(scope, str(provider["oauthCredentialProvider"]["providerArn"]))
    mcp = gateway["protocolConfiguration"]["mcp"]
    allowed = (parameters.get("metadataConfiguration") or {}).get("allowedRequestHeaders") or ()
    if mcp.get("sessionConfiguration") and any(name.lower() == "mcp-session-id" for name in allowed):
        # AgentCore developer guide, header propagation: rejected when gateway sessions are on.
        raise ServiceError("ValidationException", "Mcp-Session-Id cannot be forwarded when sessions are enabled")
