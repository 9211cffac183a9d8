"""AWS::BedrockAgentCore:: types. Templates and the REST API (``emulator.data_plane.agentcore_api``) go through the same
operations (``emulator.data_plane.agentcore*``); a template's properties are turned into API
input by the service model. What the model lacks and the resource schema has (WafConfiguration) is handled here.
"""

import json
from collections.abc import Mapping
from typing import Any

from emulator import bridge_data_plane as bridge
from emulator.data_plane import agentcore, current, shapes
from emulator.data_plane import agentcore_policies as policies
from emulator.data_plane import agentcore_providers as providers
from emulator.data_plane import agentcore_targets as targets
from emulator.data_plane.agentcore import Scope
from emulator.data_plane.agentcore_api import handle
from emulator.data_plane.agentcore_store import Record
from emulator.data_plane.errors import ServiceError
from emulator.handlers import Created, HandlerFailed, Properties

# CloudFormation's own codes for what services say (CloudFormation CLI user guide, "Handler error codes").
_CODES = {
    "ValidationException": "InvalidRequest",
    "ConflictException": "AlreadyExists",
    "ResourceNotFoundException": "NotFound",
    "ServiceQuotaExceededException": "ServiceLimitExceeded",
}


def _scope() -> Scope:
    return current().agentcore(*bridge.current_scope())


def _raised(error: ServiceError) -> HandlerFailed:
    return HandlerFailed(str(error), _CODES.get(error.code, "GeneralServiceException"))


def _pascal(name: str) -> str:
    return name[:1].upper() + name[1:]


