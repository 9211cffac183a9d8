"""The bridge's half for private endpoints: the network interfaces through which a gateway enters a VPC, and whether
security groups let it further.

Facts, from the AgentCore developer guide, "Connect to private resources in your VPC using VPC Lattice": one interface a
subnet; targets with the same VPC, subnets and security groups share them, and they go with the last of these targets.
How long they stay after it is not documented; here it is a second.
"""

import hashlib
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import IPv4Network, ip_network
from typing import Any

from ministack.services import alb, ec2

from emulator.bridge_data_plane import Record, current_scope

_NAMES: Mapping[Any, Sequence[str]] = {
    alb: ("_lbs",),
    ec2: ("_ACTION_MAP", "_network_interfaces", "_security_groups", "_subnets", "_tags", "_vpcs"),
}
_missing = [
    f"{module.__name__}.{name}" for module, names in _NAMES.items() for name in names if not hasattr(module, name)
]
if _missing:
    raise ImportError(f"this ministack lacks {', '.join(_missing)}; install the version that Pipfile pins")

LINGER_SECONDS = 1.0
_HTTPS = 443
_TAG = "VpcLatticeManaged"
"""The tag of a resource gateway's interfaces (AWS managed policy AWSVpcLatticeServiceRolePolicy)."""
_ENTRANCE, _RELEASED = "Entrance", "ReleasedAt"


def install() -> None:
    """Let DescribeNetworkInterfaces no longer tell of interfaces that are gone."""
    inner = ec2._ACTION_MAP["DescribeNetworkInterfaces"]

    def describe(parameters: Any) -> Any:
        _forget_released()
        return inner(parameters)

    ec2._ACTION_MAP["DescribeNetworkInterfaces"] = describe


def private_address(load_balancer: Mapping[str, Any]) -> str:
    """Return an address of an internal load balancer, in its first subnet; an empty text for any other."""
    if load_balancer.get("Scheme") != "internal":
        return ""
    for subnet in filter(None, map(ec2._subnets.get, load_balancer.get("Subnets") or ())):
        # The first four addresses of a subnet are reserved (VPC user guide, "Subnet CIDR blocks").
        return str(IPv4Network(subnet["CidrBlock"])[10])
    return ""


def resource_gateway(resource: Mapping[str, Any]) -> str:
    """Return the ARN of the resource gateway that targets of this VPC, these subnets and groups share."""
    account, region = current_scope()
    return f"arn:aws:vpc-lattice:{region}:{account}:resourcegateway/rgw-{_key(resource)}"


def refusal(resource: Mapping[str, Any]) -> str:
    """Return why a resource gateway cannot be placed so, an empty text where it can."""
    vpc_id = str(resource["vpcIdentifier"])
    if ec2._vpcs.get(vpc_id) is None:
        return f"The VPC {vpc_id} does not exist"
    for kind, records, names in (
        ("subnet", ec2._subnets, resource["subnetIds"]),
        ("security group", ec2._security_groups, resource.get("securityGroupIds") or ()),
    ):
        for name in names:
            if (records.get(str(name)) or {}).get("VpcId") != vpc_id:
                return f"The {kind} {name} does not exist in the VPC {vpc_id}"
    if "BedrockAgentCoreGatewayManaged" in (resource.get("tags") or {}):
        return "The tag key BedrockAgentCoreGatewayManaged is reserved"
    return ""


def closed(resource: Mapping[str, Any], dns_name: str) -> str:
    """Return why nothing passes from a resource gateway to port 443 of a load balancer, an empty text where it does."""
    found = next((lb for lb in alb._lbs.values() if str(lb["DNSName"]).lower() == dns_name), None)
    if found is None:
        return f"{dns_name} is no load balancer of this account and Region"
    own = {str(name) for name in resource.get("securityGroupIds") or ()} or {_default_group(resource["vpcIdentifier"])}
    others = {str(name) for name in found.get("SecurityGroups") or ()}
    here, there = list(_ranges(resource["subnetIds"])), list(_ranges(found.get("Subnets") or ()))
    if not _passes(own, "IpPermissionsEgress", others, there):
        return (
            f"connection timed out: no outbound rule of {', '.join(sorted(own))} leads to {dns_name} on port {_HTTPS}"
        )
    if others and not _passes(others, "IpPermissions", own, here):
        admitted = ", ".join(sorted(own))
        return f"connection timed out: no rule of {', '.join(sorted(others))} admits {admitted} on port {_HTTPS}"
    return ""


