"""The bridge's half for ECS: ministack keeps the records of services, deployments and tasks and judges deployments; the
data plane starts and stops the processes. The names used are checked by ``emulator.bridge_data_plane``.
"""

import json
from collections.abc import Mapping
from typing import Any, Protocol

from ministack.services import alb, ecs

from emulator.bridge_data_plane import Record, Refused


class Scheduler(Protocol):
    """What the data plane does in ministack's place, for the services that it runs."""

    def manages(self, service_key: str) -> bool:
        """Whether the data plane runs this service of the current scope."""

    def wake(self) -> None:
        """Look at the services' records: something changed."""

    def task_stopped(self, task_arn: str) -> None:
        """End the process of a task whose record was stopped."""

    def target_state(self, group: str, address: str, port: int) -> tuple[str, str, str] | None:
        """Return state, reason and description of a target that is probed, None when it is not."""


def install(scheduler: Scheduler) -> None:
    """Put the data plane in the place of ministack's own scheduler, target registration and target health."""
    reconcile, cleanup, synchronise = (
        ecs._reconcile_service_tasks,
        ecs._cleanup_task_resources,
        ecs._sync_service_targets,
    )

    def reconcile_service_tasks(cluster_name: str, service_key: str) -> None:
        if scheduler.manages(service_key):
            scheduler.wake()
        else:
            reconcile(cluster_name, service_key)

    def cleanup_task_resources(task: Record, docker: Any, extra_container: Any = None) -> None:
        scheduler.task_stopped(task.get("taskArn", ""))
        cleanup(task, docker, extra_container)

    def sync_service_targets(cluster_name: str, service: Record) -> None:
        if not scheduler.manages(f"{cluster_name}/{service.get('serviceName')}"):
            synchronise(cluster_name, service)

    ecs._reconcile_service_tasks = reconcile_service_tasks
    ecs._cleanup_task_resources = cleanup_task_resources
    ecs._sync_service_targets = sync_service_targets
    _install_target_health(scheduler)


def _install_target_health(scheduler: Scheduler) -> None:
    nominal = alb._describe_target_health

    def describe_target_health(params: Record) -> Any:
        group = alb._p(params, "TargetGroupArn")
        asked = {item["Id"] for item in alb._parse_targets_param(params)}
        described = []
        for target in list(alb._targets.get(group) or ()):
            state = scheduler.target_state(group, target["Id"], int(target.get("Port") or 0))
            if state is None:
                return nominal(params)
            if not asked or target["Id"] in asked:
                described.append(_target_xml(target, state))
        if group not in alb._tgs:
            return nominal(params)
        inner = f"<TargetHealthDescriptions>{''.join(described)}</TargetHealthDescriptions>"
        return alb._xml(200, "DescribeTargetHealth", inner)

    alb._describe_target_health = describe_target_health
    for name, handler in list(alb._ACTION_MAP.items()):
        if handler is nominal:
            alb._ACTION_MAP[name] = describe_target_health


def _target_xml(target: Record, state: tuple[str, str, str]) -> str:
    name, reason, description = state
    reasons = f"<Reason>{reason}</Reason><Description>{alb._esc(description)}</Description>" if reason else ""
    return (
        f"<member><Target><Id>{target['Id']}</Id><Port>{target['Port']}</Port></Target>"
        f"<HealthCheckPort>{target['Port']}</HealthCheckPort>"
        f"<TargetHealth><State>{name}</State>{reasons}</TargetHealth></member>"
    )


def _accepted(response: Any) -> Record:
    status, _, body = response
    document = json.loads(body)
    if status >= 400:
        code = str(document.get("__type", "")).rpartition("#")[2]
        raise Refused(code, str(document.get("message") or document.get("Message")))
    accepted: Record = document
    return accepted


# What ministack does not keep of UpdateService, and of CreateService in part.
_SETTINGS = ("availabilityZoneRebalancing", "enableECSManagedTags", "propagateTags")


def _keep_settings(service: Record, request: Mapping[str, Any]) -> None:
    service.update({name: request[name] for name in _SETTINGS if name in request})


def create_service(request: Mapping[str, Any], *, runs: bool) -> str:
    """Record a new service; return its key ``cluster/name``. Where its tasks really run, its first deployment is in
    progress; ministack takes it for completed at once. Raises Refused.
    """
    service = _accepted(ecs._create_service(dict(request)))["service"]
    key = f"{service['clusterArn'].rpartition('/')[2]}/{service['serviceName']}"
    _keep_settings(ecs._services[key], request)
    if runs:
        ecs._services[key]["deployments"][0].update(rolloutState="IN_PROGRESS", rolloutStateReason="")
    return key


def update_service(request: Mapping[str, Any]) -> None:
    """Change a service's record, with a new deployment where UpdateService makes one. Raises Refused."""
    service = _accepted(ecs._update_service(dict(request)))["service"]
    _keep_settings(ecs._services[f"{service['clusterArn'].rpartition('/')[2]}/{service['serviceName']}"], request)


def delete_service(cluster: str, name: str) -> None:
    """Delete a service with its tasks; one that does not exist is no error."""
    ecs._delete_service({"cluster": cluster, "service": name, "force": True})


