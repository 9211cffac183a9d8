"""What logs, alarms, metrics, buckets, images and builds use.

Sources: the pricing pages of Amazon CloudWatch, Amazon S3, Amazon ECR, AWS CodeBuild and Amazon SNS; "Target tracking
scaling policies" (Application Auto Scaling user guide), which says that such a policy makes its own alarms; "Flow log
records" (VPC user guide), "Access log entries" (Application Load Balancer guide) and "Log fields" (AWS WAF developer
guide) for the sizes of a line. Logs are counted as stored without compression, which is the most that they can be.
"""

from collections.abc import Iterator
from typing import Final

from generator.cost import items
from generator.cost.metering import IMAGES, LOGS, MONITORING, Site, Usage, refers, server_logs, stored, tasks
from generator.cost.traffic import GIGABYTE, HOURS, NOTHING, Amount, always

FIREWALL_LINE: Final = 2_000
"""Bytes of a web ACL's record of a request."""
ACCESS_LINE: Final = 700
"""Bytes of a load balancer's record of a request."""
FLOW_LINE: Final = 110
"""Bytes of a flow record in the default format."""
FLOWS_PER_REQUEST: Final = 4
"""Records of an accepted request: there and back, at the load balancer and at the task."""
REFUSED_FLOWS_PER_HOUR: Final = 60
"""Records of refused strangers an hour at each public address: an assumption."""
ALARMS_OF_TARGET_TRACKING: Final = 2
TRACKING: Final = "alarms of target tracking"
CLUSTER_METRICS: Final = 40
TASK_METRICS: Final = 24
"""Metrics of Container Insights for a cluster with one service, and for each task with one container: counted from the
lists of the CloudWatch user guide, as AWS does not publish how many it bills."""
SERVER_METRICS: Final = 6
ERROR_METRICS: Final = 7
"""Metrics that the server writes in its log of each tool that is called, and of all together; and those that come to
them once calls have ended in every way in which they can fail (`server/tool_metrics.py`)."""
MESSAGES: Final = 30
"""E-mails of alarms in a month: an assumption."""
ARTIFACT_BYTES: Final = 100 * 1024**2


def log_group(site: Site, title: str) -> Iterator[Usage]:
    """What is written to a log group and lies there until its retention is over."""
    retention = float(site.property(title, "RetentionInDays") or 3653)
    for item, written, what in _written(site, title):
        yield Usage(LOGS, item, written, f"{what} written")
        yield Usage(LOGS, items.LOG_STORAGE, stored(written, retention), f"{what} kept {retention:g} days")


def _written(site: Site, title: str) -> Iterator[tuple[items.Item, Amount, str]]:
    deployment = site.deployment
    for one in deployment.existing("AWS::ECS::TaskDefinition"):
        if refers(site.property(one, "ContainerDefinitions"), title):
            yield items.LOG_GB, server_logs(site), "server's log"
    for one in deployment.existing("AWS::EC2::FlowLog"):
        if refers(site.property(one, "LogGroupName"), title):
            yield items.VENDED_LOG_GB, _flows(site, site.property(one, "TrafficType")), "flow log"
    for one in deployment.existing("AWS::WAFv2::LoggingConfiguration"):
        if refers(site.property(one, "LogDestinationConfigs"), title):
            yield items.VENDED_LOG_GB, site.traffic.gigabytes(FIREWALL_LINE), "firewall's log"


def _flows(site: Site, kind: str) -> Amount:
    public = len(site.deployment.existing("AWS::EC2::EIP"))
    for one in site.deployment.existing("AWS::ElasticLoadBalancingV2::LoadBalancer"):
        if site.property(one, "Scheme") == "internet-facing":
            public += len(site.property(one, "Subnets"))
    refused = always(public * REFUSED_FLOWS_PER_HOUR * HOURS * FLOW_LINE / GIGABYTE)
    accepted = site.traffic.gigabytes(FLOW_LINE * FLOWS_PER_REQUEST)
    return {"ACCEPT": accepted, "REJECT": refused}.get(kind, refused + accepted)


def server_metrics(site: Site) -> Usage:
    """The metrics that the server writes in its log, which CloudWatch bills for the hours in which they have values."""
    counted = site.traffic.tools + 1 if site.traffic.requests_per_day else 0
    amount = Amount(0, counted * SERVER_METRICS, counted * (SERVER_METRICS + ERROR_METRICS))
    return Usage(MONITORING, items.METRIC, amount, f"metrics of {site.traffic.tools} tools")


