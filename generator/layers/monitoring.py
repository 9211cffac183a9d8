"""Alarms that can fire, one topic that hears them, and a dashboard."""

from collections.abc import Mapping
from dataclasses import dataclass

from awacs import aws as policies
from awacs import sns as sns_actions
from awacs.aws import Allow, Principal, SourceAccount, Statement, StringEquals
from troposphere import AWSHelperFn, AWSObject, Join, Ref, Sub, cloudwatch, logs, sns

from generator import alarms, dashboard, protection, runbook
from generator import conditions as c
from generator import parameters as p
from generator.composition import Condition, Layer, Scope, Value, wire
from generator.names import bounded_name
from generator.policies import policy

LOG_NAMESPACE = "McpRuntime"


Made = Mapping[str, tuple[AWSObject, Condition | None]]
"""Alarms by their logical ids, each with the condition under which it stands."""


@dataclass(frozen=True)
class Inputs:
    """What is watched."""

    load_balancer_full_name: Value = wire("Last part of the load balancer's ARN, as metrics name it.")
    target_group_full_name: Value = wire("Last part of the target group's ARN, as metrics name it.")
    cluster_name: Value = wire("Name of the ECS cluster.")
    service_name: Value = wire("Name of the ECS service.")
    log_group_name: Value = wire("Log group of the server.")
    gateway_arn: Value = wire("ARN of the gateway.")
    certificate_arn: Value = wire("ARN of the certificate; empty without an endpoint.")
    load_balancer_firewall: Value = wire("Metric name of the load balancer's web ACL; empty without a firewall.")
    gateway_firewall: Value = wire("Metric name of the gateway's web ACL; empty without a firewall.")
    nat_gateway_ids: Value = wire("Ids of the NAT gateways as a search takes them; empty without any.")


@dataclass(frozen=True)
class Outputs:
    """Where operators look and listen."""

    dashboard_name: Value = wire("Name of the CloudWatch dashboard.")
    alarm_topic_arn: Value = wire("ARN of the topic that hears every alarm.")


def build(scope: Scope, inputs: Inputs) -> Outputs:
    """Adds topic, alarms, the server's error metric and the dashboard.

    An alarm that is not there is FALSE in a composite's rule ("Create a composite alarm", CloudWatch user guide).
    """
    topic = _topic(scope)
    watched = alarms.Watched(
        load_balancer=inputs.load_balancer_full_name,
        target_group=inputs.target_group_full_name,
        cluster=inputs.cluster_name,
        service=inputs.service_name,
        gateway_arn=inputs.gateway_arn,
        certificate_arn=inputs.certificate_arn,
        firewalls=(inputs.load_balancer_firewall, inputs.gateway_firewall),
        error_namespace=LOG_NAMESPACE,
        error_metric=_error_metric(scope, inputs),
    )
    made: Made = {watch.title: (alarms.alarm(scope, watch), watch.when) for watch in alarms.watches(scope, watched)}
    composites = [
        _composite(scope, topic, made, title, urgency, description)
        for title, urgency, description in (
            ("CallersFail", runbook.FAILING, "Callers fail or wait: one of the alarms says how."),
            ("NeedsAttention", runbook.ATTENTION, "Something needs attention before callers feel it."),
        )
    ]
    shown = _dashboard(scope, inputs, {**{str(one.title): (one, None) for one in composites}, **made})
    return Outputs(dashboard_name=shown.ref(), alarm_topic_arn=topic.ref())


def _composite(
    scope: Scope, topic: sns.Topic, made: Made, title: str, urgency: str, description: str
) -> cloudwatch.CompositeAlarm:
    """Adds what tells the topic when any alarm of an urgency goes off, and when all are quiet again."""
    rules = [
        _rule(scope, {one: made[one] for one in entry.alarms}) for entry in runbook.ENTRIES if entry.urgency == urgency
    ]
    return scope.add(
        cloudwatch.CompositeAlarm(
            title,
            AlarmDescription=Sub(f"{description} Runbook: ${{Runbook}}", Runbook=scope.parameter(p.RUNBOOK_URL)),
            AlarmRule=Join(" OR ", rules),
            AlarmActions=[topic.ref()],
            OKActions=[topic.ref()],
        ),
        description,
    )


def _rule(scope: Scope, alarms: Made) -> AWSHelperFn:
    """Returns the term of a rule that all of these alarms are in alarm; they stand under one condition."""
    each = (f'ALARM("${{{title}Name}}")' for title in alarms)
    term = Sub(
        f"({' AND '.join(each)})",
        {f"{title}Name": alarm.ref() for title, (alarm, _) in alarms.items()},
    )
    (when,) = {when for _, when in alarms.values()}
    return term if when is None else scope.choose(when, term, "FALSE")


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
                    Condition=policies.Condition([StringEquals(SourceAccount, Ref("AWS::AccountId"))]),
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


def _dashboard(scope: Scope, inputs: Inputs, shown: Made) -> cloudwatch.Dashboard:
    values: dict[str, Value] = {
        "LoadBalancer": inputs.load_balancer_full_name,
        "TargetGroup": inputs.target_group_full_name,
        "Cluster": inputs.cluster_name,
        "Service": inputs.service_name,
        "Gateway": inputs.gateway_arn,
        "LogGroup": inputs.log_group_name,
        "LoadBalancerFirewall": inputs.load_balancer_firewall,
        "GatewayFirewall": inputs.gateway_firewall,
        "NatGateways": inputs.nat_gateway_ids,
        "Runtime": scope.parameter(p.RUNTIME_NAME),
        "Runbook": scope.parameter(p.RUNBOOK_URL),
    }
    always = [title for title, (_, when) in shown.items() if when is None]
    values |= {f"{title}Arn": shown[title][0].get_att("Arn") for title in always}
    further: dict[str, Value] = {
        f"{title}Further": scope.choose(when, Sub(',"${Arn}"', Arn=alarm.get_att("Arn")), "")
        for title, (alarm, when) in shown.items()
        if when is not None
    }
    body = dashboard.body([f"{title}Arn" for title in always], list(further), values | further)
    return scope.add(
        cloudwatch.Dashboard("Dashboard", DashboardBody=body),
        "Shows alarms, the golden signals of each tool, the tasks, the gateway, the firewall and what costs.",
    )


LAYER = Layer("Monitoring", "Alarms and dashboard of the MCP runtime.", 10, Outputs, build)
