"""AWS::EC2:: types that ministack lacks, and the refusals that it lacks for VPCs, subnets and endpoints.

Refusals are those of the EC2 API (error codes: "Error codes for the Amazon EC2 API"); the rules for each type come from
the operation in the EC2 API reference that its docstring names.
"""

import time
from collections.abc import Mapping
from ipaddress import IPv4Network, ip_network
from typing import Any

from botocore.exceptions import ClientError

from emulator import bridge, bridge_ec2, bridge_entrances
from emulator.bridge_data_plane import role_trusts
from emulator.checked import Checked
from emulator.handlers import Created, HandlerFailed, Properties, ResourceHandler

_DELETION_SECONDS = 5.0
_CODES = {"NotFound": "NotFound", "Duplicate": "AlreadyExists", "Conflict": "AlreadyExists"}


def _refused(code: str, message: str, status: str = "InvalidRequest") -> HandlerFailed:
    return HandlerFailed(f"{message} (Service: Ec2, Status Code: 400, Error Code: {code})", status)


def _failed(error: ClientError) -> HandlerFailed:
    code = str(error.response["Error"]["Code"])
    status = next((value for key, value in _CODES.items() if key in code), "InvalidRequest")
    return _refused(code, str(error.response["Error"]["Message"]), status)


def _held(field: str, value: str) -> bool:
    """Return whether service-managed interfaces are still there once CloudFormation has tried for a while."""
    deadline = time.monotonic() + _DELETION_SECONDS
    while bridge_entrances.holding(field, value):
        if time.monotonic() > deadline:
            return True
        time.sleep(0.1)
    return False


def _tags(kind: str, props: Properties) -> dict[str, Any]:
    tags = [{"Key": str(tag["Key"]), "Value": str(tag["Value"])} for tag in props.get("Tags") or ()]
    return {"TagSpecifications": [{"ResourceType": kind, "Tags": tags}]} if tags else {}


def _retag(resource: str, old: Properties, new: Properties) -> None:
    before = {tag["Key"]: tag["Value"] for tag in old.get("Tags") or ()}
    after = {tag["Key"]: str(tag["Value"]) for tag in new.get("Tags") or ()}
    gone = [{"Key": key} for key in before if key not in after]
    if gone:
        bridge.client("ec2").delete_tags(Resources=[resource], Tags=gone)
    if after:
        tags = [{"Key": key, "Value": value} for key, value in after.items()]
        bridge.client("ec2").create_tags(Resources=[resource], Tags=tags)


def _unchanged(old: Properties, new: Properties, *changeable: str) -> bool:
    names = (old.keys() | new.keys()) - set(changeable)
    return all(old.get(name) == new.get(name) for name in names)


class AddressHandler:
    """AWS::EC2::EIP (AllocateAddress, ReleaseAddress). Ref is the public address."""

    def create(self, logical_id: str, props: Properties, stack_name: str) -> Created:
        """Allocate an address."""
        if props.get("Domain", "vpc") not in ("vpc", "standard"):
            raise _refused("InvalidParameterValue", f"Invalid value '{props['Domain']}' for domain")
        made = bridge.client("ec2").allocate_address(Domain="vpc", **_tags("elastic-ip", props))
        return made["PublicIp"], {"AllocationId": made["AllocationId"], "PublicIp": made["PublicIp"]}

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Created:
        """Change the tags; anything else asks for another address."""
        if not _unchanged(old, new, "Tags"):
            return self.create("", new, stack_name)
        allocation = _allocation(physical_id)
        _retag(allocation, old, new)
        return physical_id, {"AllocationId": allocation, "PublicIp": physical_id}

    def delete(self, physical_id: str, props: Properties) -> None:
        """Release the address. Raises ValueError while a NAT gateway uses it."""
        allocation = _allocation(physical_id)
        if not allocation:
            return
        if (bridge_ec2.address(allocation) or {}).get("AssociationId"):
            raise _refused("InvalidIPAddress.InUse", f"Address {physical_id} is in use.")
        bridge.client("ec2").release_address(AllocationId=allocation)


def _allocation(address: str) -> str:
    known = bridge.client("ec2").describe_addresses()["Addresses"]
    return next((str(item["AllocationId"]) for item in known if item["PublicIp"] == address), "")


