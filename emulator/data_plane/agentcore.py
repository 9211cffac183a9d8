"""AgentCore's control plane: gateways, resource policies, rate limits. Targets and providers have their own modules.

Every operation takes API input in the API's spelling and returns the whole record; ``shapes.output`` trims it. Refusals
name their source; what only the service model says is checked by ``shapes.validate``.
"""

import json
import secrets
import string
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from emulator.data_plane import shapes
from emulator.data_plane.agentcore_store import Record, Region, Store
from emulator.data_plane.errors import ServiceError
from emulator.data_plane.outbound import Outbound

# What a gateway created without SupportedVersions got on 2026-07-30 (dev.classmethod.jp, same day).
_DEFAULT_VERSIONS = ("2025-03-26", "2025-11-25")
_ID_LETTERS = string.ascii_lowercase + string.digits


class Platform(Protocol):
    """What AgentCore asks of the account it works in."""

    def role_trusts_gateway(self, role_arn: str, gateway_arn: str) -> bool | None:
        """Whether AgentCore may assume the role for this gateway; None when there is no such role."""

    def role_allows(self, role_arn: str, action: str, resource: str) -> bool:
        """Whether the role's own policies allow an action."""

    def decrypts(self, role_arn: str, secret_arn: str) -> bool:
        """Whether the role may decrypt a secret with the key that encrypts it."""

    def secret(self, secret_id: str) -> str | None:
        """Return a secret's string, None when it does not exist."""

    def put_secret(self, name: str, value: str) -> str:
        """Make or replace a secret; return its ARN."""

    def delete_secret(self, arn: str) -> None:
        """Remove a secret at once."""

    def entrance_refusal(self, resource: Mapping[str, Any]) -> str:
        """Return why a private endpoint cannot stand where it is to, an empty text where it can."""

    def entrance_closed(self, resource: Mapping[str, Any], balancer: str) -> str:
        """Return why nothing passes from a private endpoint to a load balancer, an empty text where it does."""

    def enter(self, resource: Mapping[str, Any]) -> str:
        """Place a private endpoint's interfaces; return the ARN of their resource gateway."""

    def leave(self, resource: Mapping[str, Any], remaining: Sequence[Mapping[str, Any]]) -> None:
        """Let a private endpoint's interfaces go, unless a remaining one shares them."""

    def read_object(self, bucket: str, key: str, owner: str) -> bytes | None:
        """Return an object of S3, None where it is not there or its bucket is another account's than ``owner``."""


@dataclass(frozen=True)
class Scope:
    """One account and Region, with all that its operations need. ``connects`` tells whether targets are really
    connected to: false where the data plane belongs to another account or Region.
    """

    account: str
    region: str
    store: Store
    platform: Platform
    outbound: Outbound
    connects: Callable[[], bool]

    @property
    def records(self) -> Region:
        """Return this account's and Region's records, to be read."""
        return self.store.region(self.account, self.region)

    def arn(self, resource: str) -> str:
        """Return the ARN of one of AgentCore's resources."""
        return f"arn:aws:bedrock-agentcore:{self.region}:{self.account}:{resource}"


def not_found(what: str, name: str) -> ServiceError:
    """Return the refusal for something that does not exist."""
    return ServiceError("ResourceNotFoundException", f"{what} {name} not found", 404)


def gateway_of(scope: Scope, gateway_id: str) -> Record:
    """Return a gateway's record. Raises ServiceError when there is none."""
    gateway = scope.records.gateways.get(gateway_id)
    if gateway is None:
        raise not_found("Gateway", gateway_id)
    return gateway


def random_id() -> str:
    """Return ten characters as they end the ids of gateways and are those of targets."""
    return "".join(secrets.choice(_ID_LETTERS) for _ in range(10))


