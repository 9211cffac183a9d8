"""The network: a VPC over two or three zones or an existing one, and the security groups that other layers share."""

from dataclasses import dataclass

from awacs import logs as logs_actions
from troposphere import AWSHelperFn, AWSObject, Cidr, GetAZs, Join, Select, Sub, Tags, ec2, iam, logs

from generator import conditions as c
from generator import parameters as p
from generator import protection
from generator.composition import Condition, Layer, Scope, Value, after, wire, wire_list
from generator.policies import allow, policy, regional_arn, trust
from generator.serving import CONTAINER_PORT

ZONES = ("A", "B", "C")
ANYWHERE = "0.0.0.0/0"
EMPTY_SUBNETS_REFUSED = {"W1030": "the rule ExistingVpcNeedsSubnets refuses empty subnets with an existing VPC"}
"""Why the empty default of the subnets never reaches a resource."""
INTERFACE_SERVICES = {
    "EcrApi": ("ecr.api", "image manifests"),
    "EcrDocker": ("ecr.dkr", "image layers"),
    "Logs": ("logs", "log streams"),
    "SecretsManager": ("secretsmanager", "the tools' secret"),
}


@dataclass(frozen=True)
class Inputs:
    """The network needs nothing of other layers."""


@dataclass(frozen=True)
class Outputs:
    """Where the other layers place what they make."""

    vpc_id: Value = wire("VPC of the runtime.")
    load_balancer_subnet_ids: Value = wire_list("Subnets for the load balancer.")
    private_subnet_ids: Value = wire_list("Subnets for the tasks.")
    load_balancer_security_group_id: Value = wire("Security group of the load balancer.")
    gateway_security_group_id: Value = wire("Security group of the gateway's private endpoint; empty without one.")
    task_security_group_id: Value = wire("Security group of the tasks.")
    nat_gateway_ids: Value = wire("Ids of the NAT gateways as a search of metrics takes them; empty without any.")


def build(scope: Scope, inputs: Inputs) -> Outputs:
    """Adds the VPC with subnets, routes, NAT, endpoints and flow logs, or takes the existing one, and the groups."""
    vpc = _vpc(scope)
    vpc_id = scope.choose(c.CREATES_VPC, vpc.ref(), scope.parameter(p.VPC_ID))
    gateway, attachment = _internet_gateway(scope, vpc)
    public = _subnets(scope, vpc, "Public", 0)
    private = _subnets(scope, vpc, "Private", 3)
    public_table, public_ready = _public_routes(scope, vpc, gateway, attachment, public)
    private_tables, private_ready, nat_gateways = _private_routes(scope, vpc, attachment, public, private)
    groups = _security_groups(scope, vpc_id)
    private_ready.append(_s3_endpoint(scope, vpc, [public_table, *private_tables]))
    private_ready.extend(_interface_endpoints(scope, vpc, private, groups.tasks))
    _flow_log(scope, vpc)
    public_ids = after(
        scope.choose(c.CREATES_VPC, _ids(scope, public), scope.parameter(p.PUBLIC_SUBNET_IDS)), *public_ready
    )
    private_ids = after(
        scope.choose(c.CREATES_VPC, _ids(scope, private), scope.parameter(p.PRIVATE_SUBNET_IDS)), *private_ready
    )
    return Outputs(
        vpc_id=vpc_id,
        load_balancer_subnet_ids=scope.choose(c.IS_PRIVATE, private_ids, public_ids),
        private_subnet_ids=private_ids,
        load_balancer_security_group_id=after(groups.load_balancer.get_att("GroupId"), *groups.client_rules),
        gateway_security_group_id=after(
            scope.choose(c.HAS_PRIVATE_ENDPOINT, groups.gateway.get_att("GroupId"), ""), *groups.client_rules
        ),
        task_security_group_id=after(groups.tasks.get_att("GroupId"), *groups.task_rules),
        nat_gateway_ids=_listed(scope, nat_gateways),
    )


def _tags(scope: Scope, role: str) -> Tags:
    return Tags(Name=Join("-", [scope.parameter(p.RUNTIME_NAME), role]))


