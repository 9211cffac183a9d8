"""AWS::WAFv2::WebACL, WebACLAssociation and LoggingConfiguration, and the logging API that ministack lacks.

Refusals: AssociateWebACL, DeleteWebACL and PutLoggingConfiguration in the AWS WAF API reference.
"""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from emulator import bridge, bridge_data_plane, bridge_wafv2
from emulator.checked import Checked
from emulator.handlers import Created, HandlerFailed, Properties, ResourceHandler
from emulator.json_api import ApiError, JsonApi
from emulator.records import Table

_logging = Table("waf-logging")
_NOT = "n\N{RIGHT SINGLE QUOTATION MARK}t"
_MISSING = f"AWS WAF could{_NOT} perform the operation because your resource does{_NOT} exist."


def _web_acl(arn: str) -> bool:
    scope = "CLOUDFRONT" if ":global/" in arn else "REGIONAL"
    if scope == "CLOUDFRONT":
        return False
    listed = bridge.client("wafv2").list_web_acls(Scope=scope)["WebACLs"]
    return any(item["ARN"] == arn for item in listed)


def put_logging(parameters: dict[str, Any]) -> dict[str, Any]:
    """Set a web ACL's logging: one destination, whose name begins with aws-waf-logs- and which exists."""
    configuration = parameters["LoggingConfiguration"]
    resource, destinations = configuration["ResourceArn"], configuration["LogDestinationConfigs"]
    if not _web_acl(resource):
        raise ApiError("WAFNonexistentItemException", _MISSING)
    if len(destinations) != 1:
        text = "Error reason: The logging configuration takes exactly one destination, field: LOG_DESTINATION"
        raise ApiError("WAFInvalidParameterException", f"{text}, parameter: {destinations}")
    _check_destination(destinations[0])
    record = {"ManagedByFirewallManager": False, "LogType": "WAF_LOGS", "LogScope": "CUSTOMER", **configuration}
    _logging.put(resource, record)
    return {"LoggingConfiguration": record}


def _check_destination(arn: str) -> None:
    service, name = arn.split(":")[2], arn.split(":", 5)[-1].rpartition(":")[2].rpartition("/")[2]
    group = arn.split(":log-group:")[-1].removesuffix(":*") if service == "logs" else ""
    if not (group or name).startswith("aws-waf-logs-"):
        text = "Error reason: The ARN isn't valid. A valid ARN begins with arn: and includes other information"
        text += f" separated by colons or slashes., field: LOG_DESTINATION, parameter: {arn}"
        raise ApiError("WAFInvalidParameterException", text)
    if group:
        known = bridge.client("logs").describe_log_groups(logGroupNamePrefix=group)["logGroups"]
        if not any(item["logGroupName"] == group for item in known):
            text = f"AWS WAF could{_NOT} deliver logs: the log destination does{_NOT} exist."
            raise ApiError("WAFLogDestinationPermissionIssueException", text)


def get_logging(parameters: dict[str, Any]) -> dict[str, Any]:
    """Return a web ACL's logging."""
    record = _logging.get(parameters["ResourceArn"])
    if record is None:
        raise ApiError("WAFNonexistentItemException", _MISSING)
    return {"LoggingConfiguration": record}


def delete_logging(parameters: dict[str, Any]) -> dict[str, Any]:
    """End a web ACL's logging."""
    if _logging.pop(parameters["ResourceArn"]) is None:
        raise ApiError("WAFNonexistentItemException", _MISSING)
    return {}


def list_logging(parameters: dict[str, Any]) -> dict[str, Any]:
    """Return the logging of every web ACL."""
    return {"LoggingConfigurations": _logging.values()}


class LoggingHandler:
    """AWS::WAFv2::LoggingConfiguration. Ref is the web ACL's ARN."""

    def create(self, logical_id: str, props: Properties, stack_name: str) -> Created:
        """Set the logging. Raises ValueError when it is refused."""
        names = ("ResourceArn", "LogDestinationConfigs", "RedactedFields", "LoggingFilter")
        try:
            put_logging({"LoggingConfiguration": {name: props[name] for name in names if name in props}})
        except ApiError as error:
            raise HandlerFailed(str(error), "InvalidRequest") from error
        return str(props["ResourceArn"]), {"ManagedByFirewallManager": False}

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Created:
        """Set the logging again, for another web ACL when ResourceArn changed."""
        return self.create("", new, stack_name)

    def delete(self, physical_id: str, props: Properties) -> None:
        """End the logging."""
        _logging.pop(physical_id)