class NatGatewayHandler:
    """AWS::EC2::NatGateway (CreateNatGateway). Ref is its id."""

    def create(self, logical_id: str, props: Properties, stack_name: str) -> Created:
        """Make a gateway. Raises ValueError for a subnet or address that does not exist, an address in use, and a
        public gateway in a VPC without an internet gateway, which EC2 leaves failed.
        """
        public = props.get("ConnectivityType", "public") == "public"
        subnet = bridge_ec2.subnet(str(props.get("SubnetId", "")))
        if subnet is None:
            text = f"The subnet ID '{props.get('SubnetId', '')}' does not exist"
            raise _refused("InvalidSubnetID.NotFound", text, "NotFound")
        if public:
            self._check_public(props, str(subnet["VpcId"]))
        made = bridge.client("ec2").create_nat_gateway(
            SubnetId=props["SubnetId"],
            ConnectivityType=props.get("ConnectivityType", "public"),
            **({"AllocationId": props["AllocationId"]} if public else {}),
            **_tags("natgateway", props),
        )["NatGateway"]
        identity = str(made["NatGatewayId"])
        if public:
            record = bridge_ec2.address(str(props["AllocationId"]))
            if record is not None:
                record["AssociationId"] = f"eipassoc-{identity[4:]}"
        return identity, {"NatGatewayId": identity}

    def _check_public(self, props: Properties, vpc_id: str) -> None:
        allocation = str(props.get("AllocationId") or "")
        if not allocation:
            raise _refused("MissingParameter", "The request must include the AllocationId parameter.")
        record = bridge_ec2.address(allocation)
        if record is None:
            text = f"The allocation ID '{allocation}' does not exist"
            raise _refused("InvalidAllocationID.NotFound", text, "NotFound")
        if record["AssociationId"]:
            text = f"Elastic IP address [{allocation}] is already associated"
            raise _refused("Resource.AlreadyAssociated", text)
        gateways = bridge.client("ec2").describe_internet_gateways()["InternetGateways"]
        if not any(item["VpcId"] == vpc_id for gateway in gateways for item in gateway["Attachments"]):
            raise _refused("Gateway.NotAttached", f"Network {vpc_id} has no Internet gateway attached")

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Created:
        """Change the tags; anything else asks for another gateway."""
        if not _unchanged(old, new, "Tags"):
            return self.create("", new, stack_name)
        _retag(physical_id, old, new)
        return physical_id, {"NatGatewayId": physical_id}

    def delete(self, physical_id: str, props: Properties) -> None:
        """Delete the gateway, which frees its address."""
        record = bridge_ec2.nat_gateway(physical_id)
        if record is None or record["State"] == "deleted":
            return
        bridge.client("ec2").delete_nat_gateway(NatGatewayId=physical_id)
        address = bridge_ec2.address(str(record.get("AllocationId")))
        if address is not None:
            address["AssociationId"] = None


