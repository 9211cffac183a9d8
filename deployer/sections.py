"""The sections of the configuration: one frozen dataclass each, whose fields say which root parameter they set.

A field takes its default, its allowed values and its meaning from the parameter, so that the configuration and the
console's form cannot say different things.
"""

import re
from dataclasses import Field, dataclass, field, fields
from typing import Any, Final

from generator import catalog_parameters as k
from generator import foundation_parameters as f
from generator import parameters as p
from generator.parameters import RootParameter
from generator.presets import PRESET

Value = str | int | bool | tuple[str, ...]
SWITCH: Final = ("on", "off")
PARAMETER_BYTES: Final = 4096
"""A template parameter holds no more (CloudFormation user guide, "CloudFormation quotas")."""
PARAMETER: Final = "parameter"
"""The key of a field's metadata that holds its root parameter."""
CHECK: Final = "check"
"""The key of a field's metadata that holds its pattern and the constraint sentence, where it is no root parameter."""


_REGION: Final = r"[a-z]{2}(-[a-z]+)+-[0-9]"
_AMOUNT: Final = r"[1-9][0-9]{0,4}|[1-9][0-9]?%|100%"


class UnfitValueError(Exception):
    """A value does not fit its setting; the message says what it must be."""


def _setting(parameter: RootParameter) -> Any:
    return field(default=natural(parameter, parameter.default or ""), metadata={PARAMETER: parameter})


def _text(pattern: str, constraint: str, default: str = "") -> Any:
    return field(default=default, metadata={CHECK: (pattern, constraint)})


def _texts(pattern: str, constraint: str) -> Any:
    return field(default=(), metadata={CHECK: (pattern, constraint)})


def _number(pattern: str, constraint: str, default: int) -> Any:
    return field(default=default, metadata={CHECK: (pattern, constraint)})


def _given(parameter: RootParameter) -> str:
    """Returns the pattern of a parameter's values but the empty one."""
    return f"(?!$)(?:{parameter.allowed_pattern})"


def natural(parameter: RootParameter, text: str) -> Value:
    """Returns a parameter's text as the type that it has in the configuration."""
    if parameter.type == "CommaDelimitedList":
        return tuple(text.split(",")) if text else ()
    if parameter.allowed_values == SWITCH:
        return text == "on"
    if parameter.type == "Number" or (parameter.allowed_values and all(map(str.isdigit, parameter.allowed_values))):
        return int(text)
    return text


