"""Why a stack failed, told from its events; and that a stack is created, updated or left alone as it must be."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from deployer.errors import RefusedError
from deployer.events import Event, ResourceEvent
from deployer.stacks import StackWatcher, cause_sentence, ensure, first_cause, settled

ROOT_ID = "arn:aws:cloudformation:us-east-1:111111111111:stack/runtime/1"
CHILD_ID = "arn:aws:cloudformation:us-east-1:111111111111:stack/runtime-ServiceStack/2"
STACK = "AWS::CloudFormation::Stack"
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def event(logical: str, kind: str, status: str, reason: str = "", moment: float = 0.0) -> ResourceEvent:
    return ResourceEvent(("runtime",), logical, kind, status, reason, moment)


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([], None),
        ([event("Vpc", "AWS::EC2::VPC", "CREATE_COMPLETE")], None),
        (
            [
                event("ServiceStack", STACK, "CREATE_FAILED", "Embedded stack … was not successfully created", 4),
                event("Role", "AWS::IAM::Role", "CREATE_FAILED", "Resource creation cancelled", 3),
                event("Service", "AWS::ECS::Service", "CREATE_FAILED", "circuit breaker", 2),
            ],
            "Service",
        ),
        (
            [
                event("Late", "AWS::EC2::Subnet", "CREATE_FAILED", "no room", 9),
                event("Early", "AWS::EC2::Subnet", "CREATE_FAILED", "no room either", 5),
            ],
            "Early",
        ),
        (
            [
                event("runtime", STACK, "ROLLBACK_IN_PROGRESS", "The following resource(s) failed to create: [A]", 2),
                event("A", STACK, "CREATE_FAILED", "Template error: unresolved", 1),
            ],
            "A",
        ),
        ([event("A", "AWS::EC2::VPC", "UPDATE_FAILED", "Resource update cancelled", 1)], None),
        ([event("A", "AWS::EC2::VPC", "DELETE_FAILED", "has dependencies", 1)], "A"),
    ],
)
def test_cause_is_the_earliest_failure_that_nothing_else_explains(
    events: list[ResourceEvent], expected: str | None
) -> None:
    found = first_cause(events)
    assert (found.logical_id if found else None) == expected


def test_cause_is_told_with_its_place_in_one_sentence() -> None:
    failed = ResourceEvent(("runtime", "ServiceStack"), "Service", "AWS::ECS::Service", "CREATE_FAILED", "No image.")
    assert cause_sentence(failed) == "runtime/ServiceStack/Service (AWS::ECS::Service) CREATE_FAILED: No image."


class Pages:
    def __init__(self, client: "CloudFormation") -> None:
        self._client = client
        self._items = client.events

    def paginate(self, **request: str) -> Iterator[dict[str, Any]]:
        self._client.reads += 1
        self._client.read.append(request["StackName"])
        if self._client.error:
            raise self._client.error
        if request["StackName"] not in self._items:
            raise ClientError({"Error": {"Code": "ValidationError", "Message": "gone"}}, "DescribeStackEvents")
        found = self._items[request["StackName"]]
        yield {"StackEvents": found[: (len(found) + 1) // 2]}
        self._client.second_pages += 1
        yield {"StackEvents": found[(len(found) + 1) // 2 :]}


class CloudFormation:
    """A client that answers from a script: the events of stacks, newest first, and the stack's states in turn."""

    def __init__(self, states: list[str] | None = None, update_error: str = "") -> None:
        self.events: dict[str, list[dict[str, Any]]] = {ROOT_ID: []}
        self.states = states or []
        self.created = ["CREATE_IN_PROGRESS", "CREATE_COMPLETE"]
        self.update_error = update_error
        self.create_code = ""
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.reads, self.second_pages = 0, 0
        self.read: list[str] = []
        self.error: Exception | None = None

    def add(self, stack: str, logical: str, kind: str, status: str, reason: str = "", physical: str = "x") -> None:
        number = sum(map(len, self.events.values()))
        self.events.setdefault(stack, []).insert(
            0,
            {
                "EventId": f"e{number}",
                "StackId": stack,
                "LogicalResourceId": logical,
                "PhysicalResourceId": physical,
                "ResourceType": kind,
                "ResourceStatus": status,
                "ResourceStatusReason": reason,
                "Timestamp": BEGIN + timedelta(seconds=number),
            },
        )

    def get_paginator(self, name: str) -> Pages:
        assert name == "describe_stack_events"
        return Pages(self)

    def describe_stacks(self, **request: str) -> dict[str, Any]:
        if not self.states:
            raise ClientError({"Error": {"Code": "ValidationError", "Message": "does not exist"}}, "DescribeStacks")
        state = self.states[0] if len(self.states) == 1 else self.states.pop(0)
        outputs = [{"OutputKey": "Bucket", "OutputValue": "b"}]
        return {"Stacks": [{"StackId": ROOT_ID, "StackStatus": state, "Outputs": outputs}]}

    def create_stack(self, **request: Any) -> dict[str, str]:
        self.calls.append(("create", request))
        self.states = list(self.created)
        if self.create_code:
            raise ClientError({"Error": {"Code": self.create_code, "Message": "again"}}, "CreateStack")
        return {"StackId": ROOT_ID}

    def update_stack(self, **request: Any) -> dict[str, str]:
        self.calls.append(("update", request))
        if self.update_error:
            raise ClientError({"Error": {"Code": "ValidationError", "Message": self.update_error}}, "UpdateStack")
        return {"StackId": ROOT_ID}


