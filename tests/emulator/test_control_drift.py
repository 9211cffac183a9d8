"""Drift of a stack: what is changed by hand is found, resource by resource, and nothing else is."""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from tests.emulator.control_templates import Deployer, template
from tests.emulator.running_emulator import ACCOUNT, RunningEmulator

ANYWHERE = {"Effect": "Allow", "Action": "sns:Publish", "Resource": "*"}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
HTTPS = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "Description": "Clients"}


def document(**statement: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]}


def ref(name: str) -> dict[str, str]:
    return {"Ref": name}


RESOURCES: dict[str, Any] = {
    "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16", "EnableDnsHostnames": True}},
    "Group": {
        "Type": "AWS::EC2::SecurityGroup",
        "Properties": {
            "GroupDescription": "Watched",
            "VpcId": ref("Vpc"),
            "SecurityGroupIngress": [{**HTTPS, "CidrIp": "10.0.0.0/16"}],
        },
    },
    "Rule": {
        "Type": "AWS::EC2::SecurityGroupIngress",
        "Properties": {**HTTPS, "GroupId": ref("Group"), "CidrIp": "192.0.2.0/24"},
    },
    "Other": {
        "Type": "AWS::EC2::SecurityGroupIngress",
        "Properties": {**HTTPS, "GroupId": ref("Group"), "CidrIp": "198.51.100.0/24"},
    },
    "Logs": {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": 7}},
    "Filter": {
        "Type": "AWS::Logs::MetricFilter",
        "Properties": {
            "LogGroupName": ref("Logs"),
            "FilterPattern": "ERROR",
            "MetricTransformations": [{"MetricName": "Errors", "MetricNamespace": "Watched", "MetricValue": "1"}],
        },
    },
    "Alarm": {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "MetricName": "Errors",
            "Namespace": "Watched",
            "Statistic": "Sum",
            "Period": 60,
            "EvaluationPeriods": 1,
            "Threshold": 5,
            "ComparisonOperator": "GreaterThanThreshold",
        },
    },
    "Role": {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": TRUST,
            "Policies": [{"PolicyName": "own", "PolicyDocument": {"Version": "2012-10-17", "Statement": [ANYWHERE]}}],
        },
    },
    "Policy": {
        "Type": "AWS::IAM::ManagedPolicy",
        "Properties": {"PolicyDocument": document(Action="sns:Publish", Resource="*")},
    },
    "Bucket": {
        "Type": "AWS::S3::Bucket",
        "Properties": {"PublicAccessBlockConfiguration": {"BlockPublicAcls": True, "BlockPublicPolicy": True}},
    },
    "BucketPolicy": {
        "Type": "AWS::S3::BucketPolicy",
        "Properties": {
            "Bucket": ref("Bucket"),
            "PolicyDocument": document(
                Principal={"AWS": ACCOUNT},
                Action="s3:GetObject",
                Resource={"Fn::Sub": "arn:aws:s3:::${Bucket}/*"},
            ),
        },
    },
    "Secret": {"Type": "AWS::SecretsManager::Secret", "Properties": {"SecretString": "none", "Description": "one"}},
    "Kept": {"Type": "AWS::SecretsManager::Secret", "Properties": {"SecretString": "none", "Description": "two"}},
    "Targets": {
        "Type": "AWS::ElasticLoadBalancingV2::TargetGroup",
        "Properties": {
            "VpcId": ref("Vpc"),
            "Port": 3000,
            "Protocol": "HTTP",
            "TargetType": "ip",
            "HealthCheckPath": "/health",
            "TargetGroupAttributes": [{"Key": "deregistration_delay.timeout_seconds", "Value": "30"}],
        },
    },
    "Cluster": {"Type": "AWS::ECS::Cluster"},
    "Task": {
        "Type": "AWS::ECS::TaskDefinition",
        "Properties": {
            "RequiresCompatibilities": ["FARGATE"],
            "NetworkMode": "awsvpc",
            "Cpu": "256",
            "Memory": "512",
            "ContainerDefinitions": [{"Name": "server", "Image": "example", "Essential": True}],
        },
    },
    "Service": {
        "Type": "AWS::ECS::Service",
        "Properties": {
            "Cluster": ref("Cluster"),
            "TaskDefinition": ref("Task"),
            "DesiredCount": 0,
            "LaunchType": "FARGATE",
            "DeploymentConfiguration": {"MinimumHealthyPercent": 100, "MaximumPercent": 200},
            "NetworkConfiguration": {
                "AwsvpcConfiguration": {"Subnets": [ref("Subnet")], "SecurityGroups": [ref("Group")]}
            },
        },
    },
    "Subnet": {"Type": "AWS::EC2::Subnet", "Properties": {"VpcId": ref("Vpc"), "CidrBlock": "10.0.0.0/24"}},
    "Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"},
}


