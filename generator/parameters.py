"""The root parameters: everything a user may decide, in the order and the groups of the console's form.

Conditions derive from these alone. `package` gives the three image parameters their defaults; a user's configuration
gives all of them values and never changes a template.
"""

from dataclasses import dataclass
from typing import Final, Literal

from generator.presets import (
    BURN_RATES,
    LOG_RETENTION_DAYS,
    PRESET,
    PRESETS,
    SERVER_TOKEN_CHECKS,
    SPOT_SHARES,
    TASK_COUNTS,
    TASK_SIZES,
)

ParameterType = Literal["String", "Number", "CommaDelimitedList"]


@dataclass(frozen=True)
class RootParameter:
    """One parameter of the root template.

    `default` is None where the user must decide. `overrides_preset` says that the value `preset` means the preset's
    value of the same name. `constraint` is the sentence that CloudFormation shows when a value is refused.
    """

    name: str
    group: str
    label: str
    description: str
    default: str | None = ""
    type: ParameterType = "String"
    allowed_pattern: str | None = None
    allowed_values: tuple[str, ...] = ()
    minimum: int | None = None
    maximum: int | None = None
    max_length: int | None = None
    constraint: str | None = None
    overrides_preset: bool = False


GENERAL: Final = "Runtime"
ADDRESS: Final = "Address and certificate"
NETWORK: Final = "Network"
COMPUTE: Final = "Container and scaling"
IMAGE: Final = "Container image"
IDENTITY: Final = "Token issuer (leave empty to create one)"
ACCESS: Final = "Gateway and firewall"
OPERATIONS: Final = "Logs and alarms"
PROTECTION: Final = "Permissions and encryption"

GROUPS: Final = (GENERAL, ADDRESS, NETWORK, COMPUTE, IMAGE, IDENTITY, ACCESS, OPERATIONS, PROTECTION)

_HOST = r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}"
_HTTPS_URL = r"^(https://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~%/+-]*)?)?$"
_SECRET_ARN = r"^(arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+-[A-Za-z0-9]{6})?$"  # noqa: S105  # a pattern
_SUBNET_ID = r"^(subnet-[0-9a-f]{8,17})?$"
_CIDR = r"^(([0-9]{1,2}|1[0-9]{2}|2[0-4][0-9]|25[0-5])\.){3}([0-9]{1,2}|1[0-9]{2}|2[0-4][0-9]|25[0-5])/(1[6-9]|2[0-4])$"


def _overridable(
    name: str, group: str, label: str, description: str, values: tuple[str, ...], constraint: str
) -> RootParameter:
    return RootParameter(
        name,
        group,
        label,
        f"{description} The value {PRESET} takes the preset's.",
        PRESET,
        allowed_values=(PRESET, *values),
        constraint=constraint,
        overrides_preset=True,
    )


RUNTIME_NAME: Final = RootParameter(
    "RuntimeName",
    GENERAL,
    "Name",
    "Name of this runtime. It leads the host name and the names that AWS requires, and it stays for good: a gateway"
    " cannot be renamed.",
    "mcp-runtime",
    allowed_pattern=r"^[a-z](-?[a-z0-9])+$",
    max_length=20,
    constraint="must be 2 to 20 lower-case letters, digits and single hyphens, and start with a letter",
)
PRESET_NAME: Final = RootParameter(
    "Preset",
    GENERAL,
    "Preset",
    "development: one NAT gateway, small tasks, short log retention. production: a NAT gateway per zone, larger tasks,"
    " long retention, firewall and deletion protection.",
    "development",
    allowed_values=tuple(PRESETS.rows),
    constraint="must be development or production",
)
DELETION_PROTECTION: Final = _overridable(
    "DeletionProtection",
    GENERAL,
    "Deletion protection",
    "Whether the load balancer and the user pool refuse deletion.",
    ("on", "off"),
    "must be preset, on or off",
)

