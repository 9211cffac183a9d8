"""The foundation: what a publisher needs once per account and, for replicated images, once per Region."""

from collections.abc import Sequence
from typing import Any

from awacs import cloudformation as cloudformation_actions
from awacs import ec2 as ec2_actions
from awacs import ecr as ecr_actions
from awacs import kms as kms_actions
from awacs import s3 as s3_actions
from awacs import sts
from awacs.aws import (
    Action,
    Allow,
    ArnLike,
    AWSPrincipal,
    Condition,
    Principal,
    PrincipalOrgID,
    SourceAccount,
    SourceArn,
    Statement,
    StringEquals,
    StringNotEquals,
)
from troposphere import (
    AWSHelperFn,
    AWSObject,
    Equals,
    Join,
    Not,
    NoValue,
    Output,
    Ref,
    Select,
    Split,
    Sub,
    Template,
    ecr,
    iam,
    s3,
)

from generator import composition, protection
from generator import conditions as c
from generator import foundation_parameters as f
from generator.buckets import kept_bucket, objects_of, only_tls
from generator.composition import FlattenedComposer, Scope, Value, chosen, rendered, root_parameter
from generator.handler_permissions import HANDLER_PERMISSIONS
from generator.handler_policies import UNSCOPED_REASON, UNSCOPED_SID, actions, uses
from generator.interface import interface
from generator.layers import image_builder, registry
from generator.layers.registry import HAS_ACCOUNTS, HAS_ORGANIZATION, IS_SHARED
from generator.parameters import RootParameter
from generator.policies import VERSION, allow, policy, regional_arn
from generator.simplification import simplified

ACCOUNT_FILE = "foundation-account.yaml"
REGION_FILE = "foundation-region.yaml"
TARGET_FILE = "foundation-target.yaml"
STACK_SET_STACKS = "StackSet-*"
"""How the names of a stack set's stacks, of their nested stacks and of the roles in these begin."""
OLD_VERSION_DAYS = 90
SOURCE_DAYS = 30
TEMPLATES = "templates/"
"""Under this prefix the artifact bucket is readable for targets; what else it holds is the publisher's."""
UNLISTED = {"W3037": "the provider schema names bedrock-agentcore:CreateTokenVault, cfn-lint does not know it yet"}
CREATES_ADMINISTRATION_ROLE = chosen("CreatesAdministrationRole", f.CREATE_ADMINISTRATION_ROLE, "on")
HAS_OPT_IN_REGIONS = composition.Condition(
    "HasOptInRegions", lambda scope: Not(Equals(Join("", scope.parameter(f.OPT_IN_REGIONS)), ""))
)
CREATES_EXECUTION_ROLE = chosen("CreatesExecutionRole", f.CREATE_EXECUTION_ROLE, "on")

_POLICIES = {
    "NetworkPolicy": ("ec2", "elasticloadbalancing", "vpce", "vpc-lattice"),
    "ServicePolicy": (
        "application-autoscaling",
        "bedrock-agentcore",
        "cognito-idp",
        "ecs",
        "logs",
        "secretsmanager",
    ),
    "SupportPolicy": ("acm", "cloudwatch", "kms", "route53", "s3", "sns", "wafv2"),
}


def templates() -> dict[str, dict[str, Any]]:
    """Returns the foundation's templates, by file name, as plain data."""
    return {ACCOUNT_FILE: _account(), REGION_FILE: _region(), TARGET_FILE: _target()}


def types() -> frozenset[str]:
    """Returns the types of the foundation's resources."""
    return frozenset(one["Type"] for template in templates().values() for one in template["Resources"].values())


def _template(description: str, parameters: Sequence[RootParameter]) -> Template:
    template = Template(Description=description)
    template.set_version()
    template.set_metadata(interface(f.GROUPS, parameters))
    for parameter in parameters:
        template.add_parameter(root_parameter(parameter))
    return template


