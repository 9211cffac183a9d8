"""What the values of one target must be to each other, and what the targets must be to each other.

All of it is known without asking AWS; what only AWS knows is looked at by `deployer.preflight`. Every check raises
UsageError with one sentence that names the file, the target and the key.
"""

import re
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Network
from typing import Final

from deployer.errors import UsageError
from deployer.sections import PARAMETER, VARIABLE, keys
from deployer.targets import Target
from generator import parameters as p
from generator.evaluation import Deployment
from generator.parameters import RootParameter
from generator.rules import RULES

HOST_NAME_LENGTH: Final = 64
"""ACM takes no longer name as a certificate's domain (ACM service model, `RequestCertificate.DomainName`, of which the
first 64 characters are the common name)."""
SUBNETS: Final = 6
TASK_POLICIES: Final = 10
"""Managed policies of one role, without a raised quota (IAM user guide, "IAM and AWS STS quotas")."""
_OWN: Final[Mapping[RootParameter, tuple[str, str]]] = {
    p.CERTIFICATE_ARN: ("a certificate", "a load balancer takes only one of its own account and Region"),
    p.CONTAINER_SECRET_ARN: ("a secret", "the tasks read only one of their own account and Region"),
    p.CLIENT_SECRET_ARN: ("a secret", "the gateway reads only one of its own account and Region"),
    p.KMS_KEY: ("a key", "log groups and the gateway take only one of their own account and Region"),
}
_NO_HOSTS: Final = tuple(map(IPv4Network, ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4")))
"""This network, loopback, link-local, multicast and reserved (RFC 6890, RFC 5771)."""
_RULES: Final = Deployment(
    {
        "rules": {
            "Parameters": {parameter.name: {"Type": parameter.type} for parameter in p.ALL},
            "Rules": RULES,
            "Resources": {},
        }
    },
    "rules",
)

Placed = Sequence[tuple[Target, Mapping[str, str]]]
"""Targets, each with the value of every root parameter there, by name."""


def check(placed: Placed, home_region: str, file: str) -> None:
    """Holds every target's values against the template's rules, and against what a rule cannot compute."""
    for target, values in placed:
        where = f"{file}: in the target {target.account} {target.region}"
        _check_partition(target, home_region, where)
        _check_rules(values, where)
        _check_owners(target, values, where)
        _check_task_policies(target, values, where)
        _check_network(values, where)
        _check_domain(values, where)
    _check_host_names(placed, file)


def host_name(values: Mapping[str, str], account: str, region: str) -> str:
    """Returns the host name that the template makes of parameter values in a target; empty without an endpoint."""
    parent, custom = values[p.PARENT_DOMAIN.name], values[p.HOST_NAME.name]
    if not (parent or custom):
        return ""
    if custom:
        return custom
    labels = {
        "none": [],
        "region": [region],
        "account": [account],
        "account-region": [account, region],
    }[values[p.HOST_LABELS.name]]
    return ".".join([values[p.RUNTIME_NAME.name], *labels, parent])


def within(name: str, domain: str) -> bool:
    """Returns whether a host name is a domain's own or lies below it."""
    return f".{name}".endswith(f".{domain}")


def key_of(parameter: RootParameter) -> str:
    """Returns the configuration's key of a root parameter, such as address.certificate_arn."""
    return _KEYS[parameter.name]


_KEYS: Final = {
    setting.metadata[PARAMETER].name: f"{section}.{key}"
    for section, kind in VARIABLE.items()
    for key, setting in keys(kind).items()
}


def _check_partition(target: Target, home_region: str, where: str) -> None:
    from deployer.aws import partition_of

    own, home = partition_of(target.region), partition_of(home_region)
    if own != home:
        raise UsageError(
            f"{where}: the Region lies in the partition {own} and stack_set.home_region {home_region} in {home}, but a"
            " stack set does not leave its partition; give each partition a configuration of its own."
        )


def _check_rules(values: Mapping[str, str], where: str) -> None:
    # The zone of a parent domain is looked up in the target's account, so that the rules need not ask for it.
    # Packaging gives the tool schema, which only the template's own form asks a person for.
    known = {**values, p.TOOL_SCHEMA_URI.name: "s3://packaged/tools", p.TOOL_SCHEMA_ACCOUNT.name: "0" * 12}
    if values[p.PARENT_DOMAIN.name] and not values[p.CERTIFICATE_ARN.name] and not values[p.HOSTED_ZONE_ID.name]:
        known[p.HOSTED_ZONE_ID.name] = "Z0"
    for sentence in _RULES.given(known).violations():
        raise UsageError(f"{where}: {_by_key(sentence)}")


def _by_key(sentence: str) -> str:
    """Returns a rule's sentence with the configuration's keys in place of parameter names."""
    for name, key in _KEYS.items():
        sentence = re.sub(rf"\b{name}\b", key, sentence)
    return sentence


def _check_owners(target: Target, values: Mapping[str, str], where: str) -> None:
    from deployer.aws import partition_of

    for parameter, (what, reason) in _OWN.items():
        if not values[parameter.name]:
            continue
        _, partition, _, region, account, *_ = values[parameter.name].split(":")
        if (region, account) != (target.region, target.account):
            raise UsageError(
                f"{where}: {key_of(parameter)} names {what} of account {account} in {region}, but {reason}; give the"
                " target an override with its own."
            )
        if partition != partition_of(target.region):
            raise UsageError(
                f"{where}: {key_of(parameter)} begins with arn:{partition}, but {target.region} lies in the partition"
                f" {partition_of(target.region)}; copy the ARN again."
            )


def _check_task_policies(target: Target, values: Mapping[str, str], where: str) -> None:
    """Holds the tools' policies against IAM: ten a role, of the role's own account or of AWS (IAM quotas)."""
    arns = [arn for arn in values[p.TASK_POLICIES.name].split(",") if arn]
    if len(set(arns)) < len(arns) or len(arns) > TASK_POLICIES:
        raise UsageError(
            f"{where}: {key_of(p.TASK_POLICIES)} names {len(arns)} policies, but a role takes {TASK_POLICIES} different"
            " ones at most; remove some or merge them."
        )
    for arn in arns:
        if arn.split(":")[4] not in ("aws", target.account):
            raise UsageError(
                f"{where}: {key_of(p.TASK_POLICIES)} names {arn}, but a role takes only policies of its own account and"
                " of AWS; give the target an override with its own."
            )


def _check_network(values: Mapping[str, str], where: str) -> None:
    text = values[p.VPC_CIDR.name]
    network = IPv4Network(text, strict=False)
    if str(network) != text:
        raise UsageError(
            f"{where}: {key_of(p.VPC_CIDR)} = {text} is no range, since it has host bits; write {network}."
        )
    if any(network.overlaps(special) for special in _NO_HOSTS):
        raise UsageError(
            f"{where}: {key_of(p.VPC_CIDR)} = {text} lies in a block that no host has an address of; take a private"
            " range such as 10.0.0.0/16."
        )
    for parameter in (p.PUBLIC_SUBNET_IDS, p.PRIVATE_SUBNET_IDS):
        given = [one for one in values[parameter.name].split(",") if one]
        if given and len(set(given)) < max(2, len(given)):
            raise UsageError(
                f"{where}: {key_of(parameter)} must name two or three different subnets, each in a zone of its own."
            )
    room = 29 - network.prefixlen
    if not values[p.VPC_ID.name] and int(values[p.SUBNET_BITS.name]) > room:
        raise UsageError(
            f"{where}: {SUBNETS} subnets of {values[p.SUBNET_BITS.name]} host bits do not fit in {text}; set"
            f" {key_of(p.SUBNET_BITS)} to at most {room} or widen {key_of(p.VPC_CIDR)}."
        )


def _check_domain(values: Mapping[str, str], where: str) -> None:
    name, domain = values[p.HOST_NAME.name], values[p.PARENT_DOMAIN.name]
    if name and domain and not within(name, domain):
        raise UsageError(
            f"{where}: {key_of(p.HOST_NAME)} = {name} does not lie in {key_of(p.PARENT_DOMAIN)} = {domain}; correct one"
            " of them, or leave the parent domain empty."
        )


def _check_host_names(placed: Placed, file: str) -> None:
    owners: dict[str, Target] = {}
    for target, values in placed:
        name = host_name(values, target.account, target.region)
        if not name:
            continue
        if len(name) > HOST_NAME_LENGTH:
            raise UsageError(
                f"{file}: the host name {name} of the target {target.account} {target.region} has {len(name)}"
                f" characters, but a certificate takes {HOST_NAME_LENGTH} at most; shorten runtime.name or"
                " address.parent_domain, or choose other address.host_labels."
            )
        other = owners.setdefault(name, target)
        if other is not target:
            raise UsageError(
                f"{file}: the targets {other.account} {other.region} and {target.account} {target.region} would both"
                f" be named {name}; set address.host_labels to region, account or account-region."
            )