def _zone_condition(zone: str) -> Condition:
    return c.CREATES_THIRD_ZONE if zone == "C" else c.CREATES_VPC


def _ids(scope: Scope, subnets: list[ec2.Subnet]) -> AWSHelperFn:
    references = [subnet.ref() for subnet in subnets]
    return scope.choose(c.SPANS_THREE_ZONES, references, references[:2])


def _vpc(scope: Scope) -> ec2.VPC:
    return scope.add(
        ec2.VPC(
            "Vpc",
            CidrBlock=scope.parameter(p.VPC_CIDR),
            EnableDnsSupport=True,
            EnableDnsHostnames=True,
            Tags=_tags(scope, "vpc"),
        ),
        "Isolates the runtime's network from everything else in the account.",
        c.CREATES_VPC,
    )


def _internet_gateway(scope: Scope, vpc: ec2.VPC) -> tuple[ec2.InternetGateway, ec2.VPCGatewayAttachment]:
    gateway = scope.add(
        ec2.InternetGateway("InternetGateway", Tags=_tags(scope, "internet")),
        "Connects the public subnets to the internet.",
        c.CREATES_VPC,
    )
    attachment = scope.add(
        ec2.VPCGatewayAttachment("InternetGatewayAttachment", VpcId=vpc.ref(), InternetGatewayId=gateway.ref()),
        "Attaches the internet gateway to the VPC.",
        c.CREATES_VPC,
    )
    return gateway, attachment


def _subnets(scope: Scope, vpc: ec2.VPC, kind: str, offset: int) -> list[ec2.Subnet]:
    blocks = Cidr(scope.parameter(p.VPC_CIDR), 2 * len(ZONES), scope.parameter(p.SUBNET_BITS))
    use = "the load balancer and NAT" if kind == "Public" else "the tasks"
    return [
        scope.add(
            ec2.Subnet(
                f"{kind}Subnet{zone}",
                VpcId=vpc.ref(),
                CidrBlock=Select(offset + index, blocks),
                AvailabilityZone=Select(index, GetAZs("")),
                MapPublicIpOnLaunch=False,
                Tags=_tags(scope, f"{kind.lower()}-{zone.lower()}"),
            ),
            f"{kind} subnet of zone {zone} for {use}.",
            _zone_condition(zone),
        )
        for index, zone in enumerate(ZONES)
    ]


def _public_routes(
    scope: Scope,
    vpc: ec2.VPC,
    gateway: ec2.InternetGateway,
    attachment: ec2.VPCGatewayAttachment,
    subnets: list[ec2.Subnet],
) -> tuple[ec2.RouteTable, list[AWSObject]]:
    table = scope.add(
        ec2.RouteTable("PublicRouteTable", VpcId=vpc.ref(), Tags=_tags(scope, "public")),
        "Routes of the public subnets.",
        c.CREATES_VPC,
    )
    route = scope.add(
        ec2.Route(
            "PublicDefaultRoute",
            RouteTableId=table.ref(),
            DestinationCidrBlock=ANYWHERE,
            GatewayId=gateway.ref(),
            DependsOn=attachment.title,
        ),
        "Sends the public subnets' traffic for the internet to the internet gateway.",
        c.CREATES_VPC,
    )
    associations = [
        _associate(scope, f"PublicSubnet{zone}Routes", subnet, table, zone)
        for zone, subnet in zip(ZONES, subnets, strict=True)
    ]
    return table, [route, *associations]


