"""The metrics that services really publish, and with which dimensions: what an alarm or a dashboard may be about.

Sources: "CloudWatch metrics for your Application Load Balancer" (Elastic Load Balancing), "Amazon ECS CloudWatch
metrics" and "Amazon ECS Container Insights metrics", "AWS WAF metrics and dimensions", "Supported CloudWatch metrics"
(ACM), "NAT gateway metrics" (VPC), "Monitoring with CloudWatch metrics" (CloudWatch Logs), "Gateway metrics" (AgentCore
developer guide). `OWN` are those that the server writes (`server/tool_metrics.py`); a test holds them against it.
"""

from collections.abc import Mapping
from typing import Final

Dimensions = frozenset[str]
OWN: Final = "McpAgentRuntime"
GATEWAY: Final = "AWS/Bedrock-AgentCore"


def _sets(*names: str) -> frozenset[Dimensions]:
    return frozenset(frozenset(name.split()) for name in names)


_BALANCER: Final = _sets("LoadBalancer", "LoadBalancer AvailabilityZone")
_GROUP: Final = _sets("LoadBalancer TargetGroup", "LoadBalancer TargetGroup AvailabilityZone")
_BOTH: Final = _BALANCER | _GROUP
_SERVICE: Final = _sets("ClusterName", "ClusterName ServiceName")
_RUNTIME: Final = _sets("Runtime", "Runtime Tool")
_GATEWAY: Final = _sets("Resource")
"""AgentCore publishes each under several sets of Operation, Protocol, Method, Resource and Name; a query that names the
resource alone is about all of them."""

PUBLISHED: Final[Mapping[str, Mapping[str, frozenset[Dimensions]]]] = {
    "AWS/ApplicationELB": {
        "ConsumedLCUs": _sets("LoadBalancer"),
        "RequestCount": _BOTH,
        "TargetResponseTime": _BOTH,
        "HTTPCode_ELB_4XX_Count": _BALANCER,
        "HTTPCode_ELB_5XX_Count": _BALANCER,
        "HTTPCode_Target_5XX_Count": _BOTH,
        "HealthyHostCount": _GROUP,
        "UnHealthyHostCount": _GROUP,
    },
    "AWS/ECS": {"CPUUtilization": _SERVICE, "MemoryUtilization": _SERVICE},
    "ECS/ContainerInsights": dict.fromkeys(
        ("DeploymentCount", "DesiredTaskCount", "PendingTaskCount", "RunningTaskCount"),
        _sets("ClusterName ServiceName"),
    ),
    "AWS/WAFV2": dict.fromkeys(("AllowedRequests", "BlockedRequests"), _sets("WebACL Rule Region")),
    "AWS/CertificateManager": {"DaysToExpiry": _sets("CertificateArn")},
    "AWS/NATGateway": dict.fromkeys(("BytesOutToDestination", "BytesInFromDestination"), _sets("NatGatewayId")),
    "AWS/Logs": dict.fromkeys(("IncomingBytes", "IncomingLogEvents"), _sets("LogGroupName")),
    GATEWAY: dict.fromkeys(
        ("Invocations", "Throttles", "SystemErrors", "UserErrors", "Latency", "Duration", "TargetExecutionTime"),
        _GATEWAY,
    ),
    OWN: {
        **dict.fromkeys(
            (
                *("Calls", "Errors", "Faults", "Duration", "QueueTime", "InFlight"),
                *("ToolErrors", "InvalidArguments", "Timeouts", "Cancelled"),
                *("Overloaded", "UnknownTools", "Crashes"),
            ),
            _RUNTIME,
        ),
    },
}


def refusal(namespace: str, metric: str, dimensions: frozenset[str], by_query: bool = False) -> str:
    """Returns why nobody publishes a metric with these dimensions, an empty text where somebody does.

    `by_query` says that the dimensions are those of a query's condition, which may name fewer than a series has.
    """
    known = PUBLISHED.get(namespace)
    if known is None:
        return f"nobody is known to publish in {namespace}"
    if metric not in known:
        return f"{namespace} has no metric {metric}"
    if namespace == GATEWAY and not by_query:
        return f"{metric} is published by several sets of dimensions, and only a query is about all of them"
    if dimensions not in known[metric]:
        named = " and ".join(sorted(dimensions)) or "no dimension"
        return f"{metric} is not published by {named}"
    return ""