def _account() -> dict[str, Any]:
    template = _template("Foundation of MCP agent runtimes: once per publishing account.", f.ACCOUNT)
    composer = FlattenedComposer(template)
    scope = composer.scope
    bucket = _artifact_bucket(scope)
    images = composer.layer(registry.LAYER, registry.Inputs())
    builder = composer.layer(
        image_builder.LAYER,
        image_builder.Inputs(
            bucket_name=bucket.ref(),
            bucket_arn=bucket.get_att("Arn"),
            repository_name=images.repository_name,
            repository_arn=images.repository_arn,
        ),
    )
    role = _administration_role(scope)
    principal = scope.choose(
        CREATES_ADMINISTRATION_ROLE,
        role.get_att("Arn"),
        Sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:role/${Name}", Name=_name(scope)),
    )
    _execution_role(scope, principal, objects_of(bucket, TEMPLATES), CREATES_EXECUTION_ROLE)
    role_arn = Sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:role/${Name}", Name=_name(scope))
    for title, description, value in (
        ("ArtifactBucket", "Bucket for packaged templates and sources of images.", bucket.ref()),
        ("RepositoryName", "Repository for the server's images.", images.repository_name),
        ("ImageBuilderName", "CodeBuild project that builds images; empty without one.", builder.project_name),
        (
            "AdministrationRoleArn",
            "Role with which stack sets act.",
            scope.choose(CREATES_ADMINISTRATION_ROLE, role.get_att("Arn"), role_arn),
        ),
        ("ExecutionRoleName", "Role that stack sets take in a target.", scope.parameter(f.EXECUTION_ROLE_NAME)),
    ):
        template.add_output(Output(title, Description=description, Value=value))
    return simplified(rendered(template, wait=True))


def _name(scope: Scope) -> Ref:
    return scope.parameter(f.ADMINISTRATION_ROLE_NAME)


def _region() -> dict[str, Any]:
    template = _template("Foundation of MCP agent runtimes: once per Region to which images are replicated.", f.REGION)
    scope = FlattenedComposer(template).scope
    role = _replication_role(scope)
    scope.add(
        ecr.RepositoryCreationTemplate(
            "ReplicaSettings",
            # ECR takes a slash to follow the prefix, so the repository's whole name would match nothing.
            Prefix=Select(0, Split("/", scope.parameter(f.REPOSITORY_NAME))),
            AppliedFor=["REPLICATION"],
            Description="Replicas of the MCP runtime's images",
            ImageTagMutability="IMMUTABLE",
            EncryptionConfiguration=registry.encryption(scope),
            CustomRoleArn=scope.choose(registry.HAS_KEY, role.get_att("Arn"), NoValue),
            LifecyclePolicy=registry.lifecycle_text(),
            RepositoryPolicy=scope.choose(IS_SHARED, registry.pull_policy_text(scope), NoValue),
        ),
        "Gives a replicated repository the settings and the pull policy of the original.",
    )
    return simplified(rendered(template, wait=True))


def _replication_role(scope: Scope) -> iam.Role:
    """Adds the role with which ECR makes replicas under a key of the customer's.

    ECR user guide, "Create a custom policy" and "Create an IAM role for repository creation templates": the role's
    trust there names no account, so none is asked for here.
    """
    return scope.add(
        iam.Role(
            "ReplicationRole",
            AssumeRolePolicyDocument=policy(
                Statement(
                    Effect=Allow,
                    Principal=Principal("Service", "ecr.amazonaws.com"),
                    Action=[sts.AssumeRole],
                )
            ),
            PermissionsBoundary=protection.boundary(scope),
            Policies=[
                iam.Policy(
                    PolicyName="make-replicas",
                    PolicyDocument=policy(
                        allow(
                            [ecr_actions.CreateRepository, ecr_actions.ReplicateImage, ecr_actions.TagResource],
                            [regional_arn("ecr", "repository/${Name}", Name=scope.parameter(f.REPOSITORY_NAME))],
                            "Replicate",
                        ),
                        allow(
                            [kms_actions.CreateGrant, kms_actions.DescribeKey, kms_actions.RetireGrant],
                            [scope.parameter(f.REGISTRY_KEY)],
                            "Encrypt",
                        ),
                    ),
                )
            ],
        ),
        "Lets ECR make the replicated repository under the given key.",
        registry.HAS_KEY,
    )


def _target() -> dict[str, Any]:
    template = _template("Foundation of MCP agent runtimes: once per target account of another publisher.", f.TARGET)
    scope = FlattenedComposer(template).scope
    publisher = Sub(
        "arn:${AWS::Partition}:iam::${Account}:role/${Name}",
        Account=scope.parameter(f.ADMINISTRATION_ACCOUNT),
        Name=_name(scope),
    )
    packaged = Sub(f"arn:${{AWS::Partition}}:s3:::${{Bucket}}/{TEMPLATES}*", Bucket=scope.parameter(f.ARTIFACT_BUCKET))
    _execution_role(scope, publisher, packaged, None)
    template.add_output(
        Output(
            "ExecutionRoleName",
            Description="Role that stack sets take in this account.",
            Value=scope.parameter(f.EXECUTION_ROLE_NAME),
        )
    )
    return simplified(rendered(template, wait=True))