def parameter_text(value: Value) -> str:
    """Returns a setting's value as CloudFormation takes it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return ",".join(value) if isinstance(value, tuple) else str(value)


def fitted(setting: "Field[Any]", value: object) -> Value:
    """Returns a value of the configuration file as its field holds it.

    Raises UnfitValueError where the type or the value does not fit the field's parameter or pattern.
    """
    if PARAMETER not in setting.metadata:
        if isinstance(setting.default, bool):
            if not isinstance(value, bool):
                raise UnfitValueError("must be true or false")
            return value
        pattern, constraint = setting.metadata[CHECK]
        if isinstance(setting.default, tuple):
            if not isinstance(value, list) or not all(
                isinstance(one, str) and re.fullmatch(pattern, one) for one in value
            ):
                raise UnfitValueError(constraint)
            return tuple(value)
        if isinstance(setting.default, int):
            if not isinstance(value, int) or isinstance(value, bool) or not re.fullmatch(pattern, str(value)):
                raise UnfitValueError(constraint)
            return value
        optional = setting.default == ""
        if not isinstance(value, str) or not (re.fullmatch(pattern, value) or (optional and not value)):
            raise UnfitValueError(constraint)
        return value
    parameter: RootParameter = setting.metadata[PARAMETER]
    text = _text_of(parameter, value)
    if len(text.encode()) > PARAMETER_BYTES:
        raise UnfitValueError(f"has {len(text.encode())} bytes, but a parameter holds {PARAMETER_BYTES} at most")
    if not fits(parameter, text):
        raise UnfitValueError(_constraint(parameter))
    return natural(parameter, text)


def _constraint(parameter: RootParameter) -> str:
    """Returns what a value must be, in the words of the configuration file where the template has others for it."""
    if set(SWITCH) <= set(parameter.allowed_values):
        return 'must be true, false or "preset"' if PRESET in parameter.allowed_values else "must be true or false"
    return parameter.constraint or "does not fit"


def _text_of(parameter: RootParameter, value: object) -> str:
    if parameter.type == "CommaDelimitedList":
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise UnfitValueError('must be a list of texts such as ["a", "b"]')
        if any(not item or re.search(r"[,\s]", item) for item in value):
            raise UnfitValueError("must be a list whose texts are not empty and hold neither commas nor spaces")
        return ",".join(value)
    if isinstance(value, bool):
        if not set(SWITCH) <= set(parameter.allowed_values):
            raise UnfitValueError(_constraint(parameter))
        return "on" if value else "off"
    if isinstance(value, int | str):
        return str(value)
    raise UnfitValueError(_constraint(parameter))


def fits(parameter: RootParameter, text: str) -> bool:
    """Returns whether CloudFormation would accept the text for the parameter.

    A list's pattern and values hold for each of its items (user guide, "Parameters", `AllowedPattern`).
    """
    if parameter.type == "CommaDelimitedList":
        return all(_item_fits(parameter, item) for item in text.split(","))
    return _item_fits(parameter, text)


def _item_fits(parameter: RootParameter, text: str) -> bool:
    if parameter.allowed_values and text not in parameter.allowed_values:
        return False
    if parameter.allowed_pattern is not None and not re.fullmatch(parameter.allowed_pattern, text):
        return False
    if parameter.max_length is not None and len(text) > parameter.max_length:
        return False
    if parameter.type == "Number":
        if not re.fullmatch(r"-?[0-9]{1,10}", text):
            return False
        low = parameter.minimum is None or int(text) >= parameter.minimum
        return low and (parameter.maximum is None or int(text) <= parameter.maximum)
    return True


@dataclass(frozen=True)
class Runtime:
    """[runtime]: what it is called and which preset it follows."""

    name: str = _setting(p.RUNTIME_NAME)
    preset: str = _setting(p.PRESET_NAME)
    deletion_protection: str = _setting(p.DELETION_PROTECTION)


@dataclass(frozen=True)
class Address:
    """[address]: the host name, its zone and its certificate."""

    parent_domain: str = _setting(p.PARENT_DOMAIN)
    hosted_zone_id: str = _setting(p.HOSTED_ZONE_ID)
    host_labels: str = _setting(p.HOST_LABELS)
    host_name: str = _setting(p.HOST_NAME)
    certificate_arn: str = _setting(p.CERTIFICATE_ARN)
    connect_gateway: bool = _setting(p.GATEWAY_TARGET)


@dataclass(frozen=True)
class Network:
    """[network]: a new VPC's shape, or an existing VPC."""

    exposure: str = _setting(p.EXPOSURE)
    address_range: str = _setting(p.VPC_CIDR)
    subnet_host_bits: int = _setting(p.SUBNET_BITS)
    zones: int = _setting(p.ZONE_COUNT)
    nat_gateways: str = _setting(p.NAT_GATEWAYS)
    interface_endpoints: bool = _setting(p.INTERFACE_ENDPOINTS)
    existing_vpc_id: str = _setting(p.VPC_ID)
    existing_public_subnet_ids: tuple[str, ...] = _setting(p.PUBLIC_SUBNET_IDS)
    existing_private_subnet_ids: tuple[str, ...] = _setting(p.PRIVATE_SUBNET_IDS)


@dataclass(frozen=True)
class Compute:
    """[compute]: the tasks, their number and what they may read."""

    cpu_architecture: str = _setting(p.CPU_ARCHITECTURE)
    task_size: str = _setting(p.TASK_SIZE)
    min_tasks: int = _setting(p.MIN_TASKS)
    max_tasks: int = _setting(p.MAX_TASKS)
    cpu_target_percent: int = _setting(p.CPU_TARGET)
    memory_target_percent: int = _setting(p.MEMORY_TARGET)
    requests_per_task_target: int = _setting(p.REQUESTS_TARGET)
    spot_percent: int = _setting(p.SPOT_PERCENT)
    secret_arn: str = _setting(p.CONTAINER_SECRET_ARN)


