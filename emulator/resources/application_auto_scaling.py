"""Application Auto Scaling for ECS services: its API, AWS::ApplicationAutoScaling::ScalableTarget and ScalingPolicy.

Targets bound the service's desired count at once, as AWS does. Policies are kept and read back; no metric moves them.
Refusals: RegisterScalableTarget and PutScalingPolicy in the Application Auto Scaling API reference.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from emulator import bridge_data_plane, bridge_ecs
from emulator.bridge_data_plane import current_scope
from emulator.handlers import Created, HandlerFailed, Properties, ResourceHandler
from emulator.json_api import ApiError, JsonApi
from emulator.records import Record, Table
from emulator.resources.ecs import scalable_target_changed

_targets = Table("scalable-targets")
_policies = Table("scaling-policies")
_DIMENSION = "ecs:service:DesiredCount"
_METRICS = ("ECSServiceAverageCPUUtilization", "ECSServiceAverageMemoryUtilization", "ALBRequestCountPerTarget")


def _invalid(message: str) -> ApiError:
    return ApiError("ValidationException", message)


def _arn(kind: str, rest: str) -> str:
    account, region = current_scope()
    service = "application-autoscaling" if kind == "scalable-target" else "autoscaling"
    return f"arn:aws:{service}:{region}:{account}:{kind}{'/' if kind == 'scalable-target' else ':'}{rest}"


def _now() -> float:
    return datetime.now(UTC).timestamp()


def register(parameters: dict[str, Any]) -> dict[str, Any]:
    """Register a target or change its limits."""
    resource, dimension = parameters["ResourceId"], parameters["ScalableDimension"]
    if parameters["ServiceNamespace"] != "ecs" or dimension != _DIMENSION:
        raise _invalid("The emulator scales the desired count of ECS services only.")
    known = _targets.get(resource)
    service = bridge_ecs.service(resource.removeprefix("service/"))
    if service is None or service.get("status") != "ACTIVE":
        raise _invalid(f"ECS service doesn't exist: {resource}")
    before: Record = known or {}
    low = parameters.get("MinCapacity", before.get("MinCapacity"))
    high = parameters.get("MaxCapacity", before.get("MaxCapacity"))
    if low is None or high is None:
        raise _invalid("You must provide a minimum and a maximum capacity to register a new scalable target.")
    if low < 0 or high < low:
        raise _invalid("Maximum capacity cannot be less than minimum capacity")
    account, _ = current_scope()
    role = f"arn:aws:iam::{account}:role/aws-service-role/ecs.application-autoscaling.amazonaws.com/"
    suspended: Record = {
        f"{name}Suspended": False for name in ("DynamicScalingIn", "DynamicScalingOut", "ScheduledScaling")
    }
    record = {
        "ServiceNamespace": "ecs",
        "ResourceId": resource,
        "ScalableDimension": dimension,
        "MinCapacity": low,
        "MaxCapacity": high,
        "RoleARN": f"{role}AWSServiceRoleForApplicationAutoScaling_ECSService",
        "CreationTime": before.get("CreationTime", _now()),
        "SuspendedState": suspended | (parameters.get("SuspendedState") or before.get("SuspendedState") or {}),
        "ScalableTargetARN": before.get("ScalableTargetARN") or _arn("scalable-target", uuid4().hex[:22]),
    }
    _targets.put(resource, record)
    scalable_target_changed(resource, low, high)
    return {"ScalableTargetARN": record["ScalableTargetARN"]}


def _target(parameters: Mapping[str, Any]) -> Record:
    known = _targets.get(parameters["ResourceId"])
    if known is None or parameters["ScalableDimension"] != known["ScalableDimension"]:
        text = f"No scalable target registered for service namespace: {parameters['ServiceNamespace']}, "
        text += f"resource ID: {parameters['ResourceId']}, scalable dimension: {parameters['ScalableDimension']}"
        raise ApiError("ObjectNotFoundException", text)
    return known


def deregister(parameters: dict[str, Any]) -> dict[str, Any]:
    """Forget a target and its policies."""
    _target(parameters)
    _targets.pop(parameters["ResourceId"])
    for key, policy in list(_policies.items()):
        if policy["ResourceId"] == parameters["ResourceId"]:
            _policies.pop(key)
    return {}


def _matching(table: Table, parameters: Mapping[str, Any], *lists: tuple[str, str]) -> list[Record]:
    return [
        record
        for record in table.values()
        if record["ServiceNamespace"] == parameters["ServiceNamespace"]
        and parameters.get("ResourceId", record["ResourceId"]) == record["ResourceId"]
        and parameters.get("ScalableDimension", record["ScalableDimension"]) == record["ScalableDimension"]
        and all(record[field] in (parameters.get(name) or [record[field]]) for name, field in lists)
    ]


def describe_targets(parameters: dict[str, Any]) -> dict[str, Any]:
    """Return targets."""
    return {"ScalableTargets": _matching(_targets, parameters, ("ResourceIds", "ResourceId"))}


def describe_policies(parameters: dict[str, Any]) -> dict[str, Any]:
    """Return policies."""
    return {"ScalingPolicies": _matching(_policies, parameters, ("PolicyNames", "PolicyName"))}


def put_policy(parameters: dict[str, Any]) -> dict[str, Any]:
    """Make or replace a policy of a registered target."""
    _target(parameters)
    key = f"{parameters['ResourceId']}|{parameters['PolicyName']}"
    before = _policies.get(key) or {}
    kind = parameters.get("PolicyType", before.get("PolicyType", "StepScaling"))
    if kind == "TargetTrackingScaling":
        _check_tracking(parameters, key)
    elif kind != "StepScaling" or "StepScalingPolicyConfiguration" not in parameters:
        raise _invalid(f"The policy type {kind} lacks its configuration or is not supported for ECS services")
    name = f"{uuid4()}:resource/ecs/{parameters['ResourceId']}:policyName/{parameters['PolicyName']}"
    record = {
        **{field: value for field, value in parameters.items() if field != "PolicyType"},
        "PolicyType": kind,
        "PolicyARN": before.get("PolicyARN") or _arn("scalingPolicy", name),
        "CreationTime": before.get("CreationTime", _now()),
        "Alarms": [],
    }
    _policies.put(key, record)
    return {"PolicyARN": record["PolicyARN"], "Alarms": []}


def _check_tracking(parameters: Mapping[str, Any], key: str) -> None:
    tracking = parameters.get("TargetTrackingScalingPolicyConfiguration") or {}
    predefined = tracking.get("PredefinedMetricSpecification")
    if bool(predefined) == bool(tracking.get("CustomizedMetricSpecification")):
        raise _invalid("Exactly one of a predefined and a customized metric must be specified")
    if not predefined:
        return
    metric, label = predefined["PredefinedMetricType"], predefined.get("ResourceLabel", "")
    if metric not in _METRICS:
        raise _invalid(f"Predefined metric type {metric} is not valid for ECS services")
    if metric == "ALBRequestCountPerTarget":
        _check_label(label)
    elif label:
        raise _invalid(f"ResourceLabel cannot be specified for {metric}")
    for other, policy in _policies.items():
        known = policy.get("TargetTrackingScalingPolicyConfiguration", {}).get("PredefinedMetricSpecification", {})
        if (
            other != key
            and policy["ResourceId"] == parameters["ResourceId"]
            and known.get("PredefinedMetricType") == metric
            and known.get("ResourceLabel", "") == label
        ):
            raise _invalid("Only one TargetTrackingScaling policy for a given metric specification is allowed.")


def _check_label(label: str) -> None:
    balancer, _, group = label.partition("/targetgroup/")
    attached = [
        item["TargetGroupArn"]
        for item in bridge_data_plane.target_groups()
        if item["TargetGroupArn"].endswith(f":targetgroup/{group}")
    ]
    balancers = [item["LoadBalancerArn"] for item in bridge_data_plane.load_balancers()]
    named = any(arn.endswith(f":loadbalancer/{balancer}") for arn in balancers)
    if not (attached and named and bridge_data_plane.target_group_is_attached(attached[0])):
        text = "must name a load balancer and a target group attached to it: app/name/id/targetgroup/name/id"
        raise _invalid(f"Invalid ResourceLabel {label}: it {text}")


def delete_policy(parameters: dict[str, Any]) -> dict[str, Any]:
    """Forget a policy."""
    if _policies.pop(f"{parameters['ResourceId']}|{parameters['PolicyName']}") is None:
        text = f"No scaling policy found for service namespace: {parameters['ServiceNamespace']}, resource ID: "
        text += f"{parameters['ResourceId']}, scalable dimension: {parameters['ScalableDimension']}: "
        raise ApiError("ObjectNotFoundException", text + parameters["PolicyName"])
    return {}


def _failed(error: ApiError) -> HandlerFailed:
    return HandlerFailed(str(error), "NotFound" if error.code == "ObjectNotFoundException" else "InvalidRequest")


class ScalableTargetHandler:
    """AWS::ApplicationAutoScaling::ScalableTarget. Ref is ``<resource>|<dimension>|<namespace>``."""

    def create(self, logical_id: str, props: Properties, stack_name: str) -> Created:
        """Register the target. Raises ValueError when it is refused."""
        names = ("ServiceNamespace", "ResourceId", "ScalableDimension", "SuspendedState")
        parameters = {name: props[name] for name in names if name in props}
        parameters |= {name: int(props[name]) for name in ("MinCapacity", "MaxCapacity")}
        try:
            made = register(parameters)
        except ApiError as error:
            raise _failed(error) from error
        identity = f"{props['ResourceId']}|{props['ScalableDimension']}|{props['ServiceNamespace']}"
        return identity, {"Id": identity, "ScalableTargetARN": made["ScalableTargetARN"]}

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Created:
        """Register the target again."""
        return self.create("", new, stack_name)

    def delete(self, physical_id: str, props: Properties) -> None:
        """Deregister the target."""
        resource, dimension, namespace = physical_id.split("|")
        if _targets.get(resource) is not None:
            deregister({"ResourceId": resource, "ScalableDimension": dimension, "ServiceNamespace": namespace})


_NUMBERS: tuple[str, ...] = ("TargetValue", "ScaleInCooldown", "ScaleOutCooldown", "Cooldown", "MinAdjustmentMagnitude")
_NUMBERS += ("MetricIntervalLowerBound", "MetricIntervalUpperBound", "ScalingAdjustment")


def _numbers(value: Any, name: str = "") -> Any:
    if isinstance(value, Mapping):
        return {key: _numbers(item, key) for key, item in value.items()}
    if isinstance(value, list):
        return [_numbers(item) for item in value]
    if name in _NUMBERS:
        return float(value) if "." in str(value) or name == "TargetValue" else int(value)
    return value


class ScalingPolicyHandler:
    """AWS::ApplicationAutoScaling::ScalingPolicy. Ref is the policy's ARN."""

    def create(self, logical_id: str, props: Properties, stack_name: str) -> Created:
        """Put the policy. Raises ValueError when it is refused."""
        parameters = {**self._key(props), "PolicyName": str(props["PolicyName"])}
        parameters["PolicyType"] = props.get("PolicyType", "StepScaling")
        for name in ("TargetTrackingScalingPolicyConfiguration", "StepScalingPolicyConfiguration"):
            if name in props:
                parameters[name] = _numbers(props[name])
        try:
            made = put_policy(parameters)
        except ApiError as error:
            raise _failed(error) from error
        return made["PolicyARN"], {"Arn": made["PolicyARN"]}

    def _key(self, props: Properties) -> dict[str, str]:
        if props.get("ScalingTargetId"):
            resource, dimension, namespace = str(props["ScalingTargetId"]).split("|")
        else:
            resource, dimension, namespace = (
                str(props.get(name, "")) for name in ("ResourceId", "ScalableDimension", "ServiceNamespace")
            )
        return {"ResourceId": resource, "ScalableDimension": dimension, "ServiceNamespace": namespace}

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Created:
        """Put the policy again; under another name or target it is another policy."""
        return self.create("", new, stack_name)

    def delete(self, physical_id: str, props: Properties) -> None:
        """Delete the policy."""
        for _, policy in list(_policies.items()):
            if policy["PolicyARN"] == physical_id:
                delete_policy({**self._key(policy), "PolicyName": policy["PolicyName"]})


HANDLERS: Mapping[str, ResourceHandler] = {
    "AWS::ApplicationAutoScaling::ScalableTarget": ScalableTargetHandler(),
    "AWS::ApplicationAutoScaling::ScalingPolicy": ScalingPolicyHandler(),
}
APIS = {
    "application-autoscaling": JsonApi(
        "application-autoscaling",
        {
            "RegisterScalableTarget": register,
            "DeregisterScalableTarget": deregister,
            "DescribeScalableTargets": describe_targets,
            "PutScalingPolicy": put_policy,
            "DescribeScalingPolicies": describe_policies,
            "DeleteScalingPolicy": delete_policy,
            "DescribeScalingActivities": lambda parameters: {"ScalingActivities": []},
        },
    )
}
