"""Readers of the network's resources: EC2, and what its flow log writes to."""

from collections.abc import Mapping
from typing import Any

from tests.end_to_end.read_back import Account, Reader, Reading
from tests.end_to_end.shapes import chosen

Wanted = Mapping[str, Any]


def vpc(account: Account, physical_id: str, wanted: Wanted) -> Reading:
    """Reads AWS::EC2::VPC."""
    ec2 = account.client("ec2")
    (found,) = ec2.describe_vpcs(VpcIds=[physical_id])["Vpcs"]
    properties = chosen(found, "CidrBlock", "InstanceTenancy", "Tags")
    for name in ("EnableDnsHostnames", "EnableDnsSupport"):
        answer = ec2.describe_vpc_attribute(VpcId=physical_id, Attribute=name[0].lower() + name[1:])
        properties[name] = answer[name]["Value"]
    return Reading(properties)


def internet_gateway(account: Account, physical_id: str, wanted: Wanted) -> Reading:
    """Reads AWS::EC2::InternetGateway."""
    answer = account.client("ec2").describe_internet_gateways(InternetGatewayIds=[physical_id])
    (found,) = answer["InternetGateways"]
    return Reading(chosen(found, "Tags"))


def gateway_attachment(account: Account, physical_id: str, wanted: Wanted) -> Reading:
    """Reads AWS::EC2::VPCGatewayAttachment, whose physical id is `IGW|<VPC>`."""
    identifier = physical_id.partition("|")[2]
    answer = account.client("ec2").describe_internet_gateways(
        Filters=[{"Name": "attachment.vpc-id", "Values": [identifier]}]
    )
    (found,) = answer["InternetGateways"]
    (attachment,) = found["Attachments"]
    return Reading({"InternetGatewayId": found["InternetGatewayId"], "VpcId": attachment["VpcId"]})


def subnet(account: Account, physical_id: str, wanted: Wanted) -> Reading:
    """Reads AWS::EC2::Subnet."""
    (found,) = account.client("ec2").describe_subnets(SubnetIds=[physical_id])["Subnets"]
    return Reading(chosen(found, "AvailabilityZone", "CidrBlock", "MapPublicIpOnLaunch", "Tags", "VpcId"))


def route_table(account: Account, physical_id: str, wanted: Wanted) -> Reading:
    """Reads AWS::EC2::RouteTable."""
    (found,) = account.client("ec2").describe_route_tables(RouteTableIds=[physical_id])["RouteTables"]
    return Reading(chosen(found, "Tags", "VpcId"))


def route(account: Account, physical_id: str, wanted: Wanted) -> Reading:
    """Reads AWS::EC2::Route, whose physical id is `<route table>|<destination>`."""
    table, _, destination = physical_id.partition("|")
    (found,) = account.client("ec2").describe_route_tables(RouteTableIds=[table])["RouteTables"]
    (entry,) = [one for one in found["Routes"] if one.get("DestinationCidrBlock") == destination]
    return Reading(
        {
            "RouteTableId": found["RouteTableId"],
            **chosen(entry, "DestinationCidrBlock", "GatewayId", "NatGatewayId"),
        }
    )


def route_table_association(account: Account, physical_id: str, wanted: Wanted) -> Reading:
    """Reads AWS::EC2::SubnetRouteTableAssociation."""
    answer = account.client("ec2").describe_route_tables(
        Filters=[{"Name": "association.route-table-association-id", "Values": [physical_id]}]
    )
    (table,) = answer["RouteTables"]
    (found,) = [one for one in table["Associations"] if one["RouteTableAssociationId"] == physical_id]
    return Reading(chosen(found, "RouteTableId", "SubnetId"))


def address(account: Account, physical_id: str, wanted: Wanted) -> Reading:
    """Reads AWS::EC2::EIP, whose physical id is the address."""
    (found,) = account.client("ec2").describe_addresses(PublicIps=[physical_id])["Addresses"]
    return Reading(chosen(found, "Domain", "Tags"), chosen(found, "AllocationId"))


def nat_gateway(account: Account, physical_id: str, wanted: Wanted) -> Reading:
    """Reads AWS::EC2::NatGateway."""
    (found,) = account.client("ec2").describe_nat_gateways(NatGatewayIds=[physical_id])["NatGateways"]
    (used,) = found["NatGatewayAddresses"]
    return Reading({"AllocationId": used["AllocationId"], **chosen(found, "SubnetId", "Tags")})


