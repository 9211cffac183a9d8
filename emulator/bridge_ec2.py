"""The bridge's half for EC2: what its API does not tell of elastic addresses, NAT gateways, endpoints and flow logs."""

import re
from collections.abc import Callable, Mapping
from typing import Any
from xml.sax.saxutils import escape

from ministack.services import ec2

from emulator.bridge_data_plane import Record

_NAMES = (
    "_ACTION_MAP",
    "_addresses",
    "_error",
    "_flow_logs",
    "_nat_gateways",
    "_parse_member_list",
    "_security_groups",
    "_subnets",
    "_tags",
    "_vpc_endpoints",
    "_vpcs",
)
_missing = [f"{ec2.__name__}.{name}" for name in _NAMES if not hasattr(ec2, name)]
if _missing:
    raise ImportError(f"this ministack lacks {', '.join(_missing)}; install the version that Pipfile pins")

_NAT_ADDRESSES = re.compile(r"(<natGatewayId>(nat-\w+)</natGatewayId>(?:(?!</item>).)*?)<natGatewayAddressSet/>", re.S)
_ENDPOINT = re.compile(r"(<vpcEndpointId>(vpce-\w+)</vpcEndpointId>)")
_FLOW_LOG = re.compile(r"(<flowLogId>(fl-\w+)</flowLogId>)")


def vpc(vpc_id: str) -> Record | None:
    """Return a VPC of the current scope."""
    record: Record | None = ec2._vpcs.get(vpc_id)
    return record


def subnet(subnet_id: str) -> Record | None:
    """Return a subnet of the current scope."""
    record: Record | None = ec2._subnets.get(subnet_id)
    return record


def subnets() -> list[Record]:
    """Return the subnets of the current scope."""
    return list(ec2._subnets.values())


def security_group(group_id: str) -> Record | None:
    """Return a security group of the current scope."""
    record: Record | None = ec2._security_groups.get(group_id)
    return record


def route_tables() -> Mapping[str, Record]:
    """Return the route tables of the current scope by id."""
    return dict(ec2._route_tables.items())


def address(allocation_id: str) -> Record | None:
    """Return an elastic address of the current scope."""
    record: Record | None = ec2._addresses.get(allocation_id)
    return record


def nat_gateway(nat_id: str) -> Record | None:
    """Return a NAT gateway of the current scope, deleted ones included."""
    record: Record | None = ec2._nat_gateways.get(nat_id)
    return record


def flow_log(flow_log_id: str) -> Record | None:
    """Return a flow log of the current scope."""
    record: Record | None = ec2._flow_logs.get(flow_log_id)
    return record


def install() -> None:
    """Let DescribeNatGateways name the addresses, DescribeVpcEndpoints the security groups and private DNS,
    DescribeFlowLogs the role and interval that were given; let DescribeAddresses take public addresses.
    """
    ec2._ACTION_MAP["DescribeAddresses"] = _by_address(ec2._ACTION_MAP["DescribeAddresses"])
    ec2._ACTION_MAP["DescribeVpcEndpoints"] = _filled(
        ec2._ACTION_MAP["DescribeVpcEndpoints"], lambda xml: _ENDPOINT.sub(_endpoint_details, xml)
    )
    ec2._ACTION_MAP["DescribeNatGateways"] = _filled(
        ec2._ACTION_MAP["DescribeNatGateways"], lambda xml: _NAT_ADDRESSES.sub(_nat_addresses, xml)
    )
    ec2._ACTION_MAP["DescribeFlowLogs"] = _filled(
        ec2._ACTION_MAP["DescribeFlowLogs"], lambda xml: _FLOW_LOG.sub(_flow_log_details, xml)
    )


def _filled(action: Callable[[Any], Any], fill: Callable[[str], str]) -> Callable[[Any], Any]:
    def described(parameters: Any) -> Any:
        status, headers, body = action(parameters)
        text = body.decode() if isinstance(body, bytes) else str(body)
        return status, headers, fill(text).encode()

    return described


def _by_address(action: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def described(parameters: Any) -> Any:
        asked = ec2._parse_member_list(parameters, "PublicIp")
        if not asked:
            return action(parameters)
        known = {record["PublicIp"]: record["AllocationId"] for record in ec2._addresses.values()}
        missing = [address for address in asked if address not in known]
        if missing:
            return ec2._error("InvalidAddress.NotFound", f"Address '{missing[0]}' not found.", 400)
        return action({**parameters, **{f"AllocationId.{i}": [known[address]] for i, address in enumerate(asked, 1)}})

    return described


def _endpoint_details(match: re.Match[str]) -> str:
    record = ec2._vpc_endpoints[match[2]]
    private = str(record.get("PrivateDnsEnabled") or False).lower()
    groups = []
    for identifier in record.get("SecurityGroupIds") or ():
        name = (security_group(identifier) or {}).get("GroupName", "")
        groups.append(f"<item><groupId>{identifier}</groupId><groupName>{escape(name)}</groupName></item>")
    return f"{match[1]}<privateDnsEnabled>{private}</privateDnsEnabled><groupSet>{''.join(groups)}</groupSet>"


def _nat_addresses(match: re.Match[str]) -> str:
    nat = ec2._nat_gateways[match[2]]
    found = ec2._addresses.get(nat.get("AllocationId"))
    if found is None:
        return match[0]
    item = f"<allocationId>{found['AllocationId']}</allocationId><publicIp>{found['PublicIp']}</publicIp>"
    return f"{match[1]}<natGatewayAddressSet><item>{item}</item></natGatewayAddressSet>"


def _flow_log_details(match: re.Match[str]) -> str:
    record = ec2._flow_logs[match[2]]
    details = {
        "deliverLogsPermissionArn": record.get("DeliverLogsPermissionArn"),
        "logGroupName": record.get("LogGroupName"),
        "maxAggregationInterval": record.get("MaxAggregationInterval"),
    }
    return match[0] + "".join(f"<{name}>{value}</{name}>" for name, value in details.items() if value)
