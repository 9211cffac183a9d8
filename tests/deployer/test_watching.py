"""Following targets' stacks: few at a time, what belongs to the operation, and the cause of its failure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from deployer.aws import Access, Aws
from deployer.events import ResourceEvent, ServiceRollout, TargetHealth
from deployer.service_watching import ServiceWatcher
from deployer.stack_sets import Look
from deployer.watching import EXPLAINED, FOLLOWED, TargetWatcher
from tests.deployer.test_stacks import BEGIN, STACK, CloudFormation, Recorder

Target = tuple[str, str]
HERE, ELSEWHERE = ("111111111111", "us-east-1"), ("222222222222", "us-east-1")
SERVICE, CLUSTER = "AWS::ECS::Service", "AWS::ECS::Cluster"


def root(target: Target) -> str:
    return f"arn:aws:cloudformation:{target[1]}:{target[0]}:stack/StackSet-runtime/1"


@dataclass
class Clients(Aws):
    """Credentials of one account, with scripted clients in it."""

    access: Access = field(default_factory=Access)
    made: dict[tuple[str, str], Any] = field(default_factory=dict)

    def identity(self) -> str:
        return HERE[0]

    def client(self, service: str, account: str, region: str) -> Any:
        assert account == HERE[0]
        return self.made.setdefault((service, region), CloudFormation())


def look(statuses: Mapping[Target, str], operation: str = "1", since: datetime = BEGIN) -> Look:
    return Look(operation, since, statuses, lambda: {target: root(target) for target in statuses})


def resources(seen: Recorder) -> list[str]:
    return [event.logical_id for event in seen.events if isinstance(event, ResourceEvent)]


def test_history_is_past_and_the_cause_is_of_this_operation() -> None:
    aws, seen = Clients(), Recorder()
    client = aws.client("cloudformation", *HERE)
    client.add(root(HERE), "Old", "AWS::EC2::VPC", "CREATE_FAILED", "an old failure")
    watcher = TargetWatcher(aws, seen)
    later = BEGIN + timedelta(seconds=1)
    watcher.look(look({HERE: "RUNNING"}, since=later))
    assert seen.events == []
    assert watcher.causes() == {}
    client.add(root(HERE), "Service", SERVICE, "UPDATE_FAILED", "the new failure")
    client.add(
        root(HERE), "runtime", STACK, "UPDATE_ROLLBACK_IN_PROGRESS", "The following resource(s) failed", root(HERE)
    )
    watcher.look(look({HERE: "RUNNING"}, since=later))
    watcher.look(look({HERE: "FAILED"}, since=later))
    assert resources(seen) == ["Service", "111111111111/us-east-1"]
    assert watcher.causes() == {
        HERE: "111111111111/us-east-1/Service (AWS::ECS::Service) UPDATE_FAILED: the new failure."
    }
    watcher.look(look({HERE: "RUNNING"}, "2", BEGIN + timedelta(seconds=9)))
    assert watcher.causes() == {}


@pytest.mark.parametrize("number_of_targets", [FOLLOWED + 2, 100])
def test_few_targets_are_followed_at_once_and_another_s_turn_comes(number_of_targets: int) -> None:
    aws, seen = Clients(), Recorder()
    targets = [(HERE[0], f"r-{number}") for number in range(number_of_targets)]
    for target in targets:
        aws.client("cloudformation", *target).add(
            root(target), f"Vpc{target[1]}", "AWS::EC2::VPC", "CREATE_IN_PROGRESS"
        )
    watcher = TargetWatcher(aws, seen)
    statuses = dict.fromkeys(targets, "RUNNING")
    watcher.look(look(statuses))
    assert resources(seen) == [f"Vpcr-{number}" for number in range(FOLLOWED)]
    watcher.look(look({**statuses, targets[1]: "SUCCEEDED"}))
    assert resources(seen)[FOLLOWED:] == [f"Vpcr-{FOLLOWED}"]
    reads = aws.client("cloudformation", *targets[1]).reads
    watcher.look(look({**statuses, targets[1]: "SUCCEEDED"}))
    assert aws.client("cloudformation", *targets[1]).reads == reads
    clients = [client for client in aws.made.values() if isinstance(client, CloudFormation)]
    assert sum(client.reads for client in clients) == 3 * FOLLOWED + 1


def test_targets_that_fail_unfollowed_are_read_once_and_not_all_of_them() -> None:
    aws = Clients()
    targets = [(HERE[0], f"r-{number}") for number in range(EXPLAINED + 5)]
    for target in targets:
        aws.client("cloudformation", *target).add(root(target), "Vpc", "AWS::EC2::VPC", "CREATE_FAILED", "no room")
    watcher = TargetWatcher(aws, Recorder())
    for _ in range(3):
        watcher.look(look(dict.fromkeys(targets, "FAILED")))
    assert len(watcher.causes()) == EXPLAINED
    assert sum(client.reads for client in aws.made.values() if isinstance(client, CloudFormation)) == EXPLAINED


def test_account_that_cannot_be_read_is_passed_over() -> None:
    seen = Recorder()
    watcher = TargetWatcher(Clients(), seen)
    watcher.look(Look("1", BEGIN, {ELSEWHERE: "FAILED", HERE: "RUNNING"}, dict))
    assert (seen.events, watcher.causes()) == ([], {})


def test_target_whose_stack_is_not_there_yet_takes_nobody_s_turn() -> None:
    aws, seen = Clients(), Recorder()
    late = [(HERE[0], f"late-{number}") for number in range(FOLLOWED)]
    aws.client("cloudformation", *HERE).add(root(HERE), "Vpc", "AWS::EC2::VPC", "CREATE_IN_PROGRESS")
    watcher = TargetWatcher(aws, seen)
    watcher.look(Look("1", BEGIN, dict.fromkeys([*late, HERE], "RUNNING"), lambda: {HERE: root(HERE)}))
    assert resources(seen) == ["Vpc"]
    watcher.look(look(dict.fromkeys([*late, HERE], "RUNNING")))
    assert len([client for client in aws.made.values() if client.reads]) == FOLLOWED


class Forgetful(Clients):
    """Credentials whose role elsewhere cannot be taken at the moment."""

    def reaches(self, account: str) -> bool:
        raise EndpointConnectionError(endpoint_url="https://sts")


def test_watcher_that_cannot_ask_ends_no_deployment() -> None:
    def refusing() -> dict[Target, str]:
        raise refused("Throttling")

    seen = Recorder()
    for aws, stacks in ((Forgetful(), lambda: {HERE: root(HERE)}), (Clients(), refusing)):
        watcher = TargetWatcher(aws, seen)
        watcher.look(Look("1", BEGIN, {HERE: "RUNNING"}, stacks))
        watcher.look(Look("1", BEGIN, {HERE: "FAILED"}, stacks))
        assert (seen.events, watcher.causes()) == ([], {})


class Ecs:
    """A client that answers with one service, or refuses."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.asked: list[tuple[str, Any]] = []
        self.running = 0
        self.listed = 0

    def list_services(self, **request: Any) -> dict[str, Any]:
        self.asked.append(("list", request["cluster"]))
        return {"serviceArns": ["arn:aws:ecs:us-east-1:111111111111:service/c/s"]}

    def describe_services(self, **request: Any) -> dict[str, Any]:
        self.asked.append(("describe", (request["cluster"], request["services"])))
        if self.error:
            raise self.error
        old = {"status": "ACTIVE", "desiredCount": 2, "pendingCount": 0, "runningCount": 2, "failedTasks": 0}
        new = {
            "status": "PRIMARY",
            "desiredCount": 2,
            "pendingCount": 1,
            "runningCount": self.running,
            "failedTasks": 3,
            "rolloutState": "IN_PROGRESS",
            "rolloutStateReason": "in progress",
        }
        return {
            "services": [{"serviceName": "s", "deployments": [old, new], "loadBalancers": [{"targetGroupArn": "g"}]}]
        }

    def list_tasks(self, **request: Any) -> dict[str, Any]:
        self.listed += 1
        return {"taskArns": ["arn:task/c/1"]}

    def describe_tasks(self, **request: Any) -> dict[str, Any]:
        containers = [{"name": "server", "exitCode": 2}]
        task = {"taskArn": "arn:task/c/1", "taskDefinitionArn": "d", "stoppedAt": BEGIN, "containers": containers}
        return {"tasks": [{**task, "stoppedReason": "Essential container in task exited"}]}

    def describe_task_definition(self, **request: Any) -> dict[str, Any]:
        options = {"awslogs-group": "g", "awslogs-stream-prefix": "p"}
        return {
            "taskDefinition": {"containerDefinitions": [{"name": "server", "logConfiguration": {"options": options}}]}
        }

    def get_log_events(self, **request: Any) -> dict[str, Any]:
        assert (request["logGroupName"], request["logStreamName"]) == ("g", "p/server/1")
        return {"events": [{"message": "no JSON\n"}]}

    def describe_target_health(self, **request: Any) -> dict[str, Any]:
        self.asked.append(("health", request["TargetGroupArn"]))
        states = {"healthy": "", "initial": "Registering", "draining": "Leaving", "unused": "No zone"}
        return {
            "TargetHealthDescriptions": [
                {"TargetHealth": {"State": state, **({"Description": reason} if reason else {})}}
                for state, reason in states.items()
            ]
        }


