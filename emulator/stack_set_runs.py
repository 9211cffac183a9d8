"""Running a stack set's operations: one after another for a set, over its targets as the preferences say.

"How StackSets works" and "Concurrency mode" (CloudFormation user guide): Regions in order or at once, accounts within a
Region up to the maximum; more failures in a Region than tolerated fail the operation and cancel what has not begun;
under strict tolerance no more run at once than failures are tolerated, plus one.
"""

import contextvars
import math
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from uuid import uuid4

from emulator import bridge_stacks
from emulator.bridge_data_plane import Record, Refused, current_scope, role_allows, role_trusts, role_trusts_role, scope
from emulator.stack_set_records import Operation, instance_key, now

_locks: dict[str, threading.Lock] = {}


class TargetFailed(Exception):
    """The operation failed for one target; the message is the result's reason."""


def begin(record: Record, operation: Operation) -> None:
    """Enter an operation into a set's records and run it on a thread of its own."""
    targets = [(account, region) for region in operation.regions for account in operation.accounts]
    busy = any(item["Status"] in ("RUNNING", "STOPPING", "QUEUED") for item in record["Operations"].values())
    entry: Record = {
        "OperationId": operation.identity,
        "StackSetId": record["StackSetId"],
        "Action": operation.action,
        "Status": "QUEUED" if busy else "RUNNING",
        "OperationPreferences": operation.preferences,
        "RetainStacks": operation.retain if operation.action == "DELETE" else None,
        "AdministrationRoleARN": record["AdministrationRoleARN"],
        "ExecutionRoleName": record["ExecutionRoleName"],
        "CreationTimestamp": now(),
        "Results": [{"Account": account, "Region": region, "Status": "PENDING"} for account, region in targets],
    }
    record["Operations"][operation.identity] = entry
    lock = _locks.setdefault(record["StackSetId"], threading.Lock())
    context = contextvars.copy_context()
    run = _Run(record, operation, entry)
    threading.Thread(target=context.run, args=(_run_in_turn, lock, run), name="stack-set", daemon=True).start()


def _run_in_turn(lock: threading.Lock, run: "_Run") -> None:
    with lock:
        run.run()