def alarm(site: Site, title: str) -> Iterator[Usage]:
    """An alarm, billed for each metric that it watches."""
    watched = site.property(title, "Metrics") or ()
    count = max(1, sum("MetricStat" in metric for metric in watched))
    yield Usage(MONITORING, items.ALARM_METRIC, always(count), "alarms")


def composite_alarm(site: Site, title: str) -> Iterator[Usage]:
    """An alarm on other alarms."""
    yield Usage(MONITORING, items.COMPOSITE_ALARM, always(1), "composite alarms")


def scaling_policy(site: Site, title: str) -> Iterator[Usage]:
    """The alarms that target tracking makes for itself."""
    if site.property(title, "PolicyType") == "TargetTrackingScaling":
        amount = always(ALARMS_OF_TARGET_TRACKING)
        yield Usage(MONITORING, items.ALARM_METRIC, amount, TRACKING)


def metric_filter(site: Site, title: str) -> Iterator[Usage]:
    """The metrics that a filter makes of a log."""
    made = len(site.property(title, "MetricTransformations") or ())
    yield Usage(MONITORING, items.METRIC, always(made), "metrics from logs")


def dashboard(site: Site, title: str) -> Iterator[Usage]:
    """A dashboard."""
    yield Usage(MONITORING, items.DASHBOARD, always(1), "dashboard")


def cluster(site: Site, title: str) -> Iterator[Usage]:
    """The metrics of Container Insights: billed as its own where observability is enhanced, else as custom ones."""
    settings = {one["Name"]: one["Value"] for one in site.property(title, "ClusterSettings") or ()}
    level = settings.get("containerInsights", "disabled")
    if level == "disabled":
        return
    metrics = always(CLUSTER_METRICS) + (tasks(site).times(TASK_METRICS) if level == "enhanced" else NOTHING)
    item = items.INSIGHTS_METRIC if level == "enhanced" else items.METRIC
    yield Usage(MONITORING, item, metrics, "metrics of Container Insights")


def subscription(site: Site, title: str) -> Iterator[Usage]:
    """E-mails to whoever is told of alarms."""
    if site.property(title, "Protocol") == "email":
        yield Usage(MONITORING, items.EMAIL, Amount(0, MESSAGES, MESSAGES * 10), "e-mails")


def bucket(site: Site, title: str) -> Iterator[Usage]:
    """A bucket of access logs as its rules keep them, or one of artifacts."""
    balancers = site.deployment.existing("AWS::ElasticLoadBalancingV2::LoadBalancer")
    if not any(refers(site.property(one, "LoadBalancerAttributes"), title) for one in balancers):
        yield Usage(IMAGES, items.S3_GB, always(ARTIFACT_BYTES / GIGABYTE), "templates and sources")
        return
    rules = (site.property(title, "LifecycleConfiguration") or {}).get("Rules", ())
    days = next((float(rule["ExpirationInDays"]) for rule in rules if "ExpirationInDays" in rule), 3653.0)
    kept = stored(site.traffic.gigabytes(ACCESS_LINE), days)
    yield Usage(LOGS, items.S3_GB, kept, f"access log kept {days:g} days")


def repository(site: Site, title: str) -> Iterator[Usage]:
    """The images of a repository."""
    yield Usage(IMAGES, items.IMAGE_GB, _images(site), f"{site.traffic.images} images in the home Region")


def replication(site: Site, title: str) -> Iterator[Usage]:
    """The images in the Regions to which a registry is replicated."""
    rules = (site.property(title, "ReplicationConfiguration") or {}).get("Rules", ())
    regions = sum(len(rule.get("Destinations", ())) for rule in rules)
    yield Usage(IMAGES, items.IMAGE_GB, _images(site).times(regions), "replicas of the images")


def _images(site: Site) -> Amount:
    one = site.traffic.image_bytes / GIGABYTE
    return Amount(one, one * site.traffic.images, one * site.traffic.images * 2)


def build_project(site: Site, title: str) -> Iterator[Usage]:
    """The minutes of remote builds."""
    minutes = site.traffic.builds_per_month * site.traffic.build_minutes
    yield Usage(IMAGES, items.BUILD_MINUTE, Amount(0, minutes, minutes * 3), "remote builds")
