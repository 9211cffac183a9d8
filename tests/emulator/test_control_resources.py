"""Single resource types: what they refuse, what their services show of them, and that nothing stays of them."""

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from tests.emulator.control_templates import Deployer, Outcome, template
from tests.emulator.running_emulator import ACCOUNT, REGION, RunningEmulator

_numbers = count(1)
VPC = {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}}
GATEWAY = {"Type": "AWS::EC2::InternetGateway"}
ATTACHED = {
    "Type": "AWS::EC2::VPCGatewayAttachment",
    "Properties": {"VpcId": {"Ref": "Vpc"}, "InternetGatewayId": {"Ref": "Gateway"}},
}
ADDRESS = {"Type": "AWS::EC2::EIP", "DependsOn": "Attached", "Properties": {"Domain": "vpc"}}


def subnet(block: str, zone: int = 0) -> dict[str, Any]:
    where = {"Fn::Select": [zone, {"Fn::GetAZs": ""}]}
    return {
        "Type": "AWS::EC2::Subnet",
        "Properties": {"VpcId": {"Ref": "Vpc"}, "CidrBlock": block, "AvailabilityZone": where},
    }


def group(text: str) -> dict[str, Any]:
    return {"Type": "AWS::EC2::SecurityGroup", "Properties": {"GroupDescription": text, "VpcId": {"Ref": "Vpc"}}}


