"""Current properties of load balancers, ECS services and their scaling (the Describe operations of those APIs)."""

from collections.abc import Mapping
from typing import Any

from emulator import bridge
from emulator.bridge_drift import Reader
from emulator.drift.shapes import Current, Properties, chosen, like, listed, pascal, present

_SERVICE = (
    "TaskDefinition",
    "DesiredCount",
    "LaunchType",
    "PlatformVersion",
    "HealthCheckGracePeriodSeconds",
    "EnableExecuteCommand",
    "EnableECSManagedTags",
    "PropagateTags",
    "AvailabilityZoneRebalancing",
    "CapacityProviderStrategy",
    "DeploymentConfiguration",
    "NetworkConfiguration",
)
_GROUP = (
    "Port",
    "Protocol",
    "ProtocolVersion",
    "VpcId",
    "TargetType",
    "HealthCheckEnabled",
    "HealthCheckIntervalSeconds",
    "HealthCheckPath",
    "HealthCheckPort",
    "HealthCheckProtocol",
    "HealthCheckTimeoutSeconds",
    "HealthyThresholdCount",
    "UnhealthyThresholdCount",
    "Matcher",
    "TargetGroupAttributes",
)
_BALANCER = ("Scheme", "Type", "IpAddressType", "SecurityGroups", "Subnets", "LoadBalancerAttributes")
_CAPACITY = ("MinCapacity", "MaxCapacity", "ResourceId", "ScalableDimension", "ServiceNamespace")


def _service(physical_id: str, props: Properties) -> Current:
    cluster = str(props.get("Cluster") or "default")
    found = present(lambda: bridge.client("ecs").describe_services(cluster=cluster, services=[physical_id])["services"])
    live = [item for item in found or () if item["status"] == "ACTIVE"]
    return chosen(props, pascal(live[0]), *_SERVICE) if live else None


def _cluster(physical_id: str, props: Properties) -> Current:
    found = bridge.client("ecs").describe_clusters(clusters=[physical_id], include=["SETTINGS"])["clusters"]
    live = [item for item in found if item["status"] == "ACTIVE"]
    if not live:
        return None
    settings = listed(pascal(live[0].get("settings") or []), props.get("ClusterSettings"), "Name")
    return {"ClusterSettings": settings, "ClusterName": live[0]["clusterName"]}


def _capacity_providers(physical_id: str, props: Properties) -> Current:
    found = bridge.client("ecs").describe_clusters(clusters=[str(props["Cluster"])])["clusters"]
    live = [pascal(item) for item in found if item["status"] == "ACTIVE"]
    return chosen(props, live[0], "CapacityProviders", "DefaultCapacityProviderStrategy") if live else None


def _task_definition(physical_id: str, props: Properties) -> Current:
    found = present(lambda: bridge.client("ecs").describe_task_definition(taskDefinition=physical_id)["taskDefinition"])
    return {} if found and found["status"] == "ACTIVE" else None


def _load_balancer(physical_id: str, props: Properties) -> Current:
    client = bridge.client("elbv2")
    found = present(lambda: client.describe_load_balancers(LoadBalancerArns=[physical_id])["LoadBalancers"])
    if not found:
        return None
    given = client.describe_load_balancer_attributes(LoadBalancerArn=physical_id)["Attributes"]
    current = {**found[0], "LoadBalancerAttributes": listed(given, props.get("LoadBalancerAttributes"))}
    current["Subnets"] = [zone["SubnetId"] for zone in found[0].get("AvailabilityZones") or ()]
    return chosen(props, current, *_BALANCER)


def _target_group(physical_id: str, props: Properties) -> Current:
    client = bridge.client("elbv2")
    found = present(lambda: client.describe_target_groups(TargetGroupArns=[physical_id])["TargetGroups"])
    if not found:
        return None
    given = client.describe_target_group_attributes(TargetGroupArn=physical_id)["Attributes"]
    return chosen(
        props, {**found[0], "TargetGroupAttributes": listed(given, props.get("TargetGroupAttributes"))}, *_GROUP
    )


def _listener(physical_id: str, props: Properties) -> Current:
    found = present(lambda: bridge.client("elbv2").describe_listeners(ListenerArns=[physical_id])["Listeners"])
    return chosen(props, found[0], "Port", "Protocol", "SslPolicy", "Certificates") if found else None


def _rule(physical_id: str, props: Properties) -> Current:
    found = present(lambda: bridge.client("elbv2").describe_rules(RuleArns=[physical_id])["Rules"])
    return {"Priority": like(props.get("Priority"), found[0]["Priority"])} if found else None


def _scalable_target(physical_id: str, props: Properties) -> Current:
    resource, dimension, namespace = physical_id.split("|")
    found = bridge.client("application-autoscaling").describe_scalable_targets(
        ServiceNamespace=namespace, ResourceIds=[resource], ScalableDimension=dimension
    )["ScalableTargets"]
    return chosen(props, found[0], *_CAPACITY) if found else None


def _scaling_policy(physical_id: str, props: Properties) -> Current:
    client = bridge.client("application-autoscaling")
    found: list[Mapping[str, Any]] = client.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"]
    here = [item for item in found if item["PolicyARN"] == physical_id]
    if not here:
        return None
    tracking = here[0].get("TargetTrackingScalingPolicyConfiguration")
    return chosen(props, {**here[0], "TargetTrackingScalingPolicyConfiguration": tracking}, *_POLICY)


_POLICY = ("PolicyName", "PolicyType", "TargetTrackingScalingPolicyConfiguration")

READERS: Mapping[str, tuple[Reader, tuple[str, ...]]] = {
    "AWS::ApplicationAutoScaling::ScalableTarget": (_scalable_target, _CAPACITY),
    "AWS::ApplicationAutoScaling::ScalingPolicy": (_scaling_policy, _POLICY),
    "AWS::ECS::Cluster": (_cluster, ("ClusterName", "ClusterSettings")),
    "AWS::ECS::ClusterCapacityProviderAssociations": (
        _capacity_providers,
        ("CapacityProviders", "DefaultCapacityProviderStrategy"),
    ),
    "AWS::ECS::Service": (_service, _SERVICE),
    "AWS::ECS::TaskDefinition": (_task_definition, ()),
    "AWS::ElasticLoadBalancingV2::Listener": (_listener, ("Port", "Protocol", "SslPolicy", "Certificates")),
    "AWS::ElasticLoadBalancingV2::ListenerRule": (_rule, ("Priority",)),
    "AWS::ElasticLoadBalancingV2::LoadBalancer": (_load_balancer, _BALANCER),
    "AWS::ElasticLoadBalancingV2::TargetGroup": (_target_group, _GROUP),
}