@dataclass
class Watched:
    """A stack, its resources' ids and what detection finds of them."""

    client: Any

    def ids(self) -> dict[str, str]:
        found = self.client.list_stack_resources(StackName="watched")["StackResourceSummaries"]
        return {item["LogicalResourceId"]: item["PhysicalResourceId"] for item in found}

    def detect(self) -> tuple[str, dict[str, Any]]:
        identity = self.client.detect_stack_drift(StackName="watched")["StackDriftDetectionId"]
        status = self.client.describe_stack_drift_detection_status(StackDriftDetectionId=identity)
        assert status["DetectionStatus"] == "DETECTION_COMPLETE", status
        drifts = self.client.describe_stack_resource_drifts(StackName="watched")["StackResourceDrifts"]
        return status["StackDriftStatus"], {item["LogicalResourceId"]: item for item in drifts}


@pytest.fixture(scope="module")
def watched(emulator: RunningEmulator) -> Watched:
    deployer = Deployer(emulator)
    made = deployer.create("watched", template(RESOURCES))
    assert made.status == "CREATE_COMPLETE", made.failures
    return Watched(deployer.cloudformation)


def test_untouched_stack_is_in_sync(watched: Watched) -> None:
    status, drifts = watched.detect()
    assert [differences(item) for item in drifts.values() if "PropertyDifferences" in item] == []
    assert status == "IN_SYNC"
    assert set(drifts) == set(RESOURCES) - {"Handle"}
    summaries = watched.client.list_stack_resources(StackName="watched")["StackResourceSummaries"]
    states = {item["LogicalResourceId"]: item["DriftInformation"]["StackResourceDriftStatus"] for item in summaries}
    assert states.pop("Handle") == "NOT_CHECKED" and set(states.values()) == {"IN_SYNC"}


def test_changes_by_hand_are_found(emulator: RunningEmulator, watched: Watched) -> None:
    ids = watched.ids()
    ec2, ecs = emulator.client("ec2"), emulator.client("ecs")
    permission = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.authorize_security_group_ingress(GroupId=ids["Group"], IpPermissions=[permission])
    ec2.revoke_security_group_ingress(GroupId=ids["Group"], SecurityGroupRuleIds=[ids["Rule"]])
    ec2.modify_vpc_attribute(VpcId=ids["Vpc"], EnableDnsHostnames={"Value": False})
    emulator.client("logs").put_retention_policy(logGroupName=ids["Logs"], retentionInDays=1)
    emulator.client("logs").delete_metric_filter(logGroupName=ids["Logs"], filterName=ids["Filter"])
    emulator.client("cloudwatch").put_metric_alarm(
        AlarmName=ids["Alarm"], **{**RESOURCES["Alarm"]["Properties"], "Threshold": 500}
    )
    emulator.client("iam").put_role_policy(
        RoleName=ids["Role"], PolicyName="more", PolicyDocument=json.dumps(document(Action="s3:*", Resource="*"))
    )
    emulator.client("s3").delete_bucket_policy(Bucket=ids["Bucket"])
    emulator.client("s3").put_public_access_block(
        Bucket=ids["Bucket"], PublicAccessBlockConfiguration={"BlockPublicAcls": True, "BlockPublicPolicy": False}
    )
    emulator.client("secretsmanager").delete_secret(SecretId=ids["Secret"], ForceDeleteWithoutRecovery=True)
    emulator.client("elbv2").modify_target_group(TargetGroupArn=ids["Targets"], HealthCheckPath="/other")
    ecs.update_service(
        cluster=ids["Cluster"],
        service=ids["Service"],
        deploymentConfiguration={"minimumHealthyPercent": 0, "maximumPercent": 200},
    )
    status, drifts = watched.detect()
    assert status == "DRIFTED"
    states = {name: item["StackResourceDriftStatus"] for name, item in drifts.items()}
    deleted = {"Rule", "Filter", "BucketPolicy", "Secret"}
    assert {name for name, state in states.items() if state == "DELETED"} == deleted
    assert {name: differences(item) for name, item in drifts.items() if states[name] == "MODIFIED"} == {
        "Group": [("/SecurityGroupIngress/1", "ADD", "null")],
        "Vpc": [("/EnableDnsHostnames", "NOT_EQUAL", "true")],
        "Logs": [("/RetentionInDays", "NOT_EQUAL", "7")],
        "Alarm": [("/Threshold", "NOT_EQUAL", "5")],
        "Role": [("/Policies/1", "ADD", "null")],
        "Bucket": [("/PublicAccessBlockConfiguration/BlockPublicPolicy", "NOT_EQUAL", "true")],
        "Targets": [("/HealthCheckPath", "NOT_EQUAL", "/health")],
        "Service": [("/DeploymentConfiguration/MinimumHealthyPercent", "NOT_EQUAL", "100")],
    }
    assert {name for name, state in states.items() if state == "IN_SYNC"} == {
        "Other",
        "Policy",
        "Kept",
        "Cluster",
        "Task",
        "Subnet",
    }


def differences(drift: dict[str, Any]) -> list[tuple[str, str, str]]:
    found = drift["PropertyDifferences"]
    return [(item["PropertyPath"], item["DifferenceType"], item["ExpectedValue"]) for item in found]
