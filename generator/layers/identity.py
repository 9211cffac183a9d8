"""Who may speak to the load balancer: the OAuth 2.0 issuer, its one client and the gateway's way to its tokens."""

from dataclasses import dataclass
from typing import Any

from troposphere import AWSHelperFn, Join, Ref, Sub, cognito, secretsmanager
from troposphere import bedrockagentcore as agentcore

from generator import conditions as c
from generator import parameters as p
from generator import protection
from generator.composition import Layer, Scope, Value, wire
from generator.names import bounded_name

RESOURCE_SERVER = "mcp-runtime"
SCOPE_NAME = "invoke"
CLIENT_SECRET_KEY = "client_secret"  # noqa: S105  # the key, not the secret
ACCESS_TOKEN_MINUTES = 60
EMPTY_ISSUER_REFUSED = dict.fromkeys(
    ("W1030", "W1031"), "the rule IssuerIsWhole refuses empty values with an existing issuer"
)
"""Why the empty default of an existing issuer's values never reaches a resource."""


@dataclass(frozen=True)
class Inputs:
    """The issuer needs nothing of other layers."""


@dataclass(frozen=True)
class Outputs:
    """What the load balancer checks and what the gateway asks for."""

    issuer: Value = wire("Issuer (iss) of valid tokens.")
    jwks_url: Value = wire("URL of the issuer's public keys.")
    scope: Value = wire("Scope that valid tokens carry.")
    client_id: Value = wire("Id of the gateway's client.")
    client_secret_arn: Value = wire("ARN of the secret that holds the client's secret.")
    credential_provider_arn: Value = wire("ARN of the AgentCore credential provider that gets the gateway's tokens.")


def build(scope: Scope, inputs: Inputs) -> Outputs:
    """Adds a Cognito user pool with one client for client credentials, or takes the existing issuer, and the provider.

    The client's secret goes from Cognito into Secrets Manager within this layer and never into an output.
    """
    pool = _user_pool(scope)
    domain = scope.add(
        cognito.UserPoolDomain(
            "UserPoolDomain",
            Domain=Join("-", ["mcp", Ref("AWS::AccountId"), scope.suffix]),
            UserPoolId=pool.ref(),
        ),
        "Token endpoint of the issuer; the name says only account and stack, since Cognito reserves some words.",
        c.CREATES_ISSUER,
    )
    client = _client(scope, pool)
    secret = scope.add(
        secretsmanager.Secret(
            "ClientSecret",
            KmsKeyId=protection.key(scope),
            Description=Join(" ", ["Token client of the MCP runtime", scope.parameter(p.RUNTIME_NAME)]),
            SecretString=Sub(
                f'{{"client_id":"${{Id}}","{CLIENT_SECRET_KEY}":"${{Secret}}"}}',
                Id=client.get_att("ClientId"),
                Secret=client.get_att("ClientSecret"),
            ),
            DeletionPolicy="Delete",
            UpdateReplacePolicy="Delete",
        ),
        "Keeps the client's id and secret for the gateway.",
        c.CREATES_ISSUER,
    )
    issuer_url = Sub("https://cognito-idp.${AWS::Region}.${AWS::URLSuffix}/${Pool}", Pool=pool.ref())
    issuer = _made_or_given(scope, issuer_url, scope.parameter(p.ISSUER))
    jwks_url = _made_or_given(
        scope,
        Sub("https://cognito-idp.${AWS::Region}.${AWS::URLSuffix}/${Pool}/.well-known/jwks.json", Pool=pool.ref()),
        scope.parameter(p.JWKS_URL),
    )
    client_id = _made_or_given(scope, client.get_att("ClientId"), scope.parameter(p.CLIENT_ID))
    secret_arn = _made_or_given(scope, secret.ref(), _given(scope, p.CLIENT_SECRET_ARN))
    provider = scope.add(
        agentcore.OAuth2CredentialProvider(
            "CredentialProvider",
            Name=bounded_name(scope),
            CredentialProviderVendor="CustomOauth2",
            Oauth2ProviderConfigInput=agentcore.Oauth2ProviderConfigInput(
                CustomOauth2ProviderConfig=agentcore.CustomOauth2ProviderConfigInput(
                    OauthDiscovery=_made_or_given(
                        scope,
                        agentcore.Oauth2Discovery(AuthorizationServerMetadata=_server_metadata(issuer_url, domain)),
                        agentcore.Oauth2Discovery(DiscoveryUrl=_given(scope, p.DISCOVERY_URL)),
                    ),
                    ClientId=client_id,
                    ClientSecretSource="EXTERNAL",
                    ClientSecretConfig=agentcore.SecretReference(SecretId=secret_arn, JsonKey=CLIENT_SECRET_KEY),
                )
            ),
        ),
        "Gets the gateway's tokens from the issuer with the client's secret.",
        c.HAS_ENDPOINT,
        EMPTY_ISSUER_REFUSED,
    )
    return Outputs(
        issuer=_with_endpoint(scope, issuer),
        jwks_url=_with_endpoint(scope, jwks_url),
        scope=_with_endpoint(scope, _made_or_given(scope, f"{RESOURCE_SERVER}/{SCOPE_NAME}", scope.parameter(p.SCOPE))),
        client_id=_with_endpoint(scope, client_id),
        client_secret_arn=_with_endpoint(scope, secret_arn),
        credential_provider_arn=_with_endpoint(scope, provider.ref()),
    )