def create_gateway(scope: Scope, parameters: Mapping[str, Any]) -> Record:
    """Make a gateway. Refuses a name in use (ConflictException in the service model) and a role that AgentCore may not
    assume ("Gateway service is not authorized to perform AssumeRole", as users report).
    """
    shapes.validate("CreateGateway", parameters)
    name = str(parameters["name"])
    gateway_id = f"{name.lower().rstrip('-')}-{random_id()}"
    arn = scope.arn(f"gateway/{gateway_id}")
    _check_authorizer(parameters)
    _check_role(scope, str(parameters["roleArn"]), arn)
    _check_key(scope, parameters)
    _check_engine(scope, parameters, arn)
    with scope.store.change(scope.account, scope.region) as records:
        if any(gateway["name"] == name for gateway in records.gateways.values()):
            raise ServiceError("ConflictException", f"A gateway with name {name} already exists", 409)
        now = time.time()
        host = f"{gateway_id}.gateway.bedrock-agentcore.{scope.region}.amazonaws.com"
        identity = scope.arn(f"workload-identity-directory/default/workload-identity/{gateway_id}")
        record: Record = {
            **_configuration(parameters),
            "gatewayId": gateway_id,
            "gatewayArn": arn,
            "gatewayUrl": f"https://{host}/mcp",
            "workloadIdentityDetails": {"workloadIdentityArn": identity},
            "status": "READY",
            "createdAt": now,
            "updatedAt": now,
        }
        records.gateways[gateway_id] = record
        return record


def update_gateway(scope: Scope, parameters: Mapping[str, Any]) -> Record:
    """Replace a gateway's configuration; what is omitted is reset (service model, UpdateGateway). Refuses
    another authorizer type ("Authorizer type cannot be updated for an existing gateway",
    Boise-State-Development/agentcore-public-stack#779) and other
    protocol versions (fixed at creation unless the account is enabled for version updates, aws/aws-cli#10346).
    """
    shapes.validate("UpdateGateway", parameters)
    gateway = gateway_of(scope, str(parameters["gatewayIdentifier"]))
    if parameters["name"] != gateway["name"]:
        raise ServiceError("ValidationException", "The name must be the one that the gateway was created with")
    if parameters["authorizerType"] != gateway["authorizerType"]:
        raise ServiceError("ValidationException", "Authorizer type cannot be updated for an existing gateway")
    _check_authorizer(parameters)
    _check_role(scope, str(parameters["roleArn"]), str(gateway["gatewayArn"]))
    _check_key(scope, parameters)
    _check_engine(scope, parameters, str(gateway["gatewayArn"]))
    changed = _configuration(parameters)
    if "supportedVersions" in (_mcp(parameters) or {}) and _versions(changed) != _versions(gateway):
        text = "Supported versions cannot be updated: the account is not enabled for MCP version updates"
        raise ServiceError("ValidationException", text)
    changed["protocolConfiguration"]["mcp"]["supportedVersions"] = _versions(gateway)
    with scope.store.change(scope.account, scope.region) as records:
        kept = ("gatewayId", "gatewayArn", "gatewayUrl", "workloadIdentityDetails", "createdAt", "tags")
        record = {
            **changed,
            **{key: gateway[key] for key in kept if key in gateway},
            "status": "READY",
            "updatedAt": time.time(),
        }
        records.gateways[str(gateway["gatewayId"])] = record
        return record


def delete_gateway(scope: Scope, gateway_id: str) -> Record:
    """Remove a gateway. Refused while it has targets (awslabs/agentcore-samples#1954)."""
    gateway = gateway_of(scope, gateway_id)
    with scope.store.change(scope.account, scope.region) as records:
        if records.targets.get(gateway_id):
            text = "Gateway has targets associated with it. Delete all targets before deleting the gateway."
            raise ServiceError("ValidationException", text)
        del records.gateways[gateway_id]
        records.targets.pop(gateway_id, None)
        records.rate_limits.pop(gateway_id, None)
        records.policies.pop(str(gateway["gatewayArn"]), None)
    return {**gateway, "status": "DELETING"}


