"""AWS::Logs::LogGroup and ResourcePolicy, with what CloudWatch Logs refuses of them.

Refusals: CreateLogGroup, PutRetentionPolicy and PutResourcePolicy in the CloudWatch Logs API reference.
"""

from collections.abc import Mapping

from emulator import bridge, policy_documents
from emulator.checked import Checked
from emulator.handlers import HandlerFailed, Properties, ResourceHandler

_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)
_POLICIES, _POLICY_SIZE = 10, 5_120


class LogGroupHandler(Checked):
    """Ref is the log group's name."""

    def check(self, props: Properties, own_id: str) -> None:
        """Raise ValueError for a name that is taken and a retention that is none of the periods that there are."""
        name = str(props.get("LogGroupName") or "")
        if "RetentionInDays" in props and int(props["RetentionInDays"]) not in _DAYS:
            text = f"{props['RetentionInDays']} is not a valid enum value for RetentionInDays"
            raise HandlerFailed(f"Model validation failed (#/RetentionInDays: #: {text})", "InvalidRequest")
        if name and name != own_id:
            listed = bridge.client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"]
            if any(item["logGroupName"] == name for item in listed):
                text = f"Resource of type 'AWS::Logs::LogGroup' with identifier '{name}' already exists."
                raise HandlerFailed(text, "AlreadyExists")


class ResourcePolicyHandler(Checked):
    """Ref is the policy's name."""

    def check(self, props: Properties, own_id: str) -> None:
        """Raise ValueError for a document that is none or too long, and for an eleventh policy of the Region."""
        document = props.get("PolicyDocument")
        try:
            policy_documents.check_resource(document)
        except ValueError as refused:
            raise HandlerFailed(str(refused), "InvalidRequest") from refused
        if policy_documents.size(document) > _POLICY_SIZE:
            text = f"policyDocument must have length less than or equal to {_POLICY_SIZE}"
            raise HandlerFailed(text, "InvalidRequest")
        if not own_id and len(bridge.client("logs").describe_resource_policies()["resourcePolicies"]) >= _POLICIES:
            raise HandlerFailed("Resource limit exceeded.", "ServiceLimitExceeded")


HANDLERS: Mapping[str, ResourceHandler] = {
    "AWS::Logs::LogGroup": LogGroupHandler("AWS::Logs::LogGroup"),
    "AWS::Logs::ResourcePolicy": ResourcePolicyHandler("AWS::Logs::ResourcePolicy"),
}