def rule(**props: Any) -> dict[str, Any]:
    given = {"GroupId": {"Fn::GetAtt": ["Group", "GroupId"]}, "IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}
    return {"Type": "AWS::EC2::SecurityGroupIngress", "Properties": {**given, **props}}


def nat(allocation: Any, network: Any) -> dict[str, Any]:
    return {
        "Type": "AWS::EC2::NatGateway",
        "DependsOn": "Attached",
        "Properties": {"AllocationId": allocation, "SubnetId": network},
    }


@pytest.fixture
def make(emulator: RunningEmulator) -> Any:
    deployer = Deployer(emulator)
    made: list[str] = []

    def create(resources: dict[str, Any], **sections: Any) -> Outcome:
        outcome = deployer.create(f"single-{next(_numbers)}", template(resources, **sections))
        made.append(outcome.stack["StackId"])
        return outcome

    yield create
    for stack_id in made:
        assert deployer.delete(stack_id).status == "DELETE_COMPLETE"


Make = Callable[..., Outcome]


def test_network_is_shown_by_its_own_service(emulator: RunningEmulator, make: Make) -> None:
    made = make(
        {
            "Vpc": VPC,
            "Gateway": GATEWAY,
            "Attached": ATTACHED,
            "Public": subnet("10.0.0.0/24"),
            "Address": ADDRESS,
            "Nat": nat({"Fn::GetAtt": ["Address", "AllocationId"]}, {"Ref": "Public"}),
            "Group": group("one"),
            "Peer": group("two"),
            "Rule": rule(SourceSecurityGroupId={"Fn::GetAtt": ["Peer", "GroupId"]}, Description="from the peer"),
        },
        Outputs={
            "Nat": {"Value": {"Ref": "Nat"}},
            "Address": {"Value": {"Ref": "Address"}},
            "Group": {"Value": {"Ref": "Group"}},
            "Range": {"Value": {"Fn::GetAtt": ["Vpc", "CidrBlock"]}},
        },
    )
    assert made.status == "CREATE_COMPLETE", made.failures
    ec2 = emulator.client("ec2")
    assert made.outputs["Range"] == "10.0.0.0/16"
    shown = ec2.describe_nat_gateways(NatGatewayIds=[made.outputs["Nat"]])["NatGateways"][0]
    assert [item["PublicIp"] for item in shown["NatGatewayAddresses"]] == [made.outputs["Address"]]
    permissions = ec2.describe_security_groups(GroupIds=[made.outputs["Group"]])["SecurityGroups"][0]["IpPermissions"]
    assert [pair["Description"] for item in permissions for pair in item["UserIdGroupPairs"]] == ["from the peer"]


@pytest.mark.parametrize(
    ("resources", "culprit", "reason"),
    [
        ({"Vpc": {**VPC, "Properties": {"CidrBlock": "10.0.0.0/8"}}}, "Vpc", "InvalidVpc.Range"),
        ({"Vpc": VPC, "A": subnet("10.1.0.0/24")}, "A", "InvalidSubnet.Range"),
        ({"Vpc": VPC, "A": subnet("10.0.0.0/24"), "B": subnet("10.0.0.128/25")}, "B", "InvalidSubnet.Conflict"),
        (
            {
                "Vpc": VPC,
                "Gateway": GATEWAY,
                "Attached": ATTACHED,
                "A": subnet("10.0.0.0/24"),
                "N": nat("eipalloc-0", {"Ref": "A"}),
            },
            "N",
            "InvalidAllocationID.NotFound",
        ),
        (
            {
                "Vpc": VPC,
                "Gateway": GATEWAY,
                "Attached": ATTACHED,
                "Address": ADDRESS,
                "A": subnet("10.0.0.0/24"),
                "First": nat({"Fn::GetAtt": ["Address", "AllocationId"]}, {"Ref": "A"}),
                "Second": {**nat({"Fn::GetAtt": ["Address", "AllocationId"]}, {"Ref": "A"}), "DependsOn": "First"},
            },
            "Second",
            "Resource.AlreadyAssociated",
        ),
        ({"Vpc": VPC, "Group": group("one"), "R": rule(SourceSecurityGroupId="sg-0")}, "R", "InvalidGroup.NotFound"),
        ({"Vpc": VPC, "Group": group("one"), "R": rule()}, "R", "Exactly one of"),
        (
            {
                "Vpc": VPC,
                "Group": group("one"),
                "First": rule(CidrIp="0.0.0.0/0"),
                "Second": {**rule(CidrIp="0.0.0.0/0"), "DependsOn": "First"},
            },
            "Second",
            "InvalidPermission.Duplicate",
        ),
        (
            {
                "Vpc": VPC,
                "Log": {
                    "Type": "AWS::EC2::FlowLog",
                    "Properties": {
                        "ResourceType": "VPC",
                        "ResourceId": {"Ref": "Vpc"},
                        "TrafficType": "ALL",
                        "LogGroupName": "flows",
                        "DeliverLogsPermissionArn": f"arn:aws:iam::{ACCOUNT}:role/absent",
                    },
                },
            },
            "Log",
            "may not assume",
        ),
        (
            {
                "Vpc": VPC,
                "Endpoint": {
                    "Type": "AWS::EC2::VPCEndpoint",
                    "Properties": {"VpcId": {"Ref": "Vpc"}, "ServiceName": "com.amazonaws.eu-west-1.s3"},
                },
            },
            "Endpoint",
            "InvalidServiceName",
        ),
        (
            {
                "Target": {
                    "Type": "AWS::ApplicationAutoScaling::ScalableTarget",
                    "Properties": {
                        "ServiceNamespace": "ecs",
                        "ScalableDimension": "ecs:service:DesiredCount",
                        "ResourceId": "service/absent/absent",
                        "MinCapacity": 1,
                        "MaxCapacity": 2,
                    },
                }
            },
            "Target",
            "ECS service doesn't exist: service/absent/absent",
        ),
        (
            {
                "Association": {
                    "Type": "AWS::WAFv2::WebACLAssociation",
                    "Properties": {
                        "ResourceArn": f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:loadbalancer/app/a/0",
                        "WebACLArn": f"arn:aws:wafv2:{REGION}:{ACCOUNT}:regional/webacl/a/0",
                    },
                }
            },
            "Association",
            "AWS WAF could",
        ),
        (
            {"Alarm": {"Type": "AWS::CloudWatch::CompositeAlarm", "Properties": {"AlarmRule": "ALARM(absent)"}}},
            "Alarm",
            "do not exist",
        ),
    ],
)
def test_what_aws_refuses_is_refused(make: Make, resources: dict[str, Any], culprit: str, reason: str) -> None:
    failed = make(resources)
    assert failed.status == "ROLLBACK_COMPLETE"
    assert reason in failed.failures[culprit]


def test_alarm_on_a_query_is_shown_with_it(emulator: RunningEmulator, make: Make) -> None:
    query = {"Id": "failures", "Expression": 'SELECT SUM(Errors) FROM "Control"', "Period": 60, "ReturnData": True}
    made = make(
        {
            "Alarm": {
                "Type": "AWS::CloudWatch::Alarm",
                "Properties": {
                    "Metrics": [query],
                    "EvaluationPeriods": 1,
                    "Threshold": 0,
                    "ComparisonOperator": "GreaterThanThreshold",
                },
            }
        },
        Outputs={"Name": {"Value": {"Ref": "Alarm"}}},
    )
    assert made.status == "CREATE_COMPLETE", made.failures
    shown = emulator.client("cloudwatch").describe_alarms(AlarmNames=[made.outputs["Name"]])["MetricAlarms"][0]
    assert shown["Metrics"] == [query]
    assert "MetricName" not in shown


def test_images_are_replicated_into_repositories_of_the_template(emulator: RunningEmulator, make: Make) -> None:
    there = Deployer(emulator, region="eu-west-1")
    settings = {"Prefix": "copied", "AppliedFor": ["REPLICATION"], "ImageTagMutability": "IMMUTABLE"}
    prepared = there.create(
        "replicas", template({"Template": {"Type": "AWS::ECR::RepositoryCreationTemplate", "Properties": settings}})
    )
    assert prepared.status == "CREATE_COMPLETE", prepared.failures
    rules = [{"Destinations": [{"Region": "eu-west-1", "RegistryId": ACCOUNT}]}]
    configuration = {"ReplicationConfiguration": {"Rules": rules}}
    made = make({"Replication": {"Type": "AWS::ECR::ReplicationConfiguration", "Properties": configuration}})
    assert made.status == "CREATE_COMPLETE", made.failures
    here = emulator.client("ecr")
    here.create_repository(repositoryName="copied/server")
    manifest = '{"schemaVersion": 2}'
    pushed = here.put_image(repositoryName="copied/server", imageManifest=manifest, imageTag="one")["image"]
    elsewhere = emulator.client("ecr", region="eu-west-1")
    copies = elsewhere.describe_images(repositoryName="copied/server")["imageDetails"]
    assert [item["imageDigest"] for item in copies] == [pushed["imageId"]["imageDigest"]]
    repository = elsewhere.describe_repositories(repositoryNames=["copied/server"])["repositories"][0]
    assert repository["imageTagMutability"] == "IMMUTABLE"
    assert there.delete(prepared.stack["StackId"]).status == "DELETE_COMPLETE"


def test_bucket_bears_the_tags_of_its_stack(emulator: RunningEmulator, make: Make) -> None:
    made = make({"Bucket": {"Type": "AWS::S3::Bucket"}}, Outputs={"Name": {"Value": {"Ref": "Bucket"}}})
    assert made.status == "CREATE_COMPLETE", made.failures
    name = made.stack["Outputs"][0]["OutputValue"]
    tags = {one["Key"]: one["Value"] for one in emulator.client("s3").get_bucket_tagging(Bucket=name)["TagSet"]}
    assert tags == {
        "aws:cloudformation:stack-name": made.stack["StackName"],
        "aws:cloudformation:stack-id": made.stack["StackId"],
        "aws:cloudformation:logical-id": "Bucket",
    }


def test_protected_load_balancer_is_not_deleted(emulator: RunningEmulator) -> None:
    deployer = Deployer(emulator)

    def balancer(protected: str) -> dict[str, Any]:
        attributes = [{"Key": "deletion_protection.enabled", "Value": protected}]
        props = {"Subnets": [{"Ref": "A"}, {"Ref": "B"}], "LoadBalancerAttributes": attributes}
        return template(
            {
                "Vpc": VPC,
                "Gateway": GATEWAY,
                "Attached": ATTACHED,
                "A": subnet("10.0.0.0/24"),
                "B": subnet("10.0.1.0/24", 1),
                "Balancer": {"Type": "AWS::ElasticLoadBalancingV2::LoadBalancer", "Properties": props},
            }
        )

    made = deployer.create("protected", balancer("true"))
    assert made.status == "CREATE_COMPLETE", made.failures
    kept = deployer.delete(made.stack["StackId"])
    assert kept.status == "DELETE_FAILED"
    assert "deletion protection is enabled" in kept.failures["Balancer"]
    client = emulator.client("elbv2")
    arn = client.describe_load_balancers()["LoadBalancers"][0]["LoadBalancerArn"]
    off = [{"Key": "deletion_protection.enabled", "Value": "false"}]
    client.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=off)
    assert deployer.delete(made.stack["StackId"]).status == "DELETE_COMPLETE"


