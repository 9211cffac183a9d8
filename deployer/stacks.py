"""One stack: creating or updating it, waiting, and telling why it failed.

The first failure that is not the consequence of another is what people need to know; it stands in the events of the
innermost stack, which can be read by the stack's id even after it is gone.
"""

import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from deployer.errors import RefusedError
from deployer.events import Reporter, ResourceEvent

CAPABILITIES = ("CAPABILITY_IAM", "CAPABILITY_NAMED_IAM")
NESTED = "AWS::CloudFormation::Stack"
POLL_SECONDS = 5.0
LOCAL_POLL_SECONDS = 0.3
NO_UPDATE = "No updates are to be performed"
UNDER_WAY = "_IN_PROGRESS state"
"""Part of what CloudFormation says of a stack that it is working on and so does not update."""
SAME_TOKEN = "TokenAlreadyExistsException"  # noqa: S105  # an error's name


@dataclass(frozen=True)
class StackOutcome:
    """What became of a stack: its id, its outputs and whether anything changed."""

    stack_id: str
    outputs: dict[str, str]
    changed: bool


class StackWatcher:
    """Follows the events of a stack and of the stacks nested in it, each event once, oldest first."""

    def __init__(self, client: Any, stack_id: str, label: str) -> None:
        self._client = client
        self._labels: dict[str, tuple[str, ...]] = {stack_id: (label,)}
        self._seen: set[str] = set()

    def skip_past(self) -> None:
        """Counts all that has happened so far as seen."""
        for _ in self.new_events():
            pass

    def new_events(self) -> Iterator[ResourceEvent]:
        """Yields what happened since the last call; finds nested stacks by their events."""
        waiting = list(self._labels)
        while waiting:
            stack_id = waiting.pop(0)
            for event in reversed(self._events(stack_id)):
                if event["EventId"] in self._seen:
                    continue
                self._seen.add(event["EventId"])
                physical = event.get("PhysicalResourceId", "")
                if physical == stack_id and len(self._labels[stack_id]) > 1:
                    continue  # A nested stack's word on itself, which its parent's event says too.
                nested = event["ResourceType"] == NESTED and physical not in ("", stack_id)
                if nested and physical not in self._labels:
                    self._labels[physical] = (*self._labels[stack_id], event["LogicalResourceId"])
                    waiting.append(physical)
                yield ResourceEvent(
                    path=self._labels[stack_id],
                    logical_id=event["LogicalResourceId"],
                    resource_type=event["ResourceType"],
                    status=event["ResourceStatus"],
                    reason=event.get("ResourceStatusReason", ""),
                    moment=event["Timestamp"].timestamp(),
                    physical_id=physical,
                )

    def _events(self, stack_id: str) -> list[dict[str, Any]]:
        try:
            pages = self._client.get_paginator("describe_stack_events").paginate(StackName=stack_id)
            return [event for page in pages for event in page["StackEvents"]]
        except ClientError as error:
            if error.response["Error"]["Code"] == "ValidationError":
                return []
            raise


def first_cause(events: Sequence[ResourceEvent]) -> ResourceEvent | None:
    """Returns the earliest failure that no other failure explains: innermost, and not merely cancelled."""
    failures = [event for event in events if event.failed and event.reason and not event.consequence]
    leaves = [event for event in failures if event.resource_type != NESTED]
    return min(leaves or failures, key=lambda event: event.moment, default=None)


def cause_sentence(event: ResourceEvent) -> str:
    """Returns the failure as one sentence: where and why."""
    where = "/".join((*event.path, event.logical_id))
    return f"{where} ({event.resource_type}) {event.status}: {event.reason.rstrip('.')}."


def describe(client: Any, name: str) -> dict[str, Any] | None:
    """Returns the stack's description as CloudFormation gives it, or None where there is no such stack."""
    try:
        stack: dict[str, Any] = client.describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":
            return None
        raise
    return None if stack["StackStatus"] == "DELETE_COMPLETE" else stack


def outputs_of(stack: Mapping[str, Any]) -> dict[str, str]:
    """Returns a described stack's outputs by key."""
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def parameters_of(stack: Mapping[str, Any]) -> dict[str, str]:
    """Returns a described stack's parameter values by key."""
    return {parameter["ParameterKey"]: parameter["ParameterValue"] for parameter in stack.get("Parameters", [])}


def ensure(
    client: Any, name: str, template: str, parameters: Mapping[str, str], reporter: Reporter, poll: float
) -> StackOutcome:
    """Creates the stack or brings it up to date, and waits.

    `template` is the template's URL where it begins with https://, else its text. Raises RefusedError with the first
    cause where the stack fails, or where it stands in a state that cannot be updated.

    A request whose answer was lost is sent again by botocore. Its token tells CloudFormation so (service model,
    `CreateStack`, `ClientRequestToken`); where that says no all the same, what is under way is this request.
    """
    existing = describe(client, name)
    body = {"TemplateURL": template} if template.startswith("https://") else {"TemplateBody": template}
    request = {
        "StackName": name,
        **body,
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in sorted(parameters.items())],
        "Capabilities": list(CAPABILITIES),
        "ClientRequestToken": str(uuid.uuid4()),
    }
    if existing is None:
        stack_id = _create(client, request)
        return _wait(client, name, stack_id, reporter, poll, StackWatcher(client, stack_id, name))
    stack_id = existing["StackId"]
    if existing["StackStatus"].endswith("_IN_PROGRESS"):
        _wait(client, name, stack_id, reporter, poll, StackWatcher(client, stack_id, name))
    watcher = StackWatcher(client, stack_id, name)
    watcher.skip_past()
    try:
        client.update_stack(**request)
    except ClientError as error:
        code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
        if NO_UPDATE in message:
            # Asked anew: a first try whose answer was lost may have changed the outputs.
            return StackOutcome(stack_id, outputs_of(describe(client, stack_id) or existing), changed=False)
        if code == "ValidationError" and UNDER_WAY not in message:
            raise RefusedError(
                f"The stack {name} is in state {existing['StackStatus']} and was not updated: {message}"
            ) from error
        if code not in ("ValidationError", SAME_TOKEN):
            raise
    return _wait(client, name, stack_id, reporter, poll, watcher)


def _create(client: Any, request: Mapping[str, Any]) -> str:
    try:
        return str(client.create_stack(**request, OnFailure="DELETE")["StackId"])
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("AlreadyExistsException", SAME_TOKEN):
            raise
        found = describe(client, request["StackName"])
        if found is None:
            raise
        return str(found["StackId"])


def _wait(
    client: Any, name: str, stack_id: str, reporter: Reporter, poll: float, watcher: StackWatcher
) -> StackOutcome:
    happened: list[ResourceEvent] = []
    while True:
        for event in watcher.new_events():
            happened.append(event)
            reporter.emit(event)
        stack = client.describe_stacks(StackName=stack_id)["Stacks"][0]
        status = stack["StackStatus"]
        if not status.endswith("_IN_PROGRESS"):
            break
        time.sleep(poll)
    happened.extend(watcher.new_events())
    if status in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        return StackOutcome(stack_id, outputs_of(stack), changed=True)
    cause = first_cause(happened)
    why = cause_sentence(cause) if cause else stack.get("StackStatusReason", "CloudFormation gave no reason.")
    raise RefusedError(f"The stack {name} ended in {status}. {why}")
