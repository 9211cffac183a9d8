"""AWS::ECS::Service and AWS::ECS::ClusterCapacityProviderAssociations.

A service of the account and Region that the data plane runs for starts real server processes and is created only when
they are healthy behind the front; elsewhere its tasks are recorded only, and an event of the service says so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from emulator import bridge_data_plane as bridge
from emulator import bridge_ecs as records
from emulator.data_plane import current
from emulator.data_plane.scheduler import DeploymentFailed
from emulator.data_plane.task_specs import container_port
from emulator.handlers import Created, HandlerFailed, Properties, suffix

# CloudFormation itself waits three hours; the failure is the same, only sooner.
_STEADY_SECONDS = 300.0
_FARGATE = ("FARGATE", "FARGATE_SPOT")
# What UpdateService takes, by its name in templates.
_UPDATABLE = {
    "TaskDefinition": "taskDefinition",
    "DesiredCount": "desiredCount",
    "NetworkConfiguration": "networkConfiguration",
    "LoadBalancers": "loadBalancers",
    "HealthCheckGracePeriodSeconds": "healthCheckGracePeriodSeconds",
    "EnableExecuteCommand": "enableExecuteCommand",
    "PlatformVersion": "platformVersion",
    "CapacityProviderStrategy": "capacityProviderStrategy",
    "DeploymentConfiguration": "deploymentConfiguration",
    "AvailabilityZoneRebalancing": "availabilityZoneRebalancing",
    "EnableECSManagedTags": "enableECSManagedTags",
    "PropagateTags": "propagateTags",
}
_CREATE_ONLY = ("Cluster", "Role", "SchedulingStrategy", "ServiceName")
_NUMBERS = frozenset(
    {"DesiredCount", "HealthCheckGracePeriodSeconds", "ContainerPort", "MaximumPercent", "MinimumHealthyPercent"}
    | {"Base", "Weight", "Value", "BakeTimeInMinutes"}
)
_BOOLEANS = frozenset({"EnableECSManagedTags", "EnableExecuteCommand", "Enable", "Rollback", "ResetOnHealthyTask"})


def _invalid(message: str) -> ValueError:
    return ValueError(f"Invalid request provided: CreateService error: {message} (InvalidParameterException)")


def _api(value: Any, name: str = "") -> Any:
    """A template's value in the API's spelling, with the numbers and booleans that CloudFormation makes of strings."""
    if isinstance(value, Mapping):
        return {key[:1].lower() + key[1:]: _api(item, key) for key, item in value.items()}
    if isinstance(value, list):
        return [_api(item, name) for item in value]
    if name in _NUMBERS and isinstance(value, str) and value.isdigit():
        return int(value)
    if name in _BOOLEANS and isinstance(value, str):
        return value.lower() == "true"
    return value


def scalable_target_changed(resource_id: str, min_capacity: int, max_capacity: int) -> None:
    """Bring a service's desired count between a scalable target's limits, as registering the target does
    ("RegisterScalableTarget", Application Auto Scaling API). ``resource_id`` is ``service/cluster/name``.
    """
    key = resource_id.removeprefix("service/")
    record = records.service(key)
    if record is None:
        return
    desired = min(max(int(record["desiredCount"]), min_capacity), max_capacity)
    if desired != record["desiredCount"]:
        cluster, _, name = key.partition("/")
        records.update_service({"cluster": cluster, "service": name, "desiredCount": desired})


@dataclass(frozen=True)
class ServiceHandler:
    """AWS::ECS::Service. Ref is the service's ARN."""

    def create(self, logical_id: str, props: Properties, stack_name: str) -> Created:
        """Make the service and wait until it is steady. Raises ValueError in the words of AWS when ECS refuses it, and
        when its tasks do not become healthy.
        """
        cluster = self._check(props)
        name = props.get("ServiceName") or f"{stack_name}-{logical_id}-{suffix(stack_name, logical_id)}"
        request = {"serviceName": name, "cluster": cluster, "desiredCount": 1, "launchType": props.get("LaunchType")}
        request |= {api: _api(props[prop], prop) for prop, api in _UPDATABLE.items() if props.get(prop) is not None}
        request["tags"] = [{"key": tag["Key"], "value": tag["Value"]} for tag in props.get("Tags") or ()]
        plane = current()
        runs = plane.claim(*bridge.current_scope())
        try:
            key = records.create_service(request, runs=runs)
        except bridge.Refused as refused:
            plane.release_if_idle()
            raise ValueError(f"{refused} ({refused.code})") from refused
        try:
            _settle(key, runs)
        except ValueError:
            # CloudFormation deletes a service that it could not create; nothing else would end its processes.
            self._remove(key)
            raise
        return _described(key)

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Created:
        """Roll the service over to other properties, or make another one where a property can only be set at creation,
        and wait until it is steady. Raises ValueError as ``create``.
        """
        name = physical_id.rpartition("/")[2]
        if any(old.get(prop) != new.get(prop) for prop in _CREATE_ONLY):
            renamed = name if old.get("Cluster") != new.get("Cluster") else f"{name}-{suffix(stack_name, name, 4)}"
            return self.create("", {"ServiceName": renamed, **new}, stack_name)
        cluster = self._check(new)
        request: dict[str, Any] = {"cluster": cluster, "service": name}
        for prop, api in _UPDATABLE.items():
            if old.get(prop) != new.get(prop) and new.get(prop) is not None:
                request[api] = _api(new[prop], prop)
        # Another load balancer configuration begins a new deployment (ECS API reference, UpdateService, loadBalancers).
        if "loadBalancers" in request:
            request["forceNewDeployment"] = True
        forced = new.get("ForceNewDeployment") or {}
        if (
            forced != (old.get("ForceNewDeployment") or {})
            and str(forced.get("EnableForceNewDeployment")).lower() == "true"
        ):
            request["forceNewDeployment"] = True
        try:
            records.update_service(request)
        except bridge.Refused as refused:
            raise ValueError(f"{refused} ({refused.code})") from refused
        _settle(f"{cluster}/{name}", current().claim(*bridge.current_scope()))
        return _described(f"{cluster}/{name}")

    def delete(self, physical_id: str, props: Properties) -> None:
        """Stop the tasks and remove the service."""
        cluster, _, name = physical_id.partition(":service/")[2].partition("/")
        self._remove(f"{cluster}/{name}")

    def _remove(self, key: str) -> None:
        cluster, _, name = key.partition("/")
        records.delete_service(cluster, name)
        current().release_if_idle()

    def _check(self, props: Mapping[str, Any]) -> str:
        """Refuse what CreateService refuses; return the cluster's name. Messages as ECS gives them (ECS API reference,
        CreateService and its common errors); the load balancer's, aws-cdk#1160.
        """
        cluster = records.cluster_name(str(props.get("Cluster") or "default"))
        if cluster is None:
            raise ValueError("Cluster not found. (ClusterNotFoundException)")
        definition = records.task_definition(str(props.get("TaskDefinition") or ""))
        if definition is None:
            raise ValueError("Unable to find task definition. (ClientException)")
        network = (props.get("NetworkConfiguration") or {}).get("AwsvpcConfiguration") or {}
        if definition.get("networkMode") == "awsvpc" and not network.get("Subnets"):
            raise _invalid("Network Configuration must be provided when networkMode 'awsvpc' is specified.")
        self._check_providers(props, cluster)
        for balanced in props.get("LoadBalancers") or ():
            _check_balanced(balanced, definition.get("containerDefinitions") or (), definition.get("networkMode"))
        return cluster

    def _check_providers(self, props: Mapping[str, Any], cluster: str) -> None:
        associated = records.cluster(cluster).get("capacityProviders") or ()
        for item in props.get("CapacityProviderStrategy") or ():
            if item.get("CapacityProvider") not in associated:
                text = "The specified capacity provider strategy contains a capacity provider that is not associated"
                raise _invalid(f"{text} with the cluster: {item.get('CapacityProvider')}.")


