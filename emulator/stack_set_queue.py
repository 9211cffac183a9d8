"""Which of a stack set's operations run now and which wait.

``ManagedExecution.Active`` (CloudFormation service model): while operations run or wait, every new one is queued; a
queued one starts, in request order, once nothing before it conflicts. Otherwise one operation runs at a time, and only
those that StackSets begins itself wait (``StackSetOperation.Status``, QUEUED).
"""

import contextvars
import threading
from collections.abc import Callable

from emulator.bridge_data_plane import Record
from emulator.stack_set_records import Operation, now

Run = Callable[[], None]
_queues: dict[str, "_Queue"] = {}
_queues_lock = threading.Lock()


class _Waiting:
    """An operation with what runs it."""

    def __init__(self, operation: Operation, entry: Record, managed: bool, run: Run) -> None:
        self.operation = operation
        self.entry = entry
        self.context = contextvars.copy_context()
        self.run = run
        self._managed = managed

    def conflicts(self, other: "_Waiting") -> bool:
        return not self._managed or self.operation.conflicts(other.operation)


class _Queue:
    """The unfinished operations of one set."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: list[_Waiting] = []
        self._waiting: list[_Waiting] = []

    def add(self, item: _Waiting) -> None:
        with self._lock:
            if self._running or self._waiting:
                item.entry["Status"] = "QUEUED"
            self._waiting.append(item)
            self._start()

    def withdraw(self, identity: str) -> bool:
        with self._lock:
            found = [item for item in self._waiting if item.operation.identity == identity]
            self._waiting = [item for item in self._waiting if item.operation.identity != identity]
            return bool(found)

    def _start(self) -> None:
        before = list(self._running)
        for item in list(self._waiting):
            if not any(item.conflicts(other) for other in before):
                self._waiting.remove(item)
                self._running.append(item)
                item.entry["Status"] = "RUNNING"
                threading.Thread(target=self._work, args=(item,), name="stack-set", daemon=True).start()
            before.append(item)

    def _work(self, item: _Waiting) -> None:
        try:
            item.context.run(item.run)
        finally:
            with self._lock:
                self._running.remove(item)
                self._start()


def enter(record: Record, operation: Operation, entry: Record, run: Run) -> None:
    """Run an operation of a set on a thread of its own as soon as its turn has come."""
    managed = bool(record["ManagedExecution"].get("Active"))
    with _queues_lock:
        queue = _queues.setdefault(record["StackSetId"], _Queue())
    queue.add(_Waiting(operation, entry, managed, run))


def stop(record: Record, entry: Record) -> None:
    """Let an operation begin no further target; one that waits ends at once."""
    queue = _queues.get(record["StackSetId"])
    if queue is not None and queue.withdraw(entry["OperationId"]):
        for result in entry["Results"]:
            result |= {"Status": "CANCELLED", "StatusReason": "Cancelled since the operation was stopped"}
        entry |= {"Status": "STOPPED", "EndTimestamp": now()}
    elif entry["Status"] != "STOPPED":
        entry["Status"] = "STOPPING"
