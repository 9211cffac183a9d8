"""AWS::Logs::LogGroup and ResourcePolicy, with what CloudWatch Logs refuses of them.

Refusals: CreateLogGroup, PutRetentionPolicy and PutResourcePolicy in the CloudWatch Logs API reference.
"""

from collections.abc import Mapping

from emulator import bridge, kms_keys, policy_documents
from emulator.checked import Checked
from emulator.handlers import HandlerFailed, Properties, ResourceHandler

_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)
_POLICIES, _POLICY_SIZE = 10, 5_120


def _check_key(key: str, group: str) -> None:
    """Raise ValueError unless the key is usable and its policy admits the service for the log group.

    AssociateKmsKey in the API reference, and "Encrypt log data in CloudWatch Logs using AWS KMS" in the user guide.
    """
    account, region = bridge.current_scope()
    arn = f"arn:aws:logs:{region}:{account}:log-group:{group}"
    context = {"kms:encryptioncontext:aws:logs:arn": arn}
    service = f"logs.{region}.amazonaws.com"
    actions = ("kms:Encrypt", "kms:Decrypt", "kms:ReEncryptFrom", "kms:GenerateDataKey", "kms:DescribeKey")
    if not kms_keys.is_usable(key) or not all(kms_keys.admits(key, service, action, context) for action in actions):
        text = f"The specified KMS key does not exist or is not allowed to be used with LogGroup '{arn}'"
        raise HandlerFailed(
            f"{text} (Service: CloudWatchLogs, Status Code: 400, Error Code: InvalidParameterException)",
            "InvalidRequest",
        )


class LogGroupHandler(Checked):
    """Ref is the log group's name."""

    def check(self, props: Properties, own_id: str) -> None:
        """Raise ValueError for a name that is taken, a retention that is none of the periods that there are, and a key
        that the service may not use.
        """
        name = str(props.get("LogGroupName") or "")
        if "RetentionInDays" in props and int(props["RetentionInDays"]) not in _DAYS:
            text = f"{props['RetentionInDays']} is not a valid enum value for RetentionInDays"
            raise HandlerFailed(f"Model validation failed (#/RetentionInDays: #: {text})", "InvalidRequest")
        if props.get("KmsKeyId"):
            _check_key(str(props["KmsKeyId"]), name or own_id or "unnamed")
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
