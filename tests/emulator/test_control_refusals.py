"""What services refuse of resources: the stack fails with the service's reason and nothing stays."""

import json
from itertools import count
from typing import Any

import pytest

from tests.emulator.control_templates import Deployer, template
from tests.emulator.running_emulator import ACCOUNT, REGION, RunningEmulator

_numbers = count(1)
ABSENT_TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:absent"


def resource(kind: str, **props: Any) -> dict[str, Any]:
    return {"Type": f"AWS::{kind}", "Properties": props}


def document(**statement: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]}


TRUST = document(Principal={"Service": "ecs-tasks.amazonaws.com"}, Action="sts:AssumeRole")
LONG = document(Action="s3:GetObject", Resource=[f"arn:aws:s3:::{'x' * 60}{number}" for number in range(170)])


def role(**props: Any) -> dict[str, Any]:
    return resource("IAM::Role", **{"AssumeRolePolicyDocument": TRUST, **props})


def inline(policy: Any) -> dict[str, Any]:
    return role(Policies=[{"PolicyName": "own", "PolicyDocument": policy}])


def client(scope: str, **props: Any) -> dict[str, Any]:
    given = {"UserPoolId": {"Ref": "Pool"}, "GenerateSecret": True, "AllowedOAuthFlowsUserPoolClient": True}
    given |= {"AllowedOAuthFlows": ["client_credentials"], "AllowedOAuthScopes": [scope]}
    return resource("Cognito::UserPoolClient", **{**given, **props})


def record(name: str, **props: Any) -> dict[str, Any]:
    given = {"HostedZoneId": "ZONE", "Name": name, "Type": "A", "TTL": "60", "ResourceRecords": ["10.0.0.1"]}
    return resource("Route53::RecordSet", **{**given, **props})


def certificate(name: str, zone: str = "ZONE") -> dict[str, Any]:
    options = [{"DomainName": name, "HostedZoneId": zone}]
    return resource(
        "CertificateManager::Certificate", DomainName=name, ValidationMethod="DNS", DomainValidationOptions=options
    )


def alarm(period: int) -> dict[str, Any]:
    metric = {"MetricName": "m", "Namespace": "n", "Statistic": "Sum", "Period": period}
    limits = {"EvaluationPeriods": 1, "Threshold": 1, "ComparisonOperator": "GreaterThanThreshold"}
    return resource("CloudWatch::Alarm", **metric, **limits)


POOL = resource("Cognito::UserPool", UserPoolName="pool")
BUCKET = resource("S3::Bucket")
OTHER_BUCKET = document(Principal="*", Action="s3:GetObject", Resource="arn:aws:s3:::another/*")
TAKEN = {"LogGroupName": "taken"}


def listener(**props: Any) -> dict[str, Any]:
    answer = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}
    given = {"LoadBalancerArn": {"Ref": "Balancer"}, "Port": 80, "Protocol": "HTTP", "DefaultActions": [answer]}
    return resource("ElasticLoadBalancingV2::Listener", **{**given, **props})


def subnet(block: str, zone: int) -> dict[str, Any]:
    where = {"Fn::Select": [zone, {"Fn::GetAZs": ""}]}
    return resource("EC2::Subnet", VpcId={"Ref": "Vpc"}, CidrBlock=block, AvailabilityZone=where)