def test_conditions_compare_values_of_maps_and_of_the_region(make: Make) -> None:
    made = make(
        {"Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"}},
        Mappings={"Places": {REGION: {"Kind": "home"}}},
        Conditions={
            "Home": {"Fn::Equals": [{"Fn::FindInMap": ["Places", {"Ref": "AWS::Region"}, "Kind"]}, "home"]},
            "Joined": {"Fn::Equals": [{"Fn::Join": ["-", ["a", {"Ref": "AWS::AccountId"}]]}, f"a-{ACCOUNT}"]},
        },
        Outputs={
            "Home": {"Value": {"Fn::If": ["Home", "yes", "no"]}},
            "Joined": {"Value": {"Fn::If": ["Joined", "yes", "no"]}},
        },
    )
    assert made.outputs == {"Home": "yes", "Joined": "yes"}


def test_metadata_references_order_resources(emulator: RunningEmulator, make: Make) -> None:
    topic: dict[str, Any] = {"Type": "AWS::SNS::Topic"}
    made = make({"A": {**topic, "Metadata": {"WaitsFor": {"Ref": "B"}}}, "B": topic})
    events = emulator.client("cloudformation").describe_stack_events(StackName=made.stack["StackId"])["StackEvents"]
    done = [item["LogicalResourceId"] for item in reversed(events) if item["ResourceStatus"] == "CREATE_COMPLETE"]
    assert done[:2] == ["B", "A"]