def enter(resource: Mapping[str, Any]) -> None:
    """Place the interfaces of a resource gateway, unless they stand already."""
    _forget_released()
    key = _key(resource)
    standing = [one for one in ec2._network_interfaces.values() if one.get(_ENTRANCE) == key]
    for one in standing:
        one.pop(_RELEASED, None)
    if standing:
        return
    account, region = current_scope()
    for number, subnet_id in enumerate(map(str, resource["subnetIds"])):
        subnet = ec2._subnets[subnet_id]
        name = f"eni-{hashlib.sha256(f'{key}{subnet_id}{time.time()}'.encode()).hexdigest()[:17]}"
        ec2._network_interfaces[name] = {
            "NetworkInterfaceId": name,
            "SubnetId": subnet_id,
            "VpcId": subnet["VpcId"],
            "AvailabilityZone": subnet.get("AvailabilityZone", f"{region}a"),
            "Description": f"VPC Lattice resource gateway rgw-{key}",
            "OwnerId": account,
            "Status": "in-use",
            "PrivateIpAddress": str(IPv4Network(subnet["CidrBlock"])[11]),
            "InterfaceType": "interface",
            "SourceDestCheck": True,
            "MacAddress": f"02:00:00:00:00:{number:02x}",
            "Groups": [
                {"GroupId": group, "GroupName": (ec2._security_groups.get(group) or {}).get("GroupName", group)}
                for group in map(str, resource.get("securityGroupIds") or (_default_group(subnet["VpcId"]),))
            ],
            "Attachment": None,
            _ENTRANCE: key,
        }
        ec2._tags[name] = [{"Key": _TAG, "Value": "true"}]


def leave(resource: Mapping[str, Any], remaining: Iterable[Mapping[str, Any]]) -> None:
    """Let a resource gateway's interfaces go, unless one of the ``remaining`` targets' resources shares them."""
    key = _key(resource)
    if key in {_key(one) for one in remaining}:
        return
    for one in ec2._network_interfaces.values():
        if one.get(_ENTRANCE) == key:
            one[_RELEASED] = time.time()


def holding(field: str, value: str) -> list[str]:
    """Return the service-managed interfaces in a subnet (``SubnetId``) or of a security group (``GroupId``)."""
    _forget_released()
    return [
        str(one["NetworkInterfaceId"])
        for one in ec2._network_interfaces.values()
        if one.get(_ENTRANCE)
        and (one.get(field) == value or any(group.get(field) == value for group in one.get("Groups") or ()))
    ]


def _forget_released() -> None:
    now = time.time()
    for name, one in list(ec2._network_interfaces.items()):
        if one.get(_RELEASED) and now - float(one[_RELEASED]) > LINGER_SECONDS:
            del ec2._network_interfaces[name]


def _key(resource: Mapping[str, Any]) -> str:
    parts = (
        str(resource["vpcIdentifier"]),
        *sorted(map(str, resource["subnetIds"])),
        *sorted(map(str, resource.get("securityGroupIds") or ())),
        str(resource["endpointIpAddressType"]),
    )
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:17]


def _default_group(vpc_id: str) -> str:
    groups = ec2._security_groups.values()
    return next(
        (str(one["GroupId"]) for one in groups if one.get("VpcId") == vpc_id and one.get("GroupName") == "default"), ""
    )


def _ranges(subnet_ids: Iterable[Any]) -> Iterator[IPv4Network]:
    for subnet in filter(None, (ec2._subnets.get(str(name)) for name in subnet_ids)):
        yield IPv4Network(subnet["CidrBlock"])


def _passes(groups: set[str], field: str, peers: set[str], ranges: Sequence[IPv4Network]) -> bool:
    rules = [rule for name in groups for rule in (ec2._security_groups.get(name) or {}).get(field) or ()]
    return any(_concerns(rule) and _names(rule, peers, ranges) for rule in rules)


def _concerns(rule: Record) -> bool:
    protocol = str(rule.get("IpProtocol"))
    if protocol == "-1":
        return True
    return protocol in ("tcp", "6") and int(rule.get("FromPort", 0)) <= _HTTPS <= int(rule.get("ToPort", 65535))


def _names(rule: Record, peers: set[str], ranges: Sequence[IPv4Network]) -> bool:
    if any(str(pair.get("GroupId")) in peers for pair in rule.get("UserIdGroupPairs") or ()):
        return True
    blocks = [ip_network(str(one["CidrIp"]), strict=False) for one in rule.get("IpRanges") or ()]
    return bool(ranges) and all(any(one.subnet_of(block) for block in blocks) for one in ranges)  # type: ignore[arg-type]  # IPv4 alone


install()
