"""The gateway: the one address that agents call, who may call it, and its target once tasks answer."""

from dataclasses import dataclass
from typing import Final

from awacs import bedrock_agentcore as agentcore_actions
from awacs import s3 as s3_actions
from awacs import secretsmanager as secretsmanager_actions
from awacs.aws import Allow, AWSPrincipal, Statement
from troposphere import Join, NoValue, Partition, Split, iam, wafv2
from troposphere import bedrockagentcore as agentcore

from generator import conditions as c
from generator import parameters as p
from generator import policy_engine, protection, rate_limits, serving
from generator.composition import Layer, Scope, Value, wire, wire_list
from generator.layers.identity import EMPTY_ISSUER_REFUSED
from generator.names import bounded_name
from generator.policies import allow, policy, policy_text, regional_arn, trust

NO_SCHEMA_REFUSED: Final = {
    "W1032": "The URI of the tool schema is empty only where the tools are not pinned, as the rule"
    " PinnedToolsNeedSchema says, and then this policy is not there."
}


@dataclass(frozen=True)
class Inputs:
    """Where the gateway forwards and with what token."""

    served_endpoint_url: Value = wire("URL of the MCP endpoint, once tasks answer there; empty without an endpoint.")
    scope: Value = wire("Scope that valid tokens carry.")
    client_secret_arn: Value = wire("ARN of the secret that holds the client's secret.")
    credential_provider_arn: Value = wire("ARN of the AgentCore credential provider that gets the gateway's tokens.")
    gateway_web_acl_arn: Value = wire("ARN of the gateway's web ACL; empty without a firewall.")
    vpc_id: Value = wire("VPC of the runtime.")
    private_subnet_ids: Value = wire_list("Subnets of the private endpoint.")
    gateway_security_group_id: Value = wire("Security group of the private endpoint; empty without one.")
    load_balancer_dns_name: Value = wire("DNS name of the load balancer, to which the private endpoint leads.")


@dataclass(frozen=True)
class Outputs:
    """What agents and operators need to know of the gateway."""

    gateway_id: Value = wire("Id of the gateway.")
    gateway_arn: Value = wire("ARN of the gateway.")
    gateway_url: Value = wire("URL that agents call, signed for bedrock-agentcore.")
    gateway_target_id: Value = wire("Id of the gateway's target; empty without a target.")
    caller_policy_arn: Value = wire("ARN of the policy that lets an identity call the gateway.")


def build(scope: Scope, inputs: Inputs) -> Outputs:
    """Adds the gateway with its role, target, resource policy, callers' policy and web ACL association."""
    role = _role(scope, inputs)
    engine = policy_engine.add_engine(scope, role)
    gateway = scope.add(
        agentcore.Gateway(
            "Gateway",
            Name=bounded_name(scope),
            RoleArn=role.get_att("Arn"),
            KmsKeyArn=protection.key(scope),
            AuthorizerType="AWS_IAM",
            ProtocolConfiguration=agentcore.GatewayProtocolConfiguration(
                Mcp=agentcore.MCPGatewayConfiguration(
                    SearchType=scope.choose(c.HAS_SEMANTIC_SEARCH, "SEMANTIC", NoValue),
                    SupportedVersions=list(serving.PROTOCOL_VERSIONS),
                    StreamingConfiguration=agentcore.StreamingConfiguration(EnableResponseStreaming=True),
                )
            ),
            PolicyEngineConfiguration=policy_engine.attachment(scope, engine),
        ),
        "Admits agents by their IAM credentials and forwards their calls.",
    )
    target = scope.add(
        agentcore.GatewayTarget(
            "GatewayTarget",
            Name=serving.TARGET_NAME,
            # What is new in here makes AWS list the tools anew, in the same update and before the statements on them.
            Description=Join(" ", ["Tools of the image", scope.parameter(p.IMAGE_DIGEST)]),
            GatewayIdentifier=gateway.get_att("GatewayIdentifier"),
            TargetConfiguration=agentcore.TargetConfiguration(
                Mcp=agentcore.McpTargetConfiguration(
                    McpServer=agentcore.McpServerTargetConfiguration(
                        Endpoint=inputs.served_endpoint_url,
                        ListingMode="DEFAULT",
                        McpToolSchema=scope.choose(c.PINS_TOOLS, _tool_schema(scope), NoValue),
                    )
                )
            ),
            CredentialProviderConfigurations=[
                agentcore.CredentialProviderConfiguration(
                    CredentialProviderType="OAUTH",
                    CredentialProvider=agentcore.CredentialProvider(
                        OauthCredentialProvider=agentcore.OAuthCredentialProvider(
                            ProviderArn=inputs.credential_provider_arn,
                            Scopes=[inputs.scope],
                            GrantType="CLIENT_CREDENTIALS",
                        )
                    ),
                )
            ],
            PrivateEndpoint=scope.choose(c.IS_PRIVATE, _private_endpoint(inputs), NoValue),
        ),
        "Forwards calls to the load balancer. AWS lists the server's tools when it makes or updates this, unless they"
        " are pinned.",
        c.HAS_TARGET,
    )
    policy_engine.add_statements(scope, engine, gateway, target)
    _resource_policy(scope, gateway)
    rate_limits.add(scope, gateway)
    scope.add(
        wafv2.WebACLAssociation(
            "GatewayWebAclAssociation",
            ResourceArn=gateway.get_att("GatewayArn"),
            WebACLArn=inputs.gateway_web_acl_arn,
        ),
        "Puts the web ACL before the gateway.",
        c.HAS_FIREWALL,
    )
    caller_policy = scope.add(
        iam.ManagedPolicy(
            "CallerPolicy",
            Description="Lets an identity call the tools of one MCP runtime through its gateway.",
            PolicyDocument=policy(
                allow([agentcore_actions.InvokeGateway], [gateway.get_att("GatewayArn")], "CallGateway")
            ),
        ),
        "Attach this to the identities of agents that may call the gateway.",
    )
    return Outputs(
        gateway_id=gateway.get_att("GatewayIdentifier"),
        gateway_arn=gateway.get_att("GatewayArn"),
        gateway_url=gateway.get_att("GatewayUrl"),
        gateway_target_id=scope.choose(c.HAS_TARGET, target.get_att("TargetId"), ""),
        caller_policy_arn=caller_policy.ref(),
    )


