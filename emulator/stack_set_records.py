"""Stack sets as they are kept: sets, their instances and operations, in the administrator's account and Region."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from emulator.json_api import ApiError
from emulator.records import Record, Table

_sets = Table("stack-sets")
_PAGE = 100
SERVICE_MANAGED = "SERVICE_MANAGED"
"""The permission model of sets that an organization's units are the targets of."""
_UNFINISHED = ("RUNNING", "STOPPING", "QUEUED")


def now() -> str:
    """Return the time as the API gives it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def put(record: Record) -> None:
    """Keep a set: active ones by name, deleted ones by id."""
    if record["Status"] == "DELETED":
        _sets.pop(record["StackSetName"])
        _sets.put(record["StackSetId"], record)
    else:
        _sets.put(record["StackSetName"], record)


def find(name: str) -> Record:
    """Return an active set by name, id or ARN. Raises ApiError when there is none."""
    record = _sets.get(name.rpartition("/")[2].partition(":")[0] if ":" in name else name)
    if record is None or (":" in name and name not in (record["StackSetId"], record["StackSetARN"])):
        raise ApiError("StackSetNotFoundException", f"StackSet {name} not found", 404)
    return record


def active(name: str) -> Record | None:
    """Return the active set of a name, None when there is none."""
    return _sets.get(name)


def every() -> list[Record]:
    """Return all sets of the current scope, deleted ones too."""
    return _sets.values()


def of_account(account: str) -> list[tuple[str, Record]]:
    """Return the active sets that an account administers, each with its Region."""
    return [
        (region, record)
        for (owner, region, _), record in _sets.every()
        if owner == account and record["Status"] == "ACTIVE"
    ]


def operation(record: Record, operation_id: str) -> Record:
    """Return an operation of a set. Raises ApiError when there is none."""
    found: Record | None = record["Operations"].get(operation_id)
    if found is None:
        text = f"Operation {operation_id} does not exist for StackSet {record['StackSetId']}"
        raise ApiError("OperationNotFoundException", text, 404)
    return found


def unfinished(record: Record) -> list[str]:
    """Return the ids of a set's operations that run or wait, oldest first."""
    return [key for key, item in list(record["Operations"].items()) if item["Status"] in _UNFINISHED]


def instance_key(account: str, region: str) -> str:
    """Return the key of an instance within its set."""
    return f"{account}/{region}"


def page(found: list[Record], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return one page of summaries: ``MaxResults`` of them, a hundred unless told, from ``NextToken``."""
    token = str(given.get("NextToken") or 0)
    if not token.isdigit():
        raise ApiError("ValidationError", "NextToken is not one that an earlier answer gave")
    start, size = int(token), given.get("MaxResults", _PAGE)
    summaries = {"Summaries": found[start : start + size]}
    return summaries | ({"NextToken": str(start + size)} if start + size < len(found) else {})


@dataclass(frozen=True)
class Operation:
    """One operation to run.

    ``targets`` are (account, Region) in the order in which the Regions take their turn; ``overrides`` are the values
    that an instance gets, by its key; ``changes`` are the set's own fields that change as the operation begins;
    ``alone`` says that it touches the whole set and so runs with no other.
    """

    action: str
    targets: tuple[tuple[str, str], ...]
    identity: str
    preferences: Mapping[str, Any] = field(default_factory=dict)
    overrides: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    changes: Mapping[str, Any] = field(default_factory=dict)
    deployment_targets: Mapping[str, Any] | None = None
    retain: bool = False
    alone: bool = False

    def conflicts(self, other: "Operation") -> bool:
        """Whether two operations of one set must not run at once: they share a target, or one takes the whole set."""
        return self.alone or other.alone or not set(self.targets).isdisjoint(other.targets)


def interrupt_running() -> None:
    """End what an earlier process left unfinished: its threads are gone."""
    for _, record in _sets.every():
        # A set that an earlier version kept.
        record.setdefault("AutoTargets", {})
        for identity in unfinished(record):
            found = record["Operations"][identity]
            found |= {"Status": "FAILED", "EndTimestamp": now(), "StatusReason": "The emulator was stopped."}
            for result in found["Results"]:
                if result["Status"] in ("RUNNING", "PENDING"):
                    result |= {"Status": "CANCELLED", "StatusReason": "The emulator was stopped."}
            for instance in record["Instances"].values():
                if instance["DetailedStatus"] in ("RUNNING", "PENDING"):
                    instance |= {"DetailedStatus": "CANCELLED", "StatusReason": "The emulator was stopped."}
                    if found["Action"] in ("CREATE", "UPDATE"):
                        instance["Status"] = "OUTDATED"