PARENT_DOMAIN: Final = RootParameter(
    "ParentDomain",
    ADDRESS,
    "Parent domain",
    "Domain under which the runtime gets its host name, such as example.com. Empty: the runtime stands without an"
    " endpoint and the gateway without a target.",
    allowed_pattern=rf"^({_HOST})?$",
    max_length=61,
    constraint="must be a lower-case domain name such as example.com, short enough for a host name of 64, or empty",
)
HOSTED_ZONE_ID: Final = RootParameter(
    "HostedZoneId",
    ADDRESS,
    "Hosted zone",
    "Id of the public Route 53 hosted zone of the parent domain in this account. Empty: no record and no certificate"
    " are made here.",
    allowed_pattern=r"^(Z[A-Z0-9]{1,31})?$",
    constraint="must be a hosted zone id such as Z0123456789ABCDEFGHIJ, or empty",
)
HOST_LABELS: Final = RootParameter(
    "HostLabels",
    ADDRESS,
    "Labels in the host name",
    "Labels between the runtime's name and the parent domain, so that several targets can share one domain.",
    "none",
    allowed_values=("none", "region", "account", "account-region"),
    constraint="must be none, region, account or account-region",
)
HOST_NAME: Final = RootParameter(
    "CustomHostName",
    ADDRESS,
    "Host name",
    "Full host name, where it is not made from name, labels and parent domain. The certificate must cover it.",
    allowed_pattern=rf"^({_HOST})?$",
    max_length=64,
    constraint="must be a lower-case host name such as mcp.example.com of at most 64 characters, or empty",
)
CERTIFICATE_ARN: Final = RootParameter(
    "ExistingCertificateArn",
    ADDRESS,
    "Existing certificate",
    "ARN of an issued ACM certificate of this account and Region that covers the host name. Empty: one is made and"
    " validated in the hosted zone.",
    allowed_pattern=r"^(arn:aws[a-z-]*:acm:[a-z0-9-]+:[0-9]{12}:certificate/[A-Za-z0-9-]+)?$",
    constraint="must be the ARN of an ACM certificate, or empty",
)
GATEWAY_TARGET: Final = RootParameter(
    "ConnectGateway",
    ADDRESS,
    "Connect the gateway",
    "Whether the gateway gets its target now. Set to off while a DNS record that is kept elsewhere does not point to"
    " the load balancer yet: the target is refused until the host name answers.",
    "on",
    allowed_values=("on", "off"),
    constraint="must be on or off",
)

