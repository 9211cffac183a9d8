"""Failures in AWS's own words, as people reported them in public, and what a diagnosis must make of them.

The words are quoted from the reports whose path on github.com stands beside; what is left out of account numbers and
names the reporters left out. Where a report wraps a message over lines, the lines are joined.
"""

from dataclasses import dataclass
from typing import Final

from deployer.diagnosis.evidence import Area

SERVICE, STACK = "AWS::ECS::Service", "AWS::CloudFormation::Stack"
BREAKER: Final = (
    'Resource handler returned message: "Error occurred during operation `ECS Deployment Circuit Breaker was'
    " triggered'.\" (RequestToken: XXXXXXXXXXX, HandlerErrorCode: GeneralServiceException)"
)
"""https://github.com/aws/copilot-cli/issues/2640"""


@dataclass(frozen=True)
class Reported:
    """One failure: AWS's `words`, in which `area` they stand, of which resource type, and the `code` that is right.

    `remedy` is a part of what the person must be told to do. What a service says stands beside a stack event that says
    only that the circuit breaker was triggered.
    """

    words: str
    report: str
    code: str
    remedy: str
    kind: str = SERVICE
    area: Area = "stack"


GALLERY: Final = (
    Reported(
        'Resource handler returned message: "The maximum number of VPCs has been reached. (Service: Ec2, Status Code:'
        ' 400, Request ID: 5ce9e2b3-ab97-48ae-9110-21df5e97e9b5)" (RequestToken: 79d65bb7-1d80-c629-18dc-b61fe9935538,'
        " HandlerErrorCode: GeneralServiceException)",
        "awslabs/landing-zone-accelerator-on-aws/issues/241",
        "MCPR-101",
        "L-F678F1CE",
        "AWS::EC2::VPC",
    ),
    Reported(
        'Resource handler returned message: "The maximum number of addresses has been reached. (Service: Ec2, Status'
        ' Code: 400, Request ID: 6b8cf3d3-1afc-40de-91d7-4ac4c55bfc32)" (RequestToken:'
        " 5f2495db-493f-e12b-ebf1-187d26148fde, HandlerErrorCode: GeneralServiceException)",
        "radius-project/samples/issues/711",
        "MCPR-102",
        "L-0263D0A3",
        "AWS::EC2::EIP",
    ),
    Reported(
        'Resource handler returned message: "Unable to assume the service linked role. Please verify that the ECS'
        " service linked role exists. (Service: AmazonECS; Status Code: 400; Error Code: InvalidParameterException;"
        ' Request ID: 22e06152-22fe-4af1-90e2-937ce3e62c01; Proxy: null)" (RequestToken:'
        " 70f29b80-2c90-67be-ab25-097676cebf8c, HandlerErrorCode: InvalidRequest)",
        "aws-samples/baseline-environment-on-aws/issues/238",
        "MCPR-103",
        "create-service-linked-role --aws-service-name ecs.amazonaws.com",
        "AWS::ECS::Cluster",
    ),
    Reported(
        "API: cloudFormation User: arn:aws:sts::XXX:assumed-role/sdlf-cicd-team-engineering/AWSCloudFormation is not"
        " authorized to perform: iam:PassRole on resource: arn:aws:iam::XXX:role/sdlf-cicd-team-engineering because no"
        " identity-based policy allows the iam:PassRole action",
        "aws-solutions-library-samples/data-lakes-on-aws/issues/275",
        "MCPR-104",
        "foundation-target.yaml",
        "AWS::IAM::Role",
    ),
    Reported(
        "Resource handler returned message: \"Resource of type 'AWS::Logs::LogGroup' with identifier"
        ' \'{"/properties/LogGroupName":"/aws/lambda/iantest-v2sol-AnonymousDataCustomResource-GeGYyD40GciG"}\''
        ' already exists." (RequestToken: 258db5a1-23c6-5e4b-4d23-7a469fc2de96, HandlerErrorCode: AlreadyExists)',
        "aws-solutions/amazon-marketing-cloud-uploader-from-aws/issues/167",
        "MCPR-105",
        "Delete or rename",
        "AWS::Logs::LogGroup",
    ),
    Reported(
        "(service relay-temporal-worker) was unable to place a task. Reason: CannotPullContainerError: pull image"
        " manifest has been retried 7 time(s): image Manifest does not contain descriptor matching platform"
        " 'linux/amd64'.",
        "aviswerdlow/relay/issues/71",
        "MCPR-201",
        "architecture",
        area="service",
    ),
    Reported(
        "exec /usr/local/bin/streamlit: exec format error",
        "aws-samples/amazon-bedrock-serverless-prompt-chaining/issues/213",
        "MCPR-201",
        "python build.py image",
        area="log",
    ),
    Reported(
        'CannotPullContainerError: inspect image has been retried 1 time(s): failed to resolve ref "xxxxx.xxx":'
        " unexpected status code [manifests 6981141]: 403 Forbidden",
        "aws/aws-cdk/issues/14457",
        "MCPR-202",
        "repository's policy",
        area="task",
    ),
    Reported(
        "CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref"
        ' quay.io/deepfenceio/cloud-scanner:latest: failed to do request: Head "https://quay.io/v2/deepfenceio/'
        'cloud-scanner/manifests/latest": dial tcp 3.210.148.47:443: i/o timeout',
        "deepfence/terraform-aws-cloud-scanner/issues/13",
        "MCPR-204",
        "NAT gateway",
        area="task",
    ),
    Reported(
        "CannotPullContainerError: API error (500): Get https://xxx.dkr.ecr.us-east-1.amazonaws.com/v2/: net/http:"
        " request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)",
        "aws/amazon-ecs-agent/issues/1266",
        "MCPR-204",
        "default route",
        area="task",
    ),
    Reported(
        "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed:"
        " unable to retrieve secrets from ssm: service call has been retried 1 time(s): AccessDeniedException: User:"
        " ....",
        "aws/copilot-cli/issues/3104",
        "MCPR-205",
        "ARN of the secret",
        area="task",
    ),
    Reported(
        "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed:"
        " unable to retrieve secret from asm: service call has been retried 5 time(s): failed to fetch secret"
        " arn:aws:secretsmanager:us-west-2:*:secret:DBPasswordSecret-* from secrets manager: RequestCanceled: request"
        " context canceled caused by: context deadline exceeded. Please check your task network configuration.",
        "Releem/releem-agent/issues/195",
        "MCPR-206",
        "allow 443 outwards",
        area="task",
    ),
    Reported(
        "OutOfMemoryError: Container killed due to memory usage",
        "aws/copilot-cli/issues/3470",
        "MCPR-207",
        "task_size",
        area="task",
    ),
    Reported(
        "Health checks failed with these codes: [503]",
        "hashicorp/terraform-aws-consul-ecs/issues/323",
        "MCPR-301",
        "/health",
        area="health",
    ),
    Reported(
        "(service corpdirectory-test-rasaos-Service-T8qsKYiLhGmT) (port 5005) is unhealthy in (target-group"
        " arn:aws:elasticloadbalancing:ap-south-1:377727317375:targetgroup/corpd-Targe-12YF9HTH1OJGJ/e938d1c7734d02a2)"
        " due to (reason Health checks failed).",
        "aws/copilot-cli/issues/3772",
        "MCPR-302",
        "whether the server says that it listens",
        area="service",
    ),
    Reported(
        "Failed to connect and fetch tools from the provided MCP target server. Error - Apache transport"
        " request failed",
        "aws/agentcore-cli/pull/1254",
        "MCPR-402",
        "python build.py verify",
        "AWS::BedrockAgentCore::GatewayTarget",
    ),
    Reported(
        "[Tried to create resource record set [name='www.example.com.', type='A'] but it already exists]",
        "aws-quickstart/quickstart-drupal/issues/24",
        "MCPR-501",
        "Delete the record",
        "AWS::Route53::RecordSet",
    ),
    Reported(
        "Domain already associated with another user pool. (Service: AWSCognitoIdentityProviderService; Status Code:"
        " 400; Error Code: InvalidParameterException; Request ID: 5a259fd0-2a0e-4415-b9cc-e75531176866; Proxy: null)",
        "aws-samples/amazon-elasticsearch-service-with-cognito/issues/7",
        "MCPR-502",
        "Run the same command again",
        "AWS::Cognito::UserPoolDomain",
    ),
    Reported(
        "One or more domain names have failed validation due to a Certificate Authority Authentication error.",
        "aws-amplify/amplify-hosting/issues/366",
        "MCPR-503",
        "CAA record for amazon.com",
        "AWS::CertificateManager::Certificate",
    ),
    Reported(
        "Account *** should have 'AWSControlTowerExecution' role with trust relationship to Role"
        " 'service-role/AWSControlTowerStackSetRole'.",
        "aws-solutions/aws-control-tower-customizations/issues/109",
        "MCPR-601",
        "launch-url --execution-roles",
        area="operation",
    ),
    Reported(
        "S3 error: Access Denied For more information check"
        " http://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html",
        "awslabs/sagemaker-explaining-credit-decisions/issues/1",
        "MCPR-602",
        "python build.py package",
        STACK,
    ),
    Reported(
        "The subnet 'subnet-0d544dc539aeafb80' has dependencies and cannot be deleted. (Service: AmazonEC2; Status"
        " Code: 400; Error Code: DependencyViolation; Request ID: 02f317e9-0bd8-4565-91ae-707d9e847412; Proxy: null)",
        "aws/aws-cdk/issues/14456",
        "MCPR-603",
        "destroy",
        "AWS::EC2::Subnet",
    ),
    Reported(BREAKER, "aws/copilot-cli/issues/2640", "MCPR-902", "run the same command again"),
    Reported(
        "Received FAILURE signal with UniqueId i-11111wasdasdasfasdfa",
        "aws-samples/well-architected-iac-analyzer/issues/108",
        "MCPR-000",
        "",
        "AWS::EC2::Instance",
    ),
)
