"""Current properties of alarms, dashboards, metric filters and web ACLs (CloudWatch, CloudWatch Logs and WAF APIs)."""

from collections.abc import Mapping

from emulator import bridge
from emulator.bridge_drift import Reader
from emulator.drift.shapes import Current, Properties, chosen, document, like, pascal, present

_ALARM = (
    "AlarmName",
    "AlarmDescription",
    "ActionsEnabled",
    "AlarmActions",
    "OKActions",
    "InsufficientDataActions",
    "MetricName",
    "Namespace",
    "Dimensions",
    "Metrics",
    "Statistic",
    "ExtendedStatistic",
    "Period",
    "EvaluationPeriods",
    "DatapointsToAlarm",
    "Threshold",
    "ComparisonOperator",
    "TreatMissingData",
)
_COMPOSITE = ("AlarmName", "AlarmDescription", "AlarmRule", "ActionsEnabled", "AlarmActions", "OKActions")
_FILTER = ("LogGroupName", "FilterPattern", "MetricTransformations")


def _alarm(physical_id: str, props: Properties) -> Current:
    found = bridge.client("cloudwatch").describe_alarms(AlarmNames=[physical_id])["MetricAlarms"]
    return chosen(props, found[0], *_ALARM) if found else None


def _composite_alarm(physical_id: str, props: Properties) -> Current:
    found = bridge.client("cloudwatch").describe_alarms(AlarmNames=[physical_id], AlarmTypes=["CompositeAlarm"])
    alarms = found["CompositeAlarms"]
    return chosen(props, alarms[0], *_COMPOSITE) if alarms else None


def _dashboard(physical_id: str, props: Properties) -> Current:
    found = present(lambda: bridge.client("cloudwatch").get_dashboard(DashboardName=physical_id))
    return {"DashboardBody": document(props.get("DashboardBody"), found["DashboardBody"])} if found else None


def _metric_filter(physical_id: str, props: Properties) -> Current:
    group = str(props["LogGroupName"])
    client = bridge.client("logs")
    found = present(lambda: client.describe_metric_filters(logGroupName=group, filterNamePrefix=physical_id))
    here = [item for item in (found or {}).get("metricFilters", []) if item["filterName"] == physical_id]
    return chosen(props, {**pascal(here[0]), "LogGroupName": group}, *_FILTER) if here else None


def _web_acl(physical_id: str, props: Properties) -> Current:
    name, identity, scope = physical_id.split("|")
    found = present(lambda: bridge.client("wafv2").get_web_acl(Name=name, Id=identity, Scope=scope)["WebACL"])
    if not found:
        return None
    rules = list(found.get("Rules") or ())
    unchanged = [_named(rule) for rule in rules] == [_named(rule) for rule in props.get("Rules") or ()]
    return {
        "DefaultAction": like(props.get("DefaultAction"), found["DefaultAction"]),
        "Rules": props.get("Rules") if unchanged else rules,
    }


def _named(rule: Mapping[str, object]) -> tuple[str, str]:
    return str(rule["Name"]), str(rule["Priority"])


def _association(physical_id: str, props: Properties) -> Current:
    resource = str(props["ResourceArn"])
    found = present(lambda: bridge.client("wafv2").get_web_acl_for_resource(ResourceArn=resource).get("WebACL"))
    return {"WebACLArn": found["ARN"]} if found else None


def _logging(physical_id: str, props: Properties) -> Current:
    resource = str(props["ResourceArn"])
    client = bridge.client("wafv2")
    found = present(lambda: client.get_logging_configuration(ResourceArn=resource)["LoggingConfiguration"])
    return chosen(props, found, "ResourceArn", "LogDestinationConfigs") if found else None


READERS: Mapping[str, tuple[Reader, tuple[str, ...]]] = {
    "AWS::CloudWatch::Alarm": (_alarm, _ALARM),
    "AWS::CloudWatch::CompositeAlarm": (_composite_alarm, _COMPOSITE),
    "AWS::CloudWatch::Dashboard": (_dashboard, ("DashboardBody",)),
    "AWS::Logs::MetricFilter": (_metric_filter, _FILTER),
    "AWS::WAFv2::LoggingConfiguration": (_logging, ("ResourceArn", "LogDestinationConfigs")),
    "AWS::WAFv2::WebACL": (_web_acl, ("DefaultAction", "Rules")),
    "AWS::WAFv2::WebACLAssociation": (_association, ("WebACLArn",)),
}
