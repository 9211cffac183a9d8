"""One stack: creating or updating it, waiting, and telling why it failed.

The first failure that is not the consequence of another is what people need to know; it stands in the events of the
innermost stack, which can be read by the stack's id even after it is gone.
"""

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from deployer.errors import RefusedError
from deployer.events import Reporter, ResourceEvent

CAPABILITIES = ("CAPABILITY_IAM", "CAPABILITY_NAMED_IAM")
NESTED = "AWS::CloudFormation::Stack"
DENIALS = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})
"""Error codes of calls that the credentials do not permit."""
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
    """Follows the events of a stack and of the stacks nested in it, each event once, oldest first.

    A stack's own events have the empty path, and `label` as their logical id. What happened before `since` is past.
    AWS gives events newest first, so that reading stops at the first that is known; a nested stack is read only while
    the stack above says that it moves. Reading is a matter of progress: what AWS refuses or throttles is left out, and
    a stack that may not be read is not asked for again.
    """

    def __init__(self, client: Any, stack_id: str, label: str, since: datetime | None = None) -> None:
        self._client = client
        self._paths: dict[str, tuple[str, ...]] = {stack_id: (label,)}
        self._root = stack_id
        self._since = since
        self._seen: set[str] = set()
        self._resting: set[str] = set()

    def skip_past(self) -> None:
        """Counts all that has happened so far as past."""
        try:
            pages = self._client.get_paginator("describe_stack_events").paginate(StackName=self._root)
            newest: list[dict[str, Any]] = next((page["StackEvents"] for page in pages), [])
        except (ClientError, BotoCoreError):
            self._since = datetime.now(UTC)
            return
        self._seen.update(event["EventId"] for event in newest)
        self._since = max((event["Timestamp"] for event in newest), default=self._since)

    def new_events(self) -> list[ResourceEvent]:
        """Returns what happened since the last call, in its order; finds nested stacks by their events."""
        found: list[ResourceEvent] = []
        waiting = [stack_id for stack_id in self._paths if stack_id not in self._resting]
        ended: dict[str, bool] = {}
        cleaning = False
        while waiting:
            stack_id = waiting.pop(0)
            path = self._paths[stack_id]
            for event in reversed(self._unseen(stack_id)):
                self._seen.add(event["EventId"])
                physical = event.get("PhysicalResourceId", "")
                nested = event["ResourceType"] == NESTED
                if nested and physical == stack_id:
                    if stack_id == self._root:
                        cleaning = cleaning or "CLEANUP" in event["ResourceStatus"]
                        found.append(_event(event, (), path[0]))
                    continue  # A nested stack's word on itself, which the stack above says too.
                if nested and physical:
                    self._paths.setdefault(physical, (*path, event["LogicalResourceId"]))
                    # One that failed goes on by itself: it rolls back.
                    ended[physical] = not event["ResourceStatus"].endswith(("_IN_PROGRESS", "_FAILED"))
                    if physical not in waiting:
                        waiting.append(physical)
                found.append(_event(event, path, event["LogicalResourceId"]))
        self._resting -= ended.keys()
        self._resting |= {stack_id for stack_id, has_ended in ended.items() if has_ended}
        if cleaning:
            # Nested stacks delete what was replaced only now, and the stack above says nothing of it.
            self._resting.clear()
        # At one moment a nested stack's resource comes before the stack above, which ends with it.
        return sorted(found, key=lambda event: (event.moment, -len(event.path)))

    def _unseen(self, stack_id: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        try:
            for page in self._client.get_paginator("describe_stack_events").paginate(StackName=stack_id):
                for event in page["StackEvents"]:
                    if event["EventId"] in self._seen or (self._since and event["Timestamp"] < self._since):
                        return found
                    found.append(event)
        except ClientError as error:
            if error.response["Error"]["Code"] in DENIALS:
                self._paths.pop(stack_id)
            return []
        except BotoCoreError:
            return []
        return found


def _event(event: Mapping[str, Any], path: tuple[str, ...], logical_id: str) -> ResourceEvent:
    return ResourceEvent(
        path=path,
        logical_id=logical_id,
        resource_type=event["ResourceType"],
        status=event["ResourceStatus"],
        reason=event.get("ResourceStatusReason", ""),
        moment=event["Timestamp"].timestamp(),
        physical_id=event.get("PhysicalResourceId", ""),
    )


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


def settled(client: Any, name: str, poll: float) -> dict[str, Any] | None:
    """Returns the stack's description once CloudFormation does not work on it; None where there is no such stack.

    `poll` is in seconds. A stack that waits for a change set is not worked on.
    """
    while True:
        stack = describe(client, name)
        status = stack["StackStatus"] if stack else ""
        if not status.endswith("_IN_PROGRESS") or status == "REVIEW_IN_PROGRESS":
            return stack
        time.sleep(poll)


def outputs_of(stack: Mapping[str, Any]) -> dict[str, str]:
    """Returns a described stack's outputs by key."""
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def parameters_of(stack: Mapping[str, Any]) -> dict[str, str]:
    """Returns a described stack's parameter values by key."""
    return {parameter["ParameterKey"]: parameter["ParameterValue"] for parameter in stack.get("Parameters", [])}


def ensure(
    client: Any,
    name: str,
    template: str,
    parameters: Mapping[str, str],
    reporter: Reporter,
    poll: float,
    label: str = "",
) -> StackOutcome:
    """Creates the stack or brings it up to date, and waits.

    `template` is the template's URL where it begins with https://, else its text; `label` names the stack in events,
    where several of one name are worked on. Raises RefusedError with the first
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
        return _wait(client, name, stack_id, reporter, poll, StackWatcher(client, stack_id, label or name))
    stack_id = existing["StackId"]
    if existing["StackStatus"] == "REVIEW_IN_PROGRESS":
        raise RefusedError(
            f"The stack {name} waits for a change set that somebody made by hand; execute that or delete the stack."
        )
    if existing["StackStatus"].endswith("_IN_PROGRESS"):
        _wait(client, name, stack_id, reporter, poll, StackWatcher(client, stack_id, label or name))
    watcher = StackWatcher(client, stack_id, label or name)
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
    ended = False
    while not ended:
        stack = client.describe_stacks(StackName=stack_id)["Stacks"][0]
        status = stack["StackStatus"]
        ended = not status.endswith("_IN_PROGRESS")
        for event in watcher.new_events():
            happened.append(event)
            reporter.emit(event)
        if not ended:
            time.sleep(poll)
    if status in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        return StackOutcome(stack_id, outputs_of(stack), changed=True)
    cause = first_cause(happened)
    why = cause_sentence(cause) if cause else stack.get("StackStatusReason", "CloudFormation gave no reason.")
    raise RefusedError(f"The stack {name} ended in {status}. {why}")


def remove(client: Any, name: str, stack_id: str, reporter: Reporter, wait: Callable[[], None]) -> None:
    """Deletes a stack by its id and waits until it is gone; `wait` passes the time between two looks.

    Raises RefusedError with the first cause where something of it cannot be deleted.
    """
    watcher = StackWatcher(client, stack_id, name)
    watcher.skip_past()
    client.delete_stack(StackName=stack_id)
    happened = []
    while True:
        stack = client.describe_stacks(StackName=stack_id)["Stacks"][0]
        for event in watcher.new_events():
            happened.append(event)
            reporter.emit(event)
        if stack["StackStatus"] == "DELETE_COMPLETE":
            return
        if stack["StackStatus"] == "DELETE_FAILED":
            cause = first_cause(happened)
            why = cause_sentence(cause) if cause else stack.get("StackStatusReason", "CloudFormation gave no reason.")
            raise RefusedError(f"The stack {name} was not deleted. {why}")
        wait()
