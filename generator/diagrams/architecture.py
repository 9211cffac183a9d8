"""The architecture of a deployment: who calls what, and where it stands, read from the resources that exist.

Nothing here is drawn by hand: a node stands for resources that exist under the deployment's values, an edge for a
property in which one names the other, and whether something is in a public subnet is told by its route table.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from generator.evaluation import Deployment
from generator.symbols import referenced

Group = Literal["", "public", "private"]
AGENT: Final = "Agent"
REGISTRY: Final = "Registry"
MONITORING: Final = "Monitoring"
LOAD_BALANCER: Final = "AWS::ElasticLoadBalancingV2::LoadBalancer"
SERVICE: Final = "AWS::ECS::Service"
TASK_DEFINITION: Final = "AWS::ECS::TaskDefinition"
TARGET: Final = "AWS::BedrockAgentCore::GatewayTarget"
GATEWAY: Final = "AWS::BedrockAgentCore::Gateway"
POLICY_ENGINE: Final = "AWS::BedrockAgentCore::PolicyEngine"
PROVIDER: Final = "AWS::BedrockAgentCore::OAuth2CredentialProvider"
ISSUER: Final = "AWS::Cognito::UserPool"
FIREWALL: Final = "AWS::WAFv2::WebACL"
NAT: Final = "AWS::EC2::NatGateway"


@dataclass(frozen=True)
class Node:
    """Something in the picture: `kind` is a resource type, or the constant's own name; `lines` are its label."""

    name: str
    kind: str
    lines: tuple[str, ...]
    group: Group = ""


@dataclass(frozen=True)
class Edge:
    """Who calls whom, and how, or who gives what; `beside` where it is not on a request's way."""

    start: str
    end: str
    label: str
    beside: bool = False


