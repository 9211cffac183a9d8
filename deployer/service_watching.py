"""How far the rollout of a target's service is while its stack works on it: tasks, and their health."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from deployer.aws import Aws
from deployer.diagnosis.evidence import Evidence
from deployer.diagnosis.tasks import FailedService
from deployer.errors import DeployerError
from deployer.events import Reporter, ResourceEvent, ServiceRollout, TargetHealth
from deployer.stacks import DENIALS

CLUSTER, SERVICE = "AWS::ECS::Cluster", "AWS::ECS::Service"
DRAINING = ("draining", "unhealthy.draining")
Path = tuple[str, ...]


@dataclass
class ServiceWatcher:
    """Emits the state of a target's services when it changes, from the events that say that one is worked on.

    Reading is a matter of progress: what AWS refuses or throttles is left out, and a service of AWS's that may not be
    asked is not asked again.
    """

    aws: Aws
    reporter: Reporter
    account: str
    region: str
    kept: dict[Path, list[Evidence]] = field(default_factory=dict)
    """Why tasks stopped and what they logged, by the stack of their service: read while they can be."""
    _failed: dict[Path, int] = field(default_factory=dict)
    _services: dict[Path, str] = field(default_factory=dict)
    _clusters: dict[Path, str] = field(default_factory=dict)
    _told: dict[tuple[Path, str], ServiceRollout | TargetHealth] = field(default_factory=dict)
    _denied: set[str] = field(default_factory=set)
    _ended: set[Path] = field(default_factory=set)

    def take(self, event: ResourceEvent) -> None:
        """Notes a service that is worked on, and the cluster beside it."""
        if event.resource_type == CLUSTER and event.physical_id:
            self._clusters[event.path] = event.physical_id
        if event.resource_type == SERVICE:
            if event.status.endswith("_IN_PROGRESS") and not event.status.startswith("DELETE"):
                self._services[event.path] = event.physical_id or self._services.get(event.path, "")
                self._ended.discard(event.path)
            elif event.path in self._services:
                self._services[event.path] = event.physical_id or self._services[event.path]
                self._ended.add(event.path)

    def look(self) -> None:
        """Emits what changed of the services that are worked on; one whose work has ended is looked at once more."""
        for path, service in list(self._services.items()):
            self._ask("ecs", partial(self._rollout, path, service))
        for path in self._ended:
            self._services.pop(path, None)
        self._ended.clear()

    def _rollout(self, path: Path, service: str, client: Any) -> None:
        cluster = self._cluster(path, service)
        name = service or self._only_service(client, cluster)
        if not cluster or not name:
            return
        for found in client.describe_services(cluster=cluster, services=[name])["services"]:
            # The newest is PRIMARY; those before it are ACTIVE as long as they have tasks (shape Deployment).
            deployments = sorted(found.get("deployments", []), key=lambda one: one["status"] != "PRIMARY")
            newest = deployments[0] if deployments else found
            rollout = ServiceRollout(
                account=self.account,
                region=self.region,
                path=path,
                service=found["serviceName"],
                desired=newest["desiredCount"],
                pending=newest["pendingCount"],
                running=newest["runningCount"],
                failed=newest.get("failedTasks", 0),
                state=newest.get("rolloutState", ""),
                reason=newest.get("rolloutStateReason", ""),
            )
            self._emit(rollout)
            if rollout.failed > self._failed.get(path, 0):
                self._failed[path] = rollout.failed
                began = newest.get("createdAt")
                place = f"{self.account}/{self.region}"
                failing = FailedService(
                    client, cluster, found["serviceName"], "/".join(path) or place, began.timestamp() if began else 0.0
                )
                self._ask("ecs", partial(self._keep, path, failing))
            for balancer in found.get("loadBalancers", []):
                self._ask("elbv2", partial(self._health, path, balancer["targetGroupArn"]))

    def _keep(self, path: Path, failing: FailedService, _: Any) -> None:
        """Reads why tasks stopped: a stack that is rolled back takes its service, its tasks and their log with it."""
        self.kept[path] = list(failing.tasks())
        self._ask("logs", lambda logs: self.kept[path].extend(failing.log(logs)))

    def _health(self, path: Path, target_group: str, client: Any) -> None:
        found = [
            target["TargetHealth"]
            for target in client.describe_target_health(TargetGroupArn=target_group)["TargetHealthDescriptions"]
        ]
        states = Counter(target["State"] for target in found)
        draining = sum(states[state] for state in DRAINING)
        reasons = {target.get("Description") or target.get("Reason", "") for target in found}
        self._emit(
            TargetHealth(
                account=self.account,
                region=self.region,
                path=path,
                healthy=states["healthy"],
                # What is unused or not checked serves nobody either.
                unhealthy=len(found) - states["healthy"] - states["initial"] - draining,
                initial=states["initial"],
                draining=draining,
                reasons=tuple(sorted(reasons - {""})),
            )
        )

    def _cluster(self, path: Path, service: str) -> str:
        """Returns the cluster: the one beside the service, else the one that the service's ARN names."""
        parts = service.split("/")
        return self._clusters.get(path) or (parts[1] if len(parts) == 3 else "")

    def _only_service(self, client: Any, cluster: str) -> str:
        """Returns the cluster's service where there is one: until AWS made it, no event says its name."""
        found: list[str] = client.list_services(cluster=cluster, maxResults=2)["serviceArns"] if cluster else []
        return found[0] if len(found) == 1 else ""

    def _emit(self, event: ServiceRollout | TargetHealth) -> None:
        if self._told.get((event.path, event.kind)) != event:
            self._told[event.path, event.kind] = event
            self.reporter.emit(event)

    def _ask(self, service: str, work: Callable[[Any], None]) -> None:
        """Does the work with a client of the service, unless it may not be asked; what AWS says no to ends quietly."""
        if service in self._denied:
            return
        try:
            work(self.aws.client(service, self.account, self.region))
        except ClientError as error:
            if error.response["Error"]["Code"] in DENIALS:
                self._denied.add(service)
        except DeployerError:
            self._denied.add(service)
        except BotoCoreError:
            return
