"""A small runtime as a template: what the data plane's tests deploy, whole or broken in one place."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

HOST = "mcp.data.example.com"
ZONE = "data.example.com"
REPOSITORY = "server"
SCOPE = "tools/call"
EXAMPLE_TOOLS = [
    {"Name": "TOOL_PACKAGES", "Value": "server.tools,tests.server.example_tools"},
]
"""Where the server's tests keep theirs; the working directory is the project's."""


@dataclass(frozen=True)
class Variation:
    """What of the runtime is made, and what of it is wrong."""

    port: int = 3000
    path: str = "/mcp"
    health_path: str = "/ready"
    certificate_name: str = HOST
    credential: bool = True
    token_permission: bool = True
    attached: bool = True
    service: bool = True
    named: bool = True
    gateway: bool = True
    target_before_service: bool = False
    image: str = ""
    log_level: str = "INFO"
    rate: int = 100
    secret: str = "${Setting}"
    access_mode: str = ""
    access: tuple[str, ...] = ()
    engine_permission: bool = True
    examples: bool = False
    private: bool = False
    """Whether the load balancer is internal, and the target has a private endpoint,"""
    entered: bool = True
    """unless this is false,"""
    admitted: bool = True
    """and whether the load balancer's security group admits the endpoint's,"""
    own_network: bool = True
    """which stands in the load balancer's VPC."""


def image_manifest() -> str:
    """Return the manifest that stands for the server's image."""
    return json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": []})


def image_digest() -> str:
    """Return the digest under which ECR keeps ``image_manifest``."""
    return "sha256:" + hashlib.sha256(image_manifest().encode()).hexdigest()


def ref(name: str) -> dict[str, str]:
    """Return Ref."""
    return {"Ref": name}


def att(name: str, attribute: str) -> dict[str, list[str]]:
    """Return Fn::GetAtt."""
    return {"Fn::GetAtt": [name, attribute]}


def sub(text: str) -> dict[str, str]:
    """Return Fn::Sub."""
    return {"Fn::Sub": text}


def _trust(service: str) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def _role(service: str, statements: list[dict[str, Any]]) -> dict[str, Any]:
    policies = [{"PolicyName": "own", "PolicyDocument": {"Version": "2012-10-17", "Statement": statements}}]
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {"AssumeRolePolicyDocument": _trust(service), "Policies": policies if statements else []},
    }


def template(variation: Variation, zone_id: str) -> str:
    """Return the template's text."""
    resources = _network() | _identity() | _balancer(variation, zone_id)
    if variation.private:
        resources |= _groups(variation)
    if variation.service:
        resources |= _service(variation)
    if variation.gateway:
        resources |= _gateway(variation)
    outputs = {
        "Pool": {"Value": ref("Pool")},
        "Client": {"Value": ref("Client")},
        "ClientSecret": {"Value": att("Client", "ClientSecret")},
        "Group": {"Value": ref("Group")},
        "Cluster": {"Value": ref("Cluster")},
    }
    if variation.service:
        outputs["Service"] = {"Value": att("Service", "Name")}
    if variation.gateway:
        outputs["Gateway"] = {"Value": att("Gateway", "GatewayIdentifier")}
        outputs["GatewayUrl"] = {"Value": att("Gateway", "GatewayUrl")}
    return json.dumps({"Resources": resources, "Outputs": outputs})


def _network() -> dict[str, Any]:
    return {
        "Network": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.9.0.0/16"}},
        "SubnetA": {
            "Type": "AWS::EC2::Subnet",
            "Properties": {
                "VpcId": ref("Network"),
                "CidrBlock": "10.9.0.0/24",
                "AvailabilityZone": sub("${AWS::Region}a"),
            },
        },
        "SubnetB": {
            "Type": "AWS::EC2::Subnet",
            "Properties": {
                "VpcId": ref("Network"),
                "CidrBlock": "10.9.1.0/24",
                "AvailabilityZone": sub("${AWS::Region}b"),
            },
        },
    }


def _groups(variation: Variation) -> dict[str, Any]:
    rules = [{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "SourceSecurityGroupId": att("Entering", "GroupId")}]
    return {
        "Entering": {
            "Type": "AWS::EC2::SecurityGroup",
            "Properties": {"GroupDescription": "gateway", "VpcId": ref("Network")},
        },
        "Admitting": {
            "Type": "AWS::EC2::SecurityGroup",
            "Properties": {
                "GroupDescription": "load balancer",
                "VpcId": ref("Network"),
                "SecurityGroupIngress": rules if variation.admitted else [],
            },
        },
    }