def _private_routes(
    scope: Scope,
    vpc: ec2.VPC,
    attachment: ec2.VPCGatewayAttachment,
    public: list[ec2.Subnet],
    private: list[ec2.Subnet],
) -> tuple[list[ec2.RouteTable], list[AWSObject], list[ec2.NatGateway]]:
    conditions = (c.CREATES_VPC, c.CREATES_SECOND_NAT, c.CREATES_THIRD_NAT)
    gateways = [
        _nat_gateway(scope, zone, subnet, attachment, condition)
        for zone, subnet, condition in zip(ZONES, public, conditions, strict=True)
    ]
    tables: list[ec2.RouteTable] = []
    ready: list[AWSObject] = []
    for zone, subnet, gateway in zip(ZONES, private, gateways, strict=True):
        table = scope.add(
            ec2.RouteTable(f"PrivateRouteTable{zone}", VpcId=vpc.ref(), Tags=_tags(scope, f"private-{zone.lower()}")),
            f"Routes of the private subnet of zone {zone}.",
            _zone_condition(zone),
        )
        nat = gateways[0].ref() if zone == "A" else scope.choose(c.NAT_PER_ZONE, gateway.ref(), gateways[0].ref())
        route = scope.add(
            ec2.Route(
                f"PrivateDefaultRoute{zone}",
                RouteTableId=table.ref(),
                DestinationCidrBlock=ANYWHERE,
                NatGatewayId=nat,
            ),
            f"Sends the tasks' traffic for the internet in zone {zone} through NAT.",
            _zone_condition(zone),
        )
        ready += [route, _associate(scope, f"PrivateSubnet{zone}Routes", subnet, table, zone)]
        tables.append(table)
    return tables, ready, gateways


def _listed(scope: Scope, gateways: list[ec2.NatGateway]) -> AWSHelperFn:
    """Returns the ids with OR between them, quoted as within JSON, but for the outer quotes."""

    def of(count: int) -> AWSHelperFn:
        return Join('\\" OR \\"', [one.ref() for one in gateways[:count]])

    several = scope.choose(c.CREATES_THIRD_NAT, of(3), scope.choose(c.CREATES_SECOND_NAT, of(2), of(1)))
    return scope.choose(c.CREATES_VPC, several, "")


def _associate(scope: Scope, title: str, subnet: ec2.Subnet, table: ec2.RouteTable, zone: str) -> AWSObject:
    return scope.add(
        ec2.SubnetRouteTableAssociation(title, SubnetId=subnet.ref(), RouteTableId=table.ref()),
        f"Gives {subnet.title} the routes of {table.title}.",
        _zone_condition(zone),
    )


def _nat_gateway(
    scope: Scope, zone: str, subnet: ec2.Subnet, attachment: AWSObject, condition: Condition
) -> ec2.NatGateway:
    address = scope.add(
        ec2.EIP(
            f"NatAddress{zone}",
            Domain="vpc",
            DependsOn=attachment.title,
            Tags=_tags(scope, f"nat-{zone.lower()}"),
        ),
        f"Public address from which the tasks call out through zone {zone}.",
        condition,
    )
    return scope.add(
        ec2.NatGateway(
            f"NatGateway{zone}",
            AllocationId=address.get_att("AllocationId"),
            SubnetId=subnet.ref(),
            DependsOn=attachment.title,
            Tags=_tags(scope, f"nat-{zone.lower()}"),
        ),
        f"Lets the tasks call out to the internet through zone {zone} without being reachable.",
        condition,
    )


@dataclass(frozen=True)
class _SecurityGroups:
    load_balancer: ec2.SecurityGroup
    gateway: ec2.SecurityGroup
    tasks: ec2.SecurityGroup
    client_rules: list[AWSObject]
    task_rules: list[AWSObject]


