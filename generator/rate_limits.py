"""The gateway's rate limits: calls a minute of one principal, and of one tool.

Sources: resource provider schema of AWS::BedrockAgentCore::GatewayRateLimit; AgentCore developer guide, "Add rate
limits to a gateway" and "Rate limit enforcement". All limits must let a request pass; `*` stands for each value by
itself; a gateway lets pass what it cannot count, so a limit keeps order and is no boundary of security.
"""

from typing import Final

from troposphere import bedrockagentcore as agentcore

from generator import conditions as c
from generator import parameters as p
from generator import serving
from generator.composition import Condition, Scope
from generator.parameters import RootParameter

PERIOD: Final = "minute"


def add(scope: Scope, gateway: agentcore.Gateway) -> None:
    """Adds a limit for each of the two rates that is not zero, where AgentCore has limits.

    Dimensions are fixed when a limit is made, and no two limits of a gateway may have the same: another dimension is
    another resource with another id, never a change of one of these.
    """
    _limit(scope, gateway, "Principal", serving.LIMITED_PRINCIPAL, p.CALLS_PER_PRINCIPAL, c.LIMITS_PRINCIPALS)
    _limit(scope, gateway, "Tool", serving.LIMITED_TOOL, p.CALLS_PER_TOOL, c.LIMITS_TOOLS)


def _limit(
    scope: Scope, gateway: agentcore.Gateway, of: str, dimension: str, rate: RootParameter, when: Condition
) -> None:
    scope.add(
        agentcore.GatewayRateLimit(
            f"{of}RateLimit",
            GatewayIdentifier=gateway.get_att("GatewayIdentifier"),
            RateLimitId=f"requests-per-{of.lower()}",
            Description=f"Requests a minute of each {of.lower()}.",
            DimensionKeys=[dimension],
            Entries=[
                agentcore.LimitEntry(
                    Dimensions={dimension: "*"},
                    Requests=[agentcore.RateConfig(Period=PERIOD, Rate=scope.setting(rate))],
                )
            ],
        ),
        f"Bounds the requests a minute of each {of.lower()} at the gateway.",
        when,
    )
