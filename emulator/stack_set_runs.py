"""Running a stack set's operations over their targets as the preferences say.

"How StackSets works" and "Concurrency mode" (CloudFormation user guide): Regions in order or at once, accounts within a
Region up to the maximum; more failures in a Region than tolerated fail the operation and cancel what has not begun;
under strict tolerance no more run at once than failures are still tolerated, plus one.
"""

import contextvars
import math
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from emulator import stack_set_findings, stack_set_queue
from emulator.bridge_data_plane import Record, scope
from emulator.stack_set_records import Operation, instance_key, now
from emulator.stack_set_targets import Settings, TargetFailed, check_access, deploy, remove, suspended

_STRICT = "STRICT_FAILURE_TOLERANCE"
_MOST_AT_ONCE = 32
# For large deployments fewer accounts than asked for may be acted upon at once (shape StackSetOperationPreferences).
_slots = threading.BoundedSemaphore(_MOST_AT_ONCE)


def begin(record: Record, operation: Operation) -> None:
    """Enter an operation into a set's records and run it when its turn has come."""
    entry: Record = {
        "OperationId": operation.identity,
        "StackSetId": record["StackSetId"],
        "Action": operation.action,
        "Status": "RUNNING",
        "OperationPreferences": dict(operation.preferences),
        "DeploymentTargets": operation.deployment_targets,
        "RetainStacks": operation.retain if operation.action == "DELETE" else None,
        "AdministrationRoleARN": record.get("AdministrationRoleARN"),
        "ExecutionRoleName": record.get("ExecutionRoleName"),
        "CreationTimestamp": now(),
        "Results": [
            {"Account": account, "Region": region, "Status": "PENDING", "OrganizationalUnitId": _unit(record, key)}
            for account, region in operation.targets
            for key in [instance_key(account, region)]
        ],
    }
    record["Operations"][operation.identity] = entry
    stack_set_queue.enter(record, operation, entry, _Run(record, operation, entry).run)


def _unit(record: Record, key: str) -> str | None:
    unit: str | None = record["Instances"].get(key, {}).get("OrganizationalUnitId")
    return unit


