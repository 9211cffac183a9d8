"""The gateway's targets and the private endpoints behind them, which must be gone before their stacks can go."""

import time
from typing import Any, Final

from botocore.exceptions import ClientError

from deployer.aws import Aws
from deployer.each_target import Pause
from deployer.errors import RefusedError
from deployer.events import Reporter, Step
from deployer.stacks import DENIALS
from deployer.standing import Standing

DEADLINE_SECONDS: Final = 600.0
INTERFACES_SECONDS: Final = 1800.0
"""AWS names no bound for how long a resource gateway's interfaces stay after it."""
SERVICE_TAGS: Final = ("VpcLatticeManaged", "AmazonBedrockAgentCoreManaged")
"""Tag keys that only the services give a network interface: AWS managed policies `AWSVpcLatticeServiceRolePolicy`,
whose resource gateways a private endpoint stands on, and `BedrockAgentCoreNetworkServiceRolePolicy`."""


def disconnect(aws: Aws, standing: Standing, reporter: Reporter, poll: float, pause: Pause) -> None:
    """Deletes the gateway's targets and waits until they, and their network interfaces, are gone.

    A gateway refuses deletion while a target is still being deleted, and a VPC while an interface stands in it. An
    account that cannot be read is left to CloudFormation, which deletes the target before the gateway because one
    refers to the other. Raises RefusedError where something is still there at the deadline.
    """
    if not standing.runtime.readable:
        reporter.emit(
            Step(f"Gateway target {standing.name}", "unchanged", "its account cannot be read; it goes with its stack")
        )
        return
    place = (standing.runtime.account, standing.runtime.region)
    if standing.gateway_targets:
        name = f"Gateway target {standing.name}"
        reporter.emit(Step(name, "started"))
        client = aws.client("bedrock-agentcore-control", *place)
        try:
            for gateway, target in standing.gateway_targets:
                _delete_target(client, gateway, target, poll, pause)
        except Exception:
            reporter.emit(Step(name, "failed"))
            raise
        reporter.emit(Step(name, "done", "removed"))
    if standing.resources:
        _await_interfaces(aws.client("ec2", *place), standing, reporter, poll, pause)


def _delete_target(client: Any, gateway: str, target: str, poll: float, pause: Pause) -> None:
    try:
        _begin(client, gateway, target)
        deadline = time.monotonic() + DEADLINE_SECONDS
        while time.monotonic() < deadline:
            client.get_gateway_target(gatewayIdentifier=gateway, targetId=target)
            pause(poll)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return
    raise RefusedError(
        f"The gateway target {target} of {gateway} is still there after {DEADLINE_SECONDS:.0f} seconds; run the"
        " same command again."
    )


def _begin(client: Any, gateway: str, target: str) -> None:
    """Has a target deleted, unless that is under way already, which AWS calls a conflict."""
    try:
        client.delete_gateway_target(gatewayIdentifier=gateway, targetId=target)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConflictException":
            raise
        if client.get_gateway_target(gatewayIdentifier=gateway, targetId=target)["status"] != "DELETING":
            raise


def _await_interfaces(client: Any, standing: Standing, reporter: Reporter, poll: float, pause: Pause) -> None:
    networks = [one.physical_id for one in standing.of_type("AWS::EC2::VPC")]
    groups = [one.physical_id for one in standing.of_type("AWS::EC2::SecurityGroup")]
    if not networks and not groups:
        return
    name, told = f"Network interfaces {standing.name}", ""
    deadline = time.monotonic() + INTERFACES_SECONDS
    while left := managed_interfaces(client, networks, groups):
        if time.monotonic() > deadline:
            reporter.emit(Step(name, "failed"))
            raise RefusedError(
                f"The network interfaces {', '.join(left)} of {standing.name} are still there after"
                f" {INTERFACES_SECONDS:.0f} seconds; they belong to a service and only it can remove them: delete what"
                " uses them, if that is not this runtime, and run the same command again."
            )
        if told != (told := f"{len(left)} left that a service manages"):
            reporter.emit(Step(name, "started", told))
        pause(poll)
    if told:
        reporter.emit(Step(name, "done", "gone"))


def managed_interfaces(client: Any, networks: list[str], groups: list[str]) -> list[str]:
    """Returns the ids of the network interfaces that the services hold in VPCs, or in security groups elsewhere.

    None where the credentials may not look: CloudFormation then waits, and fails, by itself.
    """
    where = {"Name": "vpc-id", "Values": networks} if networks else {"Name": "group-id", "Values": groups}
    pages = client.get_paginator("describe_network_interfaces").paginate(
        Filters=[where, {"Name": "tag-key", "Values": list(SERVICE_TAGS)}]
    )
    try:
        found = [one for page in pages for one in page["NetworkInterfaces"]]
    except ClientError as error:
        if error.response["Error"]["Code"] in DENIALS:
            return []
        raise
    return sorted(
        one["NetworkInterfaceId"]
        for one in found
        if _lies(one, networks, groups) and {tag["Key"] for tag in one.get("TagSet", [])} & set(SERVICE_TAGS)
    )


def _lies(interface: dict[str, Any], networks: list[str], groups: list[str]) -> bool:
    if networks:
        return interface.get("VpcId") in networks
    return any(group["GroupId"] in groups for group in interface.get("Groups", []))
