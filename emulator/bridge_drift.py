"""The bridge's half for drift: ministack's detection run in this process, with readers of more resource types."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import ContextVar
from typing import Any
from xml.etree import ElementTree

from ministack.services.cloudformation import drift, handlers

from emulator import bridge_stacks
from emulator.bridge_data_plane import Record, Refused

_NAMES: Mapping[Any, Sequence[str]] = {
    drift: ("_DRIFT_READERS", "detect_resource_drift"),
    handlers: ("_detect_stack_drift",),
}
_missing = [
    f"{module.__name__}.{name}" for module, names in _NAMES.items() for name in names if not hasattr(module, name)
]
if _missing:
    raise ImportError(f"this ministack lacks {', '.join(_missing)}; install the version that Pipfile pins")

_stack: ContextVar[Record] = ContextVar("stack whose drift is detected")
Reader = Callable[[str, Mapping[str, Any]], Mapping[str, Any] | None]


def install(readers: Mapping[str, tuple[Reader, Iterable[str]]]) -> None:
    """Let drift detection read types: each by what gives the current properties (None for a resource that is gone) of
    a physical id and its properties in the template, and by the names of the properties that it reads.
    """
    for name, (reader, properties) in readers.items():
        drift._DRIFT_READERS[name] = (reader, frozenset(properties))
    inner = drift.detect_resource_drift

    def detect_resource_drift(stack: Record, *given: Any) -> Record:
        token = _stack.set(stack)
        try:
            found: Record = inner(stack, *given)
        finally:
            _stack.reset(token)
        return found

    drift.detect_resource_drift = detect_resource_drift


def attached(type_name: str) -> list[Mapping[str, Any]]:
    """Return, to a reader, the properties of the resources of a type in the stack whose drift is detected."""
    resources = list(_stack.get().get("_resources", {}).values())
    return [item.get("Properties") or {} for item in resources if item["ResourceType"] == type_name]


def detect(stack_id: str) -> tuple[Record, list[Record]]:
    """Detect the drift of a stack of the current scope; return the detection (its ``StackDriftStatus``,
    ``DetectionStatus`` and reason) and every resource's drift. Raises Refused.
    """
    status, _, body = handlers._detect_stack_drift({"StackName": [stack_id]})
    found = {element.tag.rpartition("}")[2]: element.text or "" for element in ElementTree.fromstring(body).iter()}  # noqa: S314  # written by this process
    if status != 200:
        raise Refused(found.get("Code", "ValidationError"), found.get("Message", ""))
    stack = bridge_stacks.stack(stack_id) or {}
    detection: Record = stack["_drift_detections"][found["StackDriftDetectionId"]]
    resources = list(stack.get("_resources", {}).values())
    return detection, [item["_drift"] for item in resources if item.get("_drift")]
