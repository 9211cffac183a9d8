"""Current properties of AWS::EC2:: resources (the Describe operations of the EC2 API reference)."""

from collections.abc import Mapping
from typing import Any

from emulator import bridge
from emulator.bridge_drift import Reader, attached
from emulator.drift.shapes import Current, Properties, chosen, like, present

_RULE_PEERS = (("IpRanges", "CidrIp"), ("Ipv6Ranges", "CidrIpv6"))
_RULE_KEYS = ("IpProtocol", "FromPort", "ToPort", "CidrIp", "CidrIpv6", "Description")


def _client() -> Any:
    return bridge.client("ec2")


def _vpc(physical_id: str, props: Properties) -> Current:
    found = present(lambda: _client().describe_vpcs(VpcIds=[physical_id])["Vpcs"])
    if not found:
        return None
    current = dict(found[0])
    for name in ("EnableDnsSupport", "EnableDnsHostnames"):
        attribute = name[0].lower() + name[1:]
        current[name] = _client().describe_vpc_attribute(VpcId=physical_id, Attribute=attribute)[name]["Value"]
    return chosen(props, current)


def _subnet(physical_id: str, props: Properties) -> Current:
    found = present(lambda: _client().describe_subnets(SubnetIds=[physical_id])["Subnets"])
    return chosen(props, found[0]) if found else None


def _route_table(physical_id: str, props: Properties) -> Current:
    found = present(lambda: _client().describe_route_tables(RouteTableIds=[physical_id])["RouteTables"])
    return chosen(props, found[0]) if found else None


def _route(physical_id: str, props: Properties) -> Current:
    table = str(props["RouteTableId"])
    found = present(lambda: _client().describe_route_tables(RouteTableIds=[table])["RouteTables"])
    routes = found[0]["Routes"] if found else []
    here = [item for item in routes if item.get("DestinationCidrBlock") == props.get("DestinationCidrBlock")]
    return chosen(props, {**here[0], "RouteTableId": table}) if here else None


def _association(physical_id: str, props: Properties) -> Current:
    table = str(props["RouteTableId"])
    found = present(lambda: _client().describe_route_tables(RouteTableIds=[table])["RouteTables"])
    associations = found[0]["Associations"] if found else []
    here = [item for item in associations if item["RouteTableAssociationId"] == physical_id]
    return chosen(props, here[0]) if here else None


def _internet_gateway(physical_id: str, props: Properties) -> Current:
    found = present(lambda: _client().describe_internet_gateways(InternetGatewayIds=[physical_id])["InternetGateways"])
    return chosen(props, found[0]) if found else None


def _attachment(physical_id: str, props: Properties) -> Current:
    gateway = [str(props.get("InternetGatewayId", ""))]
    found = present(lambda: _client().describe_internet_gateways(InternetGatewayIds=gateway)["InternetGateways"])
    attached_to = [item["VpcId"] for item in (found[0]["Attachments"] if found else [])]
    return {} if props["VpcId"] in attached_to else None


def _address(physical_id: str, props: Properties) -> Current:
    found = present(lambda: _client().describe_addresses(PublicIps=[physical_id])["Addresses"])
    return {} if found else None


def _nat_gateway(physical_id: str, props: Properties) -> Current:
    found = present(lambda: _client().describe_nat_gateways(NatGatewayIds=[physical_id])["NatGateways"])
    live = [item for item in found or () if item["State"] not in ("deleting", "deleted")]
    return chosen(props, live[0], "SubnetId", "ConnectivityType") if live else None


def _endpoint(physical_id: str, props: Properties) -> Current:
    found = present(lambda: _client().describe_vpc_endpoints(VpcEndpointIds=[physical_id])["VpcEndpoints"])
    names = ("ServiceName", "VpcEndpointType", "VpcId", "RouteTableIds", "SubnetIds", "PrivateDnsEnabled")
    return chosen(props, found[0], *names) if found else None


def _flow_log(physical_id: str, props: Properties) -> Current:
    found = present(lambda: _client().describe_flow_logs(FlowLogIds=[physical_id])["FlowLogs"])
    return {} if found else None