BALANCER: dict[str, Any] = {
    "Vpc": resource("EC2::VPC", CidrBlock="10.0.0.0/16"),
    "Gateway": {"Type": "AWS::EC2::InternetGateway"},
    "Attached": resource("EC2::VPCGatewayAttachment", VpcId={"Ref": "Vpc"}, InternetGatewayId={"Ref": "Gateway"}),
    "A": subnet("10.0.0.0/24", 0),
    "B": subnet("10.0.1.0/24", 1),
    "Balancer": {
        **resource("ElasticLoadBalancingV2::LoadBalancer", Subnets=[{"Ref": "A"}, {"Ref": "B"}]),
        "DependsOn": "Attached",
    },
}
FORWARDED = {"DefaultActions": [{"Type": "forward", "TargetGroupArn": {"Ref": "Group"}}]}
BALANCERS = {
    **BALANCER,
    "Other": BALANCER["Balancer"],
    "Group": resource("ElasticLoadBalancingV2::TargetGroup", VpcId={"Ref": "Vpc"}, Protocol="HTTP", Port=80),
    "First": listener(**FORWARDED),
}
SECURE = {"Port": 443, "Protocol": "HTTPS"}
ABSENT_CERTIFICATE = f"arn:aws:acm:{REGION}:{ACCOUNT}:certificate/00000000-0000-0000-0000-000000000000"

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "action without service": ({"It": inline(document(Action="all", Resource="*"))}, "prefaced by a vendor"),
    "policy without resource": ({"It": inline(document(Action="s3:*"))}, "must contain resources"),
    "policy with principal": (
        {"It": inline(document(Action="s3:*", Resource="*", Principal="*"))},
        "should not specify a principal",
    ),
    "inline policies too long": ({"It": inline(LONG)}, "Maximum policy size of 10240 bytes exceeded"),
    "managed policy too long": ({"It": resource("IAM::ManagedPolicy", PolicyDocument=LONG)}, "PolicySize: 6144"),
    "boundary that does not exist": (
        {"It": role(PermissionsBoundary=f"arn:aws:iam::{ACCOUNT}:policy/absent")},
        "does not exist or is not attachable",
    ),
    "log group under a key that does not exist": (
        {"It": resource("Logs::LogGroup", KmsKeyId=f"arn:aws:kms:{REGION}:{ACCOUNT}:key/absent")},
        "The specified KMS key does not exist or is not allowed to be used with LogGroup",
    ),
    "trust without principal": (
        {"It": role(AssumeRolePolicyDocument=document(Action="sts:AssumeRole"))},
        "Missing required field Principal",
    ),
    "trust in a role that does not exist": (
        {
            "It": role(
                AssumeRolePolicyDocument=document(
                    Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:role/absent"}, Action="sts:AssumeRole"
                )
            )
        },
        "Invalid principal in policy",
    ),
    "absent managed policy": (
        {"It": role(ManagedPolicyArns=[f"arn:aws:iam::{ACCOUNT}:policy/absent"])},
        "does not exist or is not attachable",
    ),
    "retention of 8 days": ({"It": resource("Logs::LogGroup", RetentionInDays=8)}, "8 is not a valid enum value"),
    "log group taken": (
        {
            "First": resource("Logs::LogGroup", **TAKEN),
            "It": {**resource("Logs::LogGroup", **TAKEN), "DependsOn": "First"},
        },
        "already exists",
    ),
    "subscription to no topic": (
        {"It": resource("SNS::Subscription", TopicArn=ABSENT_TOPIC, Protocol="email", Endpoint="a@example.com")},
        "Topic does not exist",
    ),
    "address that is none": (
        {
            "Topic": resource("SNS::Topic"),
            "It": resource("SNS::Subscription", TopicArn={"Ref": "Topic"}, Protocol="email", Endpoint="nobody"),
        },
        "Invalid parameter: email endpoint",
    ),
    "policy of another bucket": (
        {"Bucket": BUCKET, "It": resource("S3::BucketPolicy", Bucket={"Ref": "Bucket"}, PolicyDocument=OTHER_BUCKET)},
        "Policy has invalid resource",
    ),
    "policy of no bucket": (
        {"It": resource("S3::BucketPolicy", Bucket="no-such-bucket-here", PolicyDocument=OTHER_BUCKET)},
        "The specified bucket does not exist",
    ),
    "scope that does not exist": ({"Pool": POOL, "It": client("mcp/absent")}, "Invalid scope requested: mcp/absent"),
    "client without secret": (
        {
            "Pool": POOL,
            "Server": resource(
                "Cognito::UserPoolResourceServer",
                UserPoolId={"Ref": "Pool"},
                Identifier="mcp",
                Name="mcp",
                Scopes=[{"ScopeName": "call", "ScopeDescription": "call"}],
            ),
            "It": {**client("mcp/call", GenerateSecret=False), "DependsOn": "Server"},
        },
        "does not have a client secret",
    ),
    "reserved domain": (
        {"Pool": POOL, "It": resource("Cognito::UserPoolDomain", UserPoolId={"Ref": "Pool"}, Domain="my-cognito")},
        "reserved word: cognito",
    ),
    "record outside its zone": ({"It": record("a.elsewhere.example")}, "is not permitted in zone"),
    "record of no zone": ({"It": record("a.refusals.example", HostedZoneId="ZABSENT")}, "No hosted zone found with ID"),
    "address of a record": ({"It": record("a.refusals.example", ResourceRecords=["x"])}, "not a valid A address: 'x'"),
    "alias to no balancer": (
        {
            "It": resource(
                "Route53::RecordSet",
                HostedZoneId="ZONE",
                Name="a.refusals.example",
                Type="A",
                AliasTarget={"DNSName": f"absent.{REGION}.elb.amazonaws.com", "HostedZoneId": "Z35SXDOTRQ7X7K"},
            )
        },
        "that target was not found",
    ),
    "certificate of no zone": ({"It": certificate("a.refusals.example", "ZABSENT")}, "No hosted zone found with ID"),
    "certificate's long name": ({"It": certificate(f"{'x' * 60}.refusals.example")}, "no more than 64 characters"),
    "target group of another load balancer": (
        {**BALANCERS, "It": {**listener(LoadBalancerArn={"Ref": "Other"}, **FORWARDED), "DependsOn": "First"}},
        "cannot be associated with more than one load balancer",
    ),
    "HTTPS without certificate": ({**BALANCER, "It": listener(**SECURE)}, "A certificate must be specified"),
    "certificate that does not exist": (
        {**BALANCER, "It": listener(**SECURE, Certificates=[{"CertificateArn": ABSENT_CERTIFICATE}])},
        f"Certificate ARN '{ABSENT_CERTIFICATE}' is not valid",
    ),
    "port of another listener": (
        {**BALANCER, "First": listener(), "It": {**listener(), "DependsOn": "First"}},
        "A listener already exists on this port",
    ),
    "dashboard that is none": ({"It": resource("CloudWatch::Dashboard", DashboardBody="{")}, "valid JSON object"),
    "period of 7 seconds": ({"It": alarm(7)}, "Period must be 10, 20, 30 or a multiple of 60"),
    "days and delete markers in one rule": (
        {
            "It": resource(
                "S3::Bucket",
                LifecycleConfiguration={
                    "Rules": [{"Status": "Enabled", "ExpirationInDays": 1, "ExpiredObjectDeleteMarker": True}]
                },
            )
        },
        "cannot be specified with Days",
    ),
    "lifecycle that is none": (
        {"It": resource("ECR::Repository", LifecyclePolicy={"LifecyclePolicyText": "{"})},
        "Lifecycle policy validation failure",
    ),
    "secret given and generated": (
        {"It": resource("SecretsManager::Secret", SecretString="x", GenerateSecretString={})},
        "both SecretString and GenerateSecretString",
    ),
}


