"""What somebody changed by hand: every target's resources compared with their templates, down the nested stacks.

CloudFormation's detection over a stack set looks into each target's root stack and not into the stacks nested in it
(service model, `DetectStackSetDrift` and `DetectStackDrift`), so that these are asked one by one where their account
can be read.
"""

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any, Final

from botocore.exceptions import ClientError

from deployer.aws import refusal
from deployer.context import Context
from deployer.errors import RefusedError, UsageError
from deployer.events import Step
from deployer.stack_set_plan import Instance, Target, grouped
from deployer.stack_sets import StackSets
from deployer.stacks import NESTED

DIFFERS: Final = ("MODIFIED", "DELETED")
CONNECTIONS: Final = 4
DEADLINE_SECONDS: Final = 900.0
"""A detection takes up to several minutes (service model, `DetectStackDrift`)."""


@dataclass(frozen=True)
class Difference:
    """One property that is not as its template says; `kind` is ADD, REMOVE or NOT_EQUAL."""

    path: str
    expected: str
    actual: str
    kind: str


@dataclass(frozen=True)
class Drifted:
    """One resource that is not as its template says: `stack` names the nested stack, empty for the root."""

    stack: str
    logical_id: str
    resource_type: str
    status: str
    differences: tuple[Difference, ...] = ()


@dataclass(frozen=True)
class TargetDrift:
    """What was found in one target.

    `status` is IN_SYNC, DRIFTED or NOT_CHECKED, with the reason in `detail`; `unchecked` are the types of resources
    that drift detection does not support, and `depth` says whether the nested stacks were looked into.
    """

    account: str
    region: str
    status: str
    resources: tuple[Drifted, ...] = ()
    unchecked: tuple[str, ...] = ()
    depth: str = "nested stacks"
    detail: str = ""

    def as_data(self) -> dict[str, Any]:
        """Returns the finding as plain data."""
        return asdict(self)


def detect(context: Context, only: str = "") -> list[TargetDrift]:
    """Detects drift in every target of the stack set, or in the one that `only` names as account/Region.

    Raises RefusedError where nothing is deployed, UsageError where there is no such target. What cannot be read in one
    target is said there and hides no other.
    """
    sets = context.recorded_stack_sets()
    if sets.describe() is None:
        raise RefusedError(f"There is no stack set {sets.name} to look at; deploy first.")
    sets.join_running()
    before = sets.instances()
    chosen = [target for target in sorted(before) if only in ("", "/".join(target))]
    if only and not chosen:
        raise UsageError(f"{only} is no target of the stack set {sets.name}; its targets are {_named(before)}.")
    operation, failed = _detect_in_set(context, sets, before)
    instances = sets.listed()
    context.reporter.emit(Step("Nested stacks", "started"))
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        found = list(
            pool.map(lambda target: _target(context, sets, target, instances[target], operation, failed), chosen)
        )
    context.reporter.emit(Step("Nested stacks", "done"))
    return found


def _named(targets: Iterable[Target]) -> str:
    return ", ".join("/".join(target) for target in sorted(targets)) or "none"


def _detect_in_set(
    context: Context, sets: StackSets, instances: Mapping[Target, Instance]
) -> tuple[str, Mapping[Target, str]]:
    """Runs the stack set's own detection; returns its operation's id, and why it failed by target."""
    known = {target: one.overrides for target, one in instances.items() if one.overrides is not None}
    operation = sets.operation_id(grouped(known))
    context.reporter.emit(Step("Stack set", "started", "detecting drift"))
    failed = sets.detect_drift(operation)
    context.reporter.emit(Step("Stack set", "done", f"not detected in {len(failed)} targets" if failed else ""))
    return operation, failed