def event(kind: str, status: str, physical: str) -> ResourceEvent:
    return ResourceEvent(("t", "Stack"), kind.rpartition("::")[2], kind, status, "", 1.0, "", physical)


def watching() -> tuple[ServiceWatcher, Ecs, Recorder]:
    aws, ecs, seen = Clients(), Ecs(), Recorder()
    aws.made = {("ecs", HERE[1]): ecs, ("elbv2", HERE[1]): ecs, ("logs", HERE[1]): ecs}
    return ServiceWatcher(aws, seen, *HERE), ecs, seen


ROLLOUT = ServiceRollout(*HERE, ("t", "Stack"), "s", 2, 1, 0, 3, "IN_PROGRESS", "in progress")
HEALTH = TargetHealth(*HERE, ("t", "Stack"), 1, 1, 1, 1, ("Leaving", "No zone", "Registering"))
ARN = "arn:aws:ecs:us-east-1:111111111111:service/c/s"


def test_rollout_is_told_while_the_service_is_worked_on_and_when_it_changes() -> None:
    watcher, ecs, seen = watching()
    watcher.look()
    assert ecs.asked == []
    watcher.take(event(SERVICE, "UPDATE_IN_PROGRESS", ARN))
    watcher.look()
    watcher.look()
    assert seen.events == [ROLLOUT, HEALTH]
    assert ecs.asked[:2] == [("describe", ("c", [ARN])), ("health", "g")]
    ecs.running = 2
    watcher.take(event(SERVICE, "UPDATE_COMPLETE", ARN))
    watcher.look()
    assert [type(one) for one in seen.events[2:]] == [ServiceRollout]
    asked = len(ecs.asked)
    watcher.look()
    assert len(ecs.asked) == asked