class Recorder:
    def __init__(self) -> None:
        self.events: list[Event] = []

    def emit(self, event: Event) -> None:
        self.events.append(event)


def told(events: list[ResourceEvent]) -> list[str]:
    return ["/".join((*one.path, one.logical_id)) for one in events]


def test_watcher_follows_nested_stacks_and_tells_each_event_once_in_its_order() -> None:
    client = CloudFormation()
    client.add(ROOT_ID, "StackSet-1", STACK, "CREATE_IN_PROGRESS", physical=ROOT_ID)
    client.add(ROOT_ID, "ServiceStack", STACK, "CREATE_IN_PROGRESS", physical="")
    client.add(ROOT_ID, "ServiceStack", STACK, "CREATE_IN_PROGRESS", physical=CHILD_ID)
    client.add(CHILD_ID, "ServiceStack", STACK, "CREATE_IN_PROGRESS", physical=CHILD_ID)
    client.add(CHILD_ID, "Service", "AWS::ECS::Service", "CREATE_FAILED", "no image")
    client.add(ROOT_ID, "ServiceStack", STACK, "CREATE_FAILED", "Embedded stack …", physical=CHILD_ID)
    watcher = StackWatcher(client, ROOT_ID, "runtime")
    first = watcher.new_events()
    nested = "runtime/ServiceStack"
    assert told(first) == ["runtime", nested, nested, f"{nested}/Service", nested]
    assert watcher.new_events() == []
    client.add(CHILD_ID, "Role", "AWS::IAM::Role", "CREATE_FAILED", "Resource creation cancelled")
    assert told(watcher.new_events()) == [f"{nested}/Role"]
    cause = first_cause(first)
    assert cause is not None
    assert cause_sentence(cause) == "runtime/ServiceStack/Service (AWS::ECS::Service) CREATE_FAILED: no image."


def test_watcher_reads_no_page_beyond_what_it_knows() -> None:
    client = CloudFormation()
    for number in range(6):
        client.add(ROOT_ID, f"R{number}", "AWS::EC2::Subnet", "CREATE_COMPLETE")
    watcher = StackWatcher(client, ROOT_ID, "runtime", BEGIN + timedelta(seconds=4))
    assert told(watcher.new_events()) == ["runtime/R4", "runtime/R5"]
    client.add(ROOT_ID, "R6", "AWS::EC2::Subnet", "CREATE_COMPLETE")
    assert told(watcher.new_events()) == ["runtime/R6"]
    assert client.second_pages == 0


