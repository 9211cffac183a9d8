"""The body of the runtime's dashboard, as CloudWatch takes it.

Rows: the alarms and where the runbook is; the golden signals of each tool; of the load balancer and the tasks; of the
gateway and the firewall; what costs. Series that may not be there, such as those of tools and of Container Insights,
are found by a search, which shows nothing where there is nothing ("Search expression syntax", CloudWatch user guide).
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from troposphere import Sub

from generator.composition import Value
from generator.published_metrics import GATEWAY, OWN

WIDTH: Final = 24
"""Columns of a dashboard ("Dashboard body structure and syntax", CloudWatch API reference)."""
HEIGHT: Final = 6
ELB: Final = "AWS/ApplicationELB"
_TARGETS: Final = ("TargetGroup", "${TargetGroup}", "LoadBalancer", "${LoadBalancer}")
_BALANCER: Final = ("LoadBalancer", "${LoadBalancer}")
_SERVICE: Final = ("ClusterName", "${Cluster}", "ServiceName", "${Service}")
Metric = list[object]


def body(alarms: Sequence[str], further: Sequence[str], values: Mapping[str, Value]) -> Sub:
    """Returns the body: `alarms` are the keys of `values` that hold ARNs of alarms; those of `further` hold what comes
    after these in the list, a comma with a quoted ARN or nothing.

    `values` has LoadBalancer, TargetGroup, Cluster, Service, Gateway, LogGroup, LoadBalancerFirewall, GatewayFirewall,
    NatGateways, Runtime and Runbook beside them, as metrics and the text name these.
    """
    widgets: list[dict[str, object]] = [
        _text("Each alarm has a section in the runbook: ${Runbook}"),
        {
            "type": "alarm",
            "x": 0,
            "y": 2,
            "width": WIDTH,
            "height": 4,
            "properties": {"title": "Alarms", "alarms": [f"${{{one}}}" for one in alarms]},
        },
    ]
    for row, graphs in enumerate((_tools(), _tool_trouble(), _balanced(), _tasks(), _entrances(), _costs())):
        width = WIDTH // len(graphs)
        widgets += [
            _graph(column * width, 6 + row * HEIGHT, width, title, metrics)
            for column, (title, metrics) in enumerate(graphs.items())
        ]
    text = json.dumps({"widgets": widgets}, separators=(",", ":"))
    last = f'"${{{alarms[-1]}}}"'
    text = text.replace(last, last + "".join(f"${{{one}}}" for one in further))
    return Sub(text, {name: value for name, value in values.items() if f"${{{name}}}" in text})


def _tools() -> dict[str, list[Metric]]:
    return {
        "Calls of each tool": [_of_tools("Calls", "Sum")],
        "Duration of each tool, p50 and p99 (ms)": [_of_tools("Duration", "p50"), _of_tools("Duration", "p99")],
        "Faults of each tool": [_of_tools("Faults", "Sum")],
        "Calls in flight of each tool": [_of_tools("InFlight", "Maximum")],
    }


def _tool_trouble() -> dict[str, list[Metric]]:
    kinds = ("ToolErrors", "InvalidArguments", "Timeouts", "Cancelled", "Overloaded", "UnknownTools", "Crashes")
    return {
        "How calls fail": [[OWN, kind, "Runtime", "${Runtime}", {"stat": "Sum"}] for kind in kinds],
        "Time in the queue, p99 (ms)": [_of_tools("QueueTime", "p99")],
    }


def _balanced() -> dict[str, list[Metric]]:
    return {
        "Requests": [[ELB, "RequestCount", *_BALANCER, {"stat": "Sum"}]],
        "Answer time, p50 and p99 (s)": [
            [ELB, "TargetResponseTime", *_TARGETS, {"stat": stat}] for stat in ("p50", "p99")
        ],
        "Errors and refusals": [
            [ELB, "HTTPCode_Target_5XX_Count", *_TARGETS, {"stat": "Sum"}],
            [ELB, "HTTPCode_ELB_5XX_Count", *_BALANCER, {"stat": "Sum"}],
            [ELB, "HTTPCode_ELB_4XX_Count", *_BALANCER, {"stat": "Sum"}],
        ],
    }


def _tasks() -> dict[str, list[Metric]]:
    search = (
        'SEARCH(\'{ECS/ContainerInsights,ClusterName,ServiceName} ClusterName="${Cluster}" ServiceName="${Service}"'
        ' MetricName=("RunningTaskCount" OR "PendingTaskCount" OR "DesiredTaskCount" OR "DeploymentCount")\','
        " 'Average', 60)"
    )
    return {
        "Healthy and unhealthy tasks": [
            [ELB, "HealthyHostCount", *_TARGETS, {"stat": "Minimum"}],
            [ELB, "UnHealthyHostCount", *_TARGETS, {"stat": "Maximum"}],
        ],
        "Tasks and deployments (Container Insights)": [[{"expression": search, "id": "tasks"}]],
        "CPU and memory of the tasks (%)": [
            ["AWS/ECS", "CPUUtilization", *_SERVICE, {"stat": "Average"}],
            ["AWS/ECS", "MemoryUtilization", *_SERVICE, {"stat": "Average"}],
        ],
    }


def _entrances() -> dict[str, list[Metric]]:
    counts = ("Invocations", "SystemErrors", "UserErrors", "Throttles")
    return {
        "Gateway": [_of_gateway(f"SUM({metric})", metric) for metric in counts],
        "Gateway, mean and longest (ms)": [
            _of_gateway(f"{function}({metric})", f"{function}{metric}")
            for metric in ("Latency", "TargetExecutionTime")
            for function in ("AVG", "MAX")
        ],
        "Firewall": [
            [{"expression": _of_firewall(name), "id": name.lower()}]
            for name in ("LoadBalancerFirewall", "GatewayFirewall")
        ],
    }


def _costs() -> dict[str, list[Metric]]:
    nat = (
        'SEARCH(\'{AWS/NATGateway,NatGatewayId} NatGatewayId=("${NatGateways}")'
        ' MetricName=("BytesOutToDestination" OR "BytesInFromDestination")\', \'Sum\', 3600)'
    )
    return {
        "Load balancer capacity units": [[ELB, "ConsumedLCUs", *_BALANCER, {"stat": "Sum"}]],
        "Bytes through NAT": [[{"expression": nat, "id": "nat"}]],
        "Bytes logged": [["AWS/Logs", "IncomingBytes", "LogGroupName", "${LogGroup}", {"stat": "Sum"}]],
        "Tasks that are paid for": [[ELB, "HealthyHostCount", *_TARGETS, {"stat": "Average"}]],
    }


def _of_tools(metric: str, statistic: str) -> Metric:
    search = f"SEARCH('{{{OWN},Runtime,Tool}} Runtime=\"${{Runtime}}\" MetricName=\"{metric}\"', '{statistic}', 60)"
    return [{"expression": search, "id": f"{metric.lower()}{statistic.lower()}"}]


def _of_gateway(selected: str, identity: str) -> Metric:
    query = f"SELECT {selected} FROM \"{GATEWAY}\" WHERE Resource = '${{Gateway}}'"
    return [{"expression": query, "id": identity.lower()}]


def _of_firewall(name: str) -> str:
    return (
        f'SEARCH(\'{{AWS/WAFV2,Region,Rule,WebACL}} WebACL="${{{name}}}" Rule="ALL"'
        ' MetricName=("AllowedRequests" OR "BlockedRequests")\', \'Sum\', 60)'
    )


def _text(markdown: str) -> dict[str, object]:
    return {"type": "text", "x": 0, "y": 0, "width": WIDTH, "height": 2, "properties": {"markdown": markdown}}


def _graph(x: int, y: int, width: int, title: str, metrics: list[Metric]) -> dict[str, Any]:
    return {
        "type": "metric",
        "x": x,
        "y": y,
        "width": width,
        "height": HEIGHT,
        "properties": {
            "title": title,
            "view": "timeSeries",
            "region": "${AWS::Region}",
            "period": 60,
            "metrics": metrics,
        },
    }