def test_why_tasks_stopped_is_kept_while_they_are_there_and_read_once_for_each_failure() -> None:
    watcher, ecs, _ = watching()
    watcher.take(event(SERVICE, "CREATE_IN_PROGRESS", ARN))
    watcher.look()
    asked = ecs.listed
    watcher.look()
    assert ecs.listed == asked
    (kept,) = watcher.kept.values()
    assert [(one.area, one.text) for one in kept] == [
        ("task", "Essential container in task exited"),
        ("task", "server: exited (exit code 2)"),
        ("log", "no JSON"),
    ]


def test_service_without_a_name_yet_is_found_by_its_cluster() -> None:
    watcher, ecs, seen = watching()
    watcher.take(event(SERVICE, "CREATE_IN_PROGRESS", ""))
    watcher.look()
    assert ecs.asked == []
    watcher.take(event(CLUSTER, "CREATE_COMPLETE", "c"))
    watcher.look()
    assert ecs.asked[:2] == [("list", "c"), ("describe", ("c", [ARN]))]
    assert seen.events == [ROLLOUT, HEALTH]


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "DescribeServices")


@pytest.mark.parametrize(
    ("error", "asked"),
    [
        (refused("AccessDeniedException"), 1),
        (refused("ThrottlingException"), 3),
        (EndpointConnectionError(endpoint_url="https://ecs"), 3),
    ],
)
def test_refusal_ends_no_deployment_and_a_denial_is_not_repeated(error: Exception, asked: int) -> None:
    watcher, ecs, seen = watching()
    ecs.error = error
    watcher.take(event(SERVICE, "UPDATE_IN_PROGRESS", ARN))
    for _ in range(3):
        watcher.look()
    assert (seen.events, len(ecs.asked)) == ([], asked)
