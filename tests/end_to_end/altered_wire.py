"""The wire between the deployer and AWS, where one answer says what a report says instead of what happened here."""

import json
import re
import time
from collections.abc import Callable
from typing import Any, Final
from xml.sax.saxutils import escape

from tests.end_to_end.failure_gallery import BREAKER, SERVICE, Reported
from tests.faults.answers import Answer
from tests.faults.calls import Call
from tests.faults.faults import Fault
from tests.faults.wire import Wire

_MEMBER: Final = re.compile(r"<member><StackId>.*?</member>", re.DOTALL)
MADE_UP: Final = ("ecs:DescribeTasks", "ecs:DescribeTaskDefinition", "logs:GetLogEvents")
"""Calls about a task that is not there behind the wire."""
_FAILED: Final = "<LogicalResourceId>Service</LogicalResourceId>"
_TASK: Final = "arn:aws:ecs:us-east-1:111111111111:task/cluster/0123456789abcdef"


class StuckWire(Wire):
    """Passes calls on, and says in the answers to one call that something is in another state."""

    def __init__(self, port: int, call: str, pattern: str, instead: str) -> None:
        super().__init__(port, lambda: 0)
        self._call, self._pattern, self._instead = call, pattern, instead

    def serve(self, handler: Any, call: Call, fault: Fault | None, body: bytes) -> None:
        """Answers one request, altered where it is the call."""
        answer = handler.forwarded(body)
        if call.name == self._call:
            text, count = re.subn(self._pattern, self._instead, answer.body.decode())
            assert count, f"no {self._pattern} in {text}"
            headers = {name: value for name, value in answer.headers.items() if name.lower() != "content-length"}
            answer = Answer(answer.status, text.encode(), headers)
        handler.answer(answer)


class AlteredWire(Wire):
    """Passes calls on, and puts a report's words into the answers about the service that failed behind it."""

    def __init__(self, port: int, reported: Reported) -> None:
        super().__init__(port, lambda: 0)
        self._reported = reported
        self._changes: dict[str, Callable[[str], str]] = {
            "cloudformation:DescribeStackEvents": self._events,
            "cloudformation:ListStackInstances": self._instances,
            "ecs:ListTasks": self._tasks,
            "ecs:DescribeTasks": self._stopped,
            "ecs:DescribeTaskDefinition": self._definition,
            "ecs:DescribeServices": self._services,
            "logs:GetLogEvents": self._log,
            "elbv2:DescribeTargetHealth": self._health,
        }

    def serve(self, handler: Any, call: Call, fault: Fault | None, body: bytes) -> None:
        """Answers one request, altered where the report is about it."""
        answer = handler.forwarded(body)
        change = self._changes.get(call.name)
        if change is not None and (answer.status == 200 or call.name in MADE_UP):
            headers = {name: value for name, value in answer.headers.items() if name.lower() != "content-length"}
            answer = Answer(200, change(answer.body.decode()).encode(), headers)
        handler.answer(answer)

    def _events(self, text: str) -> str:
        one = self._reported
        if one.area == "operation":
            return _MEMBER.sub("", text)
        kind, words = (one.kind, one.words) if one.area == "stack" else (SERVICE, BREAKER)
        return _MEMBER.sub(lambda found: self._event(found.group(), kind, words), text)

    def _event(self, text: str, kind: str, words: str) -> str:
        if _FAILED not in text or "_FAILED</ResourceStatus>" not in text:
            return text
        text = re.sub(r"<ResourceType>.*?<", f"<ResourceType>{kind}<", text)
        return re.sub(r"<ResourceStatusReason>.*?<", lambda _: f"<ResourceStatusReason>{escape(words)}<", text)

    def _instances(self, text: str) -> str:
        if self._reported.area != "operation":
            return text
        return re.sub(r"<StatusReason>.*?<", lambda _: f"<StatusReason>{escape(self._reported.words)}<", text)

    def _tasks(self, text: str) -> str:
        return json.dumps({"taskArns": [_TASK] if self._reported.area in ("task", "log") else []})

    def _stopped(self, text: str) -> str:
        words = self._reported.words if self._reported.area == "task" else "Essential container in task exited"
        task = {
            "taskArn": _TASK,
            "taskDefinitionArn": "arn:aws:ecs:us-east-1:111111111111:task-definition/server:1",
            "stoppedAt": time.time(),
            "stoppedReason": words,
            "containers": [{"name": "server", "exitCode": 1}],
        }
        return json.dumps({"tasks": [task], "failures": []})

    def _definition(self, text: str) -> str:
        options = {"awslogs-group": "group", "awslogs-stream-prefix": "server"}
        container = {"name": "server", "logConfiguration": {"logDriver": "awslogs", "options": options}}
        return json.dumps({"taskDefinition": {"containerDefinitions": [container]}})

    def _services(self, text: str) -> str:
        document = json.loads(text)
        said = [{"id": "1", "createdAt": time.time(), "message": self._reported.words}]
        for service in document["services"]:
            service["events"] = said if self._reported.area == "service" else []
        return json.dumps(document)

    def _log(self, text: str) -> str:
        said = [{"timestamp": 1, "message": self._reported.words}] if self._reported.area == "log" else []
        return json.dumps({"events": said})

    def _health(self, text: str) -> str:
        if self._reported.area != "health":
            return text
        text = re.sub(r"<State>\w+</State>", "<State>unhealthy</State>", text)
        text = re.sub(r"<(Description|Reason)>.*?</\1>|<(Description|Reason)/>", "", text)
        return text.replace("</State>", f"</State><Description>{escape(self._reported.words)}</Description>")