class _Run:
    """One operation under way."""

    def __init__(self, record: Record, operation: Operation, entry: Record) -> None:
        self._record = record
        self._operation = operation
        self._entry = entry
        self._lock = threading.Lock()
        self._failed_regions: set[str] = set()

    def run(self) -> None:
        """Go through the Regions; set the operation's status."""
        if self._entry["Status"] == "QUEUED":
            self._entry["Status"] = "RUNNING"
        preferences = self._operation.preferences
        order = [region for region in preferences.get("RegionOrder") or () if region in self._operation.regions]
        regions = [*order, *(region for region in self._operation.regions if region not in order)]
        if preferences.get("RegionConcurrencyType") == "PARALLEL":
            _at_once(len(regions), [partial(self._region, region) for region in regions])
        else:
            for region in regions:
                self._region(region)
        for result in self._entry["Results"]:
            if result["Status"] == "PENDING":
                result |= {"Status": "CANCELLED", "StatusReason": "Cancelled since failure tolerance has exceeded"}
        stopped = self._entry["Status"] == "STOPPING"
        failures = sum(result["Status"] == "FAILED" for result in self._entry["Results"])
        self._entry["StatusDetails"] = {"FailedStackInstancesCount": failures}
        self._entry["EndTimestamp"] = now()
        self._entry["Status"] = "STOPPED" if stopped else "FAILED" if self._failed_regions else "SUCCEEDED"

    def _region(self, region: str) -> None:
        results = [result for result in self._entry["Results"] if result["Region"] == region]
        tolerance, width = limits(self._operation.preferences, len(results))
        failures = 0

        def work(result: Record) -> None:
            nonlocal failures
            with self._lock:
                sequential = self._operation.preferences.get("RegionConcurrencyType") != "PARALLEL"
                others_failed = self._failed_regions - {region} if sequential else set()
                if failures > tolerance or others_failed or self._entry["Status"] == "STOPPING":
                    return
                result["Status"] = "RUNNING"
            reason = self._target(result["Account"], region)
            with self._lock:
                result["Status"] = "FAILED" if reason else "SUCCEEDED"
                if reason:
                    result["StatusReason"] = reason
                    failures += 1
                if failures > tolerance:
                    self._failed_regions.add(region)

        _at_once(width, [partial(work, result) for result in results])

    def _target(self, account: str, region: str) -> str:
        """Do the operation to one target; return why it failed, an empty string when it did not."""
        instances = self._record["Instances"]
        key = instance_key(account, region)
        instance = instances.get(key)
        if instance is None:
            return ""
        instance |= {"LastOperationId": self._operation.identity, "DetailedStatus": "RUNNING"}
        try:
            if not self._operation.retain:
                check_access(self._record, account, region)
            with scope(account, region):
                if self._operation.action == "DELETE":
                    self._remove(instance)
                    instances.pop(key)
                    return ""
                self._deploy(instance)
        except TargetFailed as failed:
            inoperable = self._operation.action == "DELETE" and bool(instance.get("StackId"))
            status = {"Status": "INOPERABLE" if inoperable else "OUTDATED", "DetailedStatus": "FAILED"}
            instance |= {**status, "StatusReason": str(failed)}
            return str(failed)
        instance |= {"Status": "CURRENT", "DetailedStatus": "SUCCEEDED"}
        instance.pop("StatusReason", None)
        return ""

    def _remove(self, instance: Record) -> None:
        if self._operation.retain or not instance.get("StackId"):
            return
        gone = bridge_stacks.delete_stack(instance["StackId"])
        if gone is not None and gone["StackStatus"] != "DELETE_COMPLETE":
            raise TargetFailed(_reason(gone, "DELETE_FAILED"))

    def _deploy(self, instance: Record) -> None:
        known = bridge_stacks.stack(instance["StackId"]) if instance.get("StackId") else None
        if known is not None and known["StackStatus"] in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED"):
            bridge_stacks.delete_stack(known["StackId"])
            known = None
        if known is not None and known["StackStatus"] == "DELETE_COMPLETE":
            known = None
        name = known["StackName"] if known else f"StackSet-{self._record['StackSetName']}-{uuid4()}"
        values = {**self._record["ParameterValues"], **instance["Overrides"]}

        def begun(stack: Record) -> None:
            instance["StackId"] = stack["StackId"]

        with bridge_stacks.inline(self._record["TemplateBody"]) as url:
            request = {
                "StackName": [name],
                "TemplateURL": [url],
                **bridge_stacks.flat(
                    "Parameters", [{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()]
                ),
                **bridge_stacks.flat("Capabilities", self._record["Capabilities"]),
                **bridge_stacks.flat("Tags", self._record["Tags"]),
            }
            try:
                run = bridge_stacks.update_stack if known else bridge_stacks.create_stack
                stack = run(request, begun)
            except Refused as refused:
                if known and str(refused).startswith("No updates are to be performed"):
                    return
                raise TargetFailed(str(refused)) from refused
        if stack["StackStatus"] not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            raise TargetFailed(_reason(stack, "CREATE_FAILED", "UPDATE_FAILED"))


def limits(preferences: dict[str, Any], targets: int) -> tuple[int, int]:
    """Return how many failures a Region of so many targets tolerates and how many run at once (shape
    StackSetOperationPreferences): percentages round down, the concurrency is at least one.
    """
    tolerance = preferences.get("FailureToleranceCount")
    if tolerance is None:
        tolerance = math.floor(targets * preferences.get("FailureTolerancePercentage", 0) / 100)
    width = preferences.get("MaxConcurrentCount")
    if width is None:
        share = preferences.get("MaxConcurrentPercentage")
        width = 1 if share is None else max(1, math.floor(targets * share / 100))
    if preferences.get("ConcurrencyMode", "STRICT_FAILURE_TOLERANCE") == "STRICT_FAILURE_TOLERANCE":
        width = min(width, tolerance + 1)
    return tolerance, width


def _at_once(width: int, work: list[Callable[[], None]]) -> None:
    with ThreadPoolExecutor(max(1, width), thread_name_prefix="stack-set") as pool:
        for finished in [pool.submit(contextvars.copy_context().run, item) for item in work]:
            finished.result()


def check_access(record: Record, account: str, region: str) -> None:
    """Raise TargetFailed unless CloudFormation may assume the administration role, that one the execution role of the
    target's account, and that one may work on stacks ("Grant self-managed permissions", user guide).
    """
    administrator, home = current_scope()
    role = record["AdministrationRoleARN"]
    context = {"aws:sourceaccount": administrator, "aws:sourcearn": record["StackSetARN"]}
    execution = f"arn:aws:iam::{account}:role/{record['ExecutionRoleName']}"
    with scope(administrator, home):
        if not role_trusts(role, "cloudformation.amazonaws.com", context):
            raise TargetFailed(f"Role {role} is invalid or cannot be assumed")
        allowed = role_allows(role, "sts:AssumeRole", execution)
    with scope(account, region):
        name = role.rpartition("/")[2]
        if not allowed or not role_trusts_role(execution, role):
            text = f"Account {account} should have '{record['ExecutionRoleName']}' role with trust relationship to Role"
            raise TargetFailed(f"{text} '{name}'.")
        stack = f"arn:aws:cloudformation:{region}:{account}:stack/StackSet-{record['StackSetName']}-*/*"
        for action in ("cloudformation:CreateStack", "cloudformation:UpdateStack", "cloudformation:DeleteStack"):
            if not role_allows(execution, action, stack):
                session = f"arn:aws:sts::{account}:assumed-role/{record['ExecutionRoleName']}/{uuid4().hex}"
                raise TargetFailed(f"User: {session} is not authorized to perform: {action} on resource: {stack}")


def _reason(stack: Record, *statuses: str) -> str:
    for event in bridge_stacks.events(stack["StackId"]):
        if event["ResourceStatus"] in statuses and event["LogicalResourceId"] != stack["StackName"]:
            named = f"ResourceLogicalId:{event['LogicalResourceId']}, ResourceType:{event['ResourceType']}"
            return f"{named}, ResourceStatusReason:{event['ResourceStatusReason']}."
    return str(stack.get("StackStatusReason") or f"The stack is in {stack['StackStatus']}")