def _artifact_bucket(scope: Scope) -> s3.Bucket:
    bucket = scope.add(
        kept_bucket(
            "ArtifactBucket",
            s3.LifecycleRule(
                Id="expire-old-versions",
                Status="Enabled",
                NoncurrentVersionExpiration=s3.NoncurrentVersionExpiration(NoncurrentDays=OLD_VERSION_DAYS),
            ),
            s3.LifecycleRule(
                Id="expire-sources", Status="Enabled", Prefix=image_builder.SOURCES, ExpirationInDays=SOURCE_DAYS
            ),
            VersioningConfiguration=s3.VersioningConfiguration(Status="Enabled"),
        ),
        "Holds packaged templates and the sources of images under the hash of their content; kept when the stack is"
        " deleted.",
    )
    read = [s3_actions.GetObject, s3_actions.GetObjectVersion]
    accounts = Statement(
        Sid="ReadFromAccounts",
        Effect=Allow,
        Principal=AWSPrincipal(scope.parameter(f.TARGET_ACCOUNTS)),
        Action=read,
        Resource=[objects_of(bucket, TEMPLATES)],
    )
    organization = Statement(
        Sid="ReadFromOrganization",
        Effect=Allow,
        Principal=Principal("*"),
        Action=read,
        Resource=[objects_of(bucket, TEMPLATES)],
        Condition=Condition([StringEquals(PrincipalOrgID, scope.parameter(f.ORGANIZATION_ID))]),
    )
    scope.add(
        s3.BucketPolicy(
            "ArtifactBucketPolicy",
            Bucket=bucket.ref(),
            PolicyDocument={
                "Version": VERSION,
                "Statement": [
                    scope.choose(HAS_ACCOUNTS, accounts, NoValue),
                    scope.choose(HAS_ORGANIZATION, organization, NoValue),
                    only_tls(bucket),
                ],
            },
        ),
        "Lets exactly the target accounts and the organization read templates, over TLS only.",
    )
    return bucket


def _stack_sets(scope: Scope) -> Value:
    """Returns the service's principals: one of its own for each Region that is disabled by default.

    CloudFormation user guide, "Grant self-managed permissions", example trust policy 2.
    """
    regions = Join(".amazonaws.com,cloudformation.", scope.parameter(f.OPT_IN_REGIONS))
    every = Sub("cloudformation.amazonaws.com,cloudformation.${Regions}.amazonaws.com", Regions=regions)
    return scope.choose(HAS_OPT_IN_REGIONS, Split(",", every), "cloudformation.amazonaws.com")


def _administration_role(scope: Scope) -> iam.Role:
    return scope.add(
        iam.Role(
            "AdministrationRole",
            RoleName=_name(scope),
            PermissionsBoundary=protection.boundary(scope),
            AssumeRolePolicyDocument=policy(
                Statement(
                    Effect=Allow,
                    Principal=Principal("Service", _stack_sets(scope)),
                    Action=[sts.AssumeRole],
                    Condition=Condition(
                        [
                            StringEquals(SourceAccount, Ref("AWS::AccountId")),
                            ArnLike(
                                SourceArn,
                                Sub("arn:${AWS::Partition}:cloudformation:*:${AWS::AccountId}:stackset/*"),
                            ),
                        ]
                    ),
                )
            ),
            Policies=[
                iam.Policy(
                    PolicyName="act-in-targets",
                    PolicyDocument=policy(
                        Statement(
                            Sid="TakeExecutionRole",
                            Effect=Allow,
                            Action=[sts.AssumeRole],
                            Resource=[
                                Sub(
                                    "arn:${AWS::Partition}:iam::*:role/${Name}",
                                    Name=scope.parameter(f.EXECUTION_ROLE_NAME),
                                )
                            ],
                        )
                    ),
                )
            ],
        ),
        "Lets this account's stack sets take the execution role in every target account; others must name it.",
        CREATES_ADMINISTRATION_ROLE,
    )


def making(scope: Scope, prefix: str, maker: str, stacks: str, when: composition.Condition | None) -> list[AWSObject]:
    """Adds the managed policies, titled by `prefix`, with which `maker` makes the runtime's resources in `stacks`."""
    own_names = {"s3": (f"arn:${{AWS::Partition}}:s3:::{stacks.lower()}",)}
    return [
        scope.add(
            iam.ManagedPolicy(
                f"{prefix}{title}",
                Description=f"What {maker} to make MCP runtimes, part of the {prefix.lower()} role.",
                PolicyDocument=policy(*uses(HANDLER_PERMISSIONS, services, own_names)),
            ),
            f"Lets {maker.removesuffix(' need').removesuffix(' needs')} make the runtime's resources of"
            f" {', '.join(services)}.",
            when,
            lint_exceptions=UNLISTED if "bedrock-agentcore" in services else None,
            wildcards={UNSCOPED_SID: UNSCOPED_REASON},
        )
        for title, services in _POLICIES.items()
    ]


