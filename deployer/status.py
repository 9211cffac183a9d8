"""How every target stands: its stacks, the service's rollout, the tasks' health and the gateway's target."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from deployer import gateway_targets, runtimes
from deployer.aws import Aws, refusal
from deployer.context import Context
from deployer.errors import DeployerError, UsageError
from deployer.runtimes import Runtime
from deployer.stack_set_plan import Instance, Target
from deployer.stacks import NESTED

UNKNOWN = "unknown"
CONNECTIONS = 8


@dataclass(frozen=True)
class Fact:
    """One observed fact: what it is about, its state, and more where there is more to say."""

    subject: str
    state: str
    detail: str = ""


@dataclass(frozen=True)
class TargetStatus:
    """One target and what was observed of it."""

    account: str
    region: str
    facts: tuple[Fact, ...]

    def of(self, subject: str) -> str:
        """Returns the state of a subject, empty where nothing is known of it."""
        return next((fact.state for fact in self.facts if fact.subject == subject), "")

    def as_data(self) -> dict[str, Any]:
        """Returns the status as plain data."""
        return {"account": self.account, "region": self.region, "facts": [vars(fact) for fact in self.facts]}


@dataclass(frozen=True)
class Overview:
    """The stack set, what runs on it, and its targets; `stack_set` is empty where there is none."""

    stack_set: str = ""
    running: tuple[str, ...] = ()
    targets: tuple[TargetStatus, ...] = ()

    def as_data(self) -> dict[str, Any]:
        """Returns the overview as plain data."""
        return {
            "stack_set": self.stack_set,
            "running": list(self.running),
            "targets": [target.as_data() for target in self.targets],
        }


def overview(context: Context, only: str = "") -> Overview:
    """Returns how the targets of the stack set stand, or the one that `only` names as account/Region.

    What cannot be read of one target is said there and hides no other. Raises UsageError where there is no such target.
    """
    sets = context.stack_sets
    if sets.describe() is None:
        return Overview()
    instances = sets.listed()
    chosen = {target: one for target, one in sorted(instances.items()) if only in ("", "/".join(target))}
    if only and not chosen:
        known = ", ".join("/".join(target) for target in sorted(instances)) or "none"
        raise UsageError(f"{only} is no target of the stack set {sets.name}; its targets are {known}.")
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        found = pool.map(lambda target: _status(context.aws, target, chosen[target]), chosen)
        return Overview(sets.name, tuple(sets.running()), tuple(found))


def _status(aws: Aws, target: Target, instance: Instance) -> TargetStatus:
    account, region = target
    try:
        (runtime,) = runtimes.read(aws, {target: instance})
        return TargetStatus(account, region, tuple(facts(aws, runtime)))
    except (ClientError, BotoCoreError, DeployerError) as error:
        told = refusal(error) if isinstance(error, ClientError) else str(error)
        return TargetStatus(account, region, (Fact("stack", instance.status, f"not read: {told}"),))


def facts(aws: Aws, runtime: Runtime) -> list[Fact]:
    """Returns what the control planes say of one target, the root stack first."""
    root = Fact("stack", runtime.status, runtime.detail)
    if not runtime.readable or not runtime.stack_id:
        return [root]
    outputs = runtime.outputs
    return [
        root,
        *_nested(aws, runtime),
        *_service(aws.client("ecs", runtime.account, runtime.region), outputs),
        *_health(aws.client("elbv2", runtime.account, runtime.region), outputs),
        *_target(aws.client("bedrock-agentcore-control", runtime.account, runtime.region), outputs),
        *([Fact("missing", outputs["MissingSettings"])] if outputs.get("MissingSettings") else []),
    ]


def _nested(aws: Aws, runtime: Runtime) -> Iterator[Fact]:
    client = aws.client("cloudformation", runtime.account, runtime.region)
    for resource in _resources(client, runtime.stack_id):
        if resource["ResourceType"] == NESTED:
            yield Fact(
                f"  {resource['LogicalResourceId']}",
                resource["ResourceStatus"],
                resource.get("ResourceStatusReason", ""),
            )


def _resources(client: Any, stack_id: str) -> list[dict[str, Any]]:
    pages = client.get_paginator("list_stack_resources").paginate(StackName=stack_id)
    return [resource for page in pages for resource in page["StackResourceSummaries"]]


def _service(client: Any, outputs: Mapping[str, str]) -> Iterator[Fact]:
    if not outputs.get("ServiceName"):
        return
    found = client.describe_services(cluster=outputs["ClusterName"], services=[outputs["ServiceName"]])["services"]
    for service in found:
        deployment: dict[str, Any] = next(iter(service.get("deployments", [])), {})
        yield Fact(
            "service",
            f"{service['runningCount']} of {service['desiredCount']} tasks running",
            f"rollout {deployment.get('rolloutState', UNKNOWN)}, {service['pendingCount']} pending",
        )


def _health(client: Any, outputs: Mapping[str, str]) -> Iterator[Fact]:
    if not outputs.get("TargetGroupArn"):
        return
    found = client.describe_target_health(TargetGroupArn=outputs["TargetGroupArn"])["TargetHealthDescriptions"]
    states = [target["TargetHealth"]["State"] for target in found]
    counts = ", ".join(f"{states.count(state)} {state}" for state in sorted(set(states)))
    yield Fact("targets", counts or "none registered")


def _target(client: Any, outputs: Mapping[str, str]) -> Iterator[Fact]:
    if not outputs.get("GatewayTargetId"):
        return
    try:
        found = client.get_gateway_target(gatewayIdentifier=outputs["GatewayId"], targetId=outputs["GatewayTargetId"])
    except ClientError as error:
        yield Fact("gateway target", error.response["Error"]["Code"], error.response["Error"]["Message"])
        return
    yield Fact(
        "gateway target", found["status"], "; ".join([gateway_targets.form(found), *found.get("statusReasons", [])])
    )
