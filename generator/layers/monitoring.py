"""Alarms that can fire, one topic that hears them, and a dashboard."""

import json
from dataclasses import dataclass
from typing import Any

from awacs import sns as sns_actions
from awacs.aws import Allow, Condition, Principal, SourceAccount, Statement, StringEquals
from troposphere import AWSHelperFn, Join, Ref, Sub, cloudwatch, logs, sns

from generator import conditions as c
from generator import parameters as p
from generator import protection
from generator.composition import Layer, Scope, Value, wire
from generator.names import bounded_name
from generator.policies import policy

LOG_NAMESPACE = "McpRuntime"
GATEWAY_NAMESPACE = "AWS/Bedrock-AgentCore"


@dataclass(frozen=True)
class Inputs:
    """What is watched."""

    load_balancer_full_name: Value = wire("Last part of the load balancer's ARN, as metrics name it.")
    target_group_full_name: Value = wire("Last part of the target group's ARN, as metrics name it.")
    cluster_name: Value = wire("Name of the ECS cluster.")
    service_name: Value = wire("Name of the ECS service.")
    log_group_name: Value = wire("Log group of the server.")
    gateway_arn: Value = wire("ARN of the gateway.")


@dataclass(frozen=True)
class Outputs:
    """Where operators look and listen."""

    dashboard_name: Value = wire("Name of the CloudWatch dashboard.")
    alarm_topic_arn: Value = wire("ARN of the topic that hears every alarm.")


@dataclass(frozen=True)
class _Watch:
    title: str
    description: str
    namespace: str
    metric: Value
    dimensions: dict[str, Value]
    statistic: str
    threshold: Value | float
    periods: int = 3
    comparison: str = "GreaterThanThreshold"
    missing: str = "notBreaching"


def build(scope: Scope, inputs: Inputs) -> Outputs:
    """Adds topic, alarms, the server's error metric and the dashboard."""
    topic = _topic(scope)
    error_metric = _error_metric(scope, inputs)
    alarms = [_alarm(scope, watch, topic) for watch in _watches(scope, inputs, error_metric)]
    alarms += [
        _gateway_alarm(scope, inputs, topic, "GatewayErrors", "SystemErrors", "The gateway fails calls by itself."),
        _gateway_alarm(scope, inputs, topic, "GatewayThrottles", "Throttles", "The gateway throttles calls."),
    ]
    dashboard = _dashboard(scope, inputs, alarms)
    return Outputs(dashboard_name=dashboard.ref(), alarm_topic_arn=topic.ref())


def _topic(scope: Scope) -> sns.Topic:
    topic = scope.add(
        sns.Topic("AlarmTopic", KmsMasterKeyId=protection.key(scope)), "Hears every alarm of the runtime."
    )
    scope.add(
        sns.TopicPolicy(
            "AlarmTopicPolicy",
            Topics=[topic.ref()],
            PolicyDocument=policy(
                Statement(
                    Sid="PublishAlarms",
                    Effect=Allow,
                    Principal=Principal("Service", "cloudwatch.amazonaws.com"),
                    Action=[sns_actions.Publish],
                    Resource=[topic.ref()],
                    Condition=Condition([StringEquals(SourceAccount, Ref("AWS::AccountId"))]),
                )
            ),
        ),
        "Lets this account's alarms publish to the topic.",
    )
    scope.add(
        sns.SubscriptionResource(
            "AlarmSubscription", TopicArn=topic.ref(), Protocol="email", Endpoint=scope.parameter(p.ALARM_EMAIL)
        ),
        "Tells the given address of every alarm, once it has confirmed.",
        c.HAS_ALARM_EMAIL,
    )
    return topic


