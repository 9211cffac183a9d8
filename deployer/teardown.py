"""Taking runtimes away in the order that AWS accepts: gateway targets, then the stacks, then the stack set."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from deployer import runtimes
from deployer.context import Context
from deployer.errors import RefusedError
from deployer.events import Step
from deployer.foundation import ACCOUNT_STACK, REGION_STACK
from deployer.runtimes import Runtime
from deployer.stack_set_plan import Instance, StackSet, Target, Units, grouped
from deployer.stacks import describe
from deployer.status import retained
from generator import parameters as p
from generator.presets import PRESET, PRESETS

DEADLINE_SECONDS = 600.0


@dataclass
class Removal:
    """What was removed and what AWS still holds because it carries data."""

    removed: list[str] = field(default_factory=list)
    retained: list[str] = field(default_factory=list)


def destroy(context: Context, with_foundation: bool) -> Removal:
    """Removes every target's runtime and the stack set, and the foundation's stacks where that is asked for.

    Raises RefusedError where AWS refuses; the same command then goes on where it stopped.
    """
    removal = Removal()
    sets = context.recorded_stack_sets()
    existing = sets.describe()
    if existing is not None:
        sets.join_running()
        instances = sets.instances()
        _refuse_protected(existing, instances)
        for runtime in runtimes.read(context.aws, instances):
            if runtime.readable and runtime.stack_id:
                client = context.aws.client("cloudformation", runtime.account, runtime.region)
                if describe(client, runtime.stack_id) is not None:
                    removal.retained += retained(client, runtime.stack_id)
                _disconnect(context, runtime)
        if instances:
            context.reporter.emit(Step("Stacks", "started"))
            units = Units({target: instance.unit for target, instance in instances.items()})
            sets.remove(grouped(dict.fromkeys(instances, ()), units))
            context.reporter.emit(Step("Stacks", "done", "removed from every target"))
            removal.removed += [f"{account} {region}" for account, region in sorted(instances)]
        sets.delete()
        removal.removed.append(f"stack set {context.settings.stack_set.name}")
    if with_foundation:
        _remove_foundation(context, removal)
    return removal


def _refuse_protected(existing: StackSet, instances: Mapping[Target, Instance]) -> None:
    """Raises RefusedError where a target is protected.

    AWS would delete most of the stack, refuse the load balancer and leave an instance that no stack set can mend.
    """
    for (account, region), instance in sorted(instances.items()):
        if is_protected({**existing.parameters, **dict(instance.overrides or ())}):
            raise RefusedError(
                f"The runtime of {account} {region} is protected from deletion; set runtime.deletion_protection to"
                " false, deploy, and then destroy it."
            )


def is_protected(parameters: Mapping[str, str]) -> bool:
    """Returns whether parameter values, by name, turn deletion protection on, by themselves or by their preset."""
    chosen = parameters.get(p.DELETION_PROTECTION.name, PRESET)
    if chosen == PRESET:
        chosen = PRESETS.rows[parameters.get(p.PRESET_NAME.name, "development")][p.DELETION_PROTECTION.name]
    return chosen == "on"


def _disconnect(context: Context, runtime: Runtime) -> None:
    """Deletes the gateway's target and waits: a gateway refuses deletion while a target is still being deleted."""
    gateway, target = runtime.outputs.get("GatewayId", ""), runtime.outputs.get("GatewayTargetId", "")
    if not gateway or not target:
        return
    name = f"Gateway target {runtime.account} {runtime.region}"
    context.reporter.emit(Step(name, "started"))
    client = context.aws.client("bedrock-agentcore-control", runtime.account, runtime.region)
    try:
        client.delete_gateway_target(gatewayIdentifier=gateway, targetId=target)
        deadline = time.monotonic() + DEADLINE_SECONDS
        while time.monotonic() < deadline:
            client.get_gateway_target(gatewayIdentifier=gateway, targetId=target)
            time.sleep(context.poll)
        raise RefusedError(
            f"The gateway target {target} of {gateway} is still there after {DEADLINE_SECONDS:.0f} seconds; run the"
            " same command again."
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
    context.reporter.emit(Step(name, "done", "removed"))


def _remove_foundation(context: Context, removal: Removal) -> None:
    home = context.settings.stack_set.home_region
    others = sorted(set(context.settings.regions) - {home})
    for region, name in [*((region, REGION_STACK) for region in others), (home, ACCOUNT_STACK)]:
        client = context.aws.client("cloudformation", context.account, region)
        stack = describe(client, name)
        if stack is None:
            continue
        context.reporter.emit(Step(f"{name} {region}", "started"))
        removal.retained += retained(client, stack["StackId"])
        client.delete_stack(StackName=stack["StackId"])
        _wait_deleted(client, name, stack["StackId"], context.poll)
        context.reporter.emit(Step(f"{name} {region}", "done", "removed"))
        removal.removed.append(f"{name} in {region}")


def _wait_deleted(client: Any, name: str, stack_id: str, poll: float) -> None:
    while True:
        stack = client.describe_stacks(StackName=stack_id)["Stacks"][0]
        status = stack["StackStatus"]
        if status == "DELETE_COMPLETE":
            return
        if status == "DELETE_FAILED":
            raise RefusedError(f"The stack {name} was not deleted: {stack.get('StackStatusReason', 'no reason given')}")
        time.sleep(poll)
