"""Readers of tasks, roles, scaling, logs and alarms."""

import json
from collections.abc import Mapping
from typing import Any

from tests.end_to_end.read_back import Account, Reader, Reading
from tests.end_to_end.shapes import capitalised, chosen

Wanted = Mapping[str, Any]


def role(account: Account, physical_id: str, wanted: Wanted) -> Reading:
    """Reads AWS::IAM::Role with its inline policies and what is attached to it."""
    iam = account.client("iam")
    found = iam.get_role(RoleName=physical_id)["Role"]
    bounded = found.get("PermissionsBoundary")
    names = iam.list_role_policies(RoleName=physical_id)["PolicyNames"]
    policies = [iam.get_role_policy(RoleName=physical_id, PolicyName=name) for name in names]
    attached = iam.list_attached_role_policies(RoleName=physical_id)["AttachedPolicies"]
    return Reading(
        {
            "ManagedPolicyArns": [policy["PolicyArn"] for policy in attached],
            "Policies": [chosen(policy, "PolicyDocument", "PolicyName") for policy in policies],
            **chosen(found, "AssumeRolePolicyDocument", "Description", "Path"),
            **({"PermissionsBoundary": bounded["PermissionsBoundaryArn"]} if bounded else {}),
        },
        chosen(found, "Arn"),
        frozenset({"ManagedPolicyArns", "Policies"}),
    )


def managed_policy(account: Account, physical_id: str, wanted: Wanted) -> Reading:
    """Reads AWS::IAM::ManagedPolicy."""
    iam = account.client("iam")
    found = iam.get_policy(PolicyArn=physical_id)["Policy"]
    version = iam.get_policy_version(PolicyArn=physical_id, VersionId=found["DefaultVersionId"])["PolicyVersion"]
    return Reading({"Description": found.get("Description"), "PolicyDocument": version["Document"]})


def secret(account: Account, physical_id: str, wanted: Wanted) -> Reading:
    """Reads AWS::SecretsManager::Secret with its value; of one that was generated, how long it is."""
    client = account.client("secretsmanager")
    found = client.describe_secret(SecretId=physical_id)
    value = client.get_secret_value(SecretId=physical_id)
    made = {"GenerateSecretString": {"PasswordLength": len(value["SecretString"])}}
    content = made if "GenerateSecretString" in wanted else chosen(value, "SecretString")
    return Reading({**chosen(found, "Description", "KmsKeyId"), **content})


def log_group(account: Account, physical_id: str, wanted: Wanted) -> Reading:
    """Reads AWS::Logs::LogGroup."""
    answer = account.client("logs").describe_log_groups(logGroupNamePrefix=physical_id)
    (found,) = [group for group in answer["logGroups"] if group["logGroupName"] == physical_id]
    return Reading(
        {
            "LogGroupName": found["logGroupName"],
            "RetentionInDays": found.get("retentionInDays"),
            **({"KmsKeyId": found["kmsKeyId"]} if "kmsKeyId" in found else {}),
        },
        {"Arn": found["arn"]},
    )


def metric_filter(account: Account, physical_id: str, wanted: Wanted) -> Reading:
    """Reads AWS::Logs::MetricFilter of the wanted log group."""
    logs = account.client("logs")
    answer = logs.describe_metric_filters(logGroupName=wanted["LogGroupName"], filterNamePrefix=physical_id)
    (found,) = [one for one in answer["metricFilters"] if one["filterName"] == physical_id]
    return Reading(capitalised(logs, "DescribeMetricFilters", "metricFilters", [found])[0])


def cluster(account: Account, physical_id: str, wanted: Wanted) -> Reading:
    """Reads AWS::ECS::Cluster."""
    found = _cluster(account, physical_id)
    return Reading({"ClusterSettings": found.get("Settings", [])}, {"Arn": found["ClusterArn"]})


def capacity_providers(account: Account, physical_id: str, wanted: Wanted) -> Reading:
    """Reads AWS::ECS::ClusterCapacityProviderAssociations, whose physical id is the cluster's."""
    found = _cluster(account, physical_id)
    return Reading(
        {
            "Cluster": found["ClusterName"],
            **chosen(found, "CapacityProviders", "DefaultCapacityProviderStrategy"),
        }
    )


def _cluster(account: Account, name: str) -> dict[str, Any]:
    ecs = account.client("ecs")
    answer = ecs.describe_clusters(clusters=[name], include=["SETTINGS", "CONFIGURATIONS"])
    (found,) = capitalised(ecs, "DescribeClusters", "clusters", answer["clusters"])
    assert isinstance(found, dict)
    return found


def task_definition(account: Account, physical_id: str, wanted: Wanted) -> Reading:
    """Reads AWS::ECS::TaskDefinition."""
    ecs = account.client("ecs")
    answer = ecs.describe_task_definition(taskDefinition=physical_id)
    return Reading(capitalised(ecs, "DescribeTaskDefinition", "taskDefinition", answer["taskDefinition"]))