def _error_metric(scope: Scope, inputs: Inputs) -> AWSHelperFn:
    name = Join("-", [bounded_name(scope), "errors"])
    scope.add(
        logs.MetricFilter(
            "ServerErrorMetric",
            LogGroupName=inputs.log_group_name,
            FilterPattern='{ $.level = "ERROR" || $.level = "CRITICAL" }',
            MetricTransformations=[
                logs.MetricTransformation(
                    MetricNamespace=LOG_NAMESPACE, MetricName=name, MetricValue="1", DefaultValue=0
                )
            ],
        ),
        "Counts what the server logs as an error.",
    )
    return name


def _watches(scope: Scope, inputs: Inputs, error_metric: Value) -> list[_Watch]:
    service = {"ClusterName": inputs.cluster_name, "ServiceName": inputs.service_name}
    targets = {"TargetGroup": inputs.target_group_full_name, "LoadBalancer": inputs.load_balancer_full_name}
    balancer = {"LoadBalancer": inputs.load_balancer_full_name}
    return [
        _Watch("CpuHigh", "The tasks' CPU is nearly used up.", "AWS/ECS", "CPUUtilization", service, "Average", 90),
        _Watch(
            "MemoryHigh", "The tasks' memory is nearly used up.", "AWS/ECS", "MemoryUtilization", service, "Average", 90
        ),
        _Watch(
            "TooFewTasks",
            "Fewer tasks are healthy than must always run.",
            "AWS/ApplicationELB",
            "HealthyHostCount",
            targets,
            "Minimum",
            scope.parameter(p.MIN_TASKS),
            periods=5,
            comparison="LessThanThreshold",
            missing="breaching",
        ),
        _Watch(
            "TargetErrors",
            "The server answers calls with errors.",
            "AWS/ApplicationELB",
            "HTTPCode_Target_5XX_Count",
            targets,
            "Sum",
            5,
        ),
        _Watch(
            "LoadBalancerErrors",
            "The load balancer cannot get answers from the tasks.",
            "AWS/ApplicationELB",
            "HTTPCode_ELB_5XX_Count",
            balancer,
            "Sum",
            5,
        ),
        _Watch(
            "SlowAnswers",
            "One call in a hundred takes more than ten seconds.",
            "AWS/ApplicationELB",
            "TargetResponseTime",
            targets,
            "p99",
            10,
            periods=5,
        ),
        _Watch("LoggedErrors", "The server logs errors.", LOG_NAMESPACE, error_metric, {}, "Sum", 5),
    ]


def _alarm(scope: Scope, watch: _Watch, topic: sns.Topic) -> cloudwatch.Alarm:
    statistic: dict[str, Any] = {
        "ExtendedStatistic" if watch.statistic.startswith("p") else "Statistic": watch.statistic
    }
    return scope.add(
        cloudwatch.Alarm(
            watch.title,
            AlarmDescription=watch.description,
            Namespace=watch.namespace,
            MetricName=watch.metric,
            Dimensions=[cloudwatch.MetricDimension(Name=name, Value=value) for name, value in watch.dimensions.items()],
            Period=60,
            EvaluationPeriods=watch.periods,
            Threshold=watch.threshold,
            ComparisonOperator=watch.comparison,
            TreatMissingData=watch.missing,
            AlarmActions=[topic.ref()],
            OKActions=[topic.ref()],
            **statistic,
        ),
        watch.description,
    )


def _gateway_alarm(
    scope: Scope, inputs: Inputs, topic: sns.Topic, title: str, metric: str, description: str
) -> cloudwatch.Alarm:
    # A query, because AgentCore publishes under several sets of dimensions and a plain alarm must name exactly one.
    return scope.add(
        cloudwatch.Alarm(
            title,
            AlarmDescription=description,
            Metrics=[
                cloudwatch.MetricDataQuery(
                    Id="failures", Expression=_gateway_query(inputs, metric), Period=60, ReturnData=True
                )
            ],
            EvaluationPeriods=3,
            Threshold=0,
            ComparisonOperator="GreaterThanThreshold",
            TreatMissingData="notBreaching",
            AlarmActions=[topic.ref()],
            OKActions=[topic.ref()],
        ),
        description,
    )


