"""Operations of stack sets: whether one may begin, and what the API says of those that did."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from emulator import stack_set_findings, stack_set_queue
from emulator import stack_set_records as records
from emulator.bridge_data_plane import Record
from emulator.json_api import ApiError
from emulator.stack_set_runs import limits

Given = dict[str, Any]
_PAIRS = (("FailureToleranceCount", "FailureTolerancePercentage"), ("MaxConcurrentCount", "MaxConcurrentPercentage"))
_FIELDS = (
    "OperationId",
    "Action",
    "Status",
    "CreationTimestamp",
    "EndTimestamp",
    "StatusReason",
    "StatusDetails",
    "OperationPreferences",
)
_DETAILS = (*_FIELDS, "StackSetId", "RetainStacks", "AdministrationRoleARN", "ExecutionRoleName", "DeploymentTargets")


def startable(record: Record, given: Given) -> str:
    """Return the id of the operation that a request begins. Raises ApiError for an id that there is, for preferences
    that contradict each other (shape StackSetOperationPreferences), and while another operation runs unless managed.
    """
    identity = str(given.get("OperationId") or uuid4())
    if identity in record["Operations"]:
        text = f"Operation {identity} already exists for StackSet {record['StackSetId']}"
        raise ApiError("OperationIdAlreadyExistsException", text, 409)
    if records.unfinished(record) and not record["ManagedExecution"].get("Active"):
        raise in_progress(record)
    preferences = given.get("OperationPreferences") or {}
    for pair in _PAIRS:
        if all(name in preferences for name in pair):
            raise ApiError("ValidationError", f"Only one of {pair[0]} and {pair[1]} may be given")
    tolerance, width = limits({**preferences, "ConcurrencyMode": "SOFT_FAILURE_TOLERANCE"}, 100)
    strict = preferences.get("ConcurrencyMode", "STRICT_FAILURE_TOLERANCE") == "STRICT_FAILURE_TOLERANCE"
    if strict and "MaxConcurrentCount" in preferences and width > tolerance + 1:
        raise ApiError("ValidationError", "MaxConcurrentCount may be at most one more than FailureToleranceCount")
    return identity


def in_progress(record: Record) -> ApiError:
    """Return the refusal of what must wait for a running operation."""
    running = records.unfinished(record)[0]
    text = f"Another Operation on StackSet {record['StackSetARN']} is in progress: {running}"
    return ApiError("OperationInProgressException", text, 409)


def describe_stack_set_operation(given: Given) -> Given:
    """Return an operation."""
    record = records.find(given["StackSetName"])
    found = records.operation(record, given["OperationId"])
    described = {name: found.get(name) for name in _DETAILS}
    if found["Action"] == "DETECT_DRIFT":
        running = stack_set_findings.details(record, found, found["Status"])
        described["StackSetDriftDetectionDetails"] = found.get("Drift", running)
    return {"StackSetOperation": described}


def list_stack_set_operations(given: Given) -> Given:
    """Return the operations of a set, the newest first."""
    record = records.find(given["StackSetName"])
    found = [{name: item.get(name) for name in _FIELDS} for item in reversed(list(record["Operations"].values()))]
    return records.page(found, given)


def list_stack_set_operation_results(given: Given) -> Given:
    """Return an operation's results by target, or those of a status."""
    found = records.operation(records.find(given["StackSetName"]), given["OperationId"])["Results"]
    wanted = [item["Values"] for item in given.get("Filters") or () if item["Name"] == "OPERATION_RESULT_STATUS"]
    skipped: Mapping[str, str] = {"Status": "SKIPPED", "StatusReason": "Function not found"}
    kept = [result for result in found if all(result["Status"] == status for status in wanted)]
    return records.page([{**result, "AccountGateResult": skipped} for result in kept], given)


def stop_stack_set_operation(given: Given) -> Given:
    """Let a running operation begin no further target."""
    record = records.find(given["StackSetName"])
    found = records.operation(record, given["OperationId"])
    if found["OperationId"] not in records.unfinished(record):
        text = f"Operation {given['OperationId']} is in {found['Status']} state and cannot be stopped"
        raise ApiError("InvalidOperationException", text)
    stack_set_queue.stop(record, found)
    return {}