def _security_groups(scope: Scope, vpc_id: Value) -> _SecurityGroups:
    load_balancer = scope.add(
        ec2.SecurityGroup(
            "LoadBalancerSecurityGroup",
            GroupDescription="Load balancer of the MCP runtime",
            VpcId=vpc_id,
            SecurityGroupEgress=[
                ec2.SecurityGroupRule(
                    IpProtocol="tcp",
                    FromPort=443,
                    ToPort=443,
                    CidrIp=ANYWHERE,
                    Description="Public keys of the token issuer",
                )
            ],
            Tags=_tags(scope, "load-balancer"),
        ),
        "Admits clients to the load balancer's listeners and nothing else.",
    )
    tasks = scope.add(
        ec2.SecurityGroup(
            "TaskSecurityGroup",
            GroupDescription="Tasks of the MCP runtime",
            VpcId=vpc_id,
            SecurityGroupEgress=[
                ec2.SecurityGroupRule(
                    IpProtocol="tcp",
                    FromPort=443,
                    ToPort=443,
                    CidrIp=ANYWHERE,
                    Description="ECR, CloudWatch Logs, Secrets Manager and the services that tools call",
                )
            ],
            Tags=_tags(scope, "tasks"),
        ),
        "Admits only the load balancer to the tasks.",
    )
    client_rules: list[AWSObject] = [
        scope.add(
            ec2.SecurityGroupIngress(
                f"LoadBalancer{title}",
                GroupId=load_balancer.get_att("GroupId"),
                IpProtocol="tcp",
                FromPort=port,
                ToPort=port,
                CidrIp=ANYWHERE,
                Description=purpose,
            ),
            f"Lets clients reach port {port} of the load balancer once it has a certificate.",
            c.HAS_PUBLIC_ENDPOINT,
        )
        for title, port, purpose in (("HttpsIngress", 443, "MCP over HTTPS"), ("HttpIngress", 80, "Redirect to HTTPS"))
    ]
    gateway, gateway_rule = _gateway_group(scope, vpc_id, load_balancer)
    client_rules.append(gateway_rule)
    egress = scope.add(
        ec2.SecurityGroupEgress(
            "LoadBalancerTaskEgress",
            GroupId=load_balancer.get_att("GroupId"),
            IpProtocol="tcp",
            FromPort=CONTAINER_PORT,
            ToPort=CONTAINER_PORT,
            DestinationSecurityGroupId=tasks.get_att("GroupId"),
            Description="Calls and health checks",
        ),
        "Lets the load balancer reach the tasks' port.",
    )
    ingress = scope.add(
        ec2.SecurityGroupIngress(
            "TaskIngress",
            GroupId=tasks.get_att("GroupId"),
            IpProtocol="tcp",
            FromPort=CONTAINER_PORT,
            ToPort=CONTAINER_PORT,
            SourceSecurityGroupId=load_balancer.get_att("GroupId"),
            Description="Calls and health checks",
        ),
        "Admits the load balancer to the tasks' port.",
    )
    return _SecurityGroups(load_balancer, gateway, tasks, client_rules, [egress, ingress])


def _gateway_group(
    scope: Scope, vpc_id: Value, load_balancer: ec2.SecurityGroup
) -> tuple[ec2.SecurityGroup, ec2.SecurityGroupIngress]:
    """The group of the interfaces through which the gateway enters the VPC, and the one rule that lets it further.

    A group is stateful and names are resolved by the VPC's own resolver, which no group filters (VPC user guide,
    "Security group rules"), so that one port towards the load balancer is all that the interfaces need.
    """
    group = scope.add(
        ec2.SecurityGroup(
            "GatewaySecurityGroup",
            GroupDescription="Private endpoint of the gateway of the MCP runtime",
            VpcId=vpc_id,
            SecurityGroupEgress=[
                ec2.SecurityGroupRule(
                    IpProtocol="tcp",
                    FromPort=443,
                    ToPort=443,
                    DestinationSecurityGroupId=load_balancer.get_att("GroupId"),
                    Description="MCP over HTTPS",
                )
            ],
            Tags=_tags(scope, "gateway"),
        ),
        "Lets the gateway's network interfaces reach the load balancer and nothing else.",
        c.HAS_PRIVATE_ENDPOINT,
    )
    rule = scope.add(
        ec2.SecurityGroupIngress(
            "LoadBalancerGatewayIngress",
            GroupId=load_balancer.get_att("GroupId"),
            IpProtocol="tcp",
            FromPort=443,
            ToPort=443,
            SourceSecurityGroupId=group.get_att("GroupId"),
            Description="MCP over HTTPS from the gateway",
        ),
        "Admits the gateway, and nobody else, to the internal load balancer.",
        c.HAS_PRIVATE_ENDPOINT,
    )
    return group, rule


