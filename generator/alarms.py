"""The runtime's alarms: what each watches, and when.

Two kinds: those about one metric, and those about an expression over several. An alarm tells nobody by itself: two
composite alarms do, one for what callers feel and one for the rest (`generator.layers.monitoring`), so that one
incident is one message, and one that stands for weeks hides no outage.

The error budget follows "Alerting on SLOs" (Google, The Site Reliability Workbook, chapter 5): a long window says that
it matters, a short one that it goes on. What counts is the server's own word on tool calls: the load balancer sees 200
where a tool timed out. All metrics of an expression have one period (`PutMetricAlarm`, `Metrics`).
"""

from dataclasses import dataclass, field
from typing import Any, Final

from troposphere import AWSHelperFn, Ref, Sub, cloudwatch

from generator import conditions as c
from generator import parameters as p
from generator.composition import Condition, Scope, Value
from generator.presets import BURN_RATES
from generator.published_metrics import GATEWAY, OWN
from generator.runbook import entry_of

MINUTE: Final = 60
FIVE_MINUTES: Final = 300
DAY: Final = 86_400
DAYS_LEFT: Final = 30
"""ACM renews 45 days or more before the end (ACM user guide, "Managed certificate renewal"); with less left, it has
failed to."""
FEWEST_CALLS: Final = 10
"""With fewer calls in a window their failures say nothing about the budget."""


@dataclass(frozen=True)
class Watched:
    """What the alarms are about, as metrics name it; empty where a feature is off."""

    load_balancer: Value
    target_group: Value
    cluster: Value
    service: Value
    gateway_arn: Value
    certificate_arn: Value
    firewalls: tuple[Value, ...]
    error_namespace: str
    error_metric: Value


@dataclass(frozen=True)
class Series:
    """A metric of an expression: its id there, where it comes from and how it is counted."""

    identity: str
    namespace: str
    metric: str
    dimensions: dict[str, Value]
    statistic: str = "Sum"


@dataclass(frozen=True)
class Watch:
    """An alarm: of one metric, or of an expression over `series`; `when` is the condition under which it stands."""

    title: str
    threshold: Value | float
    periods: int = 3
    period: int = MINUTE
    comparison: str = "GreaterThanThreshold"
    missing: str = "notBreaching"
    namespace: str = ""
    metric: Value = ""
    dimensions: dict[str, Value] = field(default_factory=dict)
    statistic: str = "Sum"
    expression: AWSHelperFn | str = ""
    series: tuple[Series, ...] = ()
    when: Condition | None = None


def watches(scope: Scope, watched: Watched) -> list[Watch]:
    """Returns every alarm of the runtime."""
    return [*_balanced(scope, watched), *_tasks(watched), *_entrances(scope, watched), *_budget(scope)]


def _balanced(scope: Scope, watched: Watched) -> list[Watch]:
    elb = "AWS/ApplicationELB"
    balancer = {"LoadBalancer": watched.load_balancer}
    targets = {"TargetGroup": watched.target_group, **balancer}
    return [
        Watch(
            "TooFewTasks",
            scope.parameter(p.MIN_TASKS),
            periods=5,
            comparison="LessThanThreshold",
            missing="breaching",
            namespace=elb,
            metric="HealthyHostCount",
            dimensions=targets,
            statistic="Minimum",
        ),
        Watch(
            "UnhealthyTargets",
            0,
            periods=10,
            namespace=elb,
            metric="UnHealthyHostCount",
            dimensions=targets,
            statistic="Maximum",
        ),
        Watch("TargetErrors", 5, namespace=elb, metric="HTTPCode_Target_5XX_Count", dimensions=targets),
        Watch("LoadBalancerErrors", 5, namespace=elb, metric="HTTPCode_ELB_5XX_Count", dimensions=balancer),
        Watch(
            "SlowAnswers",
            scope.parameter(p.LATENCY_OBJECTIVE),
            periods=5,
            namespace=elb,
            metric="TargetResponseTime",
            dimensions=targets,
            statistic="p99",
        ),
        # There is no metric of its own for tokens: what the load balancer refuses by itself counts as 4XX.
        Watch(
            "RejectedTokens",
            100,
            periods=1,
            period=FIVE_MINUTES,
            namespace=elb,
            metric="HTTPCode_ELB_4XX_Count",
            dimensions=balancer,
        ),
    ]


def _tasks(watched: Watched) -> list[Watch]:
    service = {"ClusterName": watched.cluster, "ServiceName": watched.service}
    return [
        Watch("CpuHigh", 90, namespace="AWS/ECS", metric="CPUUtilization", dimensions=service, statistic="Average"),
        Watch(
            "MemoryHigh", 90, namespace="AWS/ECS", metric="MemoryUtilization", dimensions=service, statistic="Average"
        ),
        Watch("LoggedErrors", 5, namespace=watched.error_namespace, metric=watched.error_metric),
    ]


