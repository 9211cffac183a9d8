"""The service scheduler: keeps as many healthy server processes as each service wants, deployment by deployment.

ministack holds the records and judges deployments (circuit breaker, rollback, completion); here processes are started,
watched and ended, and their health decides. Facts: "Amazon ECS services", "deployment circuit breaker" (ECS guide); a
task whose targets fail their checks is stopped with the reason used below ("Stopped tasks error messages").
Waiting is shortened: a process has a minute to become healthy, five once it answers; the deregistration delay is not
waited for, since the server finishes its calls when it is told to stop.
"""

import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from emulator import bridge_data_plane as bridge
from emulator import bridge_ecs as records
from emulator.data_plane.balancers import Target
from emulator.data_plane.choice import Programs
from emulator.data_plane.health import HealthMonitor, TargetState
from emulator.data_plane.processes import ProcessLedger
from emulator.data_plane.server_tasks import MetadataServer, ServerTask
from emulator.data_plane.task_specs import StartRefused, TaskSpec, environment_of

_TICK_SECONDS = 0.2
_START_SECONDS = 60.0
_ANSWERING_SECONDS = 5.0
# A task without a load balancer counts as healthy when it has run this long.
_UNCHECKED_SECONDS = 2.0
_ALIVE = ("PROVISIONING", "PENDING", "ACTIVATING", "RUNNING")
# Without a circuit breaker ECS would try for hours; here a deployment is given up after as many failures as with one.
_GIVEN_UP = "is unable to consistently start tasks successfully"


class DeploymentFailed(Exception):
    """A service does not reach its steady state; the message says why, with the last stopped task's reason."""


class Ownership(Protocol):
    """Tells which account and Region the data plane runs for."""

    def owner(self) -> tuple[str, str] | None:
        """Return account and Region, None while nothing runs."""


@dataclass
class _Running:
    """A task that has, or will have, a process."""

    record: dict[str, Any]
    service: str
    groups: Sequence[str] = ()
    process: ServerTask | None = None
    healthy: bool = False
    answered: float | None = None

    def targets(self) -> list[tuple[str, Target]]:
        if self.process is None:
            return []
        return [(group, Target("127.0.0.1", self.process.port)) for group in self.groups]