def _configuration(parameters: Mapping[str, Any]) -> Record:
    record = {key: value for key, value in parameters.items() if key not in ("clientToken", "gatewayIdentifier")}
    record.setdefault("protocolType", "MCP")
    mcp = {"supportedVersions": list(_DEFAULT_VERSIONS), **(_mcp(parameters) or {})}
    record["protocolConfiguration"] = {"mcp": mcp}
    return record


def _mcp(parameters: Mapping[str, Any]) -> Mapping[str, Any] | None:
    mcp: Mapping[str, Any] | None = (parameters.get("protocolConfiguration") or {}).get("mcp")
    return mcp


def _versions(record: Mapping[str, Any]) -> list[str]:
    return list((_mcp(record) or {}).get("supportedVersions") or ())


def _check_authorizer(parameters: Mapping[str, Any]) -> None:
    if (parameters["authorizerType"] == "CUSTOM_JWT") != bool(parameters.get("authorizerConfiguration")):
        text = "authorizerConfiguration is required for authorizerType CUSTOM_JWT, and for no other"
        raise ServiceError("ValidationException", text)


def _check_role(scope: Scope, role_arn: str, gateway_arn: str) -> None:
    if not scope.platform.role_trusts_gateway(role_arn, gateway_arn):
        text = f"Gateway service is not authorized to perform AssumeRole on {role_arn}"
        raise ServiceError("ValidationException", text)


def _check_key(scope: Scope, parameters: Mapping[str, Any]) -> None:
    """Refuses a key that the gateway's role may not use ("Encrypt your AgentCore gateway with a customer-managed KMS
    key", prerequisites, in the developer guide); the conditions of a grant are not looked at.
    """
    role, key = str(parameters["roleArn"]), str(parameters.get("kmsKeyArn") or "")
    for action in ("kms:DescribeKey", "kms:Decrypt", "kms:GenerateDataKey") if key else ():
        if not scope.platform.role_allows(role, action, key):
            text = f"{role} is not authorized to perform: {action} on resource: {key} because no identity-based policy"
            raise ServiceError("AccessDeniedException", f"{text} allows the {action} action", 403)


def _check_engine(scope: Scope, parameters: Mapping[str, Any], gateway_arn: str) -> None:
    """Refuse a policy engine that is not there, and a role that may not read and ask it (AgentCore developer guide,
    "AgentCore Gateway and Policy in AgentCore IAM Permissions"; the words are those that users report).
    """
    attached = parameters.get("policyEngineConfiguration")
    if not attached:
        return
    engine = str(attached["arn"])
    if engine.rpartition("/")[2] not in scope.records.policy_engines:
        raise not_found("Policy engine", engine)
    asked = [(name, arn) for name in ("AuthorizeAction", "PartiallyAuthorizeActions") for arn in (engine, gateway_arn)]
    for name, arn in [("GetPolicyEngine", engine), *asked]:
        if not scope.platform.role_allows(str(parameters["roleArn"]), f"bedrock-agentcore:{name}", arn):
            raise ServiceError("ValidationException", f"Access denied while calling {name} on {arn}")


def put_resource_policy(scope: Scope, arn: str, policy: str) -> Record:
    """Attach a policy to a gateway; refuses what is no policy document about that gateway."""
    shapes.validate("PutResourcePolicy", {"resourceArn": arn, "policy": policy})
    if not any(gateway["gatewayArn"] == arn for gateway in scope.records.gateways.values()):
        raise not_found("Resource", arn)
    try:
        document = json.loads(policy)
    except ValueError:
        raise ServiceError("ValidationException", "The resource policy is not valid JSON") from None
    statements = document.get("Statement") if isinstance(document, dict) else None
    for statement in [statements] if isinstance(statements, dict) else statements or ():
        if not {"Effect", "Principal", "Action", "Resource"} <= set(statement):
            text = "Each statement of a resource policy needs Effect, Principal, Action and Resource"
            raise ServiceError("ValidationException", text)
    if not statements:
        raise ServiceError("ValidationException", "The resource policy has no statement")
    with scope.store.change(scope.account, scope.region) as records:
        records.policies[arn] = policy
    return {"policy": policy}