class RuleHandler:
    """AWS::EC2::SecurityGroupIngress and SecurityGroupEgress (AuthorizeSecurityGroupIngress). Ref is the rule's id."""

    def __init__(self, direction: str) -> None:
        self._peer = "SourceSecurityGroupId" if direction == "ingress" else "DestinationSecurityGroupId"
        self._prefix_list = "SourcePrefixListId" if direction == "ingress" else "DestinationPrefixListId"
        self._direction = direction

    def create(self, logical_id: str, props: Properties, stack_name: str) -> Created:
        """Add the rule. Raises ValueError for groups that do not exist, a rule without exactly one peer, ports that are
        none, and a rule that the group has.
        """
        group = self._group(props)
        permission = self._permission(props)
        field = "IpPermissions" if self._direction == "ingress" else "IpPermissionsEgress"
        if any(_same(permission, known) for known in group[field]):
            text = f'the specified rule "peer: {self._peer_name(props)}" already exists'
            raise _refused("InvalidPermission.Duplicate", text, "AlreadyExists")
        call = getattr(bridge.client("ec2"), f"authorize_security_group_{self._direction}")
        try:
            made = call(GroupId=group["GroupId"], IpPermissions=[permission], **_tags("security-group-rule", props))
        except ClientError as error:
            raise _failed(error) from error
        identity = str(made["SecurityGroupRules"][0]["SecurityGroupRuleId"])
        return identity, {"Id": identity}

    def _group(self, props: Properties) -> Mapping[str, Any]:
        found = bridge_ec2.security_group(str(props.get("GroupId", "")))
        if found is None:
            text = f"The security group '{props.get('GroupId', '')}' does not exist"
            raise _refused("InvalidGroup.NotFound", text, "NotFound")
        peer = props.get(self._peer)
        if peer and bridge_ec2.security_group(str(peer)) is None:
            raise _refused("InvalidGroup.NotFound", f"The security group '{peer}' does not exist", "NotFound")
        return found

    def _peer_name(self, props: Properties) -> str:
        named = (props.get(name) for name in ("CidrIp", "CidrIpv6", self._peer, self._prefix_list))
        return next((str(value) for value in named if value), "")

    def _permission(self, props: Properties) -> dict[str, Any]:
        peers = [name for name in ("CidrIp", "CidrIpv6", self._peer, self._prefix_list) if props.get(name)]
        if len(peers) != 1:
            text = "Exactly one of CidrIp, CidrIpv6, a prefix list or a security group must be specified"
            raise _refused("InvalidParameterValue", text)
        described = {"Description": str(props["Description"])} if props.get("Description") else {}
        permission: dict[str, Any] = {"IpProtocol": str(props.get("IpProtocol", "-1"))}
        for name in ("FromPort", "ToPort"):
            if name in props:
                permission[name] = int(props[name])
        if permission["IpProtocol"] in ("tcp", "udp", "6", "17"):
            low, high = permission.get("FromPort", -1), permission.get("ToPort", -1)
            if not 0 <= low <= high <= 65535:
                raise _refused(
                    "InvalidParameterValue", f"Invalid value '{low}-{high}' for portRange. Must be valid ports"
                )
        if "CidrIp" in peers:
            try:
                IPv4Network(str(props["CidrIp"]), strict=False)
            except ValueError:
                text = f"CIDR block {props['CidrIp']} is malformed"
                raise _refused("InvalidParameterValue", text) from None
            permission["IpRanges"] = [{"CidrIp": str(props["CidrIp"]), **described}]
        elif "CidrIpv6" in peers:
            permission["Ipv6Ranges"] = [{"CidrIpv6": str(props["CidrIpv6"]), **described}]
        elif self._peer in peers:
            permission["UserIdGroupPairs"] = [{"GroupId": str(props[self._peer]), **described}]
        else:
            permission["PrefixListIds"] = [{"PrefixListId": str(props[self._prefix_list]), **described}]
        return permission

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Created:
        """Replace the rule when anything but its description changed, else describe it anew."""
        if not _unchanged(old, new, "Description"):
            return self.create("", new, stack_name)
        self.delete(physical_id, old)
        return self.create("", new, stack_name)

    def delete(self, physical_id: str, props: Properties) -> None:
        """Remove the rule; a rule or a group that is gone is no error."""
        call = getattr(bridge.client("ec2"), f"revoke_security_group_{self._direction}")
        try:
            call(GroupId=str(props.get("GroupId", "")), SecurityGroupRuleIds=[physical_id])
        except ClientError as error:
            if "NotFound" not in error.response["Error"]["Code"]:
                raise _failed(error) from error


_PEERS = (
    ("IpRanges", "CidrIp"),
    ("Ipv6Ranges", "CidrIpv6"),
    ("UserIdGroupPairs", "GroupId"),
    ("PrefixListIds", "PrefixListId"),
)


def _same(wanted: Mapping[str, Any], known: Mapping[str, Any]) -> bool:
    """Whether a group's permission has the wanted rule: protocol, ports and the one peer."""
    if any(str(wanted.get(name)) != str(known.get(name)) for name in ("IpProtocol", "FromPort", "ToPort")):
        return False
    return any(
        item.get(key) == other.get(key)
        for ranges, key in _PEERS
        for item in wanted.get(ranges) or ()
        for other in known.get(ranges) or ()
    )