EXPOSURE: Final = RootParameter(
    "Exposure",
    NETWORK,
    "Exposure",
    "public: the load balancer faces the internet, and every request needs a token. private: it is internal and admits"
    " the gateway alone, which reaches it through network interfaces in the private subnets.",
    "public",
    allowed_values=("public", "private"),
    constraint="must be public or private",
)
VPC_CIDR: Final = RootParameter(
    "VpcCidr",
    NETWORK,
    "Address range",
    "IPv4 range of the VPC: of the new one, or of the existing one.",
    "10.0.0.0/16",
    allowed_pattern=_CIDR,
    constraint="must be an IPv4 range between /16 and /24 such as 10.0.0.0/16",
)
SUBNET_BITS: Final = RootParameter(
    "SubnetBits",
    NETWORK,
    "Host bits of a subnet",
    "Size of each of up to six subnets of a new VPC, in host bits: 12 makes /20 subnets. Six must fit in the address"
    " range: at most 29 minus the range's prefix length.",
    "12",
    "Number",
    minimum=5,
    maximum=13,
    constraint="must be between 5 and 13, and six such subnets must fit in the address range",
)
ZONE_COUNT: Final = RootParameter(
    "ZoneCount",
    NETWORK,
    "Availability Zones",
    "Number of Availability Zones that the runtime spans.",
    "2",
    allowed_values=("2", "3"),
    constraint="must be 2 or 3",
)
NAT_GATEWAYS: Final = _overridable(
    "NatGateways",
    NETWORK,
    "NAT gateways",
    "One NAT gateway for all zones, or one per zone, in a new VPC.",
    ("single", "per-zone"),
    "must be preset, single or per-zone",
)
INTERFACE_ENDPOINTS: Final = RootParameter(
    "InterfaceEndpoints",
    NETWORK,
    "Interface endpoints",
    "Whether a new VPC gets interface endpoints for ECR, CloudWatch Logs and Secrets Manager. The S3 gateway endpoint"
    " is always made.",
    "off",
    allowed_values=("on", "off"),
    constraint="must be on or off",
)
VPC_ID: Final = RootParameter(
    "ExistingVpcId",
    NETWORK,
    "Existing VPC",
    "Id of an existing VPC to use. Empty: a new one is made.",
    allowed_pattern=r"^(vpc-[0-9a-f]{8,17})?$",
    constraint="must be a VPC id such as vpc-0123456789abcdef0, or empty",
)
PUBLIC_SUBNET_IDS: Final = RootParameter(
    "ExistingPublicSubnetIds",
    NETWORK,
    "Existing public subnets",
    "Ids of two or three public subnets of the existing VPC, in different zones, for the load balancer. With private"
    " exposure none are needed.",
    "",
    "CommaDelimitedList",
    allowed_pattern=_SUBNET_ID,
    constraint="must be subnet ids such as subnet-0123456789abcdef0, separated by commas, or empty",
)
PRIVATE_SUBNET_IDS: Final = RootParameter(
    "ExistingPrivateSubnetIds",
    NETWORK,
    "Existing private subnets",
    "Ids of two or three private subnets of the existing VPC, in different zones and with a route to the internet or"
    " to the endpoints of ECR, S3, CloudWatch Logs and Secrets Manager, for the tasks. With private exposure they are"
    " the load balancer's too: one of each zone, with a route to the token issuer's public keys.",
    "",
    "CommaDelimitedList",
    allowed_pattern=_SUBNET_ID,
    constraint="must be subnet ids such as subnet-0123456789abcdef0, separated by commas, or empty",
)

CPU_ARCHITECTURE: Final = RootParameter(
    "CpuArchitecture",
    COMPUTE,
    "CPU architecture",
    "Architecture of the tasks. The image must have it.",
    "X86_64",
    allowed_values=("X86_64", "ARM64"),
    constraint="must be X86_64 or ARM64",
)
TASK_SIZE: Final = _overridable(
    "TaskSize",
    COMPUTE,
    "Task size",
    "CPU units and MiB of memory of a task: 256-512 is 0.25 vCPU and 0.5 GB.",
    TASK_SIZES,
    "must be preset or a pair of CPU units and MiB that Fargate has, such as 512-1024",
)
MIN_TASKS: Final = RootParameter(
    "MinTasks",
    COMPUTE,
    "Fewest tasks",
    "Number of tasks that always run.",
    "2",
    allowed_values=tuple(map(str, TASK_COUNTS)),
    constraint=f"must be a number from {TASK_COUNTS[0]} to {TASK_COUNTS[-1]}",
)
MAX_TASKS: Final = RootParameter(
    "MaxTasks",
    COMPUTE,
    "Most tasks",
    "Number of tasks that scaling may reach, not below the fewest.",
    "4",
    allowed_values=tuple(map(str, TASK_COUNTS)),
    constraint=f"must be a number from {TASK_COUNTS[0]} to {TASK_COUNTS[-1]}",
)
CPU_TARGET: Final = RootParameter(
    "CpuTarget",
    COMPUTE,
    "CPU target",
    "Mean CPU utilization of the tasks, in percent, that scaling aims at.",
    "60",
    "Number",
    minimum=10,
    maximum=90,
    constraint="must be between 10 and 90",
)
MEMORY_TARGET: Final = RootParameter(
    "MemoryTarget",
    COMPUTE,
    "Memory target",
    "Mean memory utilization of the tasks, in percent, that scaling aims at.",
    "75",
    "Number",
    minimum=10,
    maximum=90,
    constraint="must be between 10 and 90",
)
REQUESTS_TARGET: Final = RootParameter(
    "RequestsPerTaskTarget",
    COMPUTE,
    "Requests target",
    "Requests per task and minute that scaling aims at.",
    "3000",
    "Number",
    minimum=10,
    maximum=1000000,
    constraint="must be between 10 and 1000000",
)
SPOT_PERCENT: Final = RootParameter(
    "SpotPercent",
    COMPUTE,
    "Spot share",
    "Share of tasks beyond the first that run on Fargate Spot, in percent.",
    "0",
    allowed_values=tuple(SPOT_SHARES.rows),
    constraint="must be 0, 25, 50 or 75",
)
CONTAINER_SECRET_ARN: Final = RootParameter(
    "ContainerSecretArn",
    COMPUTE,
    "Secret for the tools",
    "ARN of one Secrets Manager secret, a JSON object whose keys the tools read as settings, encrypted"
    " with the key that AWS manages or with the encryption key below. Empty: none.",
    allowed_pattern=_SECRET_ARN,
    constraint="must be the whole ARN of a Secrets Manager secret, with the six characters at its end, or empty",
)

