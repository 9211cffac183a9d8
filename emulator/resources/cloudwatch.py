"""AWS::CloudWatch::CompositeAlarm over ministack's PutCompositeAlarm, which refuses rules on alarms that do not exist."""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from emulator import bridge
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


HANDLERS: Mapping[str, ResourceHandler] = {"AWS::CloudWatch::CompositeAlarm": CompositeAlarmHandler()}
