"""Current properties of roles, policies, secrets, certificates, names, registries, issuers and gateways."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from emulator import bridge
from emulator.bridge_drift import Reader
from emulator.drift.shapes import Current, Properties, chosen, document, like, listed, present

_REPOSITORY = ("RepositoryName", "ImageTagMutability", "ImageScanningConfiguration")
_RECORD = ("Name", "Type", "TTL", "ResourceRecords", "AliasTarget")


def _managed_policy(physical_id: str, props: Properties) -> Current:
    client = bridge.client("iam")
    found = present(lambda: client.get_policy(PolicyArn=physical_id)["Policy"])
    if not found:
        return None
    version = client.get_policy_version(PolicyArn=physical_id, VersionId=found["DefaultVersionId"])["PolicyVersion"]
    return {
        "Description": found.get("Description", ""),
        "PolicyDocument": document(props.get("PolicyDocument"), version["Document"]),
    }


def _role(physical_id: str, props: Properties) -> Current:
    client = bridge.client("iam")
    found = present(lambda: client.get_role(RoleName=physical_id)["Role"])
    if not found:
        return None
    names = client.list_role_policies(RoleName=physical_id)["PolicyNames"]
    wanted = {item["PolicyName"]: item["PolicyDocument"] for item in props.get("Policies") or ()}
    policies = []
    for name in names:
        held = client.get_role_policy(RoleName=physical_id, PolicyName=name)["PolicyDocument"]
        policies.append({"PolicyName": name, "PolicyDocument": document(wanted.get(name), held)})
    attached = client.list_attached_role_policies(RoleName=physical_id)["AttachedPolicies"]
    trust = document(props.get("AssumeRolePolicyDocument"), found["AssumeRolePolicyDocument"])
    return {
        **chosen(props, found, "RoleName", "Path", "Description", "MaxSessionDuration"),
        "AssumeRolePolicyDocument": trust,
        "ManagedPolicyArns": [item["PolicyArn"] for item in attached],
        "PermissionsBoundary": found.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
        "Policies": policies,
        "Tags": found.get("Tags", []),
    }


def _secret(physical_id: str, props: Properties) -> Current:
    found = present(lambda: bridge.client("secretsmanager").describe_secret(SecretId=physical_id))
    if not found or "DeletedDate" in found:
        return None
    return chosen(props, found, "Name", "Description", "KmsKeyId") | {"Tags": found.get("Tags", [])}


def _certificate(physical_id: str, props: Properties) -> Current:
    found = present(lambda: bridge.client("acm").describe_certificate(CertificateArn=physical_id)["Certificate"])
    return chosen(props, found, "DomainName") if found else None


def _record_set(physical_id: str, props: Properties) -> Current:
    zone, name, kind = str(props.get("HostedZoneId", "")), str(props["Name"]).rstrip("."), str(props["Type"])
    pages = bridge.client("route53").get_paginator("list_resource_record_sets").paginate(HostedZoneId=zone)
    found = present(lambda: [item for page in pages for item in page["ResourceRecordSets"]]) or []
    here = [item for item in found if item["Name"].rstrip(".") == name and item["Type"] == kind]
    if not here:
        return None
    current = {**here[0], "Name": props["Name"]}
    current["ResourceRecords"] = [item["Value"] for item in here[0].get("ResourceRecords") or ()] or None
    alias, wanted = dict(here[0].get("AliasTarget") or {}), props.get("AliasTarget") or {}
    if str(alias.get("DNSName", "")).rstrip(".").lower() == str(wanted.get("DNSName", "")).rstrip(".").lower():
        alias["DNSName"] = wanted.get("DNSName")
    return chosen(props, {**current, "AliasTarget": alias or None}, *_RECORD)


def _bucket(physical_id: str, props: Properties) -> Current:
    client = bridge.client("s3")
    if present(lambda: client.get_bucket_location(Bucket=physical_id)) is None:
        return None
    current: dict[str, Any] = {"BucketName": physical_id}
    blocked = present(lambda: client.get_public_access_block(Bucket=physical_id))
    current["PublicAccessBlockConfiguration"] = (blocked or {}).get("PublicAccessBlockConfiguration", {})
    current["VersioningConfiguration"] = {"Status": client.get_bucket_versioning(Bucket=physical_id).get("Status")}
    return chosen(props, current)


def _bucket_policy(physical_id: str, props: Properties) -> Current:
    found = present(lambda: bridge.client("s3").get_bucket_policy(Bucket=str(props["Bucket"])))
    return {"PolicyDocument": document(props.get("PolicyDocument"), found["Policy"])} if found else None


def _topic_attributes(topic: str) -> dict[str, str]:
    found: dict[str, str] = bridge.client("sns").get_topic_attributes(TopicArn=topic)["Attributes"]
    return found


def _topic_policy(physical_id: str, props: Properties) -> Current:
    held = []
    for topic in props.get("Topics") or ():
        found = present(partial(_topic_attributes, str(topic)))
        if found is None or "Policy" not in found:
            return None
        held.append(document(props.get("PolicyDocument"), found["Policy"]))
    different = [item for item in held if item != props.get("PolicyDocument")]
    return {"PolicyDocument": (different or held or [None])[0]}


def _repository(physical_id: str, props: Properties) -> Current:
    found = present(lambda: bridge.client("ecr").describe_repositories(repositoryNames=[physical_id])["repositories"])
    if not found:
        return None
    scanning = found[0].get("imageScanningConfiguration") or {}
    current = {
        "RepositoryName": found[0]["repositoryName"],
        "ImageTagMutability": found[0]["imageTagMutability"],
        "ImageScanningConfiguration": {"ScanOnPush": scanning.get("scanOnPush", False)},
    }
    return chosen(props, current)


def _user_pool(physical_id: str, props: Properties) -> Current:
    found = present(lambda: bridge.client("cognito-idp").describe_user_pool(UserPoolId=physical_id)["UserPool"])
    return {} if found else None


def _pool_client(physical_id: str, props: Properties) -> Current:
    pool = str(props["UserPoolId"])
    found = present(
        lambda: bridge.client("cognito-idp").describe_user_pool_client(UserPoolId=pool, ClientId=physical_id)
    )
    return chosen(props, found["UserPoolClient"], *_CLIENT) if found else None


_CLIENT = ("AllowedOAuthFlows", "AllowedOAuthScopes", "AllowedOAuthFlowsUserPoolClient", "ExplicitAuthFlows")


def _pool_domain(physical_id: str, props: Properties) -> Current:
    found = bridge.client("cognito-idp").describe_user_pool_domain(Domain=str(props["Domain"]))["DomainDescription"]
    return chosen(props, found, "UserPoolId") if found else None


def _resource_server(physical_id: str, props: Properties) -> Current:
    identity = {"UserPoolId": str(props["UserPoolId"]), "Identifier": str(props["Identifier"])}
    found = present(lambda: bridge.client("cognito-idp").describe_resource_server(**identity)["ResourceServer"])
    if not found:
        return None
    scopes = listed(found.get("Scopes") or [], props.get("Scopes"), "ScopeName", "ScopeDescription")
    return {"Name": like(props.get("Name"), found["Name"]), "Scopes": scopes}


def _gateway(physical_id: str, props: Properties) -> Current:
    client = bridge.client("bedrock-agentcore-control")
    found = present(lambda: client.get_gateway(gatewayIdentifier=physical_id))
    return _described(found, "name", "description", "authorizerType", "roleArn")


def _gateway_target(physical_id: str, props: Properties) -> Current:
    gateway, target = physical_id.split("|")
    client = bridge.client("bedrock-agentcore-control")
    found = present(lambda: client.get_gateway_target(gatewayIdentifier=gateway, targetId=target))
    return _described(found, "name", "description")


def _provider(physical_id: str, props: Properties) -> Current:
    client = bridge.client("bedrock-agentcore-control")
    found = present(lambda: client.get_oauth2_credential_provider(name=physical_id.rpartition("/")[2]))
    return _described(found, "name")


def _described(found: Mapping[str, Any] | None, *names: str) -> Current:
    if found is None:
        return None
    return {name[0].upper() + name[1:]: found[name] for name in names if found.get(name) is not None}


_POOL = "AWS::Cognito::UserPool"
READERS: Mapping[str, tuple[Reader, tuple[str, ...]]] = {
    "AWS::BedrockAgentCore::Gateway": (_gateway, ("Name", "Description", "AuthorizerType", "RoleArn")),
    "AWS::BedrockAgentCore::GatewayTarget": (_gateway_target, ("Name", "Description")),
    "AWS::BedrockAgentCore::OAuth2CredentialProvider": (_provider, ("Name",)),
    "AWS::CertificateManager::Certificate": (_certificate, ("DomainName",)),
    _POOL: (_user_pool, ()),
    f"{_POOL}Client": (_pool_client, _CLIENT),
    f"{_POOL}Domain": (_pool_domain, ("UserPoolId",)),
    f"{_POOL}ResourceServer": (_resource_server, ("Name", "Scopes")),
    "AWS::ECR::Repository": (_repository, _REPOSITORY),
    "AWS::IAM::ManagedPolicy": (_managed_policy, ("Description", "PolicyDocument")),
    "AWS::IAM::Role": (
        _role,
        (
            "RoleName",
            "Path",
            "Description",
            "MaxSessionDuration",
            "AssumeRolePolicyDocument",
            "ManagedPolicyArns",
            "PermissionsBoundary",
            "Policies",
            "Tags",
        ),
    ),
    "AWS::Route53::RecordSet": (_record_set, _RECORD),
    "AWS::S3::Bucket": (_bucket, ("BucketName", "PublicAccessBlockConfiguration", "VersioningConfiguration")),
    "AWS::S3::BucketPolicy": (_bucket_policy, ("PolicyDocument",)),
    "AWS::SNS::TopicPolicy": (_topic_policy, ("PolicyDocument",)),
    "AWS::SecretsManager::Secret": (_secret, ("Name", "Description", "KmsKeyId", "Tags")),
}
