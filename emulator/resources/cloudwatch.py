"""AWS::CloudWatch::Alarm, CompositeAlarm and Dashboard. Alarms on queries and expressions are kept and shown, but not
evaluated.

Refusals: PutMetricAlarm, PutCompositeAlarm and PutDashboard in the CloudWatch API reference.
"""

import json
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from emulator import bridge
from emulator.checked import Checked
from emulator.handlers import Created, HandlerFailed, Properties, ResourceHandler, suffix

_GIVEN = ("AlarmDescription", "AlarmRule", "AlarmActions", "OKActions", "InsufficientDataActions")


class CompositeAlarmHandler:
    """Ref is the alarm's name."""

    def create(self, logical_id: str, props: Properties, stack_name: str) -> Created:
        """Put the alarm. Raises ValueError when it is refused or the name is taken."""
        name = str(props.get("AlarmName") or f"{stack_name}-{logical_id}-{suffix(stack_name, logical_id).upper()}")
        if self._find(name):
            raise HandlerFailed(f"{name} already exists", "AlreadyExists")
        return self._put(name, props)

    def _put(self, name: str, props: Properties) -> Created:
        parameters: dict[str, Any] = {key: props[key] for key in _GIVEN if key in props}
        parameters["ActionsEnabled"] = str(props.get("ActionsEnabled", True)).lower() == "true"
        try:
            bridge.client("cloudwatch").put_composite_alarm(AlarmName=name, **parameters)
        except ClientError as error:
            raise HandlerFailed(str(error.response["Error"]["Message"]), "InvalidRequest") from error
        return name, {"Arn": self._find(name)[0]["AlarmArn"]}

    def _find(self, name: str) -> list[Mapping[str, Any]]:
        kinds = ["CompositeAlarm"]
        found: list[Mapping[str, Any]] = bridge.client("cloudwatch").describe_alarms(
            AlarmNames=[name], AlarmTypes=kinds
        )["CompositeAlarms"]
        return found

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Created:
        """Put the alarm again; under another name it is another one."""
        if new.get("AlarmName") and new["AlarmName"] != physical_id:
            return self.create("", new, stack_name)
        return self._put(physical_id, new)

    def delete(self, physical_id: str, props: Properties) -> None:
        """Delete the alarm."""
        bridge.client("cloudwatch").delete_alarms(AlarmNames=[physical_id])


_SINGLE = ("MetricName", "Namespace", "Dimensions", "Period", "Statistic", "ExtendedStatistic", "Unit")


class AlarmHandler(Checked):
    """AWS::CloudWatch::Alarm. Ref is its name."""

    def check(self, props: Properties, own_id: str) -> None:
        """Raise ValueError for a period that is none, for a metric beside Metrics and for Metrics that do not return
        exactly one series.
        """
        _check_periods(props)
        metrics = props.get("Metrics")
        if metrics is None:
            return
        if any(name in props for name in _SINGLE):
            raise HandlerFailed(
                "Metrics cannot be given together with MetricName or what describes it", "InvalidRequest"
            )
        identities = [str(metric.get("Id", "")) for metric in metrics]
        if not metrics or len(set(identities)) != len(identities) or "" in identities:
            raise HandlerFailed("Metrics needs members with distinct Ids", "InvalidRequest")
        if sum(str(metric.get("ReturnData", True)).lower() == "true" for metric in metrics) != 1:
            raise HandlerFailed("Exactly one element of the metrics list should return data.", "InvalidRequest")

    def create(self, logical_id: str, props: Properties, stack_name: str) -> Created:
        """Put the alarm."""
        return _with_metrics(super().create(logical_id, _without_metrics(self, props, ""), stack_name), props)

    def update(
        self, physical_id: str, old: Properties, new: Properties, stack_name: str, logical_id: str = ""
    ) -> Created:
        """Put the alarm again."""
        given = _without_metrics(self, new, physical_id)
        return _with_metrics(super().update(physical_id, old, given, stack_name, logical_id), new)


def _without_metrics(handler: AlarmHandler, props: Properties, own_id: str) -> Properties:
    """The properties as ministack takes them: with the name of a metric that does not exist in the place of Metrics."""
    handler.check(props, own_id)
    if "Metrics" not in props:
        return props
    kept = {key: value for key, value in props.items() if key != "Metrics"}
    return {**kept, "MetricName": "-", "Namespace": "-", "Statistic": "Sum", "Period": 60}


def _with_metrics(created: Created, props: Properties) -> Created:
    if "Metrics" in props:
        record = bridge.alarm(created[0])
        for name in _SINGLE:
            record.pop(name, None)
        record["Metrics"] = [_metric(metric) for metric in props["Metrics"]]
    return created


def _metric(given: Mapping[str, Any]) -> dict[str, Any]:
    metric = dict(given)
    if "Period" in metric:
        metric["Period"] = int(metric["Period"])
    if "ReturnData" in metric:
        metric["ReturnData"] = str(metric["ReturnData"]).lower() == "true"
    return metric


def _check_periods(props: Properties) -> None:
    periods = [int(props["Period"])] if "Period" in props else []
    periods += [int(item["MetricStat"]["Period"]) for item in props.get("Metrics") or () if "MetricStat" in item]
    for period in periods:
        if period not in (10, 20, 30) and (period < 60 or period % 60):
            raise HandlerFailed("Period must be 10, 20, 30 or a multiple of 60", "InvalidRequest")
        longest = 604_800 if period >= 3600 else 86_400
        if int(props["EvaluationPeriods"]) * period > longest:
            text = "Metrics cannot be checked across more than a day, a week for periods of an hour or more"
            text += f" (EvaluationPeriods * Period must be <= {longest})"
            raise HandlerFailed(text, "InvalidRequest")


class DashboardHandler(Checked):
    """AWS::CloudWatch::Dashboard. Ref is its name."""

    def check(self, props: Properties, own_id: str) -> None:
        """Raise ValueError for a body that is none (PutDashboard)."""
        try:
            body = json.loads(str(props.get("DashboardBody")))
        except ValueError:
            body = None
        if not isinstance(body, dict) or not isinstance(body.get("widgets", []), list):
            raise HandlerFailed("The field DashboardBody must be a valid JSON object", "InvalidRequest")
        if len(body.get("widgets", [])) > 500:
            raise HandlerFailed("The dashboard has more than 500 widgets", "InvalidRequest")


HANDLERS: Mapping[str, ResourceHandler] = {
    "AWS::CloudWatch::Alarm": AlarmHandler("AWS::CloudWatch::Alarm"),
    "AWS::CloudWatch::CompositeAlarm": CompositeAlarmHandler(),
    "AWS::CloudWatch::Dashboard": DashboardHandler("AWS::CloudWatch::Dashboard"),
}