TOOL_PROVIDERS: Final = RootParameter(
    "ToolProviders",
    COMPUTE,
    "Providers of more tools",
    "JSON list of packages, OpenAPI documents and MCP servers whose tools the server offers beside its own."
    " Empty: none.",
    allowed_pattern=r"^(\[\{[^\n]*\}\])?$",
    max_length=4096,
    constraint="must be a JSON list of objects in one line of at most 4,096 characters, or empty",
)

IMAGE_ACCOUNT: Final = RootParameter(
    "ImageRegistryAccount",
    IMAGE,
    "Registry account",
    "Account whose ECR registry in the stack's Region holds the image.",
    None,
    allowed_pattern=r"^[0-9]{12}$",
    constraint="must be a 12-digit account id",
)
IMAGE_REPOSITORY: Final = RootParameter(
    "ImageRepository",
    IMAGE,
    "Repository",
    "ECR repository that holds the image.",
    "mcp-runtime/server",
    allowed_pattern=r"^[a-z0-9]+([._-][a-z0-9]+)*/[a-z0-9]+([._-][a-z0-9]+)*$",
    constraint="must be the name of an ECR repository with one slash, such as mcp-runtime/server",
)
IMAGE_DIGEST: Final = RootParameter(
    "ImageDigest",
    IMAGE,
    "Digest",
    "Digest of the image, sha256:…; an image is never launched by tag.",
    None,
    allowed_pattern=r"^sha256:[0-9a-f]{64}$",
    constraint="must be sha256: and 64 hexadecimal digits",
)

