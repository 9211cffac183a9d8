"""Networks: the zones of a new VPC, or an existing VPC with its range and its subnets.

Sources: "Fn::GetAZs" (CloudFormation template reference) for which zones a new VPC gets; "Supported Regions for Amazon
ECS on AWS Fargate" (ECS developer guide) for zones without Fargate; `CreateLoadBalancer.Subnets` (Elastic Load
Balancing service model) and "Subnets for your load balancer" (its user guide) for what a load balancer takes.
"""

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Network
from typing import Any, Final

from botocore.exceptions import ClientError

from deployer.aws import Aws
from deployer.preflight.sites import Site
from deployer.target_checks import key_of
from generator import parameters as p
from generator.parameters import RootParameter

FARGATE_ZONES: Final[Mapping[str, frozenset[str]]] = {
    "us-west-1": frozenset({"usw1-az1", "usw1-az3"}),
    "ap-northeast-1": frozenset({"apne1-az1", "apne1-az2", "apne1-az4"}),
    "cn-north-1": frozenset({"cnn1-az1", "cnn1-az2"}),
}
"""The ids of the zones that have Fargate, in Regions where not all have it."""
FEWEST_ZONES: Final = 2
LONGEST_PREFIX: Final = 27
"""A load balancer takes no smaller subnet."""


def findings(aws: Aws, site: Site) -> Iterator[str]:
    """Yields what is wrong with the network that a site names, or with the zones for a new one."""
    ec2 = aws.client("ec2", site.account, site.region)
    yield from _existing(ec2, site) if site.value(p.VPC_ID) else _new(ec2, site)


def _new(ec2: Any, site: Site) -> Iterator[str]:
    wanted = int(site.value(p.ZONE_COUNT))
    zones = given_zones(ec2)
    if len(zones) < wanted:
        named = ", ".join(zones) or "none"
        remedy = f"set {key_of(p.ZONE_COUNT)} to {len(zones)} for it" if len(zones) >= FEWEST_ZONES else "remove it"
        yield (
            f"CloudFormation gives {site.where} {len(zones)} Availability Zones ({named}), fewer than"
            f" {site.says(p.ZONE_COUNT)}: {remedy}, or use an existing VPC."
        )
    for name, zone in list(zones.items())[:wanted]:
        if not has_fargate(site.region, zone):
            yield (
                f"A new VPC of {site.where} would span {name} ({zone}), which has no Fargate: use an existing VPC with"
                f" subnets in other zones ({key_of(p.VPC_ID)}), or another Region."
            )


def given_zones(ec2: Any) -> dict[str, str]:
    """Returns the zones that Fn::GetAZs gives, by name in its order, with their ids.

    They are those with a default subnet, or all where no zone has one, whatever state they are in: a zone in trouble
    stops no deployment to a network that stands.
    """
    own = [{"Name": "zone-type", "Values": ["availability-zone"]}]
    listed = ec2.describe_availability_zones(Filters=own)["AvailabilityZones"]
    zones = {zone["ZoneName"]: zone["ZoneId"] for zone in listed}
    default = {subnet["AvailabilityZone"] for subnet in _subnets(ec2, "default-for-az", "true")}
    return {name: zones[name] for name in sorted(zones.keys() & default or zones)}


def has_fargate(region: str, zone: str) -> bool:
    """Returns whether a zone, by its id, has Fargate."""
    return zone in FARGATE_ZONES.get(region, {zone})


def _existing(ec2: Any, site: Site) -> Iterator[str]:
    vpc = site.value(p.VPC_ID)
    try:
        (found,) = ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"]
    except ClientError as error:
        if not error.response["Error"]["Code"].startswith("InvalidVpcID"):
            raise
        yield f"The VPC of {site.where} does not exist there: correct {site.says(p.VPC_ID)}."
        return
    ranges = {found["CidrBlock"]} | {
        block["CidrBlock"]
        for block in found.get("CidrBlockAssociationSet", ())
        if block["CidrBlockState"]["State"] == "associated"
    }
    if site.value(p.VPC_CIDR) not in ranges:
        yield (
            f"The VPC {vpc} of {site.where} has the range {' and '.join(sorted(ranges))}, not"
            f" {site.says(p.VPC_CIDR)}: give it one of its own."
        )
        return
    subnets = {subnet["SubnetId"]: subnet for subnet in _subnets(ec2, "vpc-id", vpc)}
    for parameter in (p.PUBLIC_SUBNET_IDS, p.PRIVATE_SUBNET_IDS):
        if not site.items(parameter):
            continue
        strangers = [name for name in site.items(parameter) if name not in subnets]
        if strangers:
            yield (
                f"The VPC {vpc} of {site.where} has no subnet {' or '.join(strangers)}: correct {key_of(parameter)}."
            )
        else:
            yield from _subnet_findings([subnets[name] for name in site.items(parameter)], site, parameter)
    yield from _routes(ec2, site, vpc)


