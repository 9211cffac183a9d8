"""Alarms that can fire: every metric is of a resource in the same graph, by the attribute that the metric bears.

Sources: CloudWatch metrics of each service's user guide ("Dimensions"); AgentCore developer guide, "Gateway metrics".
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from generator.checks.findings import Defect, Rule, document, from_placeholder, placeholder
from generator.evaluation import Deployment
from generator.published_metrics import OWN, PUBLISHED, refusal
from generator.symbols import SYMBOLIC, Reference, Text, canonical, references, scalar

DIMENSIONS: Final[Mapping[tuple[str, str], tuple[tuple[str, str], ...]]] = {
    ("AWS/ECS", "ClusterName"): (("AWS::ECS::Cluster", "Ref"),),
    ("AWS/ECS", "ServiceName"): (("AWS::ECS::Service", "Name"),),
    ("ECS/ContainerInsights", "ClusterName"): (("AWS::ECS::Cluster", "Ref"),),
    ("ECS/ContainerInsights", "ServiceName"): (("AWS::ECS::Service", "Name"),),
    ("AWS/ApplicationELB", "LoadBalancer"): (("AWS::ElasticLoadBalancingV2::LoadBalancer", "LoadBalancerFullName"),),
    ("AWS/ApplicationELB", "TargetGroup"): (("AWS::ElasticLoadBalancingV2::TargetGroup", "TargetGroupFullName"),),
    ("AWS/NATGateway", "NatGatewayId"): (("AWS::EC2::NatGateway", "Ref"), ("AWS::EC2::NatGateway", "NatGatewayId")),
    ("AWS/CertificateManager", "CertificateArn"): (("AWS::CertificateManager::Certificate", "Ref"),),
    ("AWS/Bedrock-AgentCore", "Resource"): (("AWS::BedrockAgentCore::Gateway", "GatewayArn"),),
    ("AWS/Logs", "LogGroupName"): (("AWS::Logs::LogGroup", "Ref"),),
}
"""What a dimension's value is, by namespace and name: the types of resources and the attribute."""

FREE_DIMENSIONS: Final = {
    "AWS/ApplicationELB": {"AvailabilityZone"},
    "AWS/CertificateManager": {"CertificateArn"},
    "AWS/WAFV2": {"Region", "Rule"},
}
"""Dimensions whose values are words or names rather than references."""

ALARM: Final = "AWS::CloudWatch::Alarm"
COMPOSITE: Final = "AWS::CloudWatch::CompositeAlarm"
METRIC_FILTER: Final = "AWS::Logs::MetricFilter"


def alarm_metrics(deployment: Deployment, title: str) -> Iterator[Defect]:
    """An alarm watches a metric that a resource of the same graph emits."""
    if deployment.property(title, "MetricName") is not None:
        yield from _about(deployment, title, "Properties.Dimensions", deployment.properties(title))
    for index, query in enumerate(deployment.property(title, "Metrics") or ()):
        metric = query.get("MetricStat", {}).get("Metric")
        path = f"Properties.Metrics[{index}]"
        if metric is not None:
            yield from _about(deployment, title, path, metric)
        elif "Expression" in query:
            yield from _asked(deployment, title, path, query["Expression"])


def dashboard_metrics(deployment: Deployment, title: str) -> Iterator[Defect]:
    """A dashboard is valid JSON and shows metrics that resources of the same graph emit."""
    body = document(deployment.property(title, "DashboardBody"))
    if not isinstance(body, Mapping):
        yield Defect("Properties.DashboardBody", f"The body of {title} is not JSON.")
        return
    for index, widget in enumerate(body.get("widgets", ())):
        path = f"Properties.DashboardBody.widgets[{index}]"
        before: list[Any] = []
        for entry in widget.get("properties", {}).get("metrics", ()):
            words = [word for word in entry if not isinstance(word, Mapping)]
            if not words:
                for one in entry:
                    yield from _asked(deployment, title, path, one.get("expression", ""))
                continue
            if words[0] == "...":
                words = before[: len(before) - len(words) + 1] + words[1:]
            words = [before[position] if word == "." else word for position, word in enumerate(words)]
            before = words
            pairs = zip(words[2::2], words[3::2], strict=False)
            dimensions = [{"Name": name, "Value": from_placeholder(value)} for name, value in pairs]
            metric = {"Namespace": words[0], "MetricName": words[1], "Dimensions": dimensions}
            yield from _about(deployment, title, path, metric)


