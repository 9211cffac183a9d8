"""Drift of stack sets: the API.

"Performing drift detection on CloudFormation StackSets" (user guide): the stack of every instance is checked; nested
stacks are not descended into.
"""

from typing import Any

from emulator import stack_set_operations
from emulator import stack_set_records as records
from emulator.json_api import ApiError
from emulator.stack_set_records import Operation, instance_key
from emulator.stack_set_runs import begin
from emulator.stack_set_selection import product

Given = dict[str, Any]


def detect_stack_set_drift(given: Given) -> Given:
    """Check all instances of a set; only one detection of a set runs at a time (``DetectStackSetDrift``)."""
    record = records.find(given["StackSetName"])
    identity = stack_set_operations.startable(record, given)
    unfinished = [record["Operations"][item] for item in records.unfinished(record)]
    if any(item["Action"] == "DETECT_DRIFT" for item in unfinished):
        raise stack_set_operations.in_progress(record)
    instances = list(record["Instances"].values())
    everywhere = product([item["Account"] for item in instances], [item["Region"] for item in instances])
    targets = tuple(target for target in everywhere if instance_key(*target) in record["Instances"])
    begin(record, Operation("DETECT_DRIFT", targets, identity, given.get("OperationPreferences") or {}, alone=True))
    return {"OperationId": identity}


def list_stack_instance_resource_drifts(given: Given) -> Given:
    """Return the drift that an operation found of an instance's resources, or of those with a status."""
    record = records.find(given["StackSetName"])
    operation = records.operation(record, given["OperationId"])
    key = instance_key(given["StackInstanceAccount"], given["StackInstanceRegion"])
    if key not in record["Instances"]:
        text = f"Stack instance for stack set {record['StackSetId']}, {key} not found"
        raise ApiError("StackInstanceNotFoundException", text, 404)
    wanted = given.get("StackInstanceResourceDriftStatuses")
    found = [
        item
        for item in operation.get("Drifts", {}).get(key, [])
        if wanted is None or item["StackResourceDriftStatus"] in wanted
    ]
    return records.page(found, given)
