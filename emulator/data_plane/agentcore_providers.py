"""AgentCore's OAuth2 credential providers, and the tokens that a gateway gets through them."""

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from emulator.data_plane import shapes
from emulator.data_plane.agentcore import Scope, not_found
from emulator.data_plane.agentcore_store import Record
from emulator.data_plane.credentials import CredentialError, fetch_token
from emulator.data_plane.errors import ServiceError

_VAULT = "token-vault/default/oauth2credentialprovider"


def create_provider(scope: Scope, parameters: Mapping[str, Any]) -> Record:
    """Make a provider. Names are unique per account and Region (service model); an EXTERNAL secret must exist and hold
    the key.
    """
    shapes.validate("CreateOauth2CredentialProvider", parameters)
    for name in ("name", "credentialProviderVendor", "oauth2ProviderConfigInput"):
        if not parameters.get(name):
            raise ServiceError("ValidationException", f"{name} must be set")
    name = str(parameters["name"])
    if name in scope.records.providers:
        text = f"Credential provider with name: {name} already exists"
        raise ServiceError("ValidationException", text)
    record = _record(scope, name, parameters)
    with scope.store.change(scope.account, scope.region) as records:
        records.providers[name] = record
    return record


def update_provider(scope: Scope, parameters: Mapping[str, Any]) -> Record:
    """Replace a provider's configuration. Refuses another vendor (create-only in the resource schema)."""
    shapes.validate("UpdateOauth2CredentialProvider", parameters)
    known = provider_of(scope, str(parameters["name"]))
    if parameters["credentialProviderVendor"] != known["credentialProviderVendor"]:
        raise ServiceError("ValidationException", "The vendor of a credential provider cannot be changed")
    record = {**_record(scope, str(parameters["name"]), parameters), "createdTime": known["createdTime"]}
    if known["clientSecretSource"] == "MANAGED" and record["clientSecretSource"] == "EXTERNAL":
        scope.platform.delete_secret(known["clientSecretArn"]["secretArn"])
    with scope.store.change(scope.account, scope.region) as records:
        records.providers[str(parameters["name"])] = record
    return record


def delete_provider(scope: Scope, name: str) -> Record:
    """Remove a provider, and its secret when AgentCore made it."""
    provider = provider_of(scope, name)
    if provider["clientSecretSource"] == "MANAGED":
        scope.platform.delete_secret(provider["clientSecretArn"]["secretArn"])
    with scope.store.change(scope.account, scope.region) as records:
        del records.providers[name]
    return {}


def provider_of(scope: Scope, name: str) -> Record:
    """Return a provider's record. Raises ServiceError when there is none."""
    provider = scope.records.providers.get(name)
    if provider is None:
        raise not_found("Credential provider", name)
    return provider


def provider_by_arn(scope: Scope, arn: str) -> Record:
    """Return a provider's record. Raises ServiceError when there is none."""
    for provider in scope.records.providers.values():
        if provider["credentialProviderArn"] == arn:
            return provider
    raise not_found("Credential provider", arn)


def _record(scope: Scope, name: str, parameters: Mapping[str, Any]) -> Record:
    if parameters["credentialProviderVendor"] != "CustomOauth2":
        text = "Only the vendor CustomOauth2 is emulated; test other vendors on AWS"
        raise ServiceError("ValidationException", text)
    config = parameters["oauth2ProviderConfigInput"].get("customOauth2ProviderConfig")
    if config is None:
        raise ServiceError("ValidationException", "customOauth2ProviderConfig is required for CustomOauth2")
    source = str(config.get("clientSecretSource") or "MANAGED")
    reference = config.get("clientSecretConfig")
    if source == "EXTERNAL":
        if not reference or config.get("clientSecret"):
            text = "clientSecretSource EXTERNAL needs clientSecretConfig and no clientSecret"
            raise ServiceError("ValidationException", text)
        secret_arn, key = str(reference["secretId"]), str(reference["jsonKey"])
        _client_secret(scope, secret_arn, key)
    else:
        if reference or not config.get("clientSecret"):
            text = "clientSecretSource MANAGED needs clientSecret and no clientSecretConfig"
            raise ServiceError("ValidationException", text)
        key = "client_secret"
        secret_arn = scope.platform.put_secret(
            f"bedrock-agentcore-identity!default/oauth2/{name}", json.dumps({key: config["clientSecret"]})
        )
    shown = {k: v for k, v in config.items() if not k.startswith("clientSecret")}
    now = time.time()
    return {
        "name": name,
        "credentialProviderVendor": parameters["credentialProviderVendor"],
        "credentialProviderArn": scope.arn(f"{_VAULT}/{name}"),
        "clientSecretArn": {"secretArn": secret_arn},
        "clientSecretJsonKey": key,
        "clientSecretSource": source,
        "callbackUrl": f"https://bedrock-agentcore.{scope.region}.amazonaws.com/identities/oauth2/callback/{name}",
        "oauth2ProviderConfigOutput": {"customOauth2ProviderConfig": shown},
        "status": "READY",
        "tags": parameters.get("tags") or {},
        "createdTime": now,
        "lastUpdatedTime": now,
    }


def _client_secret(scope: Scope, secret_id: str, key: str) -> str:
    content = scope.platform.secret(secret_id)
    if content is None:
        raise ServiceError("ValidationException", f"The secret {secret_id} does not exist")
    try:
        value = json.loads(content)[key]
    except (ValueError, KeyError, TypeError):
        raise ServiceError("ValidationException", f"The secret {secret_id} has no JSON key {key}") from None
    return str(value)


def token_for(
    scope: Scope, gateway: Record, provider: Record, scopes: Sequence[str], parameters: Mapping[str, str]
) -> str:
    """Return an access token as the gateway gets it: its role must allow each step (AgentCore developer guide, outbound
    authorization). Raises
    CredentialError.
    """
    identity = str(gateway["workloadIdentityDetails"]["workloadIdentityArn"])
    secret_arn = str(provider["clientSecretArn"]["secretArn"])
    needed = (
        ("bedrock-agentcore:GetWorkloadAccessToken", identity.rpartition("/workload-identity/")[0]),
        ("bedrock-agentcore:GetWorkloadAccessToken", identity),
        ("bedrock-agentcore:GetResourceOauth2Token", str(provider["credentialProviderArn"])),
        ("secretsmanager:GetSecretValue", secret_arn),
    )
    for action, resource in needed:
        if not scope.platform.role_allows(str(gateway["roleArn"]), action, resource):
            text = f"{gateway['roleArn']} is not authorized to perform: {action} on resource: {resource}"
            raise CredentialError(text)
    if not scope.platform.decrypts(str(gateway["roleArn"]), secret_arn):
        raise CredentialError(f"{gateway['roleArn']} may not decrypt {secret_arn}: Access to KMS is not allowed")
    try:
        secret = _client_secret(scope, secret_arn, str(provider["clientSecretJsonKey"]))
    except ServiceError as error:
        raise CredentialError(str(error)) from error
    configuration = provider["oauth2ProviderConfigOutput"]["customOauth2ProviderConfig"]
    return fetch_token(configuration, secret, scopes, parameters, outbound=scope.outbound)