def test_watcher_reads_a_nested_stack_only_while_it_moves() -> None:
    client = CloudFormation()
    client.add(ROOT_ID, "ServiceStack", STACK, "CREATE_IN_PROGRESS", physical=CHILD_ID)
    watcher = StackWatcher(client, ROOT_ID, "runtime")
    watcher.new_events()
    client.add(CHILD_ID, "Role", "AWS::IAM::Role", "CREATE_COMPLETE")
    client.add(ROOT_ID, "ServiceStack", STACK, "CREATE_COMPLETE", physical=CHILD_ID)
    assert told(watcher.new_events()) == ["runtime/ServiceStack/Role", "runtime/ServiceStack"]
    client.read.clear()
    watcher.new_events()
    assert client.read == [ROOT_ID]
    client.add(CHILD_ID, "Role", "AWS::IAM::Role", "DELETE_COMPLETE")
    client.add(ROOT_ID, "ServiceStack", STACK, "DELETE_IN_PROGRESS", physical=CHILD_ID)
    assert told(watcher.new_events()) == ["runtime/ServiceStack/Role", "runtime/ServiceStack"]
    client.add(ROOT_ID, "ServiceStack", STACK, "UPDATE_COMPLETE", physical=CHILD_ID)
    client.add(ROOT_ID, "runtime", STACK, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", physical=ROOT_ID)
    watcher.new_events()
    client.add(CHILD_ID, "Old", "AWS::IAM::Role", "DELETE_COMPLETE")
    assert told(watcher.new_events()) == ["runtime/ServiceStack/Old"]


def test_watcher_of_a_stack_that_is_gone_tells_nothing() -> None:
    assert StackWatcher(CloudFormation(), "gone", "runtime").new_events() == []


@pytest.mark.parametrize(("code", "reads"), [("AccessDenied", 1), ("Throttling", 3)])
def test_watcher_passes_over_what_aws_refuses_to_tell(code: str, reads: int) -> None:
    client = CloudFormation()
    client.error = ClientError({"Error": {"Code": code, "Message": "no"}}, "DescribeStackEvents")
    watcher = StackWatcher(client, ROOT_ID, "runtime")
    assert [watcher.new_events() for _ in range(3)] == [[], [], []]
    assert client.reads == reads


def test_missing_stack_is_created_with_its_parameters_in_order() -> None:
    client = CloudFormation()
    made = ensure(client, "foundation", "Resources: {}", {"B": "2", "A": "1"}, Recorder(), 0)
    assert (made.changed, made.outputs) == (True, {"Bucket": "b"})
    ((call, request),) = client.calls
    assert call == "create"
    assert request["TemplateBody"] == "Resources: {}"
    assert [item["ParameterKey"] for item in request["Parameters"]] == ["A", "B"]
    assert request["OnFailure"] == "DELETE"


@pytest.mark.parametrize("code", ["AlreadyExistsException", "TokenAlreadyExistsException"])
def test_creation_whose_answer_was_lost_is_waited_for(code: str) -> None:
    client = CloudFormation()
    client.create_code = code
    made = ensure(client, "foundation", "Resources: {}", {}, Recorder(), 0)
    assert (made.changed, made.outputs) == (True, {"Bucket": "b"})
    assert [call for call, _ in client.calls] == ["create"]


def test_creation_that_is_refused_for_another_reason_is_refused() -> None:
    client = CloudFormation()
    client.create_code = "LimitExceededException"
    with pytest.raises(ClientError, match="LimitExceededException"):
        ensure(client, "foundation", "Resources: {}", {}, Recorder(), 0)


def test_update_whose_answer_was_lost_is_waited_for() -> None:
    states = ["CREATE_COMPLETE", "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"]
    client = CloudFormation(states, f"Stack:{ROOT_ID} is in UPDATE_IN_PROGRESS state and can not be updated.")
    assert ensure(client, "foundation", "Resources: {}", {}, Recorder(), 0).changed
    assert client.states == ["UPDATE_COMPLETE"]


def test_every_request_has_a_token_of_its_own() -> None:
    client = CloudFormation()
    for _ in range(2):
        ensure(client, "foundation", "Resources: {}", {}, Recorder(), 0)
    tokens = [request["ClientRequestToken"] for _, request in client.calls]
    assert len(set(tokens)) == len(tokens) == 2


def test_stack_without_changes_is_left_alone() -> None:
    client = CloudFormation(["CREATE_COMPLETE"], "No updates are to be performed.")
    made = ensure(client, "foundation", "https://x/t.yaml", {}, Recorder(), 0)
    assert (made.changed, made.outputs) == (False, {"Bucket": "b"})
    assert [call for call, _ in client.calls] == ["update"]
    assert client.calls[0][1]["TemplateURL"] == "https://x/t.yaml"


def test_stack_is_updated_and_only_new_events_are_told() -> None:
    client = CloudFormation(["CREATE_COMPLETE", "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"])
    client.add(ROOT_ID, "Old", "AWS::S3::Bucket", "CREATE_COMPLETE")
    seen = Recorder()
    assert ensure(client, "foundation", "Resources: {}", {}, seen, 0).changed
    assert seen.events == []


def test_stack_that_cannot_be_updated_is_named_with_its_state() -> None:
    client = CloudFormation(["ROLLBACK_COMPLETE"], "Stack is in ROLLBACK_COMPLETE state and can not be updated.")
    with pytest.raises(RefusedError, match="foundation is in state ROLLBACK_COMPLETE and was not updated"):
        ensure(client, "foundation", "Resources: {}", {}, Recorder(), 0)


def test_failed_creation_names_its_cause() -> None:
    client = CloudFormation()
    client.add(ROOT_ID, "Bucket", "AWS::S3::Bucket", "CREATE_FAILED", "AdministrationRole already exists")
    client.created = ["ROLLBACK_IN_PROGRESS", "ROLLBACK_COMPLETE"]
    with pytest.raises(
        RefusedError, match=r"ended in ROLLBACK_COMPLETE\. foundation/Bucket .* AdministrationRole already exists"
    ):
        ensure(client, "foundation", "Resources: {}", {}, Recorder(), 0)


@pytest.mark.parametrize(
    ("states", "seen"),
    [
        (["CREATE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS", "ROLLBACK_COMPLETE"], "ROLLBACK_COMPLETE"),
        (["DELETE_IN_PROGRESS", "DELETE_COMPLETE"], None),
        (["REVIEW_IN_PROGRESS"], "REVIEW_IN_PROGRESS"),
        ([], None),
    ],
)
def test_stack_that_is_worked_on_is_waited_for(states: list[str], seen: str | None) -> None:
    found = settled(CloudFormation(states), "runtime", 0.0)
    assert (found["StackStatus"] if found else None) == seen
