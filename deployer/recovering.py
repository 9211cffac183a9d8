"""Finding what is stuck, and freeing it with the one call that `recovery` names."""

import time
from collections.abc import Callable
from typing import Any

from deployer import gateway_targets, recovery, runtimes
from deployer.context import Context
from deployer.each_target import each
from deployer.errors import RefusedError, UsageError
from deployer.recovery import Stuck
from deployer.runtimes import Runtime
from deployer.stack_set_plan import Instance, Target
from deployer.teardown import Wish, destroy


def stuck(context: Context, only: str = "") -> list[Stuck]:
    """Returns what is stuck, in all targets or in the one that `only` names as account/Region; changes nothing.

    While an operation runs, that is all: what it leaves is known when it has ended. Raises UsageError where there is no
    such target, RefusedError where a target cannot be read.
    """
    sets = context.stack_sets
    if sets.describe() is None:
        return []
    instances = sets.listed()
    chosen = {target: one for target, one in instances.items() if only in ("", "/".join(target))}
    if only and not chosen:
        known = ", ".join("/".join(target) for target in sorted(instances)) or "none"
        raise UsageError(f"{only} is no target of the stack set {sets.name}; its targets are {known}.")
    running = sets.running()
    if running:
        return [recovery.of_operation(one) for one in running]
    done = each(chosen, lambda target: _of_target(context, target, chosen[target]))
    if done.failures:
        raise RefusedError(" ".join(done.told()))
    return [one for _, found in sorted(done.results.items()) for one in found]


def _of_target(context: Context, target: Target, instance: Instance) -> list[Stuck]:
    """Returns what is stuck of a target: its stack, else its instance, else its gateway's target."""
    (runtime,) = runtimes.read(context.aws, {target: instance})
    found = recovery.of_stack(*target, runtime.status) or recovery.of_instance(*target, instance.status)
    if found is None and runtime.readable and not runtime.status.endswith("_IN_PROGRESS"):
        read = _gateway_target(context, runtime)
        found = recovery.of_gateway_target(*target, read["status"]) if read else None
    return [found] if found else []


def _gateway_target(context: Context, runtime: Runtime) -> Any:
    client = context.aws.client("bedrock-agentcore-control", runtime.account, runtime.region)
    return gateway_targets.read(client, runtime.outputs)


def free(one: Stuck, context: Context) -> None:
    """Makes the call that frees something stuck, and waits; raises RefusedError where it stays stuck."""
    calls: dict[str, Callable[[Context, Stuck], None]] = {
        "wait": _wait,
        "continue the rollback": _continue,
        "remove": _remove,
        "synchronize": _synchronize,
    }
    if one.call in calls:
        calls[one.call](context, one)


def _wait(context: Context, one: Stuck) -> None:
    context.stack_sets.join_running()


def _remove(context: Context, one: Stuck) -> None:
    destroy(context, Wish(f"{one.account}/{one.region}"))


def _continue(context: Context, one: Stuck) -> None:
    instance = context.stack_sets.listed()[one.account, one.region]
    client = context.aws.client("cloudformation", one.account, one.region)
    client.continue_update_rollback(StackName=instance.stack_id)
    while True:
        (stack,) = client.describe_stacks(StackName=instance.stack_id)["Stacks"]
        status: str = stack["StackStatus"]
        if status == "UPDATE_ROLLBACK_COMPLETE":
            return
        if not status.endswith("_IN_PROGRESS"):
            raise RefusedError(
                f"The stack of {one.account} {one.region} is {status} again: {stack.get('StackStatusReason', '')}"
                " Repair what `python build.py diagnose` names, and run recover again."
            )
        time.sleep(context.poll)


def _synchronize(context: Context, one: Stuck) -> None:
    place = (one.account, one.region)
    (runtime,) = runtimes.read(context.aws, {place: context.stack_sets.listed()[place]})
    found = _gateway_target(context, runtime)
    if found is not None:
        client = context.aws.client("bedrock-agentcore-control", *place)
        gateway_targets.synchronize(client, found, context.poll)
