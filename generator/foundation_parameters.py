"""The parameters of the foundation: what a publisher decides once per account and once per Region."""

from typing import Final

from generator import parameters as p
from generator.parameters import RootParameter

SHARING: Final = "Who receives the runtime"
STACK_SETS: Final = "Stack sets"
REGISTRY: Final = "Container registry"

GROUPS: Final = (SHARING, STACK_SETS, REGISTRY, p.PROTECTION)

_ROLE_NAME: Final = r"^[A-Za-z0-9_+=,.@-]{1,64}$"

TARGET_ACCOUNTS: Final = RootParameter(
    "TargetAccounts",
    SHARING,
    "Target accounts",
    "Ids of the accounts that may read the templates and pull the image, 12 digits each. Empty: the organization, or"
    " this account alone.",
    "",
    "CommaDelimitedList",
)
ORGANIZATION_ID: Final = RootParameter(
    "OrganizationId",
    SHARING,
    "Organization",
    "Id of the organization whose accounts may read the templates and pull the image. Empty: the target accounts"
    " alone.",
    allowed_pattern=r"^(o-[a-z0-9]{10,32})?$",
    constraint="must be an organization id such as o-a1b2c3d4e5, or empty",
)
CREATE_ADMINISTRATION_ROLE: Final = RootParameter(
    "CreateAdministrationRole",
    STACK_SETS,
    "Make the administration role",
    "Whether to make the role with which stack sets of this account act in the target accounts.",
    "on",
    allowed_values=("on", "off"),
    constraint="must be on or off",
)
ADMINISTRATION_ROLE_NAME: Final = RootParameter(
    "AdministrationRoleName",
    STACK_SETS,
    "Administration role",
    "Name of the administration role; target accounts must be able to name it.",
    "AWSCloudFormationStackSetAdministrationRole",
    allowed_pattern=_ROLE_NAME,
    constraint="must be the name of an IAM role",
)
OPT_IN_REGIONS: Final = RootParameter(
    "OptInRegions",
    STACK_SETS,
    "Opt-in Regions",
    "Regions of targets that accounts must enable before they can use them, such as ap-east-1: there stack sets act"
    " under a name of their own, which the administration role trusts too. Empty: none.",
    "",
    "CommaDelimitedList",
    allowed_pattern=r"^([a-z]{2}(-[a-z]+)+-[0-9])?$",
    constraint="must be Regions such as ap-east-1, separated by commas, or empty",
)
CREATE_EXECUTION_ROLE: Final = RootParameter(
    "CreateExecutionRole",
    STACK_SETS,
    "Make the execution role",
    "Whether to make the role that stack sets take in this account, because it is a target too.",
    "off",
    allowed_values=("on", "off"),
    constraint="must be on or off",
)
EXECUTION_ROLE_NAME: Final = RootParameter(
    "ExecutionRoleName",
    STACK_SETS,
    "Execution role",
    "Name of the execution role in every target account.",
    "AWSCloudFormationStackSetExecutionRole",
    allowed_pattern=_ROLE_NAME,
    constraint="must be the name of an IAM role",
)
REPOSITORY_NAME: Final = RootParameter(
    "RepositoryName",
    REGISTRY,
    "Repository",
    "Name of the ECR repository that holds the server's image.",
    p.IMAGE_REPOSITORY.default,
    allowed_pattern=p.IMAGE_REPOSITORY.allowed_pattern,
    constraint=p.IMAGE_REPOSITORY.constraint,
)
EMPTY_ON_DELETE: Final = RootParameter(
    "EmptyRepositoryOnDelete",
    REGISTRY,
    "Delete images with the stack",
    "Whether deleting this stack deletes the repository's images. Off: the deletion fails while there are any.",
    "on",
    allowed_values=("on", "off"),
    constraint="must be on or off",
)
IMAGE_BUILDER: Final = RootParameter(
    "ImageBuilder",
    REGISTRY,
    "Make the image builder",
    "Whether to make the CodeBuild project that builds the server's image from an uploaded source.",
    "on",
    allowed_values=("on", "off"),
    constraint="must be on or off",
)
REPLICATION_REGIONS: Final = tuple(
    RootParameter(
        f"ReplicationRegion{slot}",
        REGISTRY,
        f"Replicate to Region {slot}",
        "Region to which images are replicated. Empty: none.",
        allowed_pattern=r"^([a-z]{2}(-[a-z]+)+-[0-9])?$",
        constraint="must be a Region such as eu-west-1, or empty",
    )
    for slot in range(1, 9)
)
"""Slots, since a list of unbounded length cannot be looped over in a template."""

REGISTRY_KEY: Final = RootParameter(
    "RegistryKmsKeyArn",
    p.PROTECTION,
    "Images' encryption key",
    "ARN of a symmetric KMS key of this account and Region that encrypts the images and the builds' logs. A repository"
    " keeps the encryption that it was made with, so this stays for good. Empty: keys of AWS.",
    allowed_pattern=p.KMS_KEY.allowed_pattern,
    constraint=p.KMS_KEY.constraint,
)

ACCOUNT: Final = (
    TARGET_ACCOUNTS,
    ORGANIZATION_ID,
    CREATE_ADMINISTRATION_ROLE,
    ADMINISTRATION_ROLE_NAME,
    OPT_IN_REGIONS,
    CREATE_EXECUTION_ROLE,
    EXECUTION_ROLE_NAME,
    REPOSITORY_NAME,
    EMPTY_ON_DELETE,
    IMAGE_BUILDER,
    *REPLICATION_REGIONS,
    p.PERMISSIONS_BOUNDARY,
    REGISTRY_KEY,
)
ADMINISTRATION_ACCOUNT: Final = RootParameter(
    "AdministrationAccountId",
    STACK_SETS,
    "Publishing account",
    "Id of the account whose stack sets may make runtimes in this account.",
    None,
    allowed_pattern=r"^[0-9]{12}$",
    constraint="must be a 12-digit account id",
)
ARTIFACT_BUCKET: Final = RootParameter(
    "ArtifactBucketName",
    STACK_SETS,
    "Artifact bucket",
    "Name of the publishing account's artifact bucket: the output ArtifactBucket of its foundation.",
    None,
    allowed_pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$",
    constraint="must be the name of an S3 bucket",
)
TARGET: Final = (
    ADMINISTRATION_ACCOUNT,
    ADMINISTRATION_ROLE_NAME,
    EXECUTION_ROLE_NAME,
    ARTIFACT_BUCKET,
    p.PERMISSIONS_BOUNDARY,
)
REGION: Final = (TARGET_ACCOUNTS, ORGANIZATION_ID, REPOSITORY_NAME, p.PERMISSIONS_BOUNDARY, REGISTRY_KEY)