def scaled_metrics(deployment: Deployment, title: str) -> Iterator[Defect]:
    """A scaling policy on requests per target names a load balancer and its target group."""
    configuration = deployment.property(title, "TargetTrackingScalingPolicyConfiguration") or {}
    predefined = configuration.get("PredefinedMetricSpecification", {})
    if predefined.get("PredefinedMetricType") != "ALBRequestCountPerTarget":
        return
    named = {(deployment.type(r.logical_id), r.attribute) for r in references(predefined.get("ResourceLabel"))}
    wanted = {value for (space, _), values in DIMENSIONS.items() if space == "AWS/ApplicationELB" for value in values}
    if named != wanted:
        path = "Properties.TargetTrackingScalingPolicyConfiguration.PredefinedMetricSpecification.ResourceLabel"
        yield Defect(path, f"{title} does not label its metric with a load balancer and a target group.")


def named_alarms(deployment: Deployment, title: str) -> Iterator[Defect]:
    """A composite alarm or a deployment names alarms of the same graph."""
    if deployment.type(title) == COMPOSITE:
        path, value = "Properties.AlarmRule", deployment.property(title, "AlarmRule")
        named = list(references(value))
        literal = "".join(p for p in value.parts if isinstance(p, str)) if isinstance(value, Text) else str(value)
        words = re.findall(r"ALARM\(\s*\"?([A-Za-z0-9_-]+)\"?\s*\)", literal)
    else:
        path = "Properties.DeploymentConfiguration.Alarms.AlarmNames"
        alarms = (deployment.property(title, "DeploymentConfiguration") or {}).get("Alarms", {})
        named = list(references(alarms.get("AlarmNames", [])))
        words = [name for name in alarms.get("AlarmNames", ()) if isinstance(name, str)]
    existing = {deployment.property(alarm, "AlarmName") for alarm in deployment.existing(ALARM, COMPOSITE)}
    for word in words:
        if word not in existing:
            yield Defect(path, f"{title} names the alarm {word}, which is not in the graph.")
    for reference in named:
        if deployment.type(reference.logical_id) not in (ALARM, COMPOSITE):
            yield Defect(path, f"{title} names {reference.logical_id}, which is not an alarm.")


def alarm_topics(deployment: Deployment, title: str) -> Iterator[Defect]:
    """Every alarm tells somebody, or is watched by one that does."""
    if deployment.property(title, "AlarmActions"):
        return
    watchers = [
        deployment.property(other, "AlarmRule")
        for other in deployment.existing(COMPOSITE)
        if deployment.property(other, "AlarmActions")
    ]
    watchers += [
        deployment.property(other, "DeploymentConfiguration") for other in deployment.existing("AWS::ECS::Service")
    ]
    if not any(reference.logical_id == title for value in watchers for reference in references(value)):
        yield Defect("Properties.AlarmActions", f"{title} tells nobody.")


_QUERY = re.compile(r"SELECT \w+\((?P<metric>\w+)\) FROM \"(?P<space>[^\"]+)\" WHERE (?P<key>\w+) = '(?P<value>[^']*)'")
_SEARCH = re.compile(r"SEARCH\('\{(?P<space>[^,}]+),(?P<keys>[^}]+)\} (?P<terms>.*)', '\w+', \d+\)")
_TERM = re.compile(r"(?P<key>\w+)=(?:\((?P<several>[^)]*)\)|\"(?P<one>[^\"]*)\")")


def _asked(deployment: Deployment, title: str, path: str, expression: Any) -> Iterator[Defect]:
    """Yields what is wrong with the metrics that a query or a search asks for; arithmetic names none of its own.

    A search for what a feature would publish that is off, by an empty value, finds nothing and is right.
    """
    text = _flat(expression)
    query, search = _QUERY.fullmatch(text), _SEARCH.fullmatch(text)
    if query:
        dimensions = [{"Name": query["key"], "Value": from_placeholder(query["value"])}]
        metric = {"Namespace": query["space"], "MetricName": query["metric"], "Dimensions": dimensions}
        yield from _about(deployment, title, path, metric, by_query=True)
    elif search:
        terms = {found["key"]: found["several"] or found["one"] or "" for found in _TERM.finditer(search["terms"])}
        keys = frozenset(search["keys"].split(","))
        for name in re.findall(r"\w+", terms.pop("MetricName", "").replace(" OR ", " ")):
            refused = refusal(search["space"], name, keys)
            if refused:
                yield Defect(path, f"{title} is about what is not there: {refused}.")
        if not terms.keys() <= keys:
            yield Defect(path, f"{title} searches by {', '.join(sorted(terms.keys() - keys))}, which is no dimension.")
        for key, value in terms.items():
            for one in (part.strip('"') for part in value.split(" OR ")):
                if one:
                    yield from _of_graph(deployment, title, path, search["space"], key, from_placeholder(one))
    elif text.startswith(("SELECT", "SEARCH")):
        yield Defect(path, f"{title} asks for metrics in a way that is not understood here: {text}.")