@dataclass(frozen=True)
class Architecture:
    """The nodes and edges of the picture."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]

    def node(self, kind: str) -> Node | None:
        """Returns the first node of a kind."""
        return next((node for node in self.nodes if node.kind == kind), None)


def architecture(deployment: Deployment) -> Architecture:
    """Returns the architecture of a deployment under the values that it was given."""
    found = _Reading(deployment)
    nodes = tuple(found.nodes())
    names = {node.name for node in nodes}
    edges = dict.fromkeys(edge for edge in found.edges() if {edge.start, edge.end} <= names)
    return Architecture(nodes, tuple(edges))


class _Reading:
    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.public = self._public_subnets()

    def of(self, kind: str) -> tuple[str, ...]:
        return self.deployment.existing(kind)

    def get(self, title: str, name: str) -> Any:
        return self.deployment.property(title, name)

    def refers(self, title: str, name: str, kind: str) -> Iterator[str]:
        """Yields the resources of a type that a property refers to."""
        for other in dict.fromkeys(referenced(self.get(title, name))):
            if other in self.deployment.homes and self.deployment.type(other) == kind:
                yield other

    def _public_subnets(self) -> frozenset[str]:
        """Returns the subnets whose route table leads to the internet gateway."""
        open_tables = {
            table
            for route in self.of("AWS::EC2::Route")
            if any(self.refers(route, "GatewayId", "AWS::EC2::InternetGateway"))
            for table in self.refers(route, "RouteTableId", "AWS::EC2::RouteTable")
        }
        return frozenset(
            subnet
            for association in self.of("AWS::EC2::SubnetRouteTableAssociation")
            if open_tables & set(self.refers(association, "RouteTableId", "AWS::EC2::RouteTable"))
            for subnet in self.refers(association, "SubnetId", "AWS::EC2::Subnet")
        )

    def placed(self, value: Any) -> Group:
        subnets = [one for one in referenced(value) if self.deployment.type(one) == "AWS::EC2::Subnet"]
        if not subnets:
            return ""
        return "public" if self.public.issuperset(subnets) else "private"

    def nodes(self) -> Iterator[Node]:
        yield Node(AGENT, AGENT, ("Agent",))
        for gateway in self.of(GATEWAY):
            protocol = (self.get(gateway, "ProtocolConfiguration") or {}).get("Mcp", {})
            search = "tools by meaning" if protocol.get("SearchType") == "SEMANTIC" else "tools"
            inbound = str(self.get(gateway, "AuthorizerType")).removeprefix("AWS_")
            yield Node(gateway, GATEWAY, ("AgentCore Gateway", f"{inbound} inbound, {search}"))
        for engine in self.of(POLICY_ENGINE):
            yield Node(engine, POLICY_ENGINE, ("Policy engine", "who may call which tool"))
        for firewall in self.of(FIREWALL):
            yield Node(firewall, FIREWALL, ("AWS WAF", f"{len(self.get(firewall, 'Rules'))} rules"))
        for issuer in self.of(ISSUER):
            yield Node(issuer, ISSUER, ("Token issuer", "Amazon Cognito"))
        for balancer in self.of(LOAD_BALANCER):
            place = self.placed(self.get(balancer, "Subnets"))
            yield Node(balancer, LOAD_BALANCER, ("Load balancer", str(self.get(balancer, "Scheme"))), place)
        for service in self.of(SERVICE):
            network = self.get(service, "NetworkConfiguration")
            yield Node(service, SERVICE, ("Fargate tasks", self._tasks()), self.placed(network))
        gateways = self.of(NAT)
        if gateways:
            count = f"{len(gateways)} NAT gateways" if len(gateways) > 1 else "NAT gateway"
            yield Node(gateways[0], NAT, (count,), self.placed(self.get(gateways[0], "SubnetId")))
        alarms = len(self.of("AWS::CloudWatch::Alarm"))
        if alarms:
            yield Node(MONITORING, MONITORING, ("Amazon CloudWatch", f"logs, {alarms} alarms, dashboard"))
        if any(".dkr.ecr." in str(self.get(one, "ContainerDefinitions")) for one in self.of(TASK_DEFINITION)):
            yield Node(REGISTRY, REGISTRY, ("Amazon ECR", "image by digest"))

    def _tasks(self) -> str:
        for target in self.of("AWS::ApplicationAutoScaling::ScalableTarget"):
            return f"{self.get(target, 'MinCapacity')} to {self.get(target, 'MaxCapacity')}, FastMCP server"
        return "FastMCP server"

    def edges(self) -> Iterator[Edge]:
        for gateway in self.of(GATEWAY):
            yield Edge(AGENT, gateway, "MCP, SigV4")
            for engine in self.refers(gateway, "PolicyEngineConfiguration", POLICY_ENGINE):
                yield Edge(gateway, engine, "asks", True)
        for association in self.of("AWS::WAFv2::WebACLAssociation"):
            for firewall in self.refers(association, "WebACLArn", FIREWALL):
                for protected in referenced(self.get(association, "ResourceArn")):
                    yield Edge(firewall, protected, "filters", True)
        yield from self._through_the_target()
        yield from self._behind_the_load_balancer()

    def _through_the_target(self) -> Iterator[Edge]:
        for target in self.of(TARGET):
            gateways = [*self.refers(target, "GatewayIdentifier", GATEWAY)]
            endpoint = self.get(target, "TargetConfiguration")["Mcp"]["McpServer"]["Endpoint"]
            private = ", private endpoint" if self.get(target, "PrivateEndpoint") else ""
            balancers = [*self._named(str(endpoint))] or [*self.of(LOAD_BALANCER)]
            for gateway in gateways:
                yield from (Edge(gateway, one, f"HTTPS, OAuth token{private}") for one in balancers)
                for provider in self.refers(target, "CredentialProviderConfigurations", PROVIDER):
                    for issuer in self.refers(provider, "Oauth2ProviderConfigInput", ISSUER):
                        yield Edge(issuer, gateway, "token for client credentials", True)

    def _named(self, url: str) -> Iterator[str]:
        """Yields the load balancers to which the records of a URL's host lead."""
        for record in self.of("AWS::Route53::RecordSet"):
            if url.startswith(f"https://{self.get(record, 'Name')}/"):
                yield from self.refers(record, "AliasTarget", LOAD_BALANCER)

    def _behind_the_load_balancer(self) -> Iterator[Edge]:
        for listener in self.of("AWS::ElasticLoadBalancingV2::Listener"):
            for balancer in self.refers(listener, "LoadBalancerArn", LOAD_BALANCER):
                for issuer in self.refers(listener, "DefaultActions", ISSUER):
                    yield Edge(issuer, balancer, "public keys", True)
                for group in self._forwarded(listener):
                    port = self.get(group, "Port")
                    for service in self.of(SERVICE):
                        if group in referenced(self.get(service, "LoadBalancers")):
                            yield Edge(balancer, service, f"{self.get(group, 'Protocol')} {port}")
        for service in self.of(SERVICE):
            yield Edge(service, MONITORING, "JSON logs", True)
            yield Edge(service, REGISTRY, "pulls", True)
            yield from (Edge(service, nat, "out", True) for nat in self.of(NAT)[:1])

    def _forwarded(self, listener: str) -> Iterator[str]:
        group = "AWS::ElasticLoadBalancingV2::TargetGroup"
        yield from self.refers(listener, "DefaultActions", group)
        for rule in self.of("AWS::ElasticLoadBalancingV2::ListenerRule"):
            if listener in referenced(self.get(rule, "ListenerArn")):
                yield from self.refers(rule, "Actions", group)
