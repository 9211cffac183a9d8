"""What the service, the gateway, the token issuer and the firewall use.

Sources: the pricing pages of AWS Fargate, Amazon Bedrock AgentCore, Amazon Cognito, AWS Secrets Manager and AWS WAF;
"Understand Fargate capacity providers" (ECS developer guide) for how base and weights share tasks out.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from generator.cost import items
from generator.cost.items import Item
from generator.cost.metering import FIREWALL, GATEWAY, ISSUER, TASKS, Site, Usage, tasks
from generator.cost.operations_meters import server_metrics
from generator.cost.traffic import HOURS, Amount, always

FREE_STORAGE_GB: Final = 20
SPOT: Final = "FARGATE_SPOT"
_CPU_AND_MEMORY: Final[Mapping[tuple[bool, bool], tuple[Item, Item]]] = {
    (False, False): (items.VCPU_HOUR, items.MEMORY_HOUR),
    (True, False): (items.ARM_VCPU_HOUR, items.ARM_MEMORY_HOUR),
    (False, True): (items.SPOT_VCPU_HOUR, items.SPOT_MEMORY_HOUR),
    (True, True): (items.SPOT_ARM_VCPU_HOUR, items.SPOT_ARM_MEMORY_HOUR),
}
"""Items by ARM or not, and Spot or not."""


def service(site: Site, title: str) -> Iterator[Usage]:
    """The hours of the tasks' processors, memory and storage, On-Demand and on Spot, and the metrics they write."""
    definition = site.property(title, "TaskDefinition").logical_id
    vcpu, memory = float(site.property(definition, "Cpu")) / 1024, float(site.property(definition, "Memory")) / 1024
    arm = (site.property(definition, "RuntimePlatform") or {}).get("CpuArchitecture") == "ARM64"
    storage = (site.property(definition, "EphemeralStorage") or {}).get("SizeInGiB", FREE_STORAGE_GB)
    running = tasks(site)
    for spot, share in _shared_out(running, site.property(title, "CapacityProviderStrategy") or []):
        cpu_item, memory_item = _CPU_AND_MEMORY[arm, spot]
        size = f"{vcpu:g} vCPU, {memory:g} GB{', ARM' if arm else ''}{', Spot' if spot else ''}"
        yield Usage(TASKS, cpu_item, share.times(vcpu * HOURS), f"vCPU of {_count(share)} ({size})")
        yield Usage(TASKS, memory_item, share.times(memory * HOURS), f"memory of {_count(share)}")
    beyond = max(0.0, float(storage) - FREE_STORAGE_GB)
    if beyond:
        yield Usage(TASKS, items.EPHEMERAL_HOUR, running.times(beyond * HOURS), "storage beyond 20 GB")
    yield server_metrics(site)


def _shared_out(running: Amount, strategy: list[dict[str, Any]]) -> Iterator[tuple[bool, Amount]]:
    """Yields whether tasks are on Spot, with how many: the base first, the rest by weight."""
    weights = {one["CapacityProvider"]: float(one.get("Weight", 0)) for one in strategy}
    base = sum(float(one.get("Base", 0)) for one in strategy if one["CapacityProvider"] != SPOT)
    part = weights.get(SPOT, 0) / (sum(weights.values()) or 1)
    spot = Amount(*(max(0.0, count - base) * part for count in (running.low, running.expected, running.high)))
    yield False, running - spot
    if part:
        yield True, spot


def _count(amount: Amount) -> str:
    least, most = f"{amount.low:g}", f"{amount.high:g}"
    return f"{least} tasks" if least == most else f"{least} to {most} tasks"


def gateway(site: Site, title: str) -> Iterator[Usage]:
    """A gateway's requests and searches, and its index of tools where it searches by meaning."""
    searches = site.traffic.searches
    yield Usage(GATEWAY, items.INVOCATIONS, site.traffic.requests - searches, "calls and listings")
    protocol = site.property(title, "ProtocolConfiguration") or {}
    if protocol.get("Mcp", {}).get("SearchType") == "SEMANTIC":
        yield Usage(GATEWAY, items.SEARCHES, searches, "searches by meaning")
        yield Usage(GATEWAY, items.TOOL_INDEX, always(site.traffic.tools), f"index of {site.traffic.tools} tools")


def gateway_target(site: Site, title: str) -> Iterator[Usage]:
    """What a gateway sends into a VPC."""
    if site.property(title, "PrivateEndpoint"):
        yield Usage(GATEWAY, items.GATEWAY_VPC_GB, site.traffic.payload, "into the VPC")


def policy_engine(site: Site, title: str) -> Iterator[Usage]:
    """A policy engine's decisions, one a request."""
    yield Usage(GATEWAY, items.AUTHORIZATIONS, site.traffic.requests, "policy decisions")


def credential_provider(site: Site, title: str) -> Iterator[Usage]:
    """The secret that AgentCore keeps for a provider, where it is not told of one that is there.

    Machine learning blog, "Reference your own AWS Secrets Manager secrets in Amazon Bedrock AgentCore Identity".
    Tokens that a gateway asks AgentCore Identity for are free.
    """
    config = site.property(title, "Oauth2ProviderConfigInput") or {}
    if not any(isinstance(one, dict) and one.get("ClientSecretSource") == "EXTERNAL" for one in config.values()):
        yield Usage(ISSUER, items.SECRET, always(1), "secret of the credential provider")


def secret(site: Site, title: str) -> Iterator[Usage]:
    """A secret."""
    yield Usage(ISSUER, items.SECRET, always(1), "secret of the token client")


def token_client(site: Site, title: str) -> Iterator[Usage]:
    """Tokens that a client asks for: one a lifetime while there are requests, and three for a busy gateway."""
    minutes = float(site.property(title, "AccessTokenValidity"))
    lifetimes = HOURS * 60 / minutes
    used = lifetimes if site.traffic.requests_per_day else 0
    yield Usage(ISSUER, items.TOKEN_REQUESTS, Amount(0, used, used * 3), f"tokens, one every {minutes:g} minutes")


def web_acl(site: Site, title: str) -> Iterator[Usage]:
    """A web ACL, its rules, and the requests that it looks at."""
    rules = len(site.property(title, "Rules") or ())
    yield Usage(FIREWALL, items.WEB_ACL, always(1), "web ACLs")
    yield Usage(FIREWALL, items.WEB_ACL_RULE, always(rules), "rules")
    yield Usage(FIREWALL, items.WEB_ACL_REQUESTS, site.traffic.requests, "requests looked at")
