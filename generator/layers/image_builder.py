"""The image builder: a CodeBuild project that builds an uploaded source archive and pushes the image, and its role.

Facts: "Docker sample" (privileged mode), "Docker images provided by CodeBuild" (standard images, which hold docker,
buildx and the AWS CLI), "Allow CodeBuild to interact with other AWS services" (the bucket's identity) and `StartBuild`
in the CodeBuild user guide and service model; "IAM permissions for pushing an image to an Amazon ECR private
repository" in the ECR user guide.
"""

from dataclasses import dataclass
from typing import Final

from awacs import ecr as ecr_actions
from awacs import logs as logs_actions
from awacs import s3 as s3_actions
from troposphere import NoValue, Sub, codebuild, iam, logs

from generator import foundation_parameters as f
from generator import protection
from generator.composition import Layer, Scope, Value, chosen, wire
from generator.layers.registry import HAS_KEY
from generator.policies import allow, policy, regional_arn, trust

SOURCES: Final = "sources/"
"""The prefix in the artifact bucket under which a build's source lies."""
TAG_VARIABLE: Final = "IMAGE_TAG"
PLATFORM_VARIABLE: Final = "IMAGE_PLATFORM"
IMAGE: Final = "aws/codebuild/amazonlinux-x86_64-standard:5.0"
TIMEOUT_MINUTES: Final = 30
CONCURRENT_BUILDS: Final = 1
"""CreateProject refuses more than the account's own limit, which is 1 in new accounts: "Project-level concurrent build
limit cannot exceed the account-level concurrent build limit of 1" (terraform-provider-aws, pull request 37748)."""
LOG_DAYS: Final = 365
BUILDSPEC: Final = f"""\
version: 0.2
env:
  variables:
    BUILDX_NO_DEFAULT_ATTESTATIONS: "1"
    BUILDKIT_PROGRESS: plain
phases:
  pre_build:
    commands:
      - aws ecr get-login-password | docker login --username AWS --password-stdin "$REGISTRY"
  build:
    commands:
      - docker build --platform "${PLATFORM_VARIABLE}" --tag "$REGISTRY/$REPOSITORY:${TAG_VARIABLE}" .
      - docker push "$REGISTRY/$REPOSITORY:${TAG_VARIABLE}"
"""
PUSH_ACTIONS: Final = (
    ecr_actions.BatchCheckLayerAvailability,
    ecr_actions.BatchGetImage,
    ecr_actions.CompleteLayerUpload,
    ecr_actions.GetDownloadUrlForLayer,
    ecr_actions.InitiateLayerUpload,
    ecr_actions.PutImage,
    ecr_actions.UploadLayerPart,
)
BUILDS_IMAGES: Final = chosen("BuildsImages", f.IMAGE_BUILDER, "on")


@dataclass(frozen=True)
class Inputs:
    """Where sources lie and where images go."""

    bucket_name: Value = wire("Name of the bucket that holds the sources.")
    bucket_arn: Value = wire("ARN of the bucket that holds the sources.")
    repository_name: Value = wire("Name of the repository that images are pushed to.")
    repository_arn: Value = wire("ARN of the repository that images are pushed to.")


@dataclass(frozen=True)
class Outputs:
    """What a build is started with."""

    project_name: Value = wire("Name of the CodeBuild project that builds images; empty without one.")


def build(scope: Scope, inputs: Inputs) -> Outputs:
    """Adds the project, its role and its log group, all of them only where the foundation is to build images.

    A build names its own source archive, tag and platform; the project holds what they share.
    """
    log_group = scope.add(
        logs.LogGroup(
            "ImageBuilderLogGroup",
            KmsKeyId=scope.choose(HAS_KEY, scope.parameter(f.REGISTRY_KEY), NoValue),
            RetentionInDays=LOG_DAYS,
            DeletionPolicy="Delete",
            UpdateReplacePolicy="Delete",
        ),
        "What builds of the image print.",
        BUILDS_IMAGES,
    )
    role = scope.add(
        iam.Role(
            "ImageBuilderRole",
            PermissionsBoundary=protection.boundary(scope),
            AssumeRolePolicyDocument=trust("codebuild.amazonaws.com", regional_arn("codebuild", "project/*")),
            Policies=[
                iam.Policy(
                    PolicyName="build-and-push",
                    PolicyDocument=policy(
                        allow(
                            [logs_actions.CreateLogStream, logs_actions.PutLogEvents], [log_group.get_att("Arn")], "Log"
                        ),
                        allow(
                            [s3_actions.GetObject, s3_actions.GetObjectVersion],
                            [Sub(f"${{Bucket}}/{SOURCES}*", Bucket=inputs.bucket_arn)],
                            "ReadSource",
                        ),
                        allow(
                            [s3_actions.GetBucketAcl, s3_actions.GetBucketLocation],
                            [inputs.bucket_arn],
                            "IdentifyBucket",
                        ),
                        allow(PUSH_ACTIONS, [inputs.repository_arn], "Push"),
                        allow([ecr_actions.GetAuthorizationToken], ["*"], "SignIn"),
                    ),
                )
            ],
        ),
        "What a build of the image may do: read its source, push to the one repository, log.",
        BUILDS_IMAGES,
        wildcards={"SignIn": "IAM takes no narrower resource for ecr:GetAuthorizationToken"},
    )
    project = scope.add(
        codebuild.Project(
            "ImageBuilderProject",
            Description="Builds the image of the MCP server from an uploaded source and pushes it.",
            ServiceRole=role.get_att("Arn"),
            Source=codebuild.Source(
                Type="S3",
                Location=Sub(f"${{Bucket}}/{SOURCES}named-by-each-build.zip", Bucket=inputs.bucket_name),
                BuildSpec=BUILDSPEC,
            ),
            Artifacts=codebuild.Artifacts(Type="NO_ARTIFACTS"),
            Environment=codebuild.Environment(
                Type="LINUX_CONTAINER",
                ComputeType="BUILD_GENERAL1_SMALL",
                Image=IMAGE,
                # The docker daemon of the build needs it.
                PrivilegedMode=True,
                EnvironmentVariables=[
                    codebuild.EnvironmentVariable(
                        Name="REGISTRY",
                        Value=Sub("${AWS::AccountId}.dkr.ecr.${AWS::Region}.${AWS::URLSuffix}"),
                        Type="PLAINTEXT",
                    ),
                    codebuild.EnvironmentVariable(Name="REPOSITORY", Value=inputs.repository_name, Type="PLAINTEXT"),
                ],
            ),
            LogsConfig=codebuild.LogsConfig(
                CloudWatchLogs=codebuild.CloudWatchLogs(Status="ENABLED", GroupName=log_group.ref())
            ),
            TimeoutInMinutes=TIMEOUT_MINUTES,
            QueuedTimeoutInMinutes=TIMEOUT_MINUTES,
            ConcurrentBuildLimit=CONCURRENT_BUILDS,
        ),
        "Builds the server's image where no container builder is at hand; it costs nothing while it does not build.",
        BUILDS_IMAGES,
    )
    return Outputs(project_name=scope.choose(BUILDS_IMAGES, project.ref(), ""))


LAYER = Layer("ImageBuilder", "Image builder of the MCP runtime.", 10, Outputs, build)