def _check_balanced(balanced: Mapping[str, Any], containers: Sequence[Mapping[str, Any]], mode: str | None) -> None:
    arn, name = str(balanced.get("TargetGroupArn") or ""), balanced.get("ContainerName")
    group = next((item for item in bridge.target_groups() if item["TargetGroupArn"] == arn), None)
    if group is None:
        raise _invalid(f"The specified target group does not exist: {arn}.")
    if not bridge.target_group_is_attached(arn):
        raise _invalid(f"The target group with targetGroupArn {arn} does not have an associated load balancer.")
    if mode == "awsvpc" and group.get("TargetType") != "ip":
        text = f"The provided target group {arn} has target type {group.get('TargetType')}, which is incompatible"
        raise _invalid(f"{text} with the awsvpc network mode specified in the task definition.")
    container = next((item for item in containers if item.get("name") == name), None)
    if container is None:
        raise _invalid(f"The container {name} does not exist in the task definition.")
    if container_port(container) != int(balanced.get("ContainerPort") or 0):
        raise _invalid(f"The container {name} did not have a container port {balanced.get('ContainerPort')} defined.")


def _settle(key: str, runs: bool) -> None:
    record = records.service(key)
    if not runs:
        if record is not None:
            owner = "/".join(current().owner() or ("no account",))
            records.note_event(record, f"(service {record['serviceName']}) data plane not started: it runs for {owner}")
        return
    try:
        current().scheduler.wait_steady(key, _STEADY_SECONDS)
    except DeploymentFailed as failed:
        raise HandlerFailed(str(failed)) from failed