def _private_endpoint(inputs: Inputs) -> agentcore.PrivateEndpoint:
    """How the gateway enters the VPC: AgentCore places network interfaces that lead to the internal load balancer.

    The certificate is checked against the endpoint's public name, which stays the server name of the TLS handshake
    (AgentCore developer guide, "Route traffic through an intermediate domain").
    """
    return agentcore.PrivateEndpoint(
        ManagedVpcResource=agentcore.ManagedVpcResource(
            VpcIdentifier=inputs.vpc_id,
            SubnetIds=inputs.private_subnet_ids,
            EndpointIpAddressType="IPV4",
            SecurityGroupIds=[inputs.gateway_security_group_id],
            RoutingDomain=inputs.load_balancer_dns_name,
        )
    )


def _tool_schema(scope: Scope) -> agentcore.McpToolSchemaConfiguration:
    return agentcore.McpToolSchemaConfiguration(
        S3=agentcore.S3Configuration(
            Uri=scope.parameter(p.TOOL_SCHEMA_URI), BucketOwnerAccountId=scope.parameter(p.TOOL_SCHEMA_ACCOUNT)
        )
    )


def _read_tool_schema(scope: Scope) -> iam.Policy:
    """What the developer guide asks for ("Set up permissions for AgentCore Gateway"): one object, without a secret.

    Users find that it is the identity that makes the target that reads (aws/agentcore-cli#1241); that one may, too.
    """
    # No Fn::Select: it would fail where there is no URI.
    place = Join("", Split("s3://", scope.parameter(p.TOOL_SCHEMA_URI)))
    return iam.Policy(
        PolicyName="read-tool-schema",
        PolicyDocument=policy(
            allow([s3_actions.GetObject], [Join("", ["arn:", Partition, ":s3:::", place])], "ReadToolSchema")
        ),
    )


def _role(scope: Scope, inputs: Inputs) -> iam.Role:
    name = bounded_name(scope)
    directory = "workload-identity-directory/default"
    vault = "token-vault/default"
    identities = [
        regional_arn("bedrock-agentcore", directory),
        regional_arn("bedrock-agentcore", f"{directory}/workload-identity/${{Name}}-*", Name=name),
    ]
    return scope.add(
        iam.Role(
            "GatewayRole",
            PermissionsBoundary=protection.boundary(scope),
            AssumeRolePolicyDocument=trust(
                "bedrock-agentcore.amazonaws.com",
                regional_arn("bedrock-agentcore", "gateway/${Name}-*", Name=name),
            ),
            Policies=[
                # Always there: a policy that came in the same update as the target might not be in force in time.
                iam.Policy(
                    PolicyName="get-token",
                    PolicyDocument=policy(
                        allow([agentcore_actions.GetWorkloadAccessToken], identities, "IdentifyGateway"),
                        allow(
                            [agentcore_actions.GetResourceOauth2Token],
                            [
                                *identities,
                                regional_arn("bedrock-agentcore", vault),
                                regional_arn(
                                    "bedrock-agentcore", f"{vault}/oauth2credentialprovider/${{Name}}", Name=name
                                ),
                            ],
                            "GetToken",
                        ),
                    ),
                ),
                policy_engine.role_policy(scope),
                scope.choose(
                    c.HAS_ENDPOINT,
                    iam.Policy(
                        PolicyName="read-client-secret",
                        PolicyDocument=policy(
                            allow(
                                [secretsmanager_actions.GetSecretValue], [inputs.client_secret_arn], "ReadClientSecret"
                            )
                        ),
                    ),
                    NoValue,
                ),
                protection.encrypts_gateway(scope),
                scope.choose(c.PINS_TOOLS, _read_tool_schema(scope), NoValue),
            ],
        ),
        "Lets the gateway get a token for the load balancer, ask its policy engine, and nothing else.",
        lint_exceptions=EMPTY_ISSUER_REFUSED | NO_SCHEMA_REFUSED,
    )


def _resource_policy(scope: Scope, gateway: agentcore.Gateway) -> None:
    document = policy(
        Statement(
            Sid="CallGateway",
            Effect=Allow,
            Principal=AWSPrincipal(["${Principals}"]),
            Action=[agentcore_actions.InvokeGateway],
            Resource=["${Gateway}"],
        )
    )
    scope.add(
        agentcore.ResourcePolicy(
            "GatewayResourcePolicy",
            ResourceArn=gateway.get_att("GatewayArn"),
            Policy=policy_text(
                document,
                {
                    "Principals": Join('","', scope.parameter(p.ALLOWED_PRINCIPALS)),
                    "Gateway": gateway.get_att("GatewayArn"),
                },
            ),
        ),
        "Lets the named principals call the gateway.",
        c.HAS_PRINCIPALS,
    )


LAYER = Layer("Gateway", "AgentCore Gateway of the MCP runtime and who may call it.", 30, Outputs, build)