ISSUER: Final = RootParameter(
    "ExistingIssuer",
    IDENTITY,
    "Issuer",
    "Issuer (iss) of an existing OAuth 2.0 authorization server. Empty: an Amazon Cognito user pool is made.",
    allowed_pattern=_HTTPS_URL,
    max_length=256,
    constraint="must be an https:// URL of at most 256 characters, or empty",
)
JWKS_URL: Final = RootParameter(
    "ExistingIssuerJwksUrl",
    IDENTITY,
    "Public keys",
    "URL of the existing issuer's JSON Web Key Set, RSA keys for RS256.",
    allowed_pattern=_HTTPS_URL,
    max_length=256,
    constraint="must be an https:// URL of at most 256 characters, or empty",
)
DISCOVERY_URL: Final = RootParameter(
    "ExistingIssuerDiscoveryUrl",
    IDENTITY,
    "Discovery document",
    "URL of the existing issuer's discovery document, ending in /.well-known/openid-configuration.",
    allowed_pattern=r"^(https://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~%+-]+)*/\.well-known/openid-configuration)?$",
    constraint="must be an https:// URL that ends in /.well-known/openid-configuration, or empty",
)
CLIENT_ID: Final = RootParameter(
    "ExistingIssuerClientId",
    IDENTITY,
    "Client id",
    "Id of the client with which the gateway asks the existing issuer for tokens.",
    allowed_pattern=r"^[A-Za-z0-9._~:/@-]{0,256}$",
    constraint="must be a client id of at most 256 characters, or empty",
)
CLIENT_SECRET_ARN: Final = RootParameter(
    "ExistingIssuerClientSecretArn",
    IDENTITY,
    "Client secret",
    "ARN of the Secrets Manager secret that holds the existing client's secret under the JSON key client_secret,"
    " encrypted with the key that AWS manages or with the encryption key below.",
    allowed_pattern=_SECRET_ARN,
    constraint="must be the whole ARN of a Secrets Manager secret, with the six characters at its end, or empty",
)
SCOPE: Final = RootParameter(
    "ExistingIssuerScope",
    IDENTITY,
    "Scope",
    "Scope that the gateway asks of the existing issuer; its tokens carry it, unless a value of the claim is given.",
    allowed_pattern=r"^[A-Za-z0-9._~:/@-]{0,256}$",
    constraint="must be one scope of at most 256 characters, or empty",
)
CLAIM: Final = RootParameter(
    "ExistingIssuerClaim",
    IDENTITY,
    "Claim",
    "Claim in which the existing issuer's tokens carry what they are good for: scope by most, scp by Okta, roles by"
    " Microsoft Entra.",
    "scope",
    allowed_pattern=r"^[A-Za-z0-9._:/-]{1,128}$",
    constraint="must be the name of a claim of at most 128 characters",
)
CLAIM_FORMAT: Final = RootParameter(
    "ExistingIssuerClaimFormat",
    IDENTITY,
    "Format of the claim",
    "How that claim holds its values: in one text with spaces between, as a list, or as one text.",
    "space-separated-values",
    allowed_values=("space-separated-values", "string-array", "single-string"),
    constraint="must be space-separated-values, string-array or single-string",
)
CLAIM_VALUE: Final = RootParameter(
    "ExistingIssuerClaimValue",
    IDENTITY,
    "Value of the claim",
    "Value that the claim must hold, where it is not the scope that is asked for: with Microsoft Entra an application"
    " role, while the scope ends in /.default.",
    allowed_pattern=r"^[A-Za-z0-9._~:/@-]{0,256}$",
    constraint="must be one value of at most 256 characters, or empty",
)

SERVER_TOKEN_CHECK: Final = RootParameter(
    "ServerTokenCheck",
    IDENTITY,
    "Token check in the server",
    "Whether the server itself checks tokens too, behind the load balancer. auto: where the issuer is made here. The"
    " tasks then read the issuer's public keys over the internet, on port 443.",
    "auto",
    allowed_values=tuple(SERVER_TOKEN_CHECKS.rows),
    constraint="must be auto, on or off",
)