def _security_group(physical_id: str, props: Properties) -> Current:
    """Rules that resources of the same stack add are theirs, not the group's ("Drift detection considerations", user
    guide, on attachments); an empty list of rules is not compared (cloudformation-coverage-roadmap#2091).
    """
    found = present(lambda: _client().describe_security_groups(GroupIds=[physical_id])["SecurityGroups"])
    if not found:
        return None
    group = found[0]
    current: dict[str, Any] = {"GroupDescription": group["Description"], **group}
    for direction, field, peer in (
        ("Ingress", "IpPermissions", "SourceSecurityGroupId"),
        ("Egress", "IpPermissionsEgress", "DestinationSecurityGroupId"),
    ):
        name = f"SecurityGroup{direction}"
        others = [item for item in attached(f"AWS::EC2::{name}") if item.get("GroupId") == physical_id]
        current[name] = _without(_rules(group[field], peer), others) if props.get(name) else []
    return chosen(props, current)


def _rules(permissions: list[Mapping[str, Any]], peer: str) -> list[dict[str, Any]]:
    """A group's permissions as a template lists rules, one for each peer."""
    rules = []
    for permission in permissions:
        base = {key: permission[key] for key in ("IpProtocol", "FromPort", "ToPort") if key in permission}
        for field, key in (*_RULE_PEERS, ("UserIdGroupPairs", "GroupId"), ("PrefixListIds", "PrefixListId")):
            named = {"GroupId": peer, "PrefixListId": peer.replace("SecurityGroup", "PrefixList")}.get(key, key)
            for item in permission.get(field) or ():
                described = {"Description": item["Description"]} if item.get("Description") else {}
                rules.append({**base, named: item[key], **described})
    return rules


def _without(rules: list[dict[str, Any]], others: list[Properties]) -> list[dict[str, Any]]:
    left = list(rules)
    for other in others:
        keys = {key: value for key, value in other.items() if key not in ("GroupId", "Tags")}
        same = next((rule for rule in left if like(keys, rule) == keys and rule.keys() == keys.keys()), None)
        if same is not None:
            left.remove(same)
    return left


def _rule(physical_id: str, props: Properties) -> Current:
    found = present(
        lambda: _client().describe_security_group_rules(SecurityGroupRuleIds=[physical_id])["SecurityGroupRules"]
    )
    if not found:
        return None
    rule = found[0]
    current = {**rule, "CidrIp": rule.get("CidrIpv4")}
    peer = (rule.get("ReferencedGroupInfo") or {}).get("GroupId")
    current |= {"SourceSecurityGroupId": peer, "DestinationSecurityGroupId": peer}
    return chosen(props, current, *_RULE_KEYS, "SourceSecurityGroupId", "DestinationSecurityGroupId")


READERS: Mapping[str, tuple[Reader, tuple[str, ...]]] = {
    "AWS::EC2::EIP": (_address, ()),
    "AWS::EC2::FlowLog": (_flow_log, ()),
    "AWS::EC2::InternetGateway": (_internet_gateway, ("Tags",)),
    "AWS::EC2::NatGateway": (_nat_gateway, ("SubnetId", "ConnectivityType")),
    "AWS::EC2::Route": (_route, ("RouteTableId", "DestinationCidrBlock", "GatewayId", "NatGatewayId")),
    "AWS::EC2::RouteTable": (_route_table, ("VpcId", "Tags")),
    "AWS::EC2::SecurityGroup": (
        _security_group,
        ("GroupDescription", "GroupName", "VpcId", "SecurityGroupIngress", "SecurityGroupEgress", "Tags"),
    ),
    "AWS::EC2::SecurityGroupEgress": (_rule, (*_RULE_KEYS, "DestinationSecurityGroupId")),
    "AWS::EC2::SecurityGroupIngress": (_rule, (*_RULE_KEYS, "SourceSecurityGroupId")),
    "AWS::EC2::Subnet": (_subnet, ("CidrBlock", "AvailabilityZone", "MapPublicIpOnLaunch", "VpcId", "Tags")),
    "AWS::EC2::SubnetRouteTableAssociation": (_association, ("RouteTableId", "SubnetId")),
    "AWS::EC2::VPC": (_vpc, ("CidrBlock", "EnableDnsSupport", "EnableDnsHostnames", "Tags")),
    "AWS::EC2::VPCEndpoint": (
        _endpoint,
        ("ServiceName", "VpcEndpointType", "VpcId", "RouteTableIds", "SubnetIds", "PrivateDnsEnabled"),
    ),
    "AWS::EC2::VPCGatewayAttachment": (_attachment, ()),
}
