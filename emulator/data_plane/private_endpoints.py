"""Private endpoints of gateway targets: where they may stand, what passes through them, and what they leave behind.

Source: AgentCore developer guide, "Connect to private resources in your VPC using VPC Lattice". Only endpoints that
AgentCore manages are emulated. A connection that security groups stop times out on AWS; here it fails at once, with the
rule that is missing.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from emulator.data_plane.agentcore import Scope
from emulator.data_plane.agentcore_store import Record
from emulator.data_plane.errors import ServiceError
from emulator.data_plane.handshake import TargetError
from emulator.data_plane.outbound import Outbound, OutboundError

FORMER = "formerEndpoint"


def resource_of(target: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the managed VPC resource of a target, None where it has no private endpoint."""
    endpoint = target.get("privateEndpoint")
    if not endpoint:
        return None
    if "managedVpcResource" not in endpoint:
        raise ServiceError("ValidationException", "Only managed VPC resources are emulated; test others on AWS")
    found: Mapping[str, Any] = endpoint["managedVpcResource"]
    return found


def check(scope: Scope, gateway: Record, parameters: Mapping[str, Any]) -> None:
    """Refuse a private endpoint in a network that is not there, and one behind a gateway that lets in everybody."""
    resource = resource_of(parameters)
    if resource is None:
        return
    refused = scope.platform.entrance_refusal(resource)
    if refused:
        raise ServiceError("ValidationException", refused)
    if gateway["authorizerType"] == "NONE":
        text = "A private endpoint needs a gateway whose inbound authorization is not NONE"
        raise ServiceError("ValidationException", text)


def outbound(scope: Scope, target: Mapping[str, Any], endpoint: str) -> Outbound:
    """Return how the target's server is reached. Raises TargetError where security groups let nothing through."""
    resource = resource_of(target)
    if resource is None:
        return scope.outbound
    domain = str(resource.get("routingDomain") or urlsplit(endpoint).hostname)
    try:
        closed = scope.platform.entrance_closed(resource, scope.outbound.balancer(domain))
    except OutboundError as error:
        raise TargetError(str(error)) from error
    if closed:
        raise TargetError(closed)
    return scope.outbound.entering(domain)


def settle(scope: Scope, target: Record) -> None:
    """Place the interfaces of a target that is ready, name their resource gateway, and let those of its former
    endpoint go.
    """
    former = target.pop(FORMER, None)
    resource = resource_of(target)
    target.pop("privateEndpointManagedResources", None)
    if resource is not None:
        arn = scope.platform.enter(resource)
        domain = resource.get("routingDomain") or ""
        target["privateEndpointManagedResources"] = [{"domain": domain, "resourceGatewayArn": arn}]
    if former:
        scope.platform.leave(former, _standing(scope))


def leave(scope: Scope, target: Mapping[str, Any]) -> None:
    """Let the interfaces of a target that is gone go, with the last target that shares them."""
    for resource in filter(None, (resource_of(target), target.get(FORMER))):
        scope.platform.leave(resource, _standing(scope))


def _standing(scope: Scope) -> list[Mapping[str, Any]]:
    targets = [target for of_gateway in scope.records.targets.values() for target in of_gateway.values()]
    return [resource for target in targets if (resource := resource_of(target)) is not None]