ALLOWED_PRINCIPALS: Final = RootParameter(
    "AllowedPrincipals",
    ACCESS,
    "Who may call",
    "ARNs of IAM roles, users or accounts that may call the gateway by its resource policy, such as"
    " arn:aws:iam::111122223333:role/agent. Empty: only identities of this account with the caller's policy.",
    "",
    "CommaDelimitedList",
    allowed_pattern=r"^(arn:aws[a-z-]*:iam::[0-9]{12}:(root|(role|user)/[A-Za-z0-9_+=,.@/-]{1,512}))?$",
    constraint="must be ARNs of IAM roles, users or account roots, separated by commas, or empty",
)
TOOL_ACCESS: Final = RootParameter(
    "ToolAccess",
    ACCESS,
    "Who may call which tool",
    "Whether a policy engine holds callers to the statements below. log-only: what they would refuse is only logged."
    " enforce: what no statement permits is refused. off: everybody who may call the gateway may call every tool.",
    "off",
    allowed_values=("off", "log-only", "enforce"),
    constraint="must be off, log-only or enforce",
)
ACCESS_STATEMENTS: Final = tuple(
    RootParameter(
        f"AccessStatement{number}",
        ACCESS,
        f"Access statement {number}",
        'One Cedar statement for the policy engine, with AgentCore::Gateway::"<gateway>" as its resource, where the'
        " gateway's ARN is put. Empty: none.",
        allowed_pattern=r"^((permit|forbid)[^<]*AgentCore::Gateway::\"<gateway>\"[^<]*)?$",
        max_length=4096,
        constraint='must be one Cedar statement with AgentCore::Gateway::"<gateway>" as its resource and no other <, or'
        " empty",
    )
    for number in range(1, 6)
)
TOOL_LISTING: Final = RootParameter(
    "ToolListing",
    ACCESS,
    "Where the tool list comes from",
    "discovered: the gateway asks the server for its tools. pinned: the gateway offers what the packaged tool schema"
    " says, and nothing that the server adds.",
    "discovered",
    allowed_values=("discovered", "pinned"),
    constraint="must be discovered or pinned",
)
TOOL_SCHEMA_URI: Final = RootParameter(
    "ToolSchemaUri",
    ACCESS,
    "Tool schema",
    "S3 URI of the tool schema of a pinned gateway target. Packaging fills it in.",
    allowed_pattern=r"^(s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/[A-Za-z0-9._/-]{1,1024})?$",
    constraint="must be an S3 URI such as s3://bucket/key.json, or empty",
)
TOOL_SCHEMA_ACCOUNT: Final = RootParameter(
    "ToolSchemaAccount",
    ACCESS,
    "Account of the tool schema",
    "Account that owns the tool schema's bucket. Packaging fills it in.",
    allowed_pattern=r"^([0-9]{12})?$",
    constraint="must be a 12-digit account id, or empty",
)
FIREWALL: Final = _overridable(
    "Firewall",
    ACCESS,
    "Firewall",
    "Whether AWS WAF stands before the load balancer and the gateway.",
    ("on", "off"),
    "must be preset, on or off",
)
FIREWALL_MODE: Final = RootParameter(
    "FirewallMode",
    ACCESS,
    "Firewall mode",
    "Whether a matching firewall rule blocks the request or only counts it.",
    "block",
    allowed_values=("block", "count"),
    constraint="must be block or count",
)

_REQUESTS: Final = "Requests within the firewall's window"
SOURCE_RATE: Final = RootParameter(
    "FirewallSourceRate",
    ACCESS,
    "Rate of a source",
    f"{_REQUESTS}, above which one address is kept from the gateway.",
    "3000",
    "Number",
    minimum=10,
    maximum=2000000000,
    constraint="must be between 10 and 2000000000",
)
TOOL_RATE: Final = RootParameter(
    "FirewallToolRate",
    ACCESS,
    "Rate of a tool",
    f"{_REQUESTS}, above which one address is kept from one tool, where clients name the tool in the header Mcp-Name.",
    "1000",
    "Number",
    minimum=10,
    maximum=2000000000,
    constraint="must be between 10 and 2000000000",
)
TOKENLESS_RATE: Final = RootParameter(
    "FirewallTokenlessRate",
    ACCESS,
    "Rate without a token",
    f"{_REQUESTS} to the load balancer without a bearer token, above which one address is kept from it; honest callers"
    " send none.",
    "100",
    "Number",
    minimum=10,
    maximum=2000000000,
    constraint="must be between 10 and 2000000000",
)
RATE_WINDOW: Final = RootParameter(
    "FirewallWindowSeconds",
    ACCESS,
    "Firewall window",
    "Seconds over which the firewall counts requests.",
    "300",
    allowed_values=("60", "120", "300", "600"),
    constraint="must be 60, 120, 300 or 600",
)