def _private_endpoint(variation: Variation) -> dict[str, Any]:
    return {
        "ManagedVpcResource": {
            "VpcIdentifier": ref("Network") if variation.own_network else "vpc-00000000",
            "SubnetIds": [ref("SubnetA"), ref("SubnetB")],
            "EndpointIpAddressType": "IPV4",
            "SecurityGroupIds": [att("Entering", "GroupId")],
            "RoutingDomain": att("Balancer", "DNSName"),
        }
    }


def _identity() -> dict[str, Any]:
    return {
        "Pool": {"Type": "AWS::Cognito::UserPool", "Properties": {"UserPoolName": sub("${AWS::StackName}-pool")}},
        "Domain": {
            "Type": "AWS::Cognito::UserPoolDomain",
            "Properties": {"UserPoolId": ref("Pool"), "Domain": sub("${AWS::StackName}-${AWS::AccountId}")},
        },
        "Server": {
            "Type": "AWS::Cognito::UserPoolResourceServer",
            "Properties": {
                "UserPoolId": ref("Pool"),
                "Identifier": "tools",
                "Name": "tools",
                "Scopes": [{"ScopeName": "call", "ScopeDescription": "Call tools"}],
            },
        },
        "Client": {
            "Type": "AWS::Cognito::UserPoolClient",
            "DependsOn": ["Server"],
            "Properties": {
                "UserPoolId": ref("Pool"),
                "GenerateSecret": True,
                "AllowedOAuthFlows": ["client_credentials"],
                "AllowedOAuthFlowsUserPoolClient": True,
                "AllowedOAuthScopes": [SCOPE],
            },
        },
        "ClientCredential": {
            "Type": "AWS::SecretsManager::Secret",
            "Properties": {
                "SecretString": {"Fn::Sub": ['{"client_secret":"${S}"}', {"S": att("Client", "ClientSecret")}]}
            },
        },
    }