@pytest.fixture(scope="module")
def zone(emulator: RunningEmulator) -> str:
    made = emulator.client("route53").create_hosted_zone(Name="refusals.example", CallerReference="refusals")
    return str(made["HostedZone"]["Id"]).rpartition("/")[2]


@pytest.mark.parametrize("case", REFUSED)
def test_service_refuses(emulator: RunningEmulator, zone: str, case: str) -> None:
    resources, reason = REFUSED[case]
    deployer = Deployer(emulator)
    body = json.loads(json.dumps(template(resources)).replace('"ZONE"', f'"{zone}"'))
    failed = deployer.create(f"refused-{next(_numbers)}", body)
    assert failed.status == "ROLLBACK_COMPLETE"
    assert list(failed.failures) == ["It"] and reason in failed.failures["It"]
    shown = deployer.cloudformation.describe_stack_resources(StackName=failed.stack["StackId"])["StackResources"]
    assert not [item for item in shown if item["ResourceStatus"] == "CREATE_COMPLETE"]


def test_log_group_s_key_must_admit_the_service(emulator: RunningEmulator) -> None:
    deployer, kms = Deployer(emulator), emulator.client("kms")
    logs = {"Service": f"logs.{REGION}.amazonaws.com"}
    context = {"kms:EncryptionContext:aws:logs:arn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:*"}
    owner = {"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "kms:*"}
    admits = {"Principal": logs, "Action": ["kms:*"], "Condition": {"ArnLike": context}}
    for statement, status in ((owner, "ROLLBACK_COMPLETE"), (admits, "CREATE_COMPLETE")):
        policy = json.dumps(document(**statement, Resource="*"))
        key = kms.create_key(Policy=policy, BypassPolicyLockoutSafetyCheck=True)["KeyMetadata"]["Arn"]
        made = deployer.create(f"keyed-{next(_numbers)}", template({"It": resource("Logs::LogGroup", KmsKeyId=key)}))
        assert made.status == status


@pytest.fixture
def deployer(emulator: RunningEmulator) -> Deployer:
    return Deployer(emulator)


def test_full_bucket_is_not_deleted(emulator: RunningEmulator, deployer: Deployer) -> None:
    made = deployer.create("full", template({"Bucket": BUCKET}, Outputs={"Name": {"Value": {"Ref": "Bucket"}}}))
    where = {"Bucket": made.outputs["Name"], "Key": "one"}
    emulator.client("s3").put_object(**where, Body=b"1")
    kept = deployer.delete(made.stack["StackId"])
    assert kept.status == "DELETE_FAILED"
    assert "The bucket you tried to delete is not empty" in kept.failures["Bucket"]
    emulator.client("s3").delete_object(**where)
    assert deployer.delete(made.stack["StackId"]).status == "DELETE_COMPLETE"


def test_policy_that_others_use_is_not_deleted(emulator: RunningEmulator, deployer: Deployer) -> None:
    policy = resource("IAM::ManagedPolicy", PolicyDocument=document(Action="s3:GetObject", Resource="*"))
    made = deployer.create("shared", template({"Policy": policy}, Outputs={"Arn": {"Value": {"Ref": "Policy"}}}))
    iam, attached = emulator.client("iam"), {"RoleName": "caller", "PolicyArn": made.outputs["Arn"]}
    iam.create_role(RoleName="caller", AssumeRolePolicyDocument=json.dumps(TRUST))
    iam.attach_role_policy(**attached)
    kept = deployer.delete(made.stack["StackId"])
    assert kept.status == "DELETE_FAILED"
    assert "Cannot delete a policy attached to entities" in kept.failures["Policy"]
    iam.detach_role_policy(**attached)
    assert deployer.delete(made.stack["StackId"]).status == "DELETE_COMPLETE"


def test_certificate_puts_its_validation_into_the_zone(
    emulator: RunningEmulator, deployer: Deployer, zone: str
) -> None:
    body = json.dumps(template({"Certificate": certificate("valid.refusals.example")})).replace('"ZONE"', f'"{zone}"')
    made = deployer.create("valid", json.loads(body), None)
    assert made.status == "CREATE_COMPLETE", made.failures
    records = emulator.client("route53").list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    assert [item["Name"] for item in records if item["Type"] == "CNAME" and "valid.refusals.example" in item["Name"]]
    assert deployer.delete(made.stack["StackId"]).status == "DELETE_COMPLETE"