def _described(key: str) -> Created:
    record = records.service(key)
    if record is None:
        raise ValueError(f"Service {key} is gone")
    arn = str(record["serviceArn"])
    return arn, {"ServiceArn": arn, "Name": record["serviceName"]}


@dataclass(frozen=True)
class CapacityProviderAssociationsHandler:
    """AWS::ECS::ClusterCapacityProviderAssociations. Ref is the cluster's name."""

    def create(self, logical_id: str, props: Properties, stack_name: str) -> Created:
        """Associate the providers. Raises ValueError for a cluster that does not exist, a provider that is none, and a
        default strategy with providers that are not associated (PutClusterCapacityProviders, ECS API reference).
        """
        cluster = records.cluster_name(str(props.get("Cluster") or "default"))
        if cluster is None:
            raise ValueError("Cluster not found. (ClusterNotFoundException)")
        providers = list(props.get("CapacityProviders") or ())
        for provider in providers:
            if provider not in _FARGATE:
                raise ValueError(
                    f"The specified capacity provider '{provider}' was not found. (InvalidParameterException)"
                )
        strategy = _api(list(props.get("DefaultCapacityProviderStrategy") or ()))
        for item in strategy:
            if item.get("capacityProvider") not in providers:
                text = "The specified capacity provider strategy contains a provider that is not associated"
                raise ValueError(
                    f"{text} with the cluster: {item.get('capacityProvider')}. (InvalidParameterException)"
                )
        records.put_cluster_capacity_providers(cluster, providers, strategy)
        return cluster, {}

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Created:
        """Replace the associations."""
        return self.create("", new, stack_name)

    def delete(self, physical_id: str, props: Properties) -> None:
        """Remove the associations; a cluster that is gone needs none removed."""
        if records.cluster_name(physical_id) is None:
            return
        records.put_cluster_capacity_providers(physical_id, [], [])


HANDLERS = {
    "AWS::ECS::Service": ServiceHandler(),
    "AWS::ECS::ClusterCapacityProviderAssociations": CapacityProviderAssociationsHandler(),
}