@dataclass(frozen=True)
class Identity:
    """[identity]: an existing token issuer; empty where one is made."""

    issuer: str = _setting(p.ISSUER)
    jwks_url: str = _setting(p.JWKS_URL)
    discovery_url: str = _setting(p.DISCOVERY_URL)
    client_id: str = _setting(p.CLIENT_ID)
    client_secret_arn: str = _setting(p.CLIENT_SECRET_ARN)
    scope: str = _setting(p.SCOPE)
    claim: str = _setting(p.CLAIM)
    claim_format: str = _setting(p.CLAIM_FORMAT)
    claim_value: str = _setting(p.CLAIM_VALUE)
    server_token_check: str = _setting(p.SERVER_TOKEN_CHECK)


@dataclass(frozen=True)
class Gateway:
    """[gateway]: who may call, how often, whether tools are told apart, and the firewall before it."""

    allowed_principals: tuple[str, ...] = _setting(p.ALLOWED_PRINCIPALS)
    tool_access: str = _setting(p.TOOL_ACCESS)
    tool_listing: str = _setting(p.TOOL_LISTING)
    firewall: str = _setting(p.FIREWALL)
    firewall_mode: str = _setting(p.FIREWALL_MODE)
    firewall_source_rate: int = _setting(p.SOURCE_RATE)
    firewall_tool_rate: int = _setting(p.TOOL_RATE)
    firewall_tokenless_rate: int = _setting(p.TOKENLESS_RATE)
    firewall_window_seconds: int = _setting(p.RATE_WINDOW)
    requests_per_principal: str = _setting(p.CALLS_PER_PRINCIPAL)
    requests_per_tool: str = _setting(p.CALLS_PER_TOOL)


@dataclass(frozen=True)
class Operations:
    """[operations]: logs, traces and alarms."""

    log_retention_days: str = _setting(p.LOG_RETENTION)
    log_level: str = _setting(p.LOG_LEVEL)
    audit_arguments: str = _setting(p.AUDIT_ARGUMENTS)
    traces_collector_image: str = _setting(p.TRACES_COLLECTOR_IMAGE)
    alarm_email: str = _setting(p.ALARM_EMAIL)
    latency_objective_seconds: int = _setting(p.LATENCY_OBJECTIVE)
    availability_objective_percent: str = _setting(p.AVAILABILITY_OBJECTIVE)
    runbook_url: str = _setting(p.RUNBOOK_URL)


@dataclass(frozen=True)
class Security:
    """[security]: what the tools may do, what bounds every role, and the key that encrypts."""

    task_policy_arns: tuple[str, ...] = _setting(p.TASK_POLICIES)
    permissions_boundary: str = _setting(p.PERMISSIONS_BOUNDARY)
    kms_key_arn: str = _setting(p.KMS_KEY)


AUTOMATIC: Final = "auto"
REMOTE: Final = "codebuild"


@dataclass(frozen=True)
class Image:
    """[image]: the server's container image: which one, by digest, or what builds it."""

    repository: str = field(default=p.IMAGE_REPOSITORY.default or "", metadata={PARAMETER: p.IMAGE_REPOSITORY})
    digest: str = _text(p.IMAGE_DIGEST.allowed_pattern or "", f"{p.IMAGE_DIGEST.constraint}, or empty")
    builder: str = _text(
        f"{AUTOMATIC}|docker|podman|buildah|finch|{REMOTE}",
        f"must be {AUTOMATIC}, docker, podman, buildah, finch or {REMOTE}",
        AUTOMATIC,
    )
    kms_key_arn: str = _text(f.REGISTRY_KEY.allowed_pattern or "", f.REGISTRY_KEY.constraint or "")