def service(key: str) -> Record | None:
    """Return the record of a service of the current scope by ``cluster/name``."""
    record: Record | None = ecs._services.get(key)
    return record


def services() -> dict[tuple[str, str, str], Record]:
    """Return every service record of all scopes by account, Region and key."""
    return dict(ecs._services.all_items())


def cluster_name(reference: str) -> str | None:
    """Return the name of an existing cluster of the current scope, by name or ARN; None when there is none."""
    name = ecs._resolve_cluster_name(reference)
    return str(name) if name in ecs._clusters else None


def cluster(name: str) -> Record:
    """Return the record of a cluster of the current scope."""
    record: Record = ecs._clusters[name]
    return record


def put_cluster_capacity_providers(name: str, providers: list[str], strategy: list[Record]) -> None:
    """Set the capacity providers and the default strategy of a cluster. Raises Refused."""
    request = {"cluster": name, "capacityProviders": providers, "defaultCapacityProviderStrategy": strategy}
    _accepted(ecs._put_cluster_capacity_providers(request))


def task_definition(reference: str) -> Record | None:
    """Return the record of a task definition of the current scope."""
    record: Record | None = ecs._task_defs.get(ecs._resolve_td_key(reference))
    return record


def primary_deployment(record: Record) -> Record | None:
    """Return the deployment that a service is moving to or has reached."""
    return next((item for item in record.get("deployments", ()) if item.get("status") == "PRIMARY"), None)


def tasks_of(key: str) -> list[Record]:
    """Return the records of the tasks of a service of the current scope, stopped ones included."""
    cluster_key, _, name = key.partition("/")
    return [
        task
        for task in list(ecs._tasks.values())
        if task.get("group") == f"service:{name}" and task["clusterArn"].rpartition("/")[2] == cluster_key
    ]


def add_task(key: str, deployment: Record, subnet: str) -> Record:
    """Record a new task of a service, PENDING, in a subnet. Raises Refused."""
    record = service(key)
    assert record is not None
    answer = _accepted(
        ecs._run_task(
            {
                "cluster": key.partition("/")[0],
                "taskDefinition": deployment["taskDefinition"],
                "count": 1,
                "group": f"service:{record['serviceName']}",
                "startedBy": deployment["id"],
                "launchType": record.get("launchType"),
                "capacityProviderStrategy": record.get("capacityProviderStrategy"),
                "networkConfiguration": record.get("networkConfiguration") or {},
                "_deploymentId": deployment["id"],
            }
        )
    )
    task: Record = ecs._tasks[answer["tasks"][0]["taskArn"]]
    task.update(lastStatus="PENDING", startedAt=None, pullStoppedAt=None, _startup_stable=False, _subnet=subnet)
    for container in task["containers"]:
        container["lastStatus"] = "PENDING"
    refresh(key)
    return task


def mark_running(task: Record, zone: str, container_id: str) -> bool:
    """Record that a task's process runs; False when the task was stopped meanwhile."""
    task["availabilityZone"] = zone
    for container in task["containers"]:
        container.update(lastStatus="RUNNING", runtimeId=container_id)
    return bool(ecs._mark_task_running(task["taskArn"], task))


def mark_stopped(task: Record, reason: str, code: str, exit_code: int | None) -> None:
    """Record that a task stopped; where that is a failure, ministack's circuit breaker counts it."""
    stopped = ecs._mark_task_stopped(task["taskArn"], task, reason, code, exit_code)
    if stopped and code == "ServiceSchedulerInitiated":
        ecs._record_service_task_failure(task)


def mark_healthy(key: str, task: Record) -> None:
    """Record that a task passed its load balancer's health checks; complete its deployment when all did."""
    for container in task["containers"]:
        container["healthStatus"] = "HEALTHY"
    task["healthStatus"] = "HEALTHY"
    ecs._record_service_task_healthy(key, task)
    complete(key)


def complete(key: str) -> None:
    """Complete the deployment in progress when its tasks are stable, and stop those of older ones."""
    refresh(key)
    ecs._complete_service_deployment(key.partition("/")[0], key)


def refresh(key: str) -> None:
    """Count a service's tasks again."""
    cluster_key, _, name = key.partition("/")
    ecs._refresh_service_state(cluster_key, f"service:{name}")


def stop_task(task: Record, reason: str) -> None:
    """Stop a task that the scheduler no longer wants."""
    cluster_key = task["clusterArn"].rpartition("/")[2]
    ecs._stop_task({"cluster": cluster_key, "task": task["taskArn"], "reason": reason})


def note_event(record: Record, message: str) -> None:
    """Add an event to a service's record."""
    record["events"].insert(0, {"id": ecs.new_uuid(), "createdAt": ecs._iso(), "message": message})


def failure_limit(record: Record) -> int:
    """Return how many failed tasks end a deployment of a service."""
    return int(ecs._circuit_breaker_threshold(record))


def settings_of(task: Record) -> Record | None:
    """Return the task definition that a task runs."""
    return task_definition(task["taskDefinitionArn"])