_RATE: Final = rf"^({PRESET}|[0-9]{{1,7}}|10000000)$"
CALLS_PER_PRINCIPAL: Final = RootParameter(
    "RequestsPerPrincipal",
    ACCESS,
    "Requests of a principal",
    f"Requests a minute that one IAM principal may send to the gateway; 0: no limit. The value {PRESET} takes the"
    " preset's.",
    PRESET,
    allowed_pattern=_RATE,
    constraint=f"must be {PRESET}, or a number from 0 to 10000000",
    overrides_preset=True,
)
CALLS_PER_TOOL: Final = RootParameter(
    "RequestsPerTool",
    ACCESS,
    "Calls of a tool",
    f"Calls a minute that one tool may get through the gateway, whoever makes them; 0: no limit. The value {PRESET}"
    " takes the preset's.",
    PRESET,
    allowed_pattern=_RATE,
    constraint=f"must be {PRESET}, or a number from 0 to 10000000",
    overrides_preset=True,
)

LOG_RETENTION: Final = _overridable(
    "LogRetentionDays",
    OPERATIONS,
    "Log retention",
    "Days for which logs are kept.",
    tuple(map(str, LOG_RETENTION_DAYS)),
    "must be preset or a number of days that CloudWatch Logs has, such as 30",
)
LOG_LEVEL: Final = RootParameter(
    "LogLevel",
    OPERATIONS,
    "Log level",
    "Least severity that the server logs.",
    "INFO",
    allowed_values=("DEBUG", "INFO", "WARNING", "ERROR"),
    constraint="must be DEBUG, INFO, WARNING or ERROR",
)
AUDIT_ARGUMENTS: Final = RootParameter(
    "AuditArguments",
    OPERATIONS,
    "Arguments in the audit",
    "Whether the audit line of each tool call holds the call's arguments, cut and without secrets.",
    "off",
    allowed_values=("off", "redacted"),
    constraint="must be off or redacted",
)
TRACES_COLLECTOR_IMAGE: Final = RootParameter(
    "TracesCollectorImage",
    OPERATIONS,
    "Traces collector",
    "Image, by digest, of the AWS Distro for OpenTelemetry collector that runs beside the server and sends a trace of"
    " each call to AWS X-Ray. Empty: no traces.",
    allowed_pattern=r"^([a-z0-9.-]+(/[a-z0-9._-]+)+(:[A-Za-z0-9._-]+)?@sha256:[0-9a-f]{64})?$",
    constraint="must be an image with its digest, such as registry/repository@sha256:..., or empty",
)
ALARM_EMAIL: Final = RootParameter(
    "AlarmEmail",
    OPERATIONS,
    "Alarm e-mail",
    "Address that is told of alarms; it must confirm a subscription. Empty: alarms reach the topic only.",
    allowed_pattern=r"^([^@\s]+@[^@\s]+\.[^@\s]+)?$",
    constraint="must be an e-mail address, or empty",
)

LATENCY_OBJECTIVE: Final = RootParameter(
    "LatencyObjectiveSeconds",
    OPERATIONS,
    "Latency objective",
    "Seconds that one call in a hundred may take longer than before an alarm goes off.",
    "10",
    allowed_values=("1", "2", "5", "10", "30", "60"),
    constraint="must be 1, 2, 5, 10, 30 or 60",
)
AVAILABILITY_OBJECTIVE: Final = RootParameter(
    "AvailabilityObjectivePercent",
    OPERATIONS,
    "Availability objective",
    "Percent of tool calls that must not fail by the server's fault. What may fail of 30 days is the error budget, and"
    " alarms go off where it burns too fast.",
    "99.9",
    allowed_values=tuple(BURN_RATES.rows),
    constraint="must be 99, 99.5, 99.9 or 99.95",
)
RUNBOOK_URL: Final = RootParameter(
    "RunbookUrl",
    OPERATIONS,
    "Runbook",
    "Where your people find docs/runbook.md: each alarm links to its section there.",
    "docs/runbook.md",
    allowed_pattern=r"^[A-Za-z0-9._~:/?@%&=+-]{1,400}$",
    constraint="must be an address without spaces and without the part after #",
)

