"""What bounds a runtime's callers, read back: the web ACLs before it and the gateway's rate limits."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError

from deployer.errors import RefusedError
from generator import parameters as p
from generator.parameters import RootParameter
from generator.presets import PRESET, PRESETS
from generator.serving import LIMITED_PRINCIPAL, LIMITED_TOOL, REGION_WITHOUT_RATE_LIMITS

NONE_THERE: Final = "WAFNonexistentItemException"
PROTECTED: Final = {"load balancer": "LoadBalancerArn", "gateway": "GatewayArn"}
"""What a web ACL stands before, with the output that holds its ARN."""
ACTIONS: Final = {"block": "Block", "count": "Count"}


@dataclass(frozen=True)
class Bounds:
    """What is asked for: the firewall's mode, empty without one, and requests a minute by the limit's dimension."""

    firewall: str
    rates: Mapping[str, int]

    def __bool__(self) -> bool:
        return bool(self.firewall or self.rates)


def wanted(parameters: Mapping[str, str], region: str) -> Bounds:
    """Returns what the root stack's parameters, by name, ask for; without them it is nothing."""
    if not parameters:
        return Bounds("", {})
    firewall = _setting(parameters, p.FIREWALL) == "on"
    rates = {LIMITED_PRINCIPAL: p.CALLS_PER_PRINCIPAL, LIMITED_TOOL: p.CALLS_PER_TOOL}
    found = {dimension: int(_setting(parameters, parameter)) for dimension, parameter in rates.items()}
    return Bounds(
        _setting(parameters, p.FIREWALL_MODE) if firewall else "",
        {} if region == REGION_WITHOUT_RATE_LIMITS else {name: rate for name, rate in found.items() if rate},
    )


def told(waf: Any, agentcore: Any, outputs: Mapping[str, str], bounds: Bounds) -> str:
    """Returns sentences on what bounds callers, as AWS WAF and AgentCore tell it.

    `waf` and `agentcore` are clients of wafv2 and bedrock-agentcore-control; `outputs` are the root stack's. Raises
    RefusedError where something that is asked for is not there, or not as it is asked for.
    """
    said = []
    if bounds.firewall:
        counts = [_rules(waf, what, outputs[output], bounds.firewall) for what, output in PROTECTED.items()]
        what = "block what they match" if bounds.firewall == "block" else "only count"
        said.append(f"Web ACLs of {counts[0]} and {counts[1]} rules stand before load balancer and gateway and {what}.")
    if bounds.rates:
        held = {
            limit["dimensionKeys"][0]: limit["entries"][0].get("requests", [{}])[0].get("rate")
            for limit in agentcore.list_gateway_rate_limits(gatewayIdentifier=outputs["GatewayId"])["rateLimits"]
            if limit["status"] == "ACTIVE" and len(limit["dimensionKeys"]) == 1
        }
        for dimension, rate in bounds.rates.items():
            if held.get(dimension) != rate:
                raise RefusedError(
                    f"The gateway {outputs['GatewayId']} limits {dimension} to {held.get(dimension, 'nothing')}, not to"
                    f" {rate} requests a minute."
                )
        rates = ", ".join(f"{rate} a minute by {dimension}" for dimension, rate in bounds.rates.items())
        said.append(f"The gateway limits requests: {rates}.")
    return " ".join(said)


def _rules(waf: Any, what: str, arn: str, mode: str) -> int:
    """Returns how many rules stand before a resource; raises RefusedError where none do, or in another mode."""
    try:
        acl = waf.get_web_acl_for_resource(ResourceArn=arn).get("WebACL")
    except ClientError as error:
        if error.response["Error"]["Code"] != NONE_THERE:
            raise
        acl = None
    if not acl:
        raise RefusedError(f"No web ACL stands before the {what}.")
    others = [rule["Name"] for rule in acl["Rules"] if ACTIONS[mode] not in rule.get("Action", {ACTIONS[mode]: {}})]
    if others:
        raise RefusedError(f"The rule {others[0]} of the web ACL before the {what} does not {mode}.")
    return len(acl["Rules"])


def _setting(parameters: Mapping[str, str], parameter: RootParameter) -> str:
    value = parameters.get(parameter.name, parameter.default or "")
    preset = parameters.get(p.PRESET_NAME.name, p.PRESET_NAME.default or "")
    return PRESETS.rows[preset][parameter.name] if value == PRESET else value