class AssociationHandler:
    """AWS::WAFv2::WebACLAssociation. Ref is ``<resource ARN>|<web ACL ARN>``."""

    def create(self, logical_id: str, props: Properties, stack_name: str) -> Created:
        """Associate. Raises ValueError for a web ACL that does not exist or is not regional and for a resource that is
        none of an application load balancer and an AgentCore gateway of this account.
        """
        resource, acl = str(props.get("ResourceArn", "")), str(props.get("WebACLArn", ""))
        if not _web_acl(acl) or not self._exists(resource):
            raise HandlerFailed(_MISSING, "NotFound")
        try:
            bridge.client("wafv2").associate_web_acl(ResourceArn=resource, WebACLArn=acl)
        except ClientError as error:
            raise HandlerFailed(str(error.response["Error"]["Message"]), "InvalidRequest") from error
        return f"{resource}|{acl}", {}

    def _exists(self, arn: str) -> bool:
        if ":loadbalancer/app/" in arn:
            return any(item["LoadBalancerArn"] == arn for item in bridge_data_plane.load_balancers())
        if ":bedrock-agentcore:" in arn and ":gateway/" in arn:
            gateways = bridge.client("bedrock-agentcore-control").list_gateways()["items"]
            return any(item["gatewayId"] == arn.rpartition("/")[2] for item in gateways)
        return False

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Created:
        """Associate anew."""
        return self.create("", new, stack_name)

    def delete(self, physical_id: str, props: Properties) -> None:
        """Disassociate, unless the resource has another web ACL by now."""
        resource, _, acl = physical_id.partition("|")
        client = bridge.client("wafv2")
        try:
            current = client.get_web_acl_for_resource(ResourceArn=resource)["WebACL"]["ARN"]
        except ClientError:
            return
        if current == acl:
            client.disassociate_web_acl(ResourceArn=resource)


class WebAclHandler(Checked):
    """AWS::WAFv2::WebACL. Templates give SearchString as text, the API keeps it in base64 (ByteMatchStatement). Ref is
    ``<name>|<id>|<scope>``.
    """

    def create(self, logical_id: str, props: Properties, stack_name: str) -> Created:
        """Make the web ACL."""
        return _kept(super().create(logical_id, _encoded(props), stack_name), props)

    def update(
        self, physical_id: str, old: Properties, new: Properties, stack_name: str, logical_id: str = ""
    ) -> Created:
        """Change the web ACL."""
        return _kept(super().update(physical_id, _encoded(old), _encoded(new), stack_name, logical_id), new)


def _kept(made: Created, props: Properties) -> Created:
    _, identifier, scope = made[0].split("|")
    bridge_wafv2.keep(identifier, scope, {name: props.get(name) for name in ("DataProtectionConfig",)})
    return made


def _encoded(value: Any) -> Any:
    if isinstance(value, list):
        return [_encoded(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    encoded = {key: _encoded(item) for key, item in value.items() if key != "SearchStringBase64"}
    if "SearchString" in value:
        encoded["SearchString"] = b64encode(str(value["SearchString"]).encode()).decode()
    elif "SearchStringBase64" in value:
        encoded["SearchString"] = value["SearchStringBase64"]
    return encoded


HANDLERS: Mapping[str, ResourceHandler] = {
    "AWS::WAFv2::LoggingConfiguration": LoggingHandler(),
    "AWS::WAFv2::WebACL": WebAclHandler("AWS::WAFv2::WebACL"),
    "AWS::WAFv2::WebACLAssociation": AssociationHandler(),
}
APIS = {
    "wafv2": JsonApi(
        "wafv2",
        {
            "PutLoggingConfiguration": put_logging,
            "GetLoggingConfiguration": get_logging,
            "DeleteLoggingConfiguration": delete_logging,
            "ListLoggingConfigurations": list_logging,
        },
    )
}