def _flat(value: Any) -> str:
    """Returns a text with placeholders in the place of what is unknown."""
    if isinstance(value, Text):
        return "".join(part if isinstance(part, str) else placeholder(part) for part in value.parts)
    return str(value)


def _about(
    deployment: Deployment, title: str, path: str, metric: Mapping[str, Any], by_query: bool = False
) -> Iterator[Defect]:
    space, name = str(metric.get("Namespace")), str(metric.get("MetricName"))
    dimensions = metric.get("Dimensions") or ()
    if (metric.get("Namespace"), metric.get("MetricName")) in _filtered(deployment):
        return
    if space not in PUBLISHED and not space.startswith(("AWS/", "ECS/")):
        yield Defect(path, f"{title} is about {space} {name}, which no metric filter of the graph makes.")
        return
    refused = refusal(space, name, frozenset(str(one.get("Name")) for one in dimensions), by_query)
    if refused:
        yield Defect(path, f"{title} is about what is not there: {refused}.")
    for dimension in dimensions:
        yield from _of_graph(deployment, title, path, space, str(dimension.get("Name")), dimension.get("Value"))


def _of_graph(deployment: Deployment, title: str, path: str, space: str, key: str, given: Any) -> Iterator[Defect]:
    """Yields what is wrong with the value of a dimension, which must name something of the same graph."""
    value = scalar(given)
    wanted = DIMENSIONS.get((space, key))
    named = NAMED.get((space, key))
    if isinstance(value, Reference) and wanted:
        if (deployment.type(value.logical_id), value.attribute) not in wanted:
            right = f"{wanted[0][1]} of an {wanted[0][0]}"
            yield Defect(path, f"{key} of {title} is {value.attribute} of {value.logical_id}, not {right}.")
    elif named is not None:
        if canonical(value) not in [canonical(one) for one in named(deployment)]:
            yield Defect(path, f"{key} of {title} is {_shown(value)}, under which nothing of the graph publishes.")
    elif not isinstance(value, SYMBOLIC) and key not in FREE_DIMENSIONS.get(space, ()):
        yield Defect(path, f"{key} of {title} is {value!r}, which names no resource of the graph.")


def _shown(value: Any) -> str:
    return repr(value) if isinstance(value, str) else str(document(value))


def _web_acls(deployment: Deployment) -> Iterator[Any]:
    for title in deployment.existing("AWS::WAFv2::WebACL"):
        yield scalar(deployment.part(title, ("VisibilityConfig", "MetricName")))


def _runtimes(deployment: Deployment) -> Iterator[Any]:
    """Yields the names under which servers publish; of their definition only that part is evaluated."""
    for title in deployment.existing("AWS::ECS::TaskDefinition"):
        for path in deployment.parts(title, "ContainerDefinitions"):
            if path[-1] == "Name" and "Environment" in path and deployment.part(title, path) == "RUNTIME_NAME":
                yield scalar(deployment.part(title, (*path[:-1], "Value")))


NAMED: Final[Mapping[tuple[str, str], Callable[[Deployment], Iterator[Any]]]] = {
    ("AWS/WAFV2", "WebACL"): _web_acls,
    (OWN, "Runtime"): _runtimes,
}
"""Dimensions whose values are names that a resource of the graph publishes under: what these are."""


def _filtered(deployment: Deployment) -> set[tuple[Any, Any]]:
    return {
        (transformation.get("MetricNamespace"), transformation.get("MetricName"))
        for title in deployment.existing(METRIC_FILTER)
        for transformation in deployment.property(title, "MetricTransformations") or ()
    }


RULES = (
    Rule(alarm_metrics, (ALARM,)),
    Rule(dashboard_metrics, ("AWS::CloudWatch::Dashboard",)),
    Rule(scaled_metrics, ("AWS::ApplicationAutoScaling::ScalingPolicy",)),
    Rule(named_alarms, (COMPOSITE, "AWS::ECS::Service")),
    Rule(alarm_topics, (ALARM, COMPOSITE)),
)
