"""Readers of nested stacks, the token issuer and the gateway."""

from collections.abc import Mapping
from typing import Any

from tests.end_to_end.read_back import Account, Reader, Reading
from tests.end_to_end.shapes import capitalised, chosen

Wanted = Mapping[str, Any]


def stack(account: Account, physical_id: str, wanted: Wanted) -> Reading:
    """Reads AWS::CloudFormation::Stack; its template is named by the file that holds the same."""
    cloudformation = account.client("cloudformation")
    (found,) = cloudformation.describe_stacks(StackName=physical_id)["Stacks"]
    body = cloudformation.get_template(StackName=physical_id, TemplateStage="Original")["TemplateBody"]
    same = [file for file, text in account.texts.items() if text == body]
    return Reading(
        {
            "Parameters": {one["ParameterKey"]: one["ParameterValue"] for one in found["Parameters"]},
            "TemplateURL": same[0] if same else None,
            **chosen(found, "TimeoutInMinutes"),
        }
    )


def user_pool(account: Account, physical_id: str, wanted: Wanted) -> Reading:
    """Reads AWS::Cognito::UserPool."""
    return Reading(account.client("cognito-idp").describe_user_pool(UserPoolId=physical_id)["UserPool"])


def user_pool_domain(account: Account, physical_id: str, wanted: Wanted) -> Reading:
    """Reads AWS::Cognito::UserPoolDomain."""
    found = account.client("cognito-idp").describe_user_pool_domain(Domain=physical_id)["DomainDescription"]
    return Reading(chosen(found, "Domain", "ManagedLoginVersion", "UserPoolId"))


def resource_server(account: Account, physical_id: str, wanted: Wanted) -> Reading:
    """Reads AWS::Cognito::UserPoolResourceServer of the wanted pool."""
    answer = account.client("cognito-idp").describe_resource_server(
        UserPoolId=wanted["UserPoolId"], Identifier=physical_id
    )
    return Reading(answer["ResourceServer"])


def user_pool_client(account: Account, physical_id: str, wanted: Wanted) -> Reading:
    """Reads AWS::Cognito::UserPoolClient of the wanted pool; one made with a secret has one."""
    answer = account.client("cognito-idp").describe_user_pool_client(
        UserPoolId=wanted["UserPoolId"], ClientId=physical_id
    )
    found = answer["UserPoolClient"]
    return Reading({**found, "GenerateSecret": "ClientSecret" in found}, chosen(found, "ClientId", "ClientSecret"))


def credential_provider(account: Account, physical_id: str, wanted: Wanted) -> Reading:
    """Reads AWS::BedrockAgentCore::OAuth2CredentialProvider, whose physical id is its ARN, without the secret."""
    client = account.client("bedrock-agentcore-control")
    answer = client.get_oauth2_credential_provider(name=physical_id.rpartition("/")[2])
    found = capitalised(
        client,
        "GetOauth2CredentialProvider",
        "oauth2ProviderConfigOutput",
        answer["oauth2ProviderConfigOutput"],
    )
    custom = found["CustomOauth2ProviderConfig"]
    custom["ClientSecretSource"] = answer.get("clientSecretSource")
    custom["ClientSecretConfig"] = {
        "SecretId": answer.get("clientSecretArn", {}).get("secretArn"),
        "JsonKey": answer.get("clientSecretJsonKey"),
    }
    return Reading(
        {
            "CredentialProviderVendor": answer["credentialProviderVendor"],
            "Name": answer["name"],
            "Oauth2ProviderConfigInput": found,
        }
    )


def gateway(account: Account, physical_id: str, wanted: Wanted) -> Reading:
    """Reads AWS::BedrockAgentCore::Gateway."""
    client = account.client("bedrock-agentcore-control")
    answer = client.get_gateway(gatewayIdentifier=physical_id)
    members = (
        *("authorizerType", "description", "kmsKeyArn", "name", "policyEngineConfiguration"),
        *("protocolConfiguration", "protocolType", "roleArn"),
    )
    found = {
        name[0].upper() + name[1:]: capitalised(client, "GetGateway", name, answer[name])
        for name in members
        if name in answer
    }
    return Reading(found, {"GatewayArn": answer["gatewayArn"], "GatewayIdentifier": answer["gatewayId"]})