TASK_POLICIES: Final = RootParameter(
    "TaskPolicyArns",
    PROTECTION,
    "What the tools may do in AWS",
    "ARNs of up to ten managed policies of this account or of AWS that the tasks' role gets. Empty: the tools may do"
    " nothing in AWS. A policy that is attached to the role by hand instead keeps the stack from being deleted.",
    "",
    "CommaDelimitedList",
    allowed_pattern=r"^(arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/[A-Za-z0-9_+=,.@/-]{1,512})?$",
    constraint="must be ARNs of managed IAM policies, separated by commas, or empty",
)
PERMISSIONS_BOUNDARY: Final = RootParameter(
    "PermissionsBoundaryName",
    PROTECTION,
    "Permissions boundary",
    "Name, with its path, of the managed policy of this account that bounds every role of the stack. Empty: none.",
    allowed_pattern=r"^([A-Za-z0-9_+=,.@-]{1,128}(/[A-Za-z0-9_+=,.@-]{1,128}){0,3})?$",
    constraint="must be the name of a managed IAM policy such as boundary or teams/boundary, or empty",
)
KMS_KEY: Final = RootParameter(
    "KmsKeyArn",
    PROTECTION,
    "Encryption key",
    "ARN of a symmetric KMS key of this account and Region that encrypts logs, the client's secret, alarms and the"
    " gateway; its policy must admit CloudWatch Logs and CloudWatch alarms. Empty: keys of AWS.",
    allowed_pattern=r"^(arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[a-zA-Z0-9-]{36})?$",
    constraint="must be the ARN of a KMS key, not of an alias, or empty",
)

ALL: Final = (
    RUNTIME_NAME,
    PRESET_NAME,
    DELETION_PROTECTION,
    PARENT_DOMAIN,
    HOSTED_ZONE_ID,
    HOST_LABELS,
    HOST_NAME,
    CERTIFICATE_ARN,
    GATEWAY_TARGET,
    EXPOSURE,
    VPC_CIDR,
    SUBNET_BITS,
    ZONE_COUNT,
    NAT_GATEWAYS,
    INTERFACE_ENDPOINTS,
    VPC_ID,
    PUBLIC_SUBNET_IDS,
    PRIVATE_SUBNET_IDS,
    CPU_ARCHITECTURE,
    TASK_SIZE,
    MIN_TASKS,
    MAX_TASKS,
    CPU_TARGET,
    MEMORY_TARGET,
    REQUESTS_TARGET,
    SPOT_PERCENT,
    CONTAINER_SECRET_ARN,
    TOOL_PROVIDERS,
    IMAGE_ACCOUNT,
    IMAGE_REPOSITORY,
    IMAGE_DIGEST,
    ISSUER,
    JWKS_URL,
    DISCOVERY_URL,
    CLIENT_ID,
    CLIENT_SECRET_ARN,
    SCOPE,
    CLAIM,
    CLAIM_FORMAT,
    CLAIM_VALUE,
    SERVER_TOKEN_CHECK,
    ALLOWED_PRINCIPALS,
    TOOL_ACCESS,
    *ACCESS_STATEMENTS,
    TOOL_LISTING,
    TOOL_SCHEMA_URI,
    TOOL_SCHEMA_ACCOUNT,
    FIREWALL,
    FIREWALL_MODE,
    SOURCE_RATE,
    TOOL_RATE,
    TOKENLESS_RATE,
    RATE_WINDOW,
    CALLS_PER_PRINCIPAL,
    CALLS_PER_TOOL,
    LOG_RETENTION,
    LOG_LEVEL,
    AUDIT_ARGUMENTS,
    TRACES_COLLECTOR_IMAGE,
    ALARM_EMAIL,
    LATENCY_OBJECTIVE,
    AVAILABILITY_OBJECTIVE,
    RUNBOOK_URL,
    TASK_POLICIES,
    PERMISSIONS_BOUNDARY,
    KMS_KEY,
)
