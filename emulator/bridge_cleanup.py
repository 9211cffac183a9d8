"""The bridge's half for the cleanup of nested stacks: what an update replaced or removed in a child is deleted once the
root has updated everything, children that were updated later first.

Source: CloudFormation user guide, "Understand stack status" and "Work with nested stacks": a nested stack stays in
UPDATE_COMPLETE_CLEANUP_IN_PROGRESS until the root's update is over, since it may still have to be rolled back.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from ministack.services.cloudformation import changesets, handlers, stacks

from emulator.bridge_data_plane import Record

_NAMES: Mapping[Any, Sequence[str]] = {
    changesets: ("_deploy_stack_async",),
    handlers: ("_deploy_stack_async",),
    stacks: ("_add_event", "_delete_resource", "_roll_back_operation"),
}
_missing = [
    f"{module.__name__}.{name}" for module, names in _NAMES.items() for name in names if not hasattr(module, name)
]
if _missing:
    raise ImportError(f"this ministack lacks {', '.join(_missing)}; install the version that Pipfile pins")

_Deletion = tuple[str, str, Any, str, str]
"""Type, physical id, properties, stack name and logical id."""
_waiting: ContextVar[list[_Deletion] | None] = ContextVar("cleanup_waiting", default=None)
_in_child: ContextVar[bool] = ContextVar("cleanup_in_child", default=False)


@contextmanager
def of_child() -> Iterator[None]:
    """Let the cleanup of the update of a child, which runs within the block, wait for its root."""
    token = _in_child.set(True)
    try:
        yield
    finally:
        _in_child.reset(token)


def install(stack: Callable[[str], Record | None]) -> None:
    """Let ministack's engine clean up so; ``stack`` finds a stack's record by name."""
    inner_delete, inner_deploy, inner_roll_back = (
        stacks._delete_resource,
        handlers._deploy_stack_async,
        stacks._roll_back_operation,
    )

    def delete(kind: str, physical_id: str, props: Any, stack_name: str = "", logical_id: str = "") -> None:
        waiting = _waiting.get()
        if waiting is not None and _in_child.get():
            waiting.append((kind, physical_id, props, stack_name, logical_id))
            return
        if waiting:
            flush(waiting)
        inner_delete(kind, physical_id, props, stack_name, logical_id)

    def flush(waiting: list[_Deletion]) -> None:
        taken, waiting[:] = list(waiting), []
        for name in reversed(dict.fromkeys(one[3] for one in taken)):
            for deletion in (one for one in taken if one[3] == name):
                _delete(inner_delete, deletion, stack(name))

    async def deploy(*arguments: Any, **named: Any) -> None:
        if _waiting.get() is not None:
            await inner_deploy(*arguments, **named)
            return
        waiting: list[_Deletion] = []
        token = _waiting.set(waiting)
        try:
            await inner_deploy(*arguments, **named)
        finally:
            _waiting.reset(token)
            flush(waiting)

    async def roll_back(*arguments: Any, **named: Any) -> None:
        # What a failed update made goes at once, before what waits.
        tokens = _in_child.set(False), _waiting.set(None)
        try:
            await inner_roll_back(*arguments, **named)
        finally:
            _in_child.reset(tokens[0])
            _waiting.reset(tokens[1])

    stacks._delete_resource = delete
    stacks._roll_back_operation = roll_back
    for module in (handlers, changesets):
        module._deploy_stack_async = deploy


def _delete(delete: Callable[..., None], deletion: _Deletion, record: Record | None) -> None:
    kind, physical_id, props, stack_name, logical_id = deletion
    try:
        delete(kind, physical_id, props, stack_name, logical_id)
    except Exception as error:
        # As on AWS: the update stays complete, and the resource is left behind.
        if record is not None:
            stacks._add_event(record["StackId"], stack_name, logical_id, kind, "DELETE_FAILED", str(error), physical_id)