@dataclass
class ServiceScheduler:
    """Runs the services of one account and Region. ``network_changed`` is called after targets came or went."""

    ownership: Ownership
    programs: Programs
    ledger: ProcessLedger
    metadata: MetadataServer
    health: HealthMonitor
    network_changed: Callable[[], None]
    _running: dict[str, _Running] = field(default_factory=dict)
    _reasons: dict[str, str] = field(default_factory=dict)
    _failures: dict[str, int] = field(default_factory=dict)
    _placed: int = 0
    _ending: list[threading.Thread] = field(default_factory=list)
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _woken: threading.Event = field(default_factory=threading.Event)
    _stopped: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to tend the services."""
        self._thread = threading.Thread(target=self._run, name="service-scheduler", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End every process; the records keep saying what should run, for the next start."""
        self._stopped.set()
        self._woken.set()
        if self._thread is not None:
            self._thread.join(10)
        with self._lock:
            for arn in list(self._running):
                self._end(arn)
        for thread in self._ending:
            thread.join(150)

    # What ministack asks (emulator.bridge_ecs.Scheduler).

    def manages(self, service_key: str) -> bool:
        """Whether services of the current scope have processes here."""
        return bridge.current_scope() == self.ownership.owner()

    def wake(self) -> None:
        """Tend the services now."""
        self._woken.set()

    def task_stopped(self, task_arn: str) -> None:
        """End the process of a stopped task: first no new requests, then SIGTERM."""
        with self._lock:
            self._end(task_arn)

    def target_state(self, group: str, address: str, port: int) -> tuple[str, str, str] | None:
        """Return what the health checks say of a target, None where nothing is checked."""
        if bridge.current_scope() != self.ownership.owner():
            return None
        state = self.health.state(group, Target(address, port))
        return state.state, state.reason, state.description

    # What resource handlers ask.

    def wait_steady(self, key: str, timeout: float) -> None:
        """Return when the service's deployment has completed with all its tasks healthy (``timeout`` in seconds).
        Raises DeploymentFailed when it failed, was rolled back, or does not complete in time.
        """
        record = records.service(key)
        wanted = records.primary_deployment(record) if record else None
        if record is None or wanted is None:
            raise DeploymentFailed(f"the service {key} does not exist")
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if wanted.get("rolloutState") == "FAILED":
                text = "Error occurred during operation 'ECS Deployment Circuit Breaker was triggered'."
                raise DeploymentFailed(f"{text} {self._reason(key)}")
            if self._failures.get(wanted["id"], 0) >= records.failure_limit(record):
                raise DeploymentFailed(f"Service {key} did not stabilize: it {_GIVEN_UP}. {self._reason(key)}")
            if wanted.get("rolloutState") == "COMPLETED" and self._all_healthy(key, record["desiredCount"]):
                return
            time.sleep(_TICK_SECONDS)
        raise DeploymentFailed(f"Service {key} did not stabilize in {timeout:.0f} seconds. {self._reason(key)}")

    def kinds(self) -> list[str]:
        """Return what each running task is here (``programs.Program.kind``)."""
        with self._lock:
            return [running.process.kind for running in self._running.values() if running.process is not None]

    def settle(self, timeout: float) -> None:
        """Return when every service's tasks are healthy, at the latest after ``timeout`` seconds: what is not healthy
        by then is told by its records.
        """
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            owner = self.ownership.owner()
            wanted = {
                key: record["desiredCount"]
                for (account, region, key), record in records.services().items()
                if (account, region) == owner and record.get("status") == "ACTIVE"
            }
            if all(self._all_healthy(key, desired) for key, desired in wanted.items()):
                return
            time.sleep(_TICK_SECONDS)

    def _reason(self, key: str) -> str:
        reason = self._reasons.get(key)
        return f"Last stopped task: {reason}" if reason else "No task stopped."

    def _all_healthy(self, key: str, desired: int) -> bool:
        with self._lock:
            return sum(1 for item in self._running.values() if item.service == key and item.healthy) >= desired

    # The loop.

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._woken.wait(_TICK_SECONDS)
            self._woken.clear()
            try:
                self._tend_all()
            except Exception as error:
                # Requests change the records meanwhile; without this thread nothing would start or end any more.
                sys.stderr.write(f"service scheduler: {error!r}\n")

    def _tend_all(self) -> None:
        self._end_stopped()
        owner = self.ownership.owner()
        if owner is None or self._stopped.is_set():
            return
        with bridge.scope(*owner):
            for (account, region, key), record in records.services().items():
                if (account, region) == owner and record.get("status") == "ACTIVE":
                    self._tend_safely(key, record)

    def _end_stopped(self) -> None:
        """End what the records call stopped although nobody said so: the request that stopped it may have failed."""
        with self._lock:
            for arn, running in list(self._running.items()):
                if running.record.get("lastStatus") not in _ALIVE:
                    self._end(arn)

    def _tend_safely(self, key: str, record: dict[str, Any]) -> None:
        try:
            self._tend(key, record)
        except Exception as error:
            # One service must not stop the others' processes from being tended; the event makes it visible.
            sys.stderr.write(f"service {key}: {error!r}\n")
            records.note_event(record, f"(service {record['serviceName']}) scheduler error: {error}")

    def _tend(self, key: str, record: dict[str, Any]) -> None:
        alive = [task for task in records.tasks_of(key) if task.get("lastStatus") in _ALIVE]
        for task in alive:
            with self._lock:
                running = self._running.get(task["taskArn"])
            if running is None:
                records.mark_stopped(task, "The task has no process any more", "UserInitiated", None)
            else:
                self._watch(key, running)
        deployment = records.primary_deployment(record)
        if deployment is None:
            return
        alive = [task for task in alive if task.get("lastStatus") in _ALIVE]
        own = [task for task in alive if task.get("_deployment_id") == deployment["id"]]
        desired = int(record.get("desiredCount", 0))
        if deployment.get("rolloutState") != "FAILED":
            self._scale(key, record, deployment, own, desired, room=_room(record, desired, len(alive)))
        if deployment.get("rolloutState") == "COMPLETED" or desired == 0:
            for task in alive if desired == 0 else [task for task in alive if task not in own]:
                records.stop_task(task, "Service scaling down" if desired == 0 else "Task definition updated")
        if deployment.get("rolloutState") == "IN_PROGRESS":
            records.complete(key)

    def _scale(
        self,
        key: str,
        record: dict[str, Any],
        deployment: dict[str, Any],
        own: list[dict[str, Any]],
        desired: int,
        *,
        room: int,
    ) -> None:
        if self._failures.get(deployment["id"], 0) >= records.failure_limit(record):
            return
        for _ in range(min(desired - len(own), room)):
            self._launch(key, record, deployment)
        newest_first = sorted(own, key=lambda task: str(task.get("createdAt", "")), reverse=True)
        for task in newest_first[: max(0, len(own) - desired)] if desired else ():
            records.stop_task(task, "Service scaling down")

    def _launch(self, key: str, record: dict[str, Any], deployment: dict[str, Any]) -> None:
        network = (record.get("networkConfiguration") or {}).get("awsvpcConfiguration") or {}
        subnets = network.get("subnets") or [""]
        subnet = subnets[self._placed % len(subnets)]
        self._placed += 1
        task = records.add_task(key, deployment, subnet)
        running = _Running(task, key)
        with self._lock:
            self._running[task["taskArn"]] = running
        try:
            spec = self._spec(record, task, bridge.subnet_zone(subnet))
            program = self.programs.of(spec)
            environment = environment_of(spec)
            process = ServerTask(
                spec,
                program=program,
                ledger=self.ledger,
                metadata=self.metadata,
                environment=environment,
                write=bridge.log_writer(dict(spec.container), spec.task_id),
            )
        except Exception as error:
            # Whatever it is: a task that stayed pending without a process would hold its service up for good.
            reason = str(error) if isinstance(error, StartRefused) else f"CannotStartContainerError: {error}"
            self._fail(key, running, reason, "TaskFailedToStart", None)
            return
        with self._lock:
            running.process = process
            if task["taskArn"] not in self._running:
                # Stopped while its process started: there was nothing to end then.
                self._running[task["taskArn"]] = running
                self._end(task["taskArn"])
                return
            # Under the lock: what stops the task takes all its targets back.
            running.groups = [item["targetGroupArn"] for item in record.get("loadBalancers") or ()]
            for group, target in running.targets():
                bridge.register_target(group, target.address, target.port)
        records.mark_running(task, spec.zone, process.container_id)
        self.network_changed()

    def _spec(self, record: dict[str, Any], task: dict[str, Any], zone: str) -> TaskSpec:
        definition = records.settings_of(task)
        if definition is None:
            raise StartRefused(f"Unable to find task definition: {task['taskDefinitionArn']}")
        balanced = {item.get("containerName") for item in record.get("loadBalancers") or ()}
        containers = definition.get("containerDefinitions") or [{}]
        chosen = next((item for item in containers if item.get("name") in balanced), containers[0])
        return TaskSpec(
            task_arn=task["taskArn"],
            cluster_arn=task["clusterArn"],
            service=record["serviceName"],
            definition=definition,
            container=chosen,
            zone=zone,
            launch_type=str(task.get("launchType") or "FARGATE"),
        )

    def _watch(self, key: str, running: _Running) -> None:
        """Look at one task's process and its targets' health."""
        process = running.process
        if process is None:
            return
        code = process.exit_code()
        if code is not None:
            reason = "Essential container in task exited"
            self._fail(key, running, reason, "EssentialContainerExited", code)
            return
        states = [self.health.state(group, target) for group, target in running.targets()]
        if all(state.healthy for state in states) and (states or _age(process) > _UNCHECKED_SECONDS):
            if not running.healthy:
                running.healthy = True
                # A deployment is given up for tasks that fail one after the other (resetOnHealthyTask).
                self._failures.pop(str(running.record.get("_deployment_id")), None)
                records.mark_healthy(key, running.record)
            return
        if self._has_failed(running, process, states):
            group = next(
                group for (group, _), state in zip(running.targets(), states, strict=True) if not state.healthy
            )
            detail = next(state for state in states if not state.healthy)
            reason = f"Task failed ELB health checks in (target-group {group})"
            if detail.description:
                reason += f": {detail.description}"
            self._fail(key, running, reason, "ServiceSchedulerInitiated", None)

    def _has_failed(self, running: _Running, process: ServerTask, states: Sequence[TargetState]) -> bool:
        if running.healthy:
            return any(state.state == "unhealthy" for state in states)
        if running.answered is None and any(state.answered for state in states):
            running.answered = time.monotonic()
        answering = running.answered is not None and time.monotonic() - running.answered > _ANSWERING_SECONDS
        return bool(states) and (answering or _age(process) > _START_SECONDS)

    def _fail(self, key: str, running: _Running, reason: str, code: str, exit_code: int | None) -> None:
        """Record a task's failure, which may end its deployment, and end its process."""
        exited = "" if exit_code is None else f" (exit code {exit_code})"
        self._reasons[key] = f"{reason}{exited}"
        with self._lock:
            self._end(running.record["taskArn"])
        records.mark_stopped(running.record, reason, code, exit_code)
        if not running.healthy:
            # Counted last: a circuit breaker's verdict comes before that of giving up.
            deployment_id = str(running.record.get("_deployment_id"))
            self._failures[deployment_id] = self._failures.get(deployment_id, 0) + 1

    def _end(self, task_arn: str) -> None:
        running = self._running.pop(task_arn, None)
        if running is None or running.process is None:
            return
        owner = self.ownership.owner()
        if owner is not None and not self._stopped.is_set():
            with bridge.scope(*owner):
                for group, target in running.targets():
                    bridge.deregister_target(group, target.address, target.port)
        thread = threading.Thread(target=self._drain, args=(running.process,), name="task-stop", daemon=True)
        self._ending = [item for item in self._ending if item.is_alive()] + [thread]
        thread.start()

    def _drain(self, process: ServerTask) -> None:
        try:
            if not self._stopped.is_set():
                self.network_changed()
        except Exception as error:
            # The front follows later; the process must end all the same.
            sys.stderr.write(f"the front still knows the ending task {process.spec.task_arn}: {error!r}\n")
        finally:
            process.stop()


def _age(process: ServerTask) -> float:
    return time.monotonic() - process.started


def _room(record: dict[str, Any], desired: int, alive: int) -> int:
    """How many more tasks the deployment's maximumPercent (200 by default) lets run beside those alive."""
    percent = int((record.get("deploymentConfiguration") or {}).get("maximumPercent") or 200)
    return max(1, desired * percent // 100) - alive