class _Run:
    """One operation under way."""

    def __init__(self, record: Record, operation: Operation, entry: Record) -> None:
        self._record = record
        self._operation = operation
        self._entry = entry
        self._lock = threading.Lock()
        self._failed_regions: set[str] = set()
        self._settings: Settings

    def run(self) -> None:
        """Go through the Regions; set the operation's status."""
        try:
            self._go_through()
        except Exception as failure:
            # A fault of the emulator's own must not leave an operation that never ends.
            self._entry |= {
                "Status": "FAILED",
                "EndTimestamp": now(),
                "StatusReason": f"The emulator failed: {failure}",
            }
            raise

    def _go_through(self) -> None:
        self._prepare()
        preferences = self._operation.preferences
        present = list(dict.fromkeys(region for _, region in self._operation.targets))
        order = [region for region in preferences.get("RegionOrder") or () if region in present]
        regions = [*order, *(region for region in present if region not in order)]
        if preferences.get("RegionConcurrencyType") == "PARALLEL":
            _at_once([partial(self._region, region) for region in regions])
        else:
            for region in regions:
                self._region(region)
        stopped = self._entry["Status"] == "STOPPING"
        self._cancel("the operation was stopped" if stopped else "failure tolerance has exceeded")
        failures = sum(result["Status"] == "FAILED" for result in self._entry["Results"])
        self._entry["StatusDetails"] = {"FailedStackInstancesCount": failures}
        self._entry["EndTimestamp"] = now()
        status = "STOPPED" if stopped else "FAILED" if self._failed_regions else "SUCCEEDED"
        if self._operation.action == "DETECT_DRIFT":
            self._entry["Drift"] = self._record["Drift"] = stack_set_findings.details(self._record, self._entry, status)
        self._entry["Status"] = status

    def _prepare(self) -> None:
        """Change the set, and let every target's instance name this operation as its last."""
        self._record.update(self._operation.changes)
        self._settings = Settings.of(self._record)
        outdated = {"TemplateBody", "ParameterValues"} & self._operation.changes.keys()
        for instance in list(self._record["Instances"].values()) if outdated else ():
            if instance["Status"] == "CURRENT":
                instance["Status"] = "OUTDATED"
        for account, region in self._operation.targets:
            instance = self._record["Instances"].get(instance_key(account, region))
            if instance is not None:
                instance |= {"LastOperationId": self._operation.identity, "DetailedStatus": "PENDING"}

    def _cancel(self, why: str) -> None:
        for result in self._entry["Results"]:
            if result["Status"] != "PENDING":
                continue
            reason = f"Cancelled since {why}"
            result |= {"Status": "CANCELLED", "StatusReason": reason}
            instance = self._record["Instances"].get(instance_key(result["Account"], result["Region"]))
            if instance is not None:
                instance |= {"DetailedStatus": "CANCELLED", "StatusReason": reason}
                if self._operation.action in ("CREATE", "UPDATE"):
                    instance["Status"] = "OUTDATED"

    def _region(self, region: str) -> None:
        waiting = [result for result in self._entry["Results"] if result["Region"] == region]
        preferences = self._operation.preferences
        tolerance, width = limits(preferences, len(waiting))
        strict = preferences.get("ConcurrencyMode", _STRICT) == _STRICT
        failures = running = 0
        waiting.reverse()

        def next_result() -> Record | None:
            """The next target to begin, None when this worker has no more to do."""
            nonlocal running
            with self._lock:
                narrowed = strict and running > tolerance - failures
                if not waiting or narrowed or failures > tolerance or self._halted(region):
                    return None
                running += 1
                result: Record = waiting.pop()
                result["Status"] = "RUNNING"
                return result

        def worker() -> None:
            nonlocal failures, running
            while (result := next_result()) is not None:
                with _slots:
                    reason = self._target(result["Account"], region)
                with self._lock:
                    running -= 1
                    result["Status"] = "FAILED" if reason else "SUCCEEDED"
                    if reason:
                        result["StatusReason"] = reason
                        failures += 1
                    if failures > tolerance:
                        self._failed_regions.add(region)

        _at_once([worker] * min(width, len(waiting), _MOST_AT_ONCE))

    def _halted(self, region: str) -> bool:
        """Whether no further target of a Region may begin for what happened outside of it."""
        sequential = self._operation.preferences.get("RegionConcurrencyType") != "PARALLEL"
        return self._entry["Status"] == "STOPPING" or (sequential and bool(self._failed_regions - {region}))

    def _target(self, account: str, region: str) -> str:
        """Do the operation to one target; return why it failed, an empty string when it did not."""
        instances = self._record["Instances"]
        key = instance_key(account, region)
        instance = instances.get(key)
        if instance is None:
            return ""
        if suspended(self._settings, account):
            instance["DetailedStatus"] = "SKIPPED_SUSPENDED_ACCOUNT"
            return ""
        instance["DetailedStatus"] = "RUNNING"
        if key in self._operation.overrides:
            instance["Overrides"] = dict(self._operation.overrides[key])
        action = self._operation.action
        reason = self._done(instance, account, region)
        if reason:
            inoperable = action == "DELETE" and bool(instance.get("StackId"))
            status = {} if action == "DETECT_DRIFT" else {"Status": "INOPERABLE" if inoperable else "OUTDATED"}
            instance |= {**status, "DetailedStatus": "FAILED", "StatusReason": reason}
            return reason
        if action == "DELETE":
            instances.pop(key)
            return ""
        instance["DetailedStatus"] = "SUCCEEDED"
        if action != "DETECT_DRIFT":
            instance["Status"] = "CURRENT"
            instance.pop("StatusReason", None)
        return ""

    def _done(self, instance: Record, account: str, region: str) -> str:
        """Do the operation's work in the target's account and Region; return why it failed."""
        detecting = self._operation.action == "DETECT_DRIFT"
        try:
            if not self._operation.retain:
                check_access(self._settings, account, region, detecting)
            with scope(account, region):
                if detecting:
                    found = stack_set_findings.detect(instance)
                    self._entry.setdefault("Drifts", {})[instance_key(account, region)] = found
                elif self._operation.action != "DELETE":
                    deploy(self._settings, instance)
                elif not self._operation.retain:
                    remove(instance)
        except TargetFailed as failed:
            return str(failed)
        return ""


def limits(preferences: Mapping[str, Any], targets: int) -> tuple[int, int]:
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
    if preferences.get("ConcurrencyMode", _STRICT) == _STRICT:
        width = min(width, tolerance + 1)
    return tolerance, width


def _at_once(work: list[Callable[[], None]]) -> None:
    with ThreadPoolExecutor(max(1, len(work)), thread_name_prefix="stack-set") as pool:
        for finished in [pool.submit(contextvars.copy_context().run, item) for item in work]:
            finished.result()