@dataclass(frozen=True)
class StackSetSettings:
    """[stack_set]: who publishes, from which Region, and with which roles."""

    name: str = _text(r"[a-zA-Z][a-zA-Z0-9-]{0,127}", "must be letters, digits and hyphens, and start with a letter")
    administration_account: str = _text("[0-9]{12}", 'must be a 12-digit account id in quotes such as "111122223333"')
    home_region: str = _text(_REGION, "must be a Region such as eu-west-1, or empty")
    organization_id: str = _text("o-[a-z0-9]{10,32}", "must be an organization id such as o-a1b2c3d4e5, or empty")
    administration_role_name: str = _text(
        r"[A-Za-z0-9_+=,.@-]{1,64}", "must be the name of an IAM role", "AWSCloudFormationStackSetAdministrationRole"
    )
    execution_role_name: str = _text(
        r"[A-Za-z0-9_+=,.@-]{1,64}", "must be the name of an IAM role", "AWSCloudFormationStackSetExecutionRole"
    )
    create_administration_role: bool = True
    create_execution_role: bool = True
    access_role_name: str = _text(r"[A-Za-z0-9_+=,.@-]{1,64}", "must be the name of an IAM role, or empty")
    permission_model: str = _text(
        "self-managed|service-managed", 'must be "self-managed" or "service-managed"', "self-managed"
    )
    delegated_administrator: bool = False
    auto_deployment: bool = False
    retain_on_leave: bool = False
    concurrency: str = _text(_AMOUNT, 'must be a number of accounts such as "10", or a share such as "25%"', "100%")
    failure_tolerance: str = _text(
        r"[0-9]{1,5}|[0-9]{1,2}%|100%", 'must be a number of accounts such as "2", or a share such as "10%"', "0"
    )
    parallel_regions: bool = True
    region_order: tuple[str, ...] = _texts(_REGION, 'must be a list of Regions such as ["eu-west-1"]')
    canary: bool = False

    @property
    def service_managed(self) -> bool:
        """Whether the targets are accounts of organizational units, reached with CloudFormation's own roles."""
        return self.permission_model == "service-managed"


@dataclass(frozen=True)
class Catalog:
    """[catalog]: the Service Catalog product, where and to whom it is offered; nothing is published without provider.

    Shares with an organization's node are no resource of CloudFormation's, and are made through the API (provider
    schema of AWS::ServiceCatalog::PortfolioShare, which takes an account alone).
    """

    provider: str = _text(k.PROVIDER.allowed_pattern or "", f"{k.PROVIDER.constraint}, or empty")
    product: str = _setting(k.PRODUCT_NAME)
    regions: tuple[str, ...] = _texts(_REGION, 'must be a list of Regions such as ["eu-west-1"]')
    template: str = _text("nested|flattened", 'must be "nested" or "flattened"', "nested")
    constraint: str = _setting(k.CONSTRAINT)
    launch_role_name: str = _setting(k.LAUNCH_ROLE_NAME)
    development_task_sizes: tuple[str, ...] = _setting(k.DEVELOPMENT_SIZES)
    principals: tuple[str, ...] = _texts(
        _given(k.PRINCIPALS[0]), "must be a list of ARNs of IAM users, groups or roles of the publishing account"
    )
    principal_patterns: tuple[str, ...] = _texts(
        _given(k.PRINCIPAL_PATTERNS[0]),
        'must be a list of ARNs of IAM users, groups or roles without an account, such as ["arn:aws:iam:::role/Dev*"]',
    )
    share_accounts: tuple[str, ...] = _texts("[0-9]{12}", "must be a list of 12-digit account ids in quotes")
    share_organization: str = _text(
        "o-[a-z0-9]{10,32}|ou-[a-z0-9]{4,32}-[a-z0-9]{8,32}",
        "must be the id of the organization or of one of its units, or empty",
    )
    share_principals: bool = False
    tag_key: str = _setting(k.TAG_KEY)
    tag_values: tuple[str, ...] = _texts(_given(k.TAG_VALUES[0]), "must be a list of values of a tag")
    current_versions: int = _number("[1-9][0-9]?", "must be a number from 1 to 99", 3)

    @property
    def by_stack_set(self) -> bool:
        """Whether a launch is a stack set over the targets."""
        return self.constraint == k.STACK_SET


VARIABLE: Final[dict[str, type[Any]]] = {
    "runtime": Runtime,
    "address": Address,
    "network": Network,
    "compute": Compute,
    "identity": Identity,
    "gateway": Gateway,
    "operations": Operations,
    "security": Security,
}
"""The sections whose fields are root parameters that a target may override."""

SECTIONS: Final[dict[str, type[Any]]] = {**VARIABLE, "image": Image, "stack_set": StackSetSettings, "catalog": Catalog}


def keys(section: type[Any]) -> "dict[str, Field[Any]]":
    """Returns a section's fields by key."""
    return {item.name: item for item in fields(section)}