def service(account: Account, physical_id: str, wanted: Wanted) -> Reading:
    """Reads AWS::ECS::Service, whose physical id is its ARN: `…:service/<cluster>/<name>`."""
    ecs = account.client("ecs")
    answer = ecs.describe_services(cluster=physical_id.split("/")[-2], services=[physical_id])
    (found,) = capitalised(ecs, "DescribeServices", "services", answer["services"])
    return Reading(
        {**found, "Cluster": found["ClusterArn"].rpartition("/")[2]},
        {"Name": found["ServiceName"]},
    )


def scalable_target(account: Account, physical_id: str, wanted: Wanted) -> Reading:
    """Reads AWS::ApplicationAutoScaling::ScalableTarget: `<resource>|<dimension>|<namespace>`."""
    resource, dimension, namespace = physical_id.split("|")
    (found,) = account.client("application-autoscaling").describe_scalable_targets(
        ServiceNamespace=namespace, ResourceIds=[resource], ScalableDimension=dimension
    )["ScalableTargets"]
    return Reading(found)


def scaling_policy(account: Account, physical_id: str, wanted: Wanted) -> Reading:
    """Reads AWS::ApplicationAutoScaling::ScalingPolicy, whose physical id is its ARN."""
    client = account.client("application-autoscaling")
    namespace = physical_id.partition(":resource/")[2].partition("/")[0]
    answer = client.describe_scaling_policies(ServiceNamespace=namespace)
    (found,) = [policy for policy in answer["ScalingPolicies"] if policy["PolicyARN"] == physical_id]
    target = "|".join(found[name] for name in ("ResourceId", "ScalableDimension", "ServiceNamespace"))
    return Reading({**found, "ScalingTargetId": target})


def alarm(account: Account, physical_id: str, wanted: Wanted) -> Reading:
    """Reads AWS::CloudWatch::Alarm."""
    (found,) = account.client("cloudwatch").describe_alarms(AlarmNames=[physical_id])["MetricAlarms"]
    return Reading(found, {"Arn": found["AlarmArn"]}, frozenset({"AlarmActions", "OKActions"}))


def composite_alarm(account: Account, physical_id: str, wanted: Wanted) -> Reading:
    """Reads AWS::CloudWatch::CompositeAlarm."""
    answer = account.client("cloudwatch").describe_alarms(AlarmNames=[physical_id], AlarmTypes=["CompositeAlarm"])
    (found,) = answer["CompositeAlarms"]
    return Reading(found, {"Arn": found["AlarmArn"]}, frozenset({"AlarmActions", "OKActions"}))


def dashboard(account: Account, physical_id: str, wanted: Wanted) -> Reading:
    """Reads AWS::CloudWatch::Dashboard."""
    found = account.client("cloudwatch").get_dashboard(DashboardName=physical_id)
    return Reading(chosen(found, "DashboardBody", "DashboardName"))


def topic(account: Account, physical_id: str, wanted: Wanted) -> Reading:
    """Reads AWS::SNS::Topic."""
    found = account.client("sns").get_topic_attributes(TopicArn=physical_id)["Attributes"]
    return Reading(chosen(found, "DisplayName", "KmsMasterKeyId"))


def topic_policy(account: Account, physical_id: str, wanted: Wanted) -> Reading:
    """Reads AWS::SNS::TopicPolicy, which is an attribute of the wanted topic."""
    (arn,) = wanted["Topics"]
    found = account.client("sns").get_topic_attributes(TopicArn=arn)["Attributes"]
    return Reading({"PolicyDocument": json.loads(found["Policy"]), "Topics": [found["TopicArn"]]})


def subscription(account: Account, physical_id: str, wanted: Wanted) -> Reading:
    """Reads AWS::SNS::Subscription among those of the wanted topic; one to be confirmed has no ARN yet."""
    answer = account.client("sns").list_subscriptions_by_topic(TopicArn=wanted["TopicArn"])
    (found,) = [
        one for one in answer["Subscriptions"] if one["SubscriptionArn"] in (physical_id, "PendingConfirmation")
    ]
    return Reading(chosen(found, "Endpoint", "Protocol", "TopicArn"))


READERS: Mapping[str, Reader] = {
    "AWS::ApplicationAutoScaling::ScalableTarget": scalable_target,
    "AWS::ApplicationAutoScaling::ScalingPolicy": scaling_policy,
    "AWS::CloudWatch::Alarm": alarm,
    "AWS::CloudWatch::CompositeAlarm": composite_alarm,
    "AWS::CloudWatch::Dashboard": dashboard,
    "AWS::ECS::Cluster": cluster,
    "AWS::ECS::ClusterCapacityProviderAssociations": capacity_providers,
    "AWS::ECS::Service": service,
    "AWS::ECS::TaskDefinition": task_definition,
    "AWS::IAM::ManagedPolicy": managed_policy,
    "AWS::IAM::Role": role,
    "AWS::Logs::LogGroup": log_group,
    "AWS::Logs::MetricFilter": metric_filter,
    "AWS::SNS::Subscription": subscription,
    "AWS::SNS::Topic": topic,
    "AWS::SNS::TopicPolicy": topic_policy,
    "AWS::SecretsManager::Secret": secret,
}