def gateway_target(account: Account, physical_id: str, wanted: Wanted) -> Reading:
    """Reads AWS::BedrockAgentCore::GatewayTarget: `<gateway>|<target>`."""
    client = account.client("bedrock-agentcore-control")
    identifier, target = physical_id.split("|")
    answer = client.get_gateway_target(gatewayIdentifier=identifier, targetId=target)
    members = ("credentialProviderConfigurations", "description", "name", "privateEndpoint", "targetConfiguration")
    found = {
        name[0].upper() + name[1:]: capitalised(client, "GetGatewayTarget", name, answer[name])
        for name in members
        if name in answer
    }
    return Reading({**found, "GatewayIdentifier": answer["gatewayArn"].rpartition("/")[2]})


def rate_limit(account: Account, physical_id: str, wanted: Wanted) -> Reading:
    """Reads AWS::BedrockAgentCore::GatewayRateLimit: `<gateway>|<limit>`."""
    client = account.client("bedrock-agentcore-control")
    identifier, limit = physical_id.split("|")
    answer = client.get_gateway_rate_limit(gatewayIdentifier=identifier, rateLimitId=limit)
    members = ("description", "dimensionKeys", "entries", "gatewayIdentifier", "rateLimitId")
    found = {
        name[0].upper() + name[1:]: capitalised(client, "GetGatewayRateLimit", name, answer[name])
        for name in members
        if name in answer
    }
    return Reading(found)


def resource_policy(account: Account, physical_id: str, wanted: Wanted) -> Reading:
    """Reads AWS::BedrockAgentCore::ResourcePolicy, whose physical id is the ARN of the resource that carries it."""
    answer = account.client("bedrock-agentcore-control").get_resource_policy(resourceArn=physical_id)
    return Reading({"Policy": answer["policy"], "ResourceArn": physical_id})


def policy_engine(account: Account, physical_id: str, wanted: Wanted) -> Reading:
    """Reads AWS::BedrockAgentCore::PolicyEngine, whose physical id is its ARN."""
    client = account.client("bedrock-agentcore-control")
    answer = client.get_policy_engine(policyEngineId=physical_id.rpartition("/")[2])
    found = {"Name": answer["name"], "Description": answer["description"]}
    return Reading(found, {"PolicyEngineArn": answer["policyEngineArn"], "PolicyEngineId": answer["policyEngineId"]})


def access_policy(account: Account, physical_id: str, wanted: Wanted) -> Reading:
    """Reads AWS::BedrockAgentCore::Policy, whose physical id is its ARN; the validation mode is not kept."""
    client = account.client("bedrock-agentcore-control")
    _, engine, _, policy = physical_id.split("/")
    answer = client.get_policy(policyEngineId=engine, policyId=policy)
    return Reading(
        {
            "Name": answer["name"],
            "PolicyEngineId": answer["policyEngineId"],
            "Definition": capitalised(client, "GetPolicy", "definition", answer["definition"]),
        }
    )


READERS: Mapping[str, Reader] = {
    "AWS::BedrockAgentCore::Gateway": gateway,
    "AWS::BedrockAgentCore::GatewayRateLimit": rate_limit,
    "AWS::BedrockAgentCore::GatewayTarget": gateway_target,
    "AWS::BedrockAgentCore::OAuth2CredentialProvider": credential_provider,
    "AWS::BedrockAgentCore::Policy": access_policy,
    "AWS::BedrockAgentCore::PolicyEngine": policy_engine,
    "AWS::BedrockAgentCore::ResourcePolicy": resource_policy,
    "AWS::CloudFormation::Stack": stack,
    "AWS::Cognito::UserPool": user_pool,
    "AWS::Cognito::UserPoolClient": user_pool_client,
    "AWS::Cognito::UserPoolDomain": user_pool_domain,
    "AWS::Cognito::UserPoolResourceServer": resource_server,
}