def _entrances(scope: Scope, watched: Watched) -> list[Watch]:
    blocked = tuple(
        Series(
            f"blocked{number}",
            "AWS/WAFV2",
            "BlockedRequests",
            {"WebACL": name, "Rule": "ALL", "Region": Ref("AWS::Region")},
        )
        for number, name in enumerate(watched.firewalls, 1)
    )
    return [
        Watch("GatewayErrors", 0, expression=gateway_query(watched.gateway_arn, "SystemErrors")),
        Watch("GatewayThrottles", 0, expression=gateway_query(watched.gateway_arn, "Throttles")),
        Watch(
            "FirewallBlocks",
            100,
            periods=1,
            period=FIVE_MINUTES,
            expression=" + ".join(f"FILL({one.identity}, 0)" for one in blocked),
            series=blocked,
            when=c.HAS_FIREWALL,
        ),
        Watch(
            "CertificateExpires",
            DAYS_LEFT,
            periods=1,
            period=DAY,
            comparison="LessThanThreshold",
            namespace="AWS/CertificateManager",
            metric="DaysToExpiry",
            dimensions={"CertificateArn": watched.certificate_arn},
            statistic="Minimum",
            when=c.HAS_ENDPOINT,
        ),
    ]


def _budget(scope: Scope) -> list[Watch]:
    runtime: dict[str, Value] = {"Runtime": scope.parameter(p.RUNTIME_NAME)}
    counted = (Series("faults", OWN, "Faults", runtime), Series("calls", OWN, "Calls", runtime))
    share = f"IF(calls >= {FEWEST_CALLS}, 100 * FILL(faults, 0) / calls, 0)"
    return [
        Watch(
            title,
            scope.find(BURN_RATES, scope.parameter(p.AVAILABILITY_OBJECTIVE), speed),
            periods=1,
            period=period,
            expression=share,
            series=counted,
        )
        for title, speed, period in (
            ("BurnsFastHour", "Fast", 3_600),
            ("BurnsFastMinutes", "Fast", FIVE_MINUTES),
            ("BurnsSlowlyHours", "Slow", 21_600),
            ("BurnsSlowlyMinutes", "Slow", 1_800),
        )
    ]


def gateway_query(gateway_arn: Value, metric: str) -> Sub:
    """Returns a query that counts a metric of the gateway over every set of dimensions that AgentCore publishes."""
    return Sub(f"SELECT SUM({metric}) FROM \"{GATEWAY}\" WHERE Resource = '${{Gateway}}'", Gateway=gateway_arn)


def alarm(scope: Scope, watch: Watch) -> cloudwatch.Alarm:
    """Adds an alarm that tells nobody by itself."""
    entry = entry_of(watch.title)
    measured = _expression(watch) if watch.expression else _single(watch)
    return scope.add(
        cloudwatch.Alarm(
            watch.title,
            AlarmDescription=described(scope, entry.meaning, entry.anchor),
            EvaluationPeriods=watch.periods,
            Threshold=watch.threshold,
            ComparisonOperator=watch.comparison,
            TreatMissingData=watch.missing,
            **measured,
        ),
        entry.meaning,
        watch.when,
    )


def described(scope: Scope, meaning: str, anchor: str) -> Sub:
    """Returns an alarm's description: what it means, and where the runbook says what to do."""
    return Sub(f"{meaning} What to do: ${{Runbook}}#{anchor}", Runbook=scope.parameter(p.RUNBOOK_URL))


def _single(watch: Watch) -> dict[str, Any]:
    statistic = "ExtendedStatistic" if watch.statistic.startswith("p") else "Statistic"
    return {
        "Namespace": watch.namespace,
        "MetricName": watch.metric,
        "Dimensions": _dimensions(watch.dimensions),
        "Period": watch.period,
        statistic: watch.statistic,
    }


def _expression(watch: Watch) -> dict[str, Any]:
    # A query has a period of its own; an expression over series takes theirs.
    own: dict[str, Any] = {} if watch.series else {"Period": watch.period}
    return {
        "Metrics": [
            cloudwatch.MetricDataQuery(Id="watched", Expression=watch.expression, ReturnData=True, **own),
            *(
                cloudwatch.MetricDataQuery(
                    Id=one.identity,
                    ReturnData=False,
                    MetricStat=cloudwatch.MetricStat(
                        Metric=cloudwatch.Metric(
                            Namespace=one.namespace, MetricName=one.metric, Dimensions=_dimensions(one.dimensions)
                        ),
                        Period=watch.period,
                        Stat=one.statistic,
                    ),
                )
                for one in watch.series
            ),
        ]
    }


def _dimensions(given: dict[str, Value]) -> list[cloudwatch.MetricDimension]:
    return [cloudwatch.MetricDimension(Name=name, Value=value) for name, value in given.items()]
