"""Stack sets as they are kept: sets, their instances and operations, in the administrator's account and Region."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from emulator.json_api import ApiError
from emulator.records import Record, Table

_sets = Table("stack-sets")


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


def exists(name: str) -> bool:
    """Whether there is an active set of a name."""
    return _sets.get(name) is not None


def every() -> list[Record]:
    """Return all sets, deleted ones too."""
    return _sets.values()


def operation(record: Record, operation_id: str) -> Record:
    """Return an operation of a set. Raises ApiError when there is none."""
    found: Record | None = record["Operations"].get(operation_id)
    if found is None:
        text = f"Operation {operation_id} does not exist for StackSet {record['StackSetId']}"
        raise ApiError("OperationNotFoundException", text, 404)
    return found


def instance_key(account: str, region: str) -> str:
    """Return the key of an instance within its set."""
    return f"{account}/{region}"


@dataclass(frozen=True)
class Operation:
    """One operation to run: what is done to which targets, with which preferences."""

    action: str
    accounts: tuple[str, ...]
    regions: tuple[str, ...]
    identity: str
    preferences: dict[str, Any] = field(default_factory=dict)
    retain: bool = False


def interrupt_running() -> None:
    """End what an earlier process left unfinished: its threads are gone."""
    for _, record in _sets.every():
        for found in record["Operations"].values():
            if found["Status"] in ("RUNNING", "STOPPING", "QUEUED"):
                found |= {"Status": "FAILED", "EndTimestamp": now(), "StatusReason": "The emulator was stopped."}
                for result in found["Results"]:
                    if result["Status"] in ("RUNNING", "PENDING"):
                        result |= {"Status": "CANCELLED", "StatusReason": "The emulator was stopped."}