def _server_metadata(issuer: Value, domain: cognito.UserPoolDomain) -> agentcore.Oauth2AuthorizationServerMetadata:
    # Not the discovery URL: the endpoints' reference to the domain makes the provider wait for it.
    host = "https://${Domain}.auth.${AWS::Region}.amazoncognito.com"
    return agentcore.Oauth2AuthorizationServerMetadata(
        Issuer=issuer,
        AuthorizationEndpoint=Sub(f"{host}/oauth2/authorize", Domain=domain.ref()),
        TokenEndpoint=Sub(f"{host}/oauth2/token", Domain=domain.ref()),
    )


def _given(scope: Scope, parameter: p.RootParameter) -> Sub:
    # Not a plain reference: cfn-lint reports one's empty default at the parameter, where no exception can stand.
    return Sub("${Given}", Given=scope.parameter(parameter))


def _with_endpoint(scope: Scope, value: Value) -> AWSHelperFn:
    return scope.choose(c.HAS_ENDPOINT, value, "")


def _made_or_given(scope: Scope, made: Any, given: Any) -> AWSHelperFn:
    return scope.choose(c.CREATES_ISSUER, made, given)


def _user_pool(scope: Scope) -> cognito.UserPool:
    return scope.add(
        cognito.UserPool(
            "UserPool",
            UserPoolTier="ESSENTIALS",
            AdminCreateUserConfig=cognito.AdminCreateUserConfig(AllowAdminCreateUserOnly=True),
            DeletionProtection=scope.choose(c.IS_PROTECTED, "ACTIVE", "INACTIVE"),
            DeletionPolicy="Delete",
            UpdateReplacePolicy="Delete",
        ),
        "Issues the tokens with which the gateway speaks to the load balancer; it holds no users.",
        c.CREATES_ISSUER,
    )


def _client(scope: Scope, pool: cognito.UserPool) -> cognito.UserPoolClient:
    server = scope.add(
        cognito.UserPoolResourceServer(
            "ResourceServer",
            UserPoolId=pool.ref(),
            Identifier=RESOURCE_SERVER,
            Name=RESOURCE_SERVER,
            Scopes=[
                cognito.ResourceServerScopeType(ScopeName=SCOPE_NAME, ScopeDescription="Call the MCP runtime's tools")
            ],
        ),
        "Defines the scope that a token must carry.",
        c.CREATES_ISSUER,
    )
    return scope.add(
        cognito.UserPoolClient(
            "UserPoolClient",
            UserPoolId=pool.ref(),
            GenerateSecret=True,
            AllowedOAuthFlowsUserPoolClient=True,
            AllowedOAuthFlows=["client_credentials"],
            AllowedOAuthScopes=[f"{RESOURCE_SERVER}/{SCOPE_NAME}"],
            AccessTokenValidity=ACCESS_TOKEN_MINUTES,
            TokenValidityUnits=cognito.TokenValidityUnits(AccessToken="minutes"),
            EnableTokenRevocation=True,
            PreventUserExistenceErrors="ENABLED",
            DependsOn=server.title,
        ),
        "The only client of the issuer: the gateway, by client credentials.",
        c.CREATES_ISSUER,
    )


LAYER = Layer("Identity", "Token issuer, client and credential provider of the MCP runtime.", 15, Outputs, build)