def _target(
    context: Context,
    sets: StackSets,
    target: Target,
    instance: Instance,
    operation: str,
    failed: Mapping[Target, str],
) -> TargetDrift:
    account, region = target
    failure = failed.get(target, "")
    if not instance.stack_id:
        return TargetDrift(account, region, "NOT_CHECKED", detail=failure or "it has no stack yet")
    if not context.aws.reaches(account):
        # The administrator is told of the root stack alone.
        told = sets.drifted_resources(operation, target) if instance.drift == "DRIFTED" else []
        resources = tuple(_drifted("", found) for found in told)
        return TargetDrift(account, region, instance.drift or "NOT_CHECKED", resources, (), "root stack", failure)
    try:
        return _down(context, target, instance)
    except ClientError as error:
        return TargetDrift(account, region, "NOT_CHECKED", detail=refusal(error))
    except RefusedError as error:
        return TargetDrift(account, region, "NOT_CHECKED", detail=str(error))


def _down(context: Context, target: Target, instance: Instance) -> TargetDrift:
    account, region = target
    client = context.aws.client("cloudformation", account, region)
    resources: list[Drifted] = []
    unchecked: Counter[str] = Counter()
    for name, stack_id in _stacks(client, "", instance.stack_id):
        _await_detection(client, stack_id, context.poll)
        for found in _drifts(client, stack_id):
            if found["ResourceType"] == NESTED:
                continue  # The stack itself is looked into; its parent sees only that it is there.
            if found["StackResourceDriftStatus"] in DIFFERS:
                resources.append(_drifted(name, found))
        unchecked.update(
            resource["ResourceType"]
            for resource in _resources(client, stack_id)
            if resource["ResourceType"] != NESTED
            and resource.get("DriftInformation", {}).get("StackResourceDriftStatus", "NOT_CHECKED")
            in ("NOT_CHECKED", "UNSUPPORTED")
        )
    return TargetDrift(
        account, region, "DRIFTED" if resources else "IN_SYNC", tuple(resources), tuple(sorted(unchecked))
    )


def _stacks(client: Any, name: str, stack_id: str) -> Iterator[tuple[str, str]]:
    yield name, stack_id
    for resource in _resources(client, stack_id):
        if resource["ResourceType"] == NESTED and resource.get("PhysicalResourceId"):
            nested = f"{name}/{resource['LogicalResourceId']}".lstrip("/")
            yield from _stacks(client, nested, resource["PhysicalResourceId"])


def _resources(client: Any, stack_id: str) -> list[dict[str, Any]]:
    pages = client.get_paginator("list_stack_resources").paginate(StackName=stack_id)
    return [resource for page in pages for resource in page["StackResourceSummaries"]]


def _await_detection(client: Any, stack_id: str, poll: float) -> None:
    detection = client.detect_stack_drift(StackName=stack_id)["StackDriftDetectionId"]
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        found = client.describe_stack_drift_detection_status(StackDriftDetectionId=detection)
        # A detection that failed for some resources has results for the others.
        if found["DetectionStatus"] != "DETECTION_IN_PROGRESS":
            return
        if time.monotonic() > deadline:
            raise RefusedError(
                f"The drift detection of {stack_id} has not ended in {DEADLINE_SECONDS:.0f} seconds; run the same"
                " command again."
            )
        time.sleep(poll)


def _drifts(client: Any, stack_id: str) -> Iterator[dict[str, Any]]:
    request: dict[str, Any] = {"StackName": stack_id}
    while True:
        page = client.describe_stack_resource_drifts(**request)
        yield from page["StackResourceDrifts"]
        if not page.get("NextToken"):
            return
        request["NextToken"] = page["NextToken"]


def _drifted(stack: str, found: Mapping[str, Any]) -> Drifted:
    return Drifted(
        stack=stack,
        logical_id=found["LogicalResourceId"],
        resource_type=found["ResourceType"],
        status=found["StackResourceDriftStatus"],
        differences=tuple(
            Difference(one["PropertyPath"], one["ExpectedValue"], one["ActualValue"], one["DifferenceType"])
            for one in found.get("PropertyDifferences") or ()
        ),
    )
