"""What a service's tasks, their log, its own events and the load balancer say of why it is not steady.

Amazon ECS tells stopped tasks for about an hour (service model, `ListTasks`: desiredStatus; developer guide, "Viewing
Amazon ECS stopped task errors").
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from deployer.diagnosis.evidence import Evidence

STOPPED_TASKS = 10
EVENTS = 10
LINES = 12
ORDINARY = re.compile(
    r"steady state|has begun draining|has started \d|has stopped \d|registered \d|rolled back to|deployment completed"
)


@dataclass(frozen=True)
class FailedService:
    """A service that failed: `place` is what people know it by, and what was before `since` is past (epoch seconds)."""

    ecs: Any
    cluster: str
    arn: str
    place: str
    since: float

    @property
    def name(self) -> str:
        """The service's name, which is the last part of its ARN."""
        return self.arn.rpartition("/")[2]

    def stopped(self) -> list[dict[str, Any]]:
        """Returns the tasks that stopped, the newest first."""
        listed = self.ecs.list_tasks(
            cluster=self.cluster, serviceName=self.name, desiredStatus="STOPPED", maxResults=STOPPED_TASKS
        )
        if not listed["taskArns"]:
            return []
        found = self.ecs.describe_tasks(cluster=self.cluster, tasks=listed["taskArns"])["tasks"]
        recent = [task for task in found if _moment(task.get("stoppedAt")) >= self.since]
        return sorted(recent, key=lambda task: _moment(task.get("stoppedAt")), reverse=True)

    def tasks(self) -> Iterator[Evidence]:
        """Yields why tasks stopped, each reason once."""
        told: set[str] = set()
        for task in self.stopped():
            for one in _of_task(task, self.cluster):
                if one.text not in told:
                    told.add(one.text)
                    yield one

    def log(self, logs: Any) -> Iterator[Evidence]:
        """Yields the last lines of the log of the task that stopped last."""
        for task in self.stopped()[:1]:
            yield from _log(self.ecs, logs, task)

    def said(self, elbv2: Any) -> Iterator[Evidence]:
        """Yields what the service says of itself, and what the load balancer says of its targets."""
        look = f"aws ecs describe-services --cluster {self.cluster} --services {self.name}"
        for found in self.ecs.describe_services(cluster=self.cluster, services=[self.arn])["services"]:
            for event in found.get("events", [])[:EVENTS]:
                if _moment(event["createdAt"]) >= self.since and not ORDINARY.search(event["message"]):
                    text = event["message"].replace(f"(service {found['serviceName']}) ", "")
                    yield Evidence("service", self.place, text, "AWS::ECS::Service", look)
            for balancer in found.get("loadBalancers", []):
                yield from _health(elbv2, balancer["targetGroupArn"])


def _moment(told: datetime | None) -> float:
    # Amazon ECS tells whole seconds of its events here and there.
    return told.timestamp() + 1 if told else 0.0


def _of_task(task: Mapping[str, Any], cluster: str) -> Iterator[Evidence]:
    name = task["taskArn"].rpartition("/")[2]
    look = f"aws ecs describe-tasks --cluster {cluster} --tasks {name}"
    reasons = [task.get("stoppedReason", "")]
    for container in task.get("containers", []):
        exited = f" (exit code {container['exitCode']})" if "exitCode" in container else ""
        if container.get("reason") or container.get("exitCode"):
            reasons.append(f"{container['name']}: {container.get('reason', 'exited')}{exited}")
    for reason in dict.fromkeys(filter(None, reasons)):
        if not reason.startswith("Scaling activity initiated"):
            yield Evidence("task", f"task {name}", reason, "AWS::ECS::Service", look)


def _log(ecs: Any, logs: Any, task: Mapping[str, Any]) -> Iterator[Evidence]:
    """Yields the last lines of a task's log, where its driver is awslogs (stream: prefix/container/task)."""
    described = ecs.describe_task_definition(taskDefinition=task["taskDefinitionArn"])["taskDefinition"]
    for container in described["containerDefinitions"]:
        options = container.get("logConfiguration", {}).get("options", {})
        if "awslogs-group" not in options:
            continue
        group = options["awslogs-group"]
        stream = f"{options.get('awslogs-stream-prefix', '')}/{container['name']}/{task['taskArn'].rpartition('/')[2]}"
        try:
            found = logs.get_log_events(logGroupName=group, logStreamName=stream, limit=LINES)["events"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            continue
        for line in found:
            yield Evidence(
                "log", f"{group} {stream}", line["message"].rstrip(), "", f"aws logs tail {group} --since 1h"
            )


def _health(elbv2: Any, target_group: str) -> Iterator[Evidence]:
    look = f"aws elbv2 describe-target-health --target-group-arn {target_group}"
    for one in elbv2.describe_target_health(TargetGroupArn=target_group)["TargetHealthDescriptions"]:
        health = one["TargetHealth"]
        said = health.get("Description") or health.get("Reason", "")
        if health["State"] == "unhealthy" and said:
            yield Evidence("health", f"{one['Target']['Id']}:{one['Target'].get('Port', '')}", said, "", look)