def _balancer(variation: Variation, zone_id: str) -> dict[str, Any]:
    issuer = {"Fn::Sub": "https://cognito-idp.${AWS::Region}.amazonaws.com/${Pool}"}
    keys = {"Fn::Sub": "https://cognito-idp.${AWS::Region}.amazonaws.com/${Pool}/.well-known/jwks.json"}
    check = {
        "Type": "jwt-validation",
        "Order": 1,
        "JwtValidationConfig": {
            "Issuer": issuer,
            "JwksEndpoint": keys,
            "AdditionalClaims": [{"Format": "space-separated-values", "Name": "scope", "Values": [SCOPE]}],
        },
    }
    resources: dict[str, Any] = {
        "Certificate": {
            "Type": "AWS::CertificateManager::Certificate",
            "Properties": {"DomainName": variation.certificate_name, "ValidationMethod": "DNS"},
        },
        "Balancer": {
            "Type": "AWS::ElasticLoadBalancingV2::LoadBalancer",
            "Properties": {"Subnets": [ref("SubnetA"), ref("SubnetB")], "Scheme": "internet-facing"},
        },
        "Group": {
            "Type": "AWS::ElasticLoadBalancingV2::TargetGroup",
            "Properties": {
                "VpcId": ref("Network"),
                "Protocol": "HTTP",
                "Port": variation.port,
                "TargetType": "ip",
                "HealthCheckPath": variation.health_path,
                "HealthCheckIntervalSeconds": 10,
                "HealthyThresholdCount": 2,
                "UnhealthyThresholdCount": 3,
            },
        },
        "Listener": {
            "Type": "AWS::ElasticLoadBalancingV2::Listener",
            "Properties": {
                "LoadBalancerArn": ref("Balancer"),
                "Port": 443,
                "Protocol": "HTTPS",
                "SslPolicy": "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09",
                "Certificates": [{"CertificateArn": ref("Certificate")}],
                "DefaultActions": [
                    check,
                    {
                        "Type": "fixed-response",
                        "Order": 2,
                        "FixedResponseConfig": {
                            "StatusCode": "404",
                            "ContentType": "text/plain",
                            "MessageBody": "none",
                        },
                    },
                ],
            },
        },
        "Redirect": {
            "Type": "AWS::ElasticLoadBalancingV2::Listener",
            "Properties": {
                "LoadBalancerArn": ref("Balancer"),
                "Port": 80,
                "Protocol": "HTTP",
                "DefaultActions": [
                    {
                        "Type": "redirect",
                        "RedirectConfig": {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"},
                    }
                ],
            },
        },
        "Name": {
            "Type": "AWS::Route53::RecordSet",
            "Properties": {
                "HostedZoneId": zone_id,
                "Name": HOST,
                "Type": "A",
                "AliasTarget": {
                    "DNSName": att("Balancer", "DNSName"),
                    "HostedZoneId": att("Balancer", "CanonicalHostedZoneID"),
                },
            },
        },
    }
    if not variation.named:
        del resources["Name"]
    if variation.private:
        own = {"Scheme": "internal", "SecurityGroups": [att("Admitting", "GroupId")]}
        resources["Balancer"]["Properties"] |= own
    if variation.attached:
        resources["Rule"] = {
            "Type": "AWS::ElasticLoadBalancingV2::ListenerRule",
            "Properties": {
                "ListenerArn": ref("Listener"),
                "Priority": 10,
                "Conditions": [
                    {"Field": "host-header", "HostHeaderConfig": {"Values": [HOST]}},
                    {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/mcp", "/mcp/"]}},
                ],
                "Actions": [check, {"Type": "forward", "Order": 2, "TargetGroupArn": ref("Group")}],
            },
        }
    return resources


def _service(variation: Variation) -> dict[str, Any]:
    image = variation.image or image_digest()
    return {
        "Logs": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": sub("/${AWS::StackName}/server")}},
        "Setting": {"Type": "AWS::SecretsManager::Secret", "Properties": {"SecretString": '{"motto":"per aspera"}'}},
        "ExecutionRole": _role(
            "ecs-tasks.amazonaws.com",
            [{"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": ref("Setting")}],
        ),
        "Cluster": {"Type": "AWS::ECS::Cluster", "Properties": {}},
        "Providers": {
            "Type": "AWS::ECS::ClusterCapacityProviderAssociations",
            "Properties": {
                "Cluster": ref("Cluster"),
                "CapacityProviders": ["FARGATE", "FARGATE_SPOT"],
                "DefaultCapacityProviderStrategy": [{"CapacityProvider": "FARGATE", "Weight": 1}],
            },
        },
        "Task": {
            "Type": "AWS::ECS::TaskDefinition",
            "Properties": {
                "RequiresCompatibilities": ["FARGATE"],
                "NetworkMode": "awsvpc",
                "Cpu": "256",
                "Memory": "512",
                "ExecutionRoleArn": att("ExecutionRole", "Arn"),
                "ContainerDefinitions": [
                    {
                        "Name": "server",
                        "Image": sub(
                            f"${{AWS::AccountId}}.dkr.ecr.${{AWS::Region}}.amazonaws.com/{REPOSITORY}@{image}"
                        ),
                        "PortMappings": [{"ContainerPort": variation.port}],
                        "StopTimeout": 20,
                        "Environment": [
                            {"Name": "LOG_LEVEL", "Value": variation.log_level},
                            {"Name": "ALLOWED_HOSTS", "Value": HOST},
                            *(EXAMPLE_TOOLS if variation.examples else []),
                        ],
                        "Secrets": [{"Name": "TOOL_SECRETS", "ValueFrom": sub(variation.secret)}],
                        "LogConfiguration": {
                            "LogDriver": "awslogs",
                            "Options": {
                                "awslogs-group": ref("Logs"),
                                "awslogs-region": ref("AWS::Region"),
                                "awslogs-stream-prefix": "task",
                            },
                        },
                    }
                ],
            },
        },
        "Service": {
            "Type": "AWS::ECS::Service",
            "DependsOn": ["Listener", "Providers", *(["Rule"] if variation.attached else [])],
            "Properties": {
                "Cluster": ref("Cluster"),
                "TaskDefinition": ref("Task"),
                "CapacityProviderStrategy": [{"CapacityProvider": "FARGATE", "Weight": 1}],
                "DeploymentConfiguration": {"DeploymentCircuitBreaker": {"Enable": True, "Rollback": True}},
                "NetworkConfiguration": {"AwsvpcConfiguration": {"Subnets": [ref("SubnetA"), ref("SubnetB")]}},
                "LoadBalancers": [
                    {"ContainerName": "server", "ContainerPort": variation.port, "TargetGroupArn": ref("Group")}
                ],
            },
        },
    }


ENGINE = ("policy-engine", "gateway")


def _attachment(variation: Variation) -> dict[str, Any]:
    if not variation.access_mode:
        return {}
    attached = {"Arn": att("Engine", "PolicyEngineArn"), "Mode": variation.access_mode}
    return {"PolicyEngineConfiguration": attached}


def _access(variation: Variation) -> dict[str, Any]:
    if not variation.access_mode:
        return {}
    engine = {"Type": "AWS::BedrockAgentCore::PolicyEngine", "Properties": {"Name": "tools_engine"}}
    policies = {
        f"Access{number}": {
            "Type": "AWS::BedrockAgentCore::Policy",
            "DependsOn": "Target",
            "Properties": {
                "Name": f"access_{number}",
                "PolicyEngineId": att("Engine", "PolicyEngineId"),
                "Definition": {"Cedar": {"Statement": sub(statement.replace("<gateway>", "${Gateway.GatewayArn}"))}},
                "ValidationMode": "IGNORE_ALL_FINDINGS",
            },
        }
        for number, statement in enumerate(variation.access)
    }
    return {"Engine": engine, **policies}


def _gateway(variation: Variation) -> dict[str, Any]:
    directory = "arn:aws:bedrock-agentcore:${AWS::Region}:${AWS::AccountId}:workload-identity-directory/default"
    statements: list[dict[str, Any]] = [
        {
            "Effect": "Allow",
            "Action": "bedrock-agentcore:GetWorkloadAccessToken",
            "Resource": [sub(directory), sub(directory + "/workload-identity/tools-*")],
        },
        {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": ref("ClientCredential")},
    ]
    if variation.token_permission:
        statements.append(
            {"Effect": "Allow", "Action": "bedrock-agentcore:GetResourceOauth2Token", "Resource": ref("Provider")}
        )
    if variation.access_mode and variation.engine_permission:
        asked = [
            sub(f"arn:aws:bedrock-agentcore:${{AWS::Region}}:${{AWS::AccountId}}:{kind}/tools*") for kind in ENGINE
        ]
        actions = ("GetPolicyEngine", "AuthorizeAction", "PartiallyAuthorizeActions")
        names = [f"bedrock-agentcore:{action}" for action in actions]
        statements.append({"Effect": "Allow", "Action": names, "Resource": asked})
    credential = {
        "CredentialProviderType": "OAUTH",
        "CredentialProvider": {"OauthCredentialProvider": {"ProviderArn": ref("Provider"), "Scopes": [SCOPE]}},
    }
    target: dict[str, Any] = {
        "Name": "main",
        "GatewayIdentifier": ref("Gateway"),
        "TargetConfiguration": {"Mcp": {"McpServer": {"Endpoint": f"https://{HOST}{variation.path}"}}},
    }
    if variation.credential:
        target["CredentialProviderConfigurations"] = [credential]
    if variation.private and variation.entered:
        target["PrivateEndpoint"] = _private_endpoint(variation)
    waits = [*(["Name"] if variation.named else []), *(["Rule"] if variation.attached else [])]
    if variation.service and not variation.target_before_service:
        waits.append("Service")
    issuer = "https://cognito-idp.${AWS::Region}.amazonaws.com/${Pool}"
    return {
        "Provider": {
            "Type": "AWS::BedrockAgentCore::OAuth2CredentialProvider",
            "Properties": {
                "Name": sub("${AWS::StackName}-provider"),
                "CredentialProviderVendor": "CustomOauth2",
                "Oauth2ProviderConfigInput": {
                    "CustomOauth2ProviderConfig": {
                        "OauthDiscovery": {"DiscoveryUrl": sub(issuer + "/.well-known/openid-configuration")},
                        "ClientId": ref("Client"),
                        "ClientSecretSource": "EXTERNAL",
                        "ClientSecretConfig": {"SecretId": ref("ClientCredential"), "JsonKey": "client_secret"},
                    }
                },
            },
        },
        "GatewayRole": _role("bedrock-agentcore.amazonaws.com", statements),
        "Gateway": {
            "Type": "AWS::BedrockAgentCore::Gateway",
            "Properties": {
                "Name": "tools",
                "AuthorizerType": "AWS_IAM",
                "RoleArn": att("GatewayRole", "Arn"),
                "ProtocolConfiguration": {
                    "Mcp": {
                        "SearchType": "SEMANTIC",
                        "SupportedVersions": ["2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"],
                        "StreamingConfiguration": {"EnableResponseStreaming": "true"},
                    }
                },
                **_attachment(variation),
            },
        },
        **_access(variation),
        "Target": {"Type": "AWS::BedrockAgentCore::GatewayTarget", "DependsOn": waits, "Properties": target},
        "Limit": {
            "Type": "AWS::BedrockAgentCore::GatewayRateLimit",
            "Properties": {
                "GatewayIdentifier": ref("Gateway"),
                "DimensionKeys": ["$.context.iam.principal"],
                "Entries": [
                    {
                        "Dimensions": {"$.context.iam.principal": "*"},
                        "Requests": [{"Period": "second", "Rate": variation.rate}],
                    }
                ],
            },
        },
    }