def _subnet_findings(subnets: Sequence[Mapping[str, Any]], site: Site, parameter: RootParameter) -> Iterator[str]:
    key = key_of(parameter)
    balanced = parameter is _of_load_balancer(site)
    zones = [subnet["AvailabilityZone"] for subnet in subnets]
    if len(set(zones)) < FEWEST_ZONES:
        yield (
            f"The subnets of {site.where} all lie in {zones[0]}: name subnets of two or three different zones in {key}."
        )
    elif balanced and len(set(zones)) < len(zones):
        twice = next(zone for zone in zones if zones.count(zone) > 1)
        yield (
            f"Two subnets of {site.where} lie in {twice}, but a load balancer takes one of each zone: remove one of"
            f" them from {key}."
        )
    for subnet in subnets:
        block, name = IPv4Network(subnet["CidrBlock"]), subnet["SubnetId"]
        if not block.subnet_of(IPv4Network(site.value(p.VPC_CIDR))):
            yield (
                f"The subnet {name} of {site.where} has the range {block}, which is not in {site.says(p.VPC_CIDR)}:"
                f" name another in {key}, or give the range that all of them lie in."
            )
        if balanced and block.prefixlen > LONGEST_PREFIX:
            yield (
                f"The subnet {name} of {site.where} is a /{block.prefixlen}, too small for a load balancer: name one of"
                f" at least /{LONGEST_PREFIX} in {key}."
            )
        zone = subnet.get("AvailabilityZoneId", "")
        if parameter is p.PRIVATE_SUBNET_IDS and not has_fargate(site.region, zone):
            yield (
                f"The subnet {name} of {site.where} lies in {zone}, which has no Fargate: name one of another zone in"
                f" {key}."
            )


def _of_load_balancer(site: Site) -> RootParameter:
    return p.PRIVATE_SUBNET_IDS if site.value(p.EXPOSURE) == "private" else p.PUBLIC_SUBNET_IDS


def _routes(ec2: Any, site: Site, vpc: str) -> Iterator[str]:
    """Yields a sentence for each subnet from which an internal load balancer would not reach the issuer that is made.

    It fetches the token issuer's public keys itself (aws-cdk#37494), and those of Amazon Cognito lie on the internet;
    of an existing issuer only its owner knows where it is reached.
    """
    if site.value(p.EXPOSURE) != "private" or site.value(p.ISSUER) or not site.host:
        return
    pages = ec2.get_paginator("describe_route_tables").paginate(Filters=[{"Name": "vpc-id", "Values": [vpc]}])
    tables = [table for page in pages for table in page["RouteTables"]]
    routed = {link.get("SubnetId", ""): table for table in tables for link in table.get("Associations", ())}
    main: Mapping[str, Any] = next(
        (t for t in tables if any(link.get("Main") for link in t.get("Associations", ()))), {}
    )
    for name in site.items(p.PRIVATE_SUBNET_IDS):
        routes = routed.get(name, main).get("Routes", ())
        if not any(one.get("DestinationCidrBlock") == "0.0.0.0/0" and one.get("State") == "active" for one in routes):
            yield (
                f"The subnet {name} of {site.where} has no route to the internet, so that an internal load balancer"
                f" could not read the token issuer's public keys: give it one through NAT, or name another in"
                f" {key_of(p.PRIVATE_SUBNET_IDS)}."
            )


def _subnets(ec2: Any, name: str, value: str) -> Iterator[Mapping[str, Any]]:
    filters = [{"Name": name, "Values": [value]}]
    for page in ec2.get_paginator("describe_subnets").paginate(Filters=filters):
        yield from page["Subnets"]
