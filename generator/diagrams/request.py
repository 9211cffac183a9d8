"""The way of one tool call, message by message, as far as the resources that exist say it."""

from collections.abc import Iterator
from typing import Any

from generator.diagrams import architecture as a
from generator.evaluation import Deployment
from generator.symbols import referenced


def participants(found: a.Architecture) -> dict[str, str]:
    """Returns who takes part in a call, by the names that the messages use."""
    named = {"Agent": "Agent", "Gateway": "AgentCore Gateway"}
    if found.node(a.POLICY_ENGINE):
        named["Engine"] = "Policy engine"
    if found.node(a.ISSUER):
        named["Issuer"] = "Token issuer"
    return named | {"Balancer": "Load balancer", "Server": "FastMCP server"}


def messages(deployment: Deployment, found: a.Architecture) -> tuple[str, ...]:
    """Returns the messages of a call in Mermaid's form."""
    return tuple(_messages(deployment, found))


def _messages(deployment: Deployment, found: a.Architecture) -> Iterator[str]:
    filtered = {edge.end for edge in found.edges if edge.label == "filters"}
    (gateway,) = deployment.existing(a.GATEWAY)
    (balancer,) = deployment.existing(a.LOAD_BALANCER)
    yield "Agent->>Gateway: tools/call, signed (SigV4)"
    if gateway in filtered:
        yield "Note over Gateway: AWS WAF: reputation, bad inputs, rates"
    yield "Gateway->>Gateway: IAM: may this caller invoke the gateway?"
    if deployment.existing("AWS::BedrockAgentCore::GatewayRateLimit"):
        yield "Gateway->>Gateway: rate limits by principal and by tool"
    if found.node(a.POLICY_ENGINE):
        yield "Gateway->>Engine: may this principal call this tool?"
        yield "Engine-->>Gateway: permit or forbid"
    target = next(iter(deployment.existing(a.TARGET)), None)
    if target is None:
        yield "Note over Gateway: no target yet"
        return
    if found.node(a.ISSUER):
        yield "opt no token, or an old one"
        yield "    Gateway->>Issuer: client credentials"
        yield f"    Issuer-->>Gateway: token, {_lifetime(deployment)}"
        yield "end"
    endpoint = deployment.property(target, "TargetConfiguration")["Mcp"]["McpServer"]["Endpoint"]
    entry = " by a private endpoint" if deployment.property(target, "PrivateEndpoint") else ""
    yield f"Gateway->>Balancer: POST /{str(endpoint).partition('//')[2].partition('/')[2]}, HTTPS with the token{entry}"
    if balancer in filtered:
        yield "Note over Balancer: AWS WAF: reputation, bad inputs, requests without a token"
    if found.node(a.ISSUER):
        yield "Balancer->>Issuer: public keys, now and then"
    yield f"Balancer->>Balancer: {', '.join(_claims(deployment))}"
    for port in _ports(deployment):
        yield f"Balancer->>Server: HTTP to port {port} of the task with the fewest open requests"
    if _environment(deployment).get("REQUIRE_TOKEN") == "on":
        yield "Server->>Server: host, token and bounds once more, then the tool"
    else:
        yield "Server->>Server: host and bounds, then the tool"
    yield "Server-->>Balancer: result"
    yield "Balancer-->>Gateway: result"
    yield "Gateway-->>Agent: result"


def _lifetime(deployment: Deployment) -> str:
    for client in deployment.existing("AWS::Cognito::UserPoolClient"):
        return f"good for {deployment.property(client, 'AccessTokenValidity')} minutes"
    return "good for a while"


def _claims(deployment: Deployment) -> Iterator[str]:
    """Yields what the listener checks of a token."""
    for listener in deployment.existing("AWS::ElasticLoadBalancingV2::Listener"):
        for action in deployment.property(listener, "DefaultActions"):
            if action["Type"] == "jwt-validation":
                yield "signature and issuer"
                yield from (str(one["Name"]) for one in action["JwtValidationConfig"].get("AdditionalClaims", ()))


def _ports(deployment: Deployment) -> Iterator[Any]:
    for service in deployment.existing(a.SERVICE):
        for title in dict.fromkeys(referenced(deployment.property(service, "LoadBalancers"))):
            yield deployment.property(title, "Port")


def _environment(deployment: Deployment) -> dict[str, Any]:
    for definition in deployment.existing(a.TASK_DEFINITION):
        container = deployment.property(definition, "ContainerDefinitions")[0]
        return {one["Name"]: one["Value"] for one in container.get("Environment", ())}
    return {}