def _execution_role(scope: Scope, principal: Value, packaged: Sub, when: composition.Condition | None) -> None:
    policies = making(scope, "Execution", "stack sets need", STACK_SET_STACKS, when)
    scope.add(
        iam.Role(
            "ExecutionRole",
            RoleName=scope.parameter(f.EXECUTION_ROLE_NAME),
            PermissionsBoundary=protection.boundary(scope),
            AssumeRolePolicyDocument=policy(
                Statement(Effect=Allow, Principal=AWSPrincipal(principal), Action=[sts.AssumeRole])
            ),
            ManagedPolicyArns=[attached.ref() for attached in policies],
            Policies=[iam.Policy(PolicyName="stacks-and-roles", PolicyDocument=_execution_document(scope, packaged))],
        ),
        "What stack sets may do in this account: make the runtime's resources, and roles only under their own names.",
        when,
        wildcards={
            "Stacks": "only stacks of stack sets, whose every call the role exists for",
            "Templates": "a template that is read has no resource of its own",
            "Drift": "what a detection found is asked for by its id, and types have no resources of an account",
            "Zones": "IAM takes no narrower resource; Fn::GetAZs and new load balancers ask with the role of the stack",
            "StackSetStatus": "stack sets tell an instance's state through buckets of the service, which have no known"
            " names; this account's own buckets are left out",
        },
    )


def _execution_document(scope: Scope, packaged: Sub) -> dict[str, Any]:
    more = [
        # "Detect unmanaged configuration changes" (user guide): detection needs both, which take no resource.
        Statement(
            Sid="Drift",
            Effect=Allow,
            Action=[
                cloudformation_actions.BatchDescribeTypeConfigurations,
                cloudformation_actions.DescribeStackDriftDetectionStatus,
            ],
            Resource=["*"],
        ),
        Statement(
            Sid="StackSetStatus",
            Effect=Allow,
            Action=[
                s3_actions.GetBucketLocation,
                s3_actions.GetObject,
                s3_actions.ListBucket,
                s3_actions.PutObject,
            ],
            Resource=["*"],
            Condition=Condition([StringNotEquals("s3:ResourceAccount", Ref("AWS::AccountId"))]),
        ),
    ]
    return stacks_and_roles(scope, packaged, STACK_SET_STACKS, more)


def stacks_and_roles(scope: Scope, packaged: Sub, stacks: str, more: Sequence[Statement]) -> dict[str, Any]:
    """Returns the policy document for stacks named `stacks`, roles in them, and what `more` their maker does."""
    own = "arn:${AWS::Partition}:iam::${AWS::AccountId}"
    made = [Sub(f"{own}:role/{stacks}")]
    statements: list[Statement | AWSHelperFn] = [
        Statement(
            Sid="Stacks",
            Effect=Allow,
            Action=[cloudformation_actions.Action("*")],
            Resource=[Sub(f"arn:${{AWS::Partition}}:cloudformation:*:${{AWS::AccountId}}:stack/{stacks}")],
        ),
        Statement(
            Sid="Templates",
            Effect=Allow,
            Action=[cloudformation_actions.GetTemplateSummary, cloudformation_actions.ValidateTemplate],
            Resource=["*"],
        ),
        Statement(
            Sid="Zones",
            Effect=Allow,
            Action=[ec2_actions.DescribeAvailabilityZones, ec2_actions.DescribeAccountAttributes],
            Resource=["*"],
        ),
        *more,
        Statement(Sid="PackagedTemplates", Effect=Allow, Action=[s3_actions.GetObject], Resource=[packaged]),
        allow(
            [
                one
                for one in actions(HANDLER_PERMISSIONS, "iam")
                if one.action not in {*protection.GRANTING, "CreateServiceLinkedRole"}
            ],
            [*made, Sub(f"{own}:policy/{stacks}")],
            "Roles",
        ),
        scope.choose(
            c.HAS_BOUNDARY,
            protection.granting(made, protection.requires_boundary(scope)),
            protection.granting(made, None),
        ),
        Statement(
            Sid="ServiceLinkedRoles",
            Effect=Allow,
            Action=[Action("iam", "CreateServiceLinkedRole")],
            Resource=[Sub(f"{own}:role/aws-service-role/*")],
        ),
    ]
    return {"Version": VERSION, "Statement": statements}