def _gateway_query(inputs: Inputs, metric: str) -> Sub:
    return Sub(
        f"SELECT SUM({metric}) FROM \"{GATEWAY_NAMESPACE}\" WHERE Resource = '${{Gateway}}'", Gateway=inputs.gateway_arn
    )


def _dashboard(scope: Scope, inputs: Inputs, alarms: list[cloudwatch.Alarm]) -> cloudwatch.Dashboard:
    targets = ["TargetGroup", "${TargetGroup}", "LoadBalancer", "${LoadBalancer}"]
    service = ["ClusterName", "${Cluster}", "ServiceName", "${Service}"]
    balancer = ["LoadBalancer", "${LoadBalancer}"]
    elb = "AWS/ApplicationELB"
    gateway_query = "SELECT SUM({metric}) FROM \"{namespace}\" WHERE Resource = '${{Gateway}}'"
    widgets = [
        {
            "type": "alarm",
            "x": 0,
            "y": 0,
            "width": 24,
            "height": 3,
            "properties": {"title": "Alarms", "alarms": [f"${{{alarm.title}}}" for alarm in alarms]},
        },
        _graph(0, 3, "Calls", [[elb, "RequestCount", *balancer, {"stat": "Sum"}]]),
        _graph(
            8,
            3,
            "Answer time (p50, p99)",
            [
                [elb, "TargetResponseTime", *targets, {"stat": "p50"}],
                [elb, "TargetResponseTime", *targets, {"stat": "p99"}],
            ],
        ),
        _graph(
            16,
            3,
            "Errors",
            [
                [elb, "HTTPCode_Target_5XX_Count", *targets, {"stat": "Sum"}],
                [elb, "HTTPCode_ELB_5XX_Count", *balancer, {"stat": "Sum"}],
                [elb, "HTTPCode_ELB_4XX_Count", *balancer, {"stat": "Sum"}],
            ],
        ),
        _graph(
            0,
            9,
            "Tasks",
            [
                [elb, "HealthyHostCount", *targets, {"stat": "Minimum"}],
                [elb, "UnHealthyHostCount", *targets, {"stat": "Maximum"}],
            ],
        ),
        _graph(
            8,
            9,
            "CPU and memory of the tasks (%)",
            [
                ["AWS/ECS", "CPUUtilization", *service, {"stat": "Average"}],
                ["AWS/ECS", "MemoryUtilization", *service, {"stat": "Average"}],
            ],
        ),
        _graph(
            16,
            9,
            "Gateway",
            [
                [{"expression": gateway_query.format(metric=metric, namespace=GATEWAY_NAMESPACE), "id": metric.lower()}]
                for metric in ("Invocations", "SystemErrors", "UserErrors", "Throttles")
            ],
        ),
    ]
    return scope.add(
        cloudwatch.Dashboard(
            "Dashboard",
            DashboardBody=Sub(
                json.dumps({"widgets": widgets}, separators=(",", ":")),
                {
                    "TargetGroup": inputs.target_group_full_name,
                    "LoadBalancer": inputs.load_balancer_full_name,
                    "Cluster": inputs.cluster_name,
                    "Service": inputs.service_name,
                    "Gateway": inputs.gateway_arn,
                }
                | {str(alarm.title): alarm.get_att("Arn") for alarm in alarms},
            ),
        ),
        "Shows calls, answer times, errors, tasks and the gateway on one page.",
    )


def _graph(x: int, y: int, title: str, metrics: list[list[object]]) -> dict[str, object]:
    return {
        "type": "metric",
        "x": x,
        "y": y,
        "width": 8,
        "height": 6,
        "properties": {
            "title": title,
            "view": "timeSeries",
            "region": "${AWS::Region}",
            "period": 60,
            "metrics": metrics,
        },
    }


LAYER = Layer("Monitoring", "Alarms and dashboard of the MCP runtime.", 10, Outputs, build)