def endpoint(account: Account, physical_id: str, wanted: Wanted) -> Reading:
    """Reads AWS::EC2::VPCEndpoint."""
    (found,) = account.client("ec2").describe_vpc_endpoints(VpcEndpointIds=[physical_id])["VpcEndpoints"]
    names = ("PrivateDnsEnabled", "RouteTableIds", "ServiceName", "SubnetIds", "VpcEndpointType", "VpcId")
    groups = [group["GroupId"] for group in found.get("Groups", [])]
    return Reading({"SecurityGroupIds": groups, **chosen(found, *names)}, complete=frozenset({"SecurityGroupIds"}))


def security_group(account: Account, physical_id: str, wanted: Wanted) -> Reading:
    """Reads AWS::EC2::SecurityGroup with those of its rules that are no resources of their own."""
    ec2 = account.client("ec2")
    (found,) = ec2.describe_security_groups(GroupIds=[physical_id])["SecurityGroups"]
    pages = ec2.get_paginator("describe_security_group_rules").paginate(
        Filters=[{"Name": "group-id", "Values": [physical_id]}]
    )
    rules = [rule for page in pages for rule in page["SecurityGroupRules"]]
    own = [rule for rule in rules if rule["SecurityGroupRuleId"] not in account.physical_ids]
    return Reading(
        {
            "GroupDescription": found["Description"],
            "SecurityGroupEgress": [_rule(rule) for rule in own if rule["IsEgress"]],
            "SecurityGroupIngress": [_rule(rule) for rule in own if not rule["IsEgress"]],
            **chosen(found, "Tags", "VpcId"),
        },
        chosen(found, "GroupId"),
        frozenset({"SecurityGroupEgress", "SecurityGroupIngress"}),
    )


def security_group_rule(account: Account, physical_id: str, wanted: Wanted) -> Reading:
    """Reads AWS::EC2::SecurityGroupIngress and AWS::EC2::SecurityGroupEgress."""
    answer = account.client("ec2").describe_security_group_rules(SecurityGroupRuleIds=[physical_id])
    (found,) = answer["SecurityGroupRules"]
    return Reading({"GroupId": found["GroupId"], **_rule(found)})


def _rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    names = {"CidrIpv4": "CidrIp", "CidrIpv6": "CidrIpv6", "Description": "Description"}
    found = {ours: rule[theirs] for theirs, ours in names.items() if theirs in rule}
    if "ReferencedGroupInfo" in rule:
        other = "DestinationSecurityGroupId" if rule["IsEgress"] else "SourceSecurityGroupId"
        found[other] = rule["ReferencedGroupInfo"]["GroupId"]
    return found | {name: rule[name] for name in ("FromPort", "IpProtocol", "ToPort") if name in rule}


def flow_log(account: Account, physical_id: str, wanted: Wanted) -> Reading:
    """Reads AWS::EC2::FlowLog; the kind of its resource is told by the prefix of the resource's id."""
    (found,) = account.client("ec2").describe_flow_logs(FlowLogIds=[physical_id])["FlowLogs"]
    kinds = {"vpc": "VPC", "subnet": "Subnet", "eni": "NetworkInterface"}
    names = ("DeliverLogsPermissionArn", "LogDestinationType", "LogGroupName", "MaxAggregationInterval")
    return Reading(
        {
            "ResourceType": kinds[found["ResourceId"].partition("-")[0]],
            **chosen(found, *names, "ResourceId", "Tags", "TrafficType"),
        }
    )


READERS: Mapping[str, Reader] = {
    "AWS::EC2::EIP": address,
    "AWS::EC2::FlowLog": flow_log,
    "AWS::EC2::InternetGateway": internet_gateway,
    "AWS::EC2::NatGateway": nat_gateway,
    "AWS::EC2::Route": route,
    "AWS::EC2::RouteTable": route_table,
    "AWS::EC2::SecurityGroup": security_group,
    "AWS::EC2::SecurityGroupEgress": security_group_rule,
    "AWS::EC2::SecurityGroupIngress": security_group_rule,
    "AWS::EC2::Subnet": subnet,
    "AWS::EC2::SubnetRouteTableAssociation": route_table_association,
    "AWS::EC2::VPC": vpc,
    "AWS::EC2::VPCEndpoint": endpoint,
    "AWS::EC2::VPCGatewayAttachment": gateway_attachment,
}