def _attributes(record: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {_pascal(name): _attribute(name, record[name]) for name in names if record.get(name) is not None}


def _attribute(name: str, value: Any) -> Any:
    """A record's value as Fn::GetAtt gives it: names with a capital, times in ISO 8601."""
    if isinstance(value, Mapping):
        return {_pascal(key): _attribute(key, item) for key, item in value.items()}
    return shapes.iso_time(value) if isinstance(value, float) else value


class GatewayHandler:
    """AWS::BedrockAgentCore::Gateway. Ref is the gateway's identifier."""

    def create(self, logical_id: str, props: Properties, stack_name: str) -> Created:
        """Make the gateway. Raises ValueError when AgentCore refuses it."""
        parameters, firewall = _split_firewall(props)
        try:
            record = agentcore.create_gateway(_scope(), shapes.from_template("CreateGateway", parameters))
        except ServiceError as error:
            raise _raised(error) from error
        return self._answer(record, firewall)

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Created:
        """Replace the gateway's configuration. Raises ValueError when AgentCore refuses it."""
        parameters, firewall = _split_firewall({key: value for key, value in new.items() if key != "Tags"})
        parameters["GatewayIdentifier"] = physical_id
        try:
            record = agentcore.update_gateway(_scope(), shapes.from_template("UpdateGateway", parameters))
        except ServiceError as error:
            raise _raised(error) from error
        return self._answer(record, firewall)

    def delete(self, physical_id: str, props: Properties) -> None:
        """Remove the gateway. Raises ValueError while it has targets."""
        try:
            agentcore.delete_gateway(_scope(), physical_id)
        except ServiceError as error:
            if error.status != 404:
                raise _raised(error) from error

    def _answer(self, record: Record, firewall: Mapping[str, Any]) -> Created:
        if firewall:
            scope = _scope()
            with scope.store.change(scope.account, scope.region):
                record["wafConfiguration"] = {"failureMode": firewall.get("FailureMode", "FAIL_CLOSE")}
        names = ("gatewayArn", "gatewayUrl", "status", "createdAt", "updatedAt", "workloadIdentityDetails")
        identity = str(record["gatewayId"])
        return identity, {"GatewayIdentifier": identity, "StatusReasons": [], **_attributes(record, names)}


def _split_firewall(props: Mapping[str, Any]) -> tuple[dict[str, Any], Mapping[str, Any]]:
    """The properties that CreateGateway takes, and WafConfiguration, which only the resource schema has."""
    return {key: value for key, value in props.items() if key != "WafConfiguration"}, props.get(
        "WafConfiguration"
    ) or {}


class TargetHandler:
    """AWS::BedrockAgentCore::GatewayTarget. Ref is ``<gateway identifier>|<target id>``."""

    def create(self, logical_id: str, props: Properties, stack_name: str) -> Created:
        """Make the target and connect to its server. Raises ValueError when AgentCore refuses it or the connection
        fails: nothing of the target stays then.
        """
        scope = _scope()
        named = {"Name": f"target-{agentcore.random_id()}", **props}
        try:
            record = targets.create_target(scope, shapes.from_template("CreateGatewayTarget", named))
        except ServiceError as error:
            raise _raised(error) from error
        targets.connect(scope, record)
        if record["status"] != "READY":
            targets.delete_target(scope, record["gatewayId"], record["targetId"])
            current().release_if_idle()
            raise _unstable(record)
        return self._answer(record)

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Created:
        """Replace the target's configuration and connect again. Raises ValueError as ``create``."""
        gateway_id, _, target_id = physical_id.partition("|")
        if new.get("GatewayIdentifier") != gateway_id:
            return self.create("", new, stack_name)
        scope = _scope()
        try:
            known = targets.target_of(scope, gateway_id, target_id)
            parameters = {"Name": known["name"], **new, "TargetId": target_id}
            record = targets.update_target(scope, shapes.from_template("UpdateGatewayTarget", parameters))
        except ServiceError as error:
            raise _raised(error) from error
        targets.connect(scope, record)
        if record["status"] != "READY":
            raise _unstable(record)
        return self._answer(record)

    def delete(self, physical_id: str, props: Properties) -> None:
        """Remove the target; one that is gone is no error."""
        gateway_id, _, target_id = physical_id.partition("|")
        try:
            targets.delete_target(_scope(), gateway_id, target_id)
        except ServiceError as error:
            if error.status != 404:
                raise _raised(error) from error
        current().release_if_idle()

    def _answer(self, record: Record) -> Created:
        names = ("targetId", "gatewayArn", "status", "createdAt", "updatedAt", "lastSynchronizedAt", "protocolType")
        identity = {"GatewayIdentifier": record["gatewayId"], "StatusReasons": record["statusReasons"]}
        return f"{record['gatewayId']}|{record['targetId']}", identity | _attributes(record, names)


def _unstable(record: Record) -> HandlerFailed:
    return HandlerFailed("; ".join(record["statusReasons"]), "NotStabilized")


class ProviderHandler:
    """AWS::BedrockAgentCore::OAuth2CredentialProvider. Ref is the provider's ARN."""

    def create(self, logical_id: str, props: Properties, stack_name: str) -> Created:
        """Make the provider. Raises ValueError when AgentCore refuses it."""
        try:
            record = providers.create_provider(
                _scope(), shapes.from_template("CreateOauth2CredentialProvider", _untagged(props))
            )
        except ServiceError as error:
            raise _raised(error) from error
        return self._answer(record)

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Created:
        """Replace the provider's configuration. Raises ValueError when AgentCore refuses it."""
        if new.get("Name") != physical_id.rpartition("/")[2]:
            return self.create("", new, stack_name)
        try:
            parameters = shapes.from_template("UpdateOauth2CredentialProvider", _untagged(new))
            record = providers.update_provider(_scope(), parameters)
        except ServiceError as error:
            raise _raised(error) from error
        return self._answer(record)

    def delete(self, physical_id: str, props: Properties) -> None:
        """Remove the provider; one that is gone is no error."""
        try:
            providers.delete_provider(_scope(), physical_id.rpartition("/")[2])
        except ServiceError as error:
            if error.status != 404:
                raise _raised(error) from error

    def _answer(self, record: Record) -> Created:
        names = (
            *("credentialProviderArn", "clientSecretArn", "clientSecretJsonKey", "clientSecretSource", "callbackUrl"),
            *("status", "createdTime", "lastUpdatedTime"),
        )
        return str(record["credentialProviderArn"]), _attributes(record, names)


def _untagged(props: Mapping[str, Any]) -> dict[str, Any]:
    """The properties without Tags, which templates give as a list and the API as a map."""
    return {key: value for key, value in props.items() if key != "Tags"}


class ResourcePolicyHandler:
    """AWS::BedrockAgentCore::ResourcePolicy. Ref is the ARN of the resource."""

    def create(self, logical_id: str, props: Properties, stack_name: str) -> Created:
        """Attach the policy. Raises ValueError when AgentCore refuses it."""
        policy = props.get("Policy", "")
        text = policy if isinstance(policy, str) else json.dumps(policy)
        try:
            agentcore.put_resource_policy(_scope(), str(props.get("ResourceArn", "")), text)
        except ServiceError as error:
            raise _raised(error) from error
        return str(props["ResourceArn"]), {"ResourceArn": props["ResourceArn"]}

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Created:
        """Replace the policy, on another resource when ResourceArn changed."""
        return self.create("", new, stack_name)

    def delete(self, physical_id: str, props: Properties) -> None:
        """Detach the policy; one that is gone is no error."""
        try:
            agentcore.delete_resource_policy(_scope(), physical_id)
        except ServiceError as error:
            if error.status != 404:
                raise _raised(error) from error


class PolicyEngineHandler:
    """AWS::BedrockAgentCore::PolicyEngine. Ref is the engine's ARN."""

    def create(self, logical_id: str, props: Properties, stack_name: str) -> Created:
        """Make the engine. Raises ValueError when AgentCore refuses it."""
        try:
            record = policies.create_engine(_scope(), shapes.from_template("CreatePolicyEngine", _untagged(props)))
        except ServiceError as error:
            raise _raised(error) from error
        return self._answer(record)

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Created:
        """Change the description; a new name or key makes another engine. Raises ValueError when AgentCore refuses."""
        if any(old.get(key) != new.get(key) for key in ("Name", "EncryptionKeyArn")):
            return self.create("", new, stack_name)
        described = {"optionalValue": new["Description"]} if "Description" in new else {}
        parameters = {"policyEngineId": physical_id.rpartition("/")[2], "description": described}
        try:
            record = policies.update_engine(_scope(), parameters)
        except ServiceError as error:
            raise _raised(error) from error
        return self._answer(record)

    def delete(self, physical_id: str, props: Properties) -> None:
        """Remove the engine. Raises ValueError while it has policies; one that is gone is no error."""
        try:
            policies.delete_engine(_scope(), physical_id.rpartition("/")[2])
        except ServiceError as error:
            if error.status != 404:
                raise _raised(error) from error

    def _answer(self, record: Record) -> Created:
        names = ("policyEngineArn", "policyEngineId", "status", "statusReasons", "createdAt", "updatedAt")
        return str(record["policyEngineArn"]), _attributes(record, names)


class PolicyHandler:
    """AWS::BedrockAgentCore::Policy. Ref is the policy's ARN."""

    def create(self, logical_id: str, props: Properties, stack_name: str) -> Created:
        """Make the policy. Raises ValueError when AgentCore refuses it or its statement does not go with the gateway's
        tools: nothing of it stays then.
        """
        scope = _scope()
        try:
            record = policies.create_policy(scope, shapes.from_template("CreatePolicy", props))
        except ServiceError as error:
            raise _raised(error) from error
        if record["status"] != "ACTIVE":
            policies.delete_policy(scope, record["policyEngineId"], record["policyId"])
            raise _unstable(record)
        return self._answer(record)

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Created:
        """Change the statement; a new name or engine makes another policy. Raises ValueError as ``create``."""
        if any(old.get(key) != new.get(key) for key in ("Name", "PolicyEngineId")):
            return self.create("", new, stack_name)
        described = {"OptionalValue": new["Description"]} if "Description" in new else {}
        given = {key: item for key, item in new.items() if key != "Name"}
        parameters = {**given, "PolicyId": physical_id.rpartition("/")[2], "Description": described}
        try:
            record = policies.update_policy(_scope(), shapes.from_template("UpdatePolicy", parameters))
        except ServiceError as error:
            raise _raised(error) from error
        if record["status"] != "ACTIVE":
            raise _unstable(record)
        return self._answer(record)

    def delete(self, physical_id: str, props: Properties) -> None:
        """Remove the policy; one that is gone is no error."""
        _, engine_id, _, policy_id = physical_id.split("/")
        try:
            policies.delete_policy(_scope(), engine_id, policy_id)
        except ServiceError as error:
            if error.status != 404:
                raise _raised(error) from error

    def _answer(self, record: Record) -> Created:
        names = ("policyArn", "policyId", "status", "statusReasons", "createdAt", "updatedAt")
        return str(record["policyArn"]), _attributes(record, names)


class RateLimitHandler:
    """AWS::BedrockAgentCore::GatewayRateLimit. Ref is ``<gateway identifier>|<rate limit id>``."""

    def create(self, logical_id: str, props: Properties, stack_name: str) -> Created:
        """Make the limit. Raises ValueError when AgentCore refuses it."""
        try:
            record = agentcore.create_rate_limit(_scope(), shapes.from_template("CreateGatewayRateLimit", props))
        except ServiceError as error:
            raise _raised(error) from error
        return self._answer(record)

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Created:
        """Change entries or description. Raises ValueError when AgentCore refuses it."""
        if any(old.get(key) != new.get(key) for key in ("DimensionKeys", "GatewayIdentifier", "RateLimitId")):
            return self.create("", new, stack_name)
        gateway_id, _, limit_id = physical_id.partition("|")
        parameters = {key: new[key] for key in ("Description", "Entries") if key in new}
        parameters |= {"GatewayIdentifier": gateway_id, "RateLimitId": limit_id}
        try:
            record = agentcore.update_rate_limit(_scope(), shapes.from_template("UpdateGatewayRateLimit", parameters))
        except ServiceError as error:
            raise _raised(error) from error
        return self._answer(record)

    def delete(self, physical_id: str, props: Properties) -> None:
        """Remove the limit; one that is gone is no error."""
        try:
            agentcore.delete_rate_limit(_scope(), *physical_id.split("|", 1))
        except ServiceError as error:
            if error.status != 404:
                raise _raised(error) from error

    def _answer(self, record: Record) -> Created:
        names = ("gatewayIdentifier", "rateLimitId", "status", "createdAt", "updatedAt")
        return f"{record['gatewayIdentifier']}|{record['rateLimitId']}", _attributes(record, names)


HANDLERS = {
    "AWS::BedrockAgentCore::Gateway": GatewayHandler(),
    "AWS::BedrockAgentCore::GatewayTarget": TargetHandler(),
    "AWS::BedrockAgentCore::OAuth2CredentialProvider": ProviderHandler(),
    "AWS::BedrockAgentCore::Policy": PolicyHandler(),
    "AWS::BedrockAgentCore::PolicyEngine": PolicyEngineHandler(),
    "AWS::BedrockAgentCore::ResourcePolicy": ResourcePolicyHandler(),
    "AWS::BedrockAgentCore::GatewayRateLimit": RateLimitHandler(),
}

# Service (as requests are signed for it) to what answers its REST API; None from it leaves a request to ministack.
APIS = {"bedrock-agentcore": handle}