def _s3_endpoint(scope: Scope, vpc: ec2.VPC, tables: list[ec2.RouteTable]) -> AWSObject:
    references = [table.ref() for table in tables]
    return scope.add(
        ec2.VPCEndpoint(
            "S3Endpoint",
            VpcId=vpc.ref(),
            ServiceName=Sub("com.amazonaws.${AWS::Region}.s3"),
            VpcEndpointType="Gateway",
            RouteTableIds=scope.choose(c.SPANS_THREE_ZONES, references, references[:3]),
        ),
        "Keeps traffic for S3, image layers among it, off NAT and off the internet.",
        c.CREATES_VPC,
    )


def _interface_endpoints(
    scope: Scope, vpc: ec2.VPC, subnets: list[ec2.Subnet], task_group: ec2.SecurityGroup
) -> list[AWSObject]:
    group = scope.add(
        ec2.SecurityGroup(
            "EndpointSecurityGroup",
            GroupDescription="Interface endpoints of the MCP runtime",
            VpcId=vpc.ref(),
            SecurityGroupIngress=[
                ec2.SecurityGroupRule(
                    IpProtocol="tcp",
                    FromPort=443,
                    ToPort=443,
                    SourceSecurityGroupId=task_group.get_att("GroupId"),
                    Description="AWS APIs for the tasks",
                )
            ],
            SecurityGroupEgress=[
                ec2.SecurityGroupRule(
                    IpProtocol="tcp",
                    FromPort=443,
                    ToPort=443,
                    CidrIp=scope.parameter(p.VPC_CIDR),
                    Description="Within the VPC only",
                )
            ],
            Tags=_tags(scope, "endpoints"),
        ),
        "Admits only the tasks to the interface endpoints.",
        c.CREATES_INTERFACE_ENDPOINTS,
    )
    return [
        scope.add(
            ec2.VPCEndpoint(
                f"{title}Endpoint",
                VpcId=vpc.ref(),
                ServiceName=Sub(f"com.amazonaws.${{AWS::Region}}.{service}"),
                VpcEndpointType="Interface",
                PrivateDnsEnabled=True,
                SubnetIds=_ids(scope, subnets),
                SecurityGroupIds=[group.get_att("GroupId")],
            ),
            f"Private way to {purpose}.",
            c.CREATES_INTERFACE_ENDPOINTS,
        )
        for title, (service, purpose) in INTERFACE_SERVICES.items()
    ]


def _flow_log(scope: Scope, vpc: ec2.VPC) -> None:
    group = scope.add(
        logs.LogGroup(
            "FlowLogGroup",
            KmsKeyId=protection.key(scope),
            RetentionInDays=scope.setting(p.LOG_RETENTION),
            DeletionPolicy="Delete",
            UpdateReplacePolicy="Delete",
        ),
        "Records of the VPC's traffic.",
        c.CREATES_VPC,
    )
    role = scope.add(
        iam.Role(
            "FlowLogRole",
            PermissionsBoundary=protection.boundary(scope),
            AssumeRolePolicyDocument=trust("vpc-flow-logs.amazonaws.com", regional_arn("ec2", "vpc-flow-log/*")),
            Policies=[
                iam.Policy(
                    PolicyName="deliver",
                    PolicyDocument=policy(
                        allow(
                            [logs_actions.CreateLogStream, logs_actions.PutLogEvents, logs_actions.DescribeLogStreams],
                            [group.get_att("Arn")],
                            "Deliver",
                        ),
                        allow([logs_actions.DescribeLogGroups], [regional_arn("logs", "log-group:*")], "FindGroup"),
                    ),
                )
            ],
        ),
        "Lets VPC flow logs write to their log group.",
        c.CREATES_VPC,
    )
    scope.add(
        ec2.FlowLog(
            "FlowLog",
            ResourceType="VPC",
            ResourceId=vpc.ref(),
            TrafficType=scope.preset("FlowLogTraffic"),
            LogDestinationType="cloud-watch-logs",
            LogGroupName=group.ref(),
            DeliverLogsPermissionArn=role.get_att("Arn"),
            MaxAggregationInterval=600,
        ),
        "Records who talks to whom in the VPC.",
        c.CREATES_VPC,
    )


LAYER = Layer("Network", "VPC, subnets, routes and security groups of the MCP runtime.", 15, Outputs, build)