def get_resource_policy(scope: Scope, arn: str) -> Record:
    """Return the policy of a gateway. Raises ServiceError when it has none."""
    policy = scope.records.policies.get(arn)
    if policy is None:
        raise not_found("Resource policy of", arn)
    return {"policy": policy}


def delete_resource_policy(scope: Scope, arn: str) -> Record:
    """Detach the policy of a gateway. Raises ServiceError when it has none."""
    get_resource_policy(scope, arn)
    with scope.store.change(scope.account, scope.region) as records:
        del records.policies[arn]
    return {}


def create_rate_limit(scope: Scope, parameters: Mapping[str, Any]) -> Record:
    """Make a rate limit. No two limits of a gateway share dimension keys; an entry names exactly the keys (schema
    description of AWS::BedrockAgentCore::GatewayRateLimit).
    """
    shapes.validate("CreateGatewayRateLimit", parameters)
    gateway_id = str(parameters["gatewayIdentifier"])
    gateway_of(scope, gateway_id)
    _check_entries(parameters["dimensionKeys"], parameters["entries"])
    limit_id = str(parameters.get("rateLimitId") or random_id())
    with scope.store.change(scope.account, scope.region) as records:
        limits = records.rate_limits.setdefault(gateway_id, {})
        if limit_id in limits:
            raise ServiceError("ConflictException", f"Rate limit {limit_id} already exists", 409)
        if any(limit["dimensionKeys"] == parameters["dimensionKeys"] for limit in limits.values()):
            raise ServiceError("ConflictException", "A rate limit with the same dimensionKeys already exists", 409)
        now = time.time()
        times = {"createdAt": now, "updatedAt": now}
        limits[limit_id] = {**parameters, "rateLimitId": limit_id, "status": "ACTIVE", **times}
        return limits[limit_id]


def update_rate_limit(scope: Scope, parameters: Mapping[str, Any]) -> Record:
    """Change a rate limit's entries or description."""
    shapes.validate("UpdateGatewayRateLimit", parameters)
    limit = rate_limit_of(scope, str(parameters["gatewayIdentifier"]), str(parameters["rateLimitId"]))
    _check_entries(limit["dimensionKeys"], parameters.get("entries", limit["entries"]))
    with scope.store.change(scope.account, scope.region):
        limit.update(parameters)
        limit["updatedAt"] = time.time()
    return limit


def delete_rate_limit(scope: Scope, gateway_id: str, limit_id: str) -> Record:
    """Remove a rate limit."""
    limit = rate_limit_of(scope, gateway_id, limit_id)
    with scope.store.change(scope.account, scope.region) as records:
        del records.rate_limits[gateway_id][limit_id]
    return {**limit, "status": "DELETING"}


def rate_limit_of(scope: Scope, gateway_id: str, limit_id: str) -> Record:
    """Return a rate limit's record. Raises ServiceError when there is none."""
    gateway_of(scope, gateway_id)
    limit = scope.records.rate_limits.get(gateway_id, {}).get(limit_id)
    if limit is None:
        raise not_found("Rate limit", limit_id)
    return limit


def _check_entries(keys: list[str], entries: list[Mapping[str, Any]]) -> None:
    for entry in entries:
        if set(entry["dimensions"]) != set(keys):
            raise ServiceError("ValidationException", "The dimensions of an entry must be exactly the dimensionKeys")
        if not any(entry.get(metric) for metric in ("requests", "tokens", "connections")):
            raise ServiceError("ValidationException", "An entry must limit requests, tokens or connections")
        # "Connection rate limits (per second only)" (resource schema).
        if any(rate["period"] != "second" for rate in entry.get("connections", ())):
            raise ServiceError("ValidationException", "Connections are limited per second only")
