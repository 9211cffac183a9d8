"""AWS::CloudFormation::Stack: a child is a stack of its own, created, updated, rolled back and deleted as one.

The cleanup of a child, deleting what an update replaced or removed, waits for the root (``emulator.bridge_cleanup``).
"""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from emulator import bridge_cleanup, bridge_stacks
from emulator.bridge_data_plane import Record as StackRecord
from emulator.bridge_data_plane import Refused
from emulator.handlers import Created, Properties, ResourceHandler, suffix

_TYPE = "AWS::CloudFormation::Stack"


class StackHandler:
    """Ref is the child's id; its outputs are the attributes ``Outputs.<name>``."""

    def create(self, logical_id: str, props: Properties, stack_name: str) -> Created:
        """Create the child. Raises ValueError when it fails; nothing of it stays then."""
        parent = bridge_stacks.stack(stack_name)
        assert parent is not None
        request = _request(_child_name(stack_name, logical_id), props, parent)

        def begun(child: StackRecord) -> None:
            child["ParentId"] = parent["StackId"]
            if props.get("TimeoutInMinutes"):
                child["TimeoutInMinutes"] = int(props["TimeoutInMinutes"])
            child["RootId"] = parent.get("RootId") or parent["StackId"]
            reason = "Resource creation Initiated"
            bridge_stacks.add_event(parent, logical_id, _TYPE, "CREATE_IN_PROGRESS", reason, child["StackId"])

        try:
            child = bridge_stacks.create_stack({**request, "DisableRollback": ["true"]}, begun)
        except Refused as refused:
            raise ValueError(str(refused)) from refused
        if child["StackStatus"] == "CREATE_COMPLETE":
            return str(child["StackId"]), _outputs(child)
        reason = f"Embedded stack {child['StackId']} was not successfully created: {_why(child)}"
        gone = bridge_stacks.delete_stack(str(child["StackId"]))
        if gone is not None and gone["StackStatus"] != "DELETE_COMPLETE":
            reason += f" It could not be removed either: {gone['StackStatusReason']}"
        raise ValueError(reason)

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Created:
        """Update the child. Raises ValueError when it fails; it has rolled itself back then."""
        parent, child = bridge_stacks.stack(stack_name), bridge_stacks.stack(physical_id)
        if child is None or child["StackStatus"] == "DELETE_COMPLETE":
            raise ValueError(f"Stack [{physical_id}] does not exist")
        assert parent is not None
        request = _request(str(child["StackName"]), new, parent)

        def begun(_: StackRecord) -> None:
            # On AWS the event that begins an update says which stack is updated; ministack's own does not.
            for event in bridge_stacks.events(parent["StackId"])[::-1]:
                if event["PhysicalResourceId"] == physical_id:
                    name = event["LogicalResourceId"]
                    bridge_stacks.add_event(parent, name, _TYPE, "UPDATE_IN_PROGRESS", "", physical_id)
                    break

        try:
            with bridge_cleanup.of_child():
                child = bridge_stacks.update_stack(request, begun)
        except Refused as refused:
            if not str(refused).startswith("No updates are to be performed"):
                raise ValueError(str(refused)) from refused
        else:
            if child["StackStatus"] != "UPDATE_COMPLETE":
                raise ValueError(_not_updated(child))
        return physical_id, _outputs(child)

    def delete(self, physical_id: str, props: Properties) -> None:
        """Delete the child. Raises ValueError when something of it cannot be deleted."""
        child = bridge_stacks.delete_stack(physical_id)
        if child is not None and child["StackStatus"] != "DELETE_COMPLETE":
            raise ValueError(f"Embedded stack {physical_id} was not successfully deleted: {child['StackStatusReason']}")


def _child_name(parent: str, logical_id: str) -> str:
    """A name in the form of AWS's: parent, logical id and a suffix, within the 128 characters of a stack's name."""
    return f"{parent[:70]}-{logical_id[:40]}-{suffix(parent, logical_id + uuid4().hex, 12).upper()}"


def _request(name: str, props: Properties, parent: Mapping[str, Any]) -> dict[str, list[str]]:
    url = str(props.get("TemplateURL") or "")
    if not url:
        raise ValueError("Property TemplateURL cannot be empty.")
    given = props.get("Parameters") or {}
    if any(isinstance(value, dict | list) for value in given.values()):
        raise ValueError("Value of property Parameters must be an object with String (or simple type) properties")
    parameters = [{"ParameterKey": key, "ParameterValue": _text(value)} for key, value in given.items()]
    tags = [
        {"Key": str(tag["Key"]), "Value": str(tag["Value"])}
        for tag in props.get("Tags") or ()
        if not str(tag["Key"]).startswith("aws:")
    ]
    return {
        "StackName": [name],
        "TemplateURL": [url],
        **bridge_stacks.flat("Parameters", parameters),
        **bridge_stacks.flat("Capabilities", parent.get("Capabilities") or ()),
        **bridge_stacks.flat("Tags", tags),
    }


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _outputs(child: Mapping[str, Any]) -> dict[str, Any]:
    return {f"Outputs.{item['OutputKey']}": item["OutputValue"] for item in child.get("Outputs") or ()}


def _why(child: Mapping[str, Any]) -> str:
    events = bridge_stacks.events(str(child["StackId"]))
    failed = [event["LogicalResourceId"] for event in events if event["ResourceStatus"] == "CREATE_FAILED"]
    failed = [name for name in dict.fromkeys(failed) if name != child["StackName"]]
    if failed:
        return f"The following resource(s) failed to create: [{', '.join(failed)}]."
    return str(child.get("StackStatusReason") or "it failed without a reason")


def _update_failures(child: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    failures: list[Mapping[str, Any]] = []
    for event in bridge_stacks.events(str(child["StackId"])):
        if event["LogicalResourceId"] == child["StackName"] and event["ResourceStatus"] == "UPDATE_IN_PROGRESS":
            failures = []
        elif event["ResourceStatus"] in ("UPDATE_FAILED", "CREATE_FAILED"):
            failures.append(event)
    return failures


def _not_updated(child: Mapping[str, Any]) -> str:
    reasons = "; ".join(str(event["ResourceStatusReason"]) for event in _update_failures(child))
    state = f"Currently in {child['StackStatus']} with reason: {reasons or child.get('StackStatusReason', '')}"
    return f"Embedded stack {child['StackId']} was not successfully updated. {state}"


HANDLERS: Mapping[str, ResourceHandler] = {_TYPE: StackHandler()}