class FlowLogHandler:
    """AWS::EC2::FlowLog (CreateFlowLogs). Ref is its id."""

    def create(self, logical_id: str, props: Properties, stack_name: str) -> Created:
        """Record a flow log. Raises ValueError for a resource that does not exist, a role that flow logs may not
        assume, and an interval other than 60 or 600 seconds.
        """
        resource, kind = str(props.get("ResourceId", "")), str(props.get("ResourceType", ""))
        known = {"VPC": bridge_ec2.vpc, "Subnet": bridge_ec2.subnet}.get(kind)
        if known is not None and known(resource) is None:
            text = f"The {kind.lower()} ID '{resource}' does not exist"
            raise _refused(f"Invalid{'Vpc' if kind == 'VPC' else 'Subnet'}ID.NotFound", text, "NotFound")
        if int(props.get("MaxAggregationInterval", 600)) not in (60, 600):
            raise _refused("InvalidParameter", "MaxAggregationInterval must be either 60 or 600")
        self._check_delivery(props)
        made = bridge.client("ec2").create_flow_logs(
            ResourceIds=[resource],
            ResourceType=kind,
            TrafficType=props.get("TrafficType", "ALL"),
            LogDestinationType=props.get("LogDestinationType", "cloud-watch-logs"),
            **{name: str(props[name]) for name in ("LogDestination", "LogGroupName") if props.get(name)},
            **_tags("vpc-flow-log", props),
        )
        identity = str(made["FlowLogIds"][0])
        record = bridge_ec2.flow_log(identity)
        if record is not None:
            kept = ("DeliverLogsPermissionArn", "LogGroupName", "MaxAggregationInterval")
            record.update({name: props[name] for name in kept if name in props})
        return identity, {"Id": identity}

    def _check_delivery(self, props: Properties) -> None:
        if props.get("LogDestinationType", "cloud-watch-logs") != "cloud-watch-logs":
            return
        role = str(props.get("DeliverLogsPermissionArn") or "")
        if not role:
            raise _refused(
                "MissingParameter", "DeliverLogsPermissionArn can't be empty if LogDestinationType is cloud-watch-logs."
            )
        account, region = bridge.current_scope()
        context = {"aws:sourceaccount": account, "aws:sourcearn": f"arn:aws:ec2:{region}:{account}:vpc-flow-log/fl-new"}
        if not role_trusts(role, "vpc-flow-logs.amazonaws.com", context):
            raise _refused(
                "InvalidParameter", "Access error: the flow logs service may not assume the given role", "AccessDenied"
            )

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Created:
        """Change the tags; anything else asks for another flow log."""
        if not _unchanged(old, new, "Tags"):
            return self.create("", new, stack_name)
        _retag(physical_id, old, new)
        return physical_id, {"Id": physical_id}

    def delete(self, physical_id: str, props: Properties) -> None:
        """Delete the flow log."""
        bridge.client("ec2").delete_flow_logs(FlowLogIds=[physical_id])


class VpcHandler(Checked):
    """AWS::EC2::VPC (CreateVpc): the range is a /16 to /28."""

    def check(self, props: Properties, own_id: str) -> None:
        """Raise ValueError for a range that is none or too large or small."""
        text = str(props.get("CidrBlock", ""))
        network = _network(text)
        if not 16 <= network.prefixlen <= 28:
            raise _refused("InvalidVpc.Range", f"The CIDR '{text}' is invalid.")

    def attributes(self, physical_id: str, props: Properties) -> dict[str, Any]:
        """Return the range."""
        return {"CidrBlock": props["CidrBlock"]}


def _network(text: str) -> IPv4Network:
    try:
        network = ip_network(text)
    except ValueError:
        raise _refused("InvalidParameterValue", f"Value ({text}) for parameter cidrBlock is invalid.") from None
    if not isinstance(network, IPv4Network):
        raise _refused("InvalidParameterValue", f"Value ({text}) for parameter cidrBlock is invalid.")
    return network


class SubnetHandler(Checked):
    """AWS::EC2::Subnet (CreateSubnet): within its VPC, apart from the others, in a zone of the Region."""

    def check(self, props: Properties, own_id: str) -> None:
        """Raise ValueError for a VPC that does not exist and a range that is outside it or overlaps."""
        vpc_id, text = str(props.get("VpcId", "")), str(props.get("CidrBlock", ""))
        vpc = bridge_ec2.vpc(vpc_id)
        if vpc is None:
            raise _refused("InvalidVpcID.NotFound", f"The vpc ID '{vpc_id}' does not exist", "NotFound")
        network = _network(text)
        if not network.subnet_of(_network(str(vpc["CidrBlock"]))) or not 16 <= network.prefixlen <= 28:
            raise _refused("InvalidSubnet.Range", f"The CIDR '{text}' is invalid.")
        others = (item for item in bridge_ec2.subnets() if item["VpcId"] == vpc_id and item["SubnetId"] != own_id)
        if any(network.overlaps(_network(str(item["CidrBlock"]))) for item in others):
            raise _refused(
                "InvalidSubnet.Conflict", f"The CIDR '{text}' conflicts with another subnet", "AlreadyExists"
            )

    def attributes(self, physical_id: str, props: Properties) -> dict[str, Any]:
        """Return VPC and range."""
        return {"VpcId": props["VpcId"], "CidrBlock": props["CidrBlock"]}

    def delete(self, physical_id: str, props: Properties) -> None:
        """Remove the subnet. Raises ValueError while a service's interface stands in it (DeleteSubnet)."""
        if _held("SubnetId", physical_id):
            text = f"The subnet '{physical_id}' has dependencies and cannot be deleted."
            raise _refused("DependencyViolation", text)
        super().delete(physical_id, props)


