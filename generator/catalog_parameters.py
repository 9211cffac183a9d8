"""The parameters of the catalog: what a publisher decides once per Region about the product and who may launch it."""

from typing import Final

from generator import foundation_parameters as f
from generator import parameters as p
from generator.parameters import RootParameter
from generator.presets import TASK_SIZES

PRODUCT: Final = "Portfolio and product"
LAUNCHING: Final = "How the product launches"
AUDIENCE: Final = "Who may launch it"
GROUPS: Final = (PRODUCT, LAUNCHING, f.STACK_SETS, AUDIENCE, p.PROTECTION)
PRINCIPAL_SLOTS: Final = 4
SHARE_SLOTS: Final = 8
ROLE: Final = "role"
STACK_SET: Final = "stack-set"

PROVIDER: Final = RootParameter(
    "ProviderName",
    PRODUCT,
    "Provider",
    "Name of the team that offers the product, as the catalog shows it.",
    None,
    allowed_pattern=r"^.{1,50}$",
    constraint="must have 1 to 50 characters",
)
PRODUCT_NAME: Final = RootParameter(
    "ProductName",
    PRODUCT,
    "Product",
    "Name of the product, as the catalog shows it.",
    "MCP agent runtime",
    allowed_pattern=r"^.{1,100}$",
    constraint="must have 1 to 100 characters",
)
TEMPLATE_URL: Final = RootParameter(
    "FirstTemplateUrl",
    PRODUCT,
    "First version's template",
    "URL of the packaged template that the product begins with, which `python build.py package` prints. It stays as"
    " it is for good: later versions are added to the product, not to this stack.",
    None,
    allowed_pattern=r"^https://[A-Za-z0-9./_-]{1,1000}$",
    constraint="must be the https URL of a packaged template in S3",
)
VERSION_NAME: Final = RootParameter(
    "FirstVersionName",
    PRODUCT,
    "First version's name",
    "Name of the version that the product begins with, such as v1.0.0. It stays as it is for good.",
    None,
    allowed_pattern=r"^[A-Za-z0-9._-]{1,100}$",
    constraint="must have letters, digits, dots, hyphens and underscores alone",
)
TAG_KEY: Final = RootParameter(
    "TagKey",
    PRODUCT,
    "Tag that every launch bears",
    "Key of a tag that whoever launches the product gives a value out of those below. Empty: none.",
    allowed_pattern=r"^[A-Za-z0-9 _.:/=+@-]{0,128}$",
    constraint="must be the key of a tag, or empty",
)
TAG_VALUES: Final = tuple(
    RootParameter(
        f"TagValue{slot}",
        PRODUCT,
        f"Value {slot} of the tag",
        "A value that the tag may have. Empty: none.",
        allowed_pattern=r"^[A-Za-z0-9 _.:/=+@-]{0,256}$",
        constraint="must be the value of a tag, or empty",
    )
    for slot in range(1, 4)
)
CONSTRAINT: Final = RootParameter(
    "LaunchConstraint",
    LAUNCHING,
    "Constraint",
    "How the product launches: role, as a stack of whoever launches it, made with the launch role; stack-set, as a"
    " stack set over the accounts and Regions below. AWS takes one of the two for a product in a portfolio.",
    ROLE,
    allowed_values=(ROLE, STACK_SET),
    constraint="must be role or stack-set",
)
CREATE_LAUNCH_ROLE: Final = RootParameter(
    "CreateLaunchRole",
    LAUNCHING,
    "Make the launch role",
    "Whether to make the launch role in this account. On in one Region of the account, off in the others.",
    "on",
    allowed_values=("on", "off"),
    constraint="must be on or off",
)
LAUNCH_ROLE_NAME: Final = RootParameter(
    "LaunchRoleName",
    LAUNCHING,
    "Launch role",
    "Name of the launch role, the same in this account and in every account that the portfolio is shared with.",
    "MCPRuntimeLaunchRole",
    allowed_pattern=f.EXECUTION_ROLE_NAME.allowed_pattern,
    constraint=f.EXECUTION_ROLE_NAME.constraint,
)
STACK_SET_ACCOUNTS: Final = RootParameter(
    "StackSetAccounts",
    LAUNCHING,
    "Accounts of the stack set",
    "Ids of the accounts to which the product launches as a stack set. Empty without a stack-set constraint.",
    "",
    "CommaDelimitedList",
    allowed_pattern=r"^([0-9]{12})?$",
    constraint="must be 12-digit account ids, separated by commas, or empty",
)
STACK_SET_REGIONS: Final = RootParameter(
    "StackSetRegions",
    LAUNCHING,
    "Regions of the stack set",
    "Regions to which the product launches as a stack set. Empty without a stack-set constraint.",
    "",
    "CommaDelimitedList",
    allowed_pattern=r"^([a-z]{2}(-[a-z]+)+-[0-9])?$",
    constraint="must be Regions such as eu-west-1, separated by commas, or empty",
)
DEVELOPMENT_SIZES: Final = RootParameter(
    "DevelopmentTaskSizes",
    LAUNCHING,
    "Sizes for development",
    "Task sizes that may be launched with the preset development; others are refused before anything is made.",
    ",".join(TASK_SIZES[:4]),
    "CommaDelimitedList",
    allowed_values=TASK_SIZES,
    constraint="must be CPU units and MiB that Fargate has, such as 256-512, separated by commas",
)
ARCHITECTURES: Final = RootParameter(
    "ImageArchitectures",
    LAUNCHING,
    "Architectures of the image",
    "CPU architectures that the image of every version is for; a launch for another, whose tasks would wait for an"
    " image that is not there, is refused before anything is made.",
    "X86_64",
    "CommaDelimitedList",
    allowed_values=p.CPU_ARCHITECTURE.allowed_values,
    constraint="must be X86_64, ARM64 or both, separated by a comma",
)
PRINCIPALS: Final = tuple(
    RootParameter(
        f"Principal{slot}",
        AUDIENCE,
        f"Principal {slot}",
        "ARN of a user, group or role of this account that may launch the product. Empty: none.",
        allowed_pattern=r"^(arn:aws[a-z-]*:iam::[0-9]{12}:(user|group|role)/[A-Za-z0-9_+=,.@/-]{1,512})?$",
        constraint="must be the ARN of an IAM user, group or role, or empty",
    )
    for slot in range(1, PRINCIPAL_SLOTS + 1)
)
PRINCIPAL_PATTERNS: Final = tuple(
    RootParameter(
        f"PrincipalPattern{slot}",
        AUDIENCE,
        f"Principals by pattern {slot}",
        "Pattern of users, groups or roles that may launch the product, such as arn:aws:iam:::role/Developers*; it"
        " names no account. Empty: none.",
        allowed_pattern=r"^(arn:aws[a-z-]*:iam:::(user|group|role)/[A-Za-z0-9_+=,.@/*?-]{1,512})?$",
        constraint="must be the ARN of an IAM user, group or role without an account, * and ? in its name, or empty",
    )
    for slot in range(1, 3)
)
SHARED_ACCOUNTS: Final = tuple(
    RootParameter(
        f"SharedAccount{slot}",
        AUDIENCE,
        f"Share with account {slot}",
        "Id of an account with which the portfolio is shared. Empty: none.",
        allowed_pattern=r"^([0-9]{12})?$",
        constraint="must be a 12-digit account id, or empty",
    )
    for slot in range(1, SHARE_SLOTS + 1)
)

CATALOG: Final = (
    PROVIDER,
    PRODUCT_NAME,
    TEMPLATE_URL,
    VERSION_NAME,
    TAG_KEY,
    *TAG_VALUES,
    CONSTRAINT,
    CREATE_LAUNCH_ROLE,
    LAUNCH_ROLE_NAME,
    f.ADMINISTRATION_ROLE_NAME,
    f.EXECUTION_ROLE_NAME,
    STACK_SET_ACCOUNTS,
    STACK_SET_REGIONS,
    DEVELOPMENT_SIZES,
    ARCHITECTURES,
    f.ARTIFACT_BUCKET,
    *PRINCIPALS,
    *PRINCIPAL_PATTERNS,
    *SHARED_ACCOUNTS,
    p.PERMISSIONS_BOUNDARY,
)
RECIPIENT: Final = (LAUNCH_ROLE_NAME, f.ARTIFACT_BUCKET, p.PERMISSIONS_BOUNDARY)
