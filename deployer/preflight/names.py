"""Names: a runtime keeps its own for good, and a record that is kept elsewhere must lead somewhere first."""

from collections.abc import Iterator

from deployer.context import Context
from deployer.network import Network, NotStarted, Unreachable
from deployer.preflight.sites import Site
from deployer.stack_set_plan import StackSet
from deployer.target_checks import key_of
from generator import parameters as p


def renamed(context: Context, found: StackSet | None) -> Iterator[str]:
    """Yields a sentence where the stack set's runtimes bear another name than the configuration gives.

    A gateway cannot be renamed (AgentCore service model, `UpdateGatewayRequest.name`).
    """
    settings = context.settings
    known = found.parameters.get(p.RUNTIME_NAME.name, "") if found else ""
    if known and known != settings.runtime.name and context.stack_sets.listed():
        yield (
            f"The runtimes of the stack set {settings.stack_set.name} are named {known}, and a gateway cannot be"
            f" renamed to {key_of(p.RUNTIME_NAME)} = {settings.runtime.name}: give it back its name, or give"
            " stack_set.name another for a second runtime."
        )


def is_kept_elsewhere(site: Site) -> bool:
    """Returns whether the gateway is to reach a public name whose record is not ours to make."""
    elsewhere = bool(site.value(p.CERTIFICATE_ARN)) and not site.value(p.HOSTED_ZONE_ID)
    return elsewhere and site.value(p.EXPOSURE) != "private" and site.value(p.GATEWAY_TARGET) != "off"


def unresolved(network: Network, site: Site) -> Iterator[str]:
    """Yields a sentence where the gateway is to reach a name that nobody answers for and that is not ours to make.

    AgentCore connects when the target is made and fails it where that fails, and the stack with it. A private endpoint
    leads to the load balancer's own name and needs no record.
    """
    if not is_kept_elsewhere(site):
        return
    try:
        network.resolve(site.host)
    except NotStarted:
        return
    except Unreachable:
        yield (
            f"The host name {site.host} of {site.where} leads nowhere, so that the gateway could not reach it: set"
            f" {key_of(p.GATEWAY_TARGET)} to false, deploy, make the record that points to the output"
            " LoadBalancerDnsName, and set it to true again."
        )
