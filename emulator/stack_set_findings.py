"""What detection finds of a stack set's drift: an instance's, and the whole set's in numbers.

Shapes StackSetDriftDetectionDetails and StackInstanceResourceDriftsSummary (CloudFormation service model): a set has
drifted when one of its instances has; an instance, when one of its stack's resources has.
"""

from collections import Counter

from emulator import bridge_drift
from emulator.bridge_data_plane import Record, Refused
from emulator.stack_set_records import instance_key
from emulator.stack_set_targets import TargetFailed

_SUMMARY = ("StackId", "LogicalResourceId", "PhysicalResourceId", "ResourceType", "Timestamp", "PropertyDifferences")
_ENDED = {"SUCCEEDED": "COMPLETED", "FAILED": "FAILED", "STOPPED": "STOPPED"}


def detect(instance: Record) -> list[Record]:
    """Detect the drift of an instance's stack in the current scope; return its resources' summaries. Raises
    TargetFailed.
    """
    if not instance.get("StackId"):
        raise TargetFailed("The stack instance has no stack")
    try:
        detection, drifts = bridge_drift.detect(instance["StackId"])
    except Refused as refused:
        raise TargetFailed(str(refused)) from refused
    if detection["DetectionStatus"] != "DETECTION_COMPLETE":
        raise TargetFailed(str(detection["DetectionStatusReason"]))
    instance |= {"DriftStatus": detection["StackDriftStatus"], "LastDriftCheckTimestamp": detection["Timestamp"]}
    status = "StackResourceDriftStatus"
    return [{name: item.get(name) for name in _SUMMARY} | {status: item[status]} for item in drifts]


def details(record: Record, entry: Record, status: str) -> Record:
    """Return the numbers of a detection whose operation has a status."""
    results = entry["Results"]
    instances = [record["Instances"].get(instance_key(item["Account"], item["Region"]), {}) for item in results]
    states = Counter(
        instance.get("DriftStatus") if result["Status"] == "SUCCEEDED" else result["Status"]
        for result, instance in zip(results, instances, strict=True)
    )
    ended = _ENDED.get(status, "IN_PROGRESS")
    if ended == "COMPLETED" and states["FAILED"]:
        ended = "PARTIAL_SUCCESS"
    in_sync = bool(results) and states["IN_SYNC"] == len(results)
    return {
        "DriftStatus": "DRIFTED" if states["DRIFTED"] else "IN_SYNC" if in_sync else "NOT_CHECKED",
        "DriftDetectionStatus": ended,
        "LastDriftCheckTimestamp": entry.get("EndTimestamp") or entry["CreationTimestamp"],
        "TotalStackInstancesCount": len(results),
        "DriftedStackInstancesCount": states["DRIFTED"],
        "InSyncStackInstancesCount": states["IN_SYNC"],
        "InProgressStackInstancesCount": states["PENDING"] + states["RUNNING"],
        "FailedStackInstancesCount": states["FAILED"],
    }