class SecurityGroupHandler(Checked):
    """AWS::EC2::SecurityGroup (CreateSecurityGroup): in a VPC that exists."""

    def check(self, props: Properties, own_id: str) -> None:
        """Raise ValueError for a VPC that does not exist."""
        vpc_id = str(props.get("VpcId", ""))
        if vpc_id and bridge_ec2.vpc(vpc_id) is None:
            raise _refused("InvalidVpcID.NotFound", f"The vpc ID '{vpc_id}' does not exist", "NotFound")

    def delete(self, physical_id: str, props: Properties) -> None:
        """Remove the group. Raises ValueError while a service's interface stands in it (DeleteSecurityGroup)."""
        if _held("GroupId", physical_id):
            raise _refused("DependencyViolation", f"resource {physical_id} has a dependent object")
        super().delete(physical_id, props)


class EndpointHandler(Checked):
    """AWS::EC2::VPCEndpoint (CreateVpcEndpoint): of a VPC, with its route tables or its subnets and groups."""

    def check(self, props: Properties, own_id: str) -> None:
        """Raise ValueError for a VPC, subnet, route table or security group that does not exist or is of another VPC, a
        service of another Region, private names in a VPC without DNS and two subnets of one zone.
        """
        vpc_id, service = str(props.get("VpcId", "")), str(props.get("ServiceName", ""))
        if bridge_ec2.vpc(vpc_id) is None:
            raise _refused("InvalidVpcId.NotFound", f"The Vpc Id {vpc_id} does not exist", "NotFound")
        if not service.startswith((f"com.amazonaws.{bridge.current_scope()[1]}.", "com.amazonaws.vpce.")):
            raise _refused("InvalidServiceName", f"The Vpc Endpoint Service '{service}' does not exist", "NotFound")
        zones = set()
        for subnet_id in props.get("SubnetIds") or ():
            subnet = bridge_ec2.subnet(str(subnet_id))
            if subnet is None or subnet["VpcId"] != vpc_id:
                text = f"The subnet ID '{subnet_id}' does not exist"
                raise _refused("InvalidSubnetId.NotFound", text, "NotFound")
            if subnet["AvailabilityZone"] in zones:
                raise _refused(
                    "DuplicateSubnetsInSameZone",
                    f"Found another VPC endpoint subnet in the availability zone of {subnet_id}",
                )
            zones.add(subnet["AvailabilityZone"])
        for group_id in props.get("SecurityGroupIds") or ():
            group = bridge_ec2.security_group(str(group_id))
            if group is None or group["VpcId"] != vpc_id:
                text = f"The security group '{group_id}' does not exist"
                raise _refused("InvalidSecurityGroupId.NotFound", text, "NotFound")
        tables = bridge_ec2.route_tables()
        for table_id in props.get("RouteTableIds") or ():
            if tables.get(str(table_id), {}).get("VpcId") != vpc_id:
                text = f"The route table {table_id} does not exist"
                raise _refused("InvalidRouteTableId.NotFound", text, "NotFound")


HANDLERS: Mapping[str, ResourceHandler] = {
    "AWS::EC2::EIP": AddressHandler(),
    "AWS::EC2::FlowLog": FlowLogHandler(),
    "AWS::EC2::NatGateway": NatGatewayHandler(),
    "AWS::EC2::SecurityGroup": SecurityGroupHandler("AWS::EC2::SecurityGroup"),
    "AWS::EC2::SecurityGroupEgress": RuleHandler("egress"),
    "AWS::EC2::SecurityGroupIngress": RuleHandler("ingress"),
    "AWS::EC2::Subnet": SubnetHandler("AWS::EC2::Subnet"),
    "AWS::EC2::VPC": VpcHandler("AWS::EC2::VPC"),
    "AWS::EC2::VPCEndpoint": EndpointHandler("AWS::EC2::VPCEndpoint"),
}
bridge_ec2.install()
