"""What a reader of a plan must not overlook, as rules over the changes of one stack. Pure.

Each rule has a code, and a sentence that says what is lost, or why AWS refuses what its own templates allow.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from deployer.update_diff import ResourceChange

DATA: Final = {
    "AWS::Cognito::UserPool": "users and clients",
    "AWS::ECR::Repository": "images",
    "AWS::Logs::LogGroup": "logs",
    "AWS::S3::Bucket": "objects",
    "AWS::SecretsManager::Secret": "the secret",
}
"""What resources of a type hold that nothing makes anew."""
ADDRESSES: Final = {
    "AWS::BedrockAgentCore::Gateway": "the gateway's URL, which every agent's configuration holds",
    "AWS::EC2::EIP": "an address from which the tasks reach the internet; who admits it by name must be told",
    "AWS::ElasticLoadBalancingV2::LoadBalancer": "the load balancer's address; the alias record follows, caches later",
}
"""What address goes when a resource of a type does."""
CORE: Final = {
    "AWS::BedrockAgentCore::Gateway": "gateway",
    "AWS::BedrockAgentCore::GatewayTarget": "gateway target",
    "AWS::ElasticLoadBalancingV2::LoadBalancer": "load balancer",
    "AWS::ElasticLoadBalancingV2::TargetGroup": "target group",
}
RETENTION: Final = ("RetentionInDays", "ExpirationInDays")
"""Properties, by their last name, that say for how many days something is kept; without them it is kept for good."""
VERSIONS: Final = "ProtocolConfiguration/Mcp/SupportedVersions"


@dataclass(frozen=True)
class Warned:
    """One warning: its code, the resource that it is about, and a sentence."""

    code: str
    where: str
    sentence: str


def warnings(changes: Iterable[ResourceChange]) -> tuple[Warned, ...]:
    """Returns the warnings about the changes of one stack, in the order of the rules."""
    found = list(changes)
    return tuple(
        Warned(code, change.where, sentence)
        for code, rule in RULES.items()
        for change in found
        for sentence in rule(change)
    )


def _data(change: ResourceChange) -> Iterator[str]:
    if change.resource_type in DATA and _goes(change) and not change.kept:
        yield f"{change.where} is {_word(change)}, and what it holds is lost: {DATA[change.resource_type]}."
    for one in change.properties if change.resource_type in DATA else ():
        if one.path.rpartition("/")[2] in RETENTION and one.after and _days(one.after) < _days(one.before):
            days = f"{one.after} day{'s' if one.after != '1' else ''}"
            yield f"{change.where} keeps {DATA[change.resource_type]} for {days} only; what is older goes."


def _address(change: ResourceChange) -> Iterator[str]:
    if change.resource_type in ADDRESSES and _goes(change):
        yield f"{change.where} is {_word(change)}: with it goes {ADDRESSES[change.resource_type]}."
    if change.resource_type == "AWS::Route53::RecordSet" and (_goes(change) or _touches(change, "Name")):
        yield f"{change.where} changes: the runtime's host name is no longer what it was."


def _core(change: ResourceChange) -> Iterator[str]:
    if change.resource_type in CORE and change.action in ("replace", "may replace"):
        by = f" ({', '.join(change.forced_by)})" if change.forced_by else ""
        yield f"The {CORE[change.resource_type]} {change.where} is {_word(change)}{by}; calls fail until it stands."


def _refused(change: ResourceChange) -> Iterator[str]:
    """Yields updates that a template may ask for and AWS refuses.

    A gateway's AuthorizerType: cfn-roadmap#2578 (in aws-cloudformation), agentcore-public-stack#779 (in
    Boise-State-Development); its versions only grow: aws/aws-cli#10346. Custom names: CloudFormation user guide, "Name
    type", and the error quoted in convox/rack#2941. A NAT gateway that is made before the one that holds its address:
    pulumi/pulumi-aws#1483.
    """
    nat = change.resource_type == "AWS::EC2::NatGateway" and change.action == "replace"
    if nat and not _touches(change, "AllocationId"):
        yield (
            f"{change.where} would be replaced by one with the same address, which AWS gives to one NAT gateway at a"
            " time; the update fails and is rolled back. Keep what forces it, or deploy a runtime of another name."
        )
    if change.resource_type == "AWS::BedrockAgentCore::Gateway" and change.action == "update":
        if _touches(change, "AuthorizerType"):
            yield (
                f"{change.where}: AWS does not let AuthorizerType of an existing gateway change, though its template"
                " schema does; deploy a runtime of another name beside this one."
            )
        if _touches(change, VERSIONS):
            yield (
                f"{change.where}: AWS refuses to take protocol versions from an existing gateway, and adds them only in"
                " accounts that are enabled for it; deploy a runtime of another name if it refuses."
            )
    if change.action == "replace" and change.name:
        yield (
            f"{change.where} would be replaced by one of the same name, {change.name}, and AWS makes no second of that"
            " name; the update fails and is rolled back."
        )


def _left(change: ResourceChange) -> Iterator[str]:
    """Yields what stays behind: CloudFormation deletes what was replaced or removed last, and passes over a refusal.

    Elastic Load Balancing user guide, "Deletion protection"; Cognito service model, `DeletionProtectionType`;
    CloudFormation user guide, "Stack status codes", on UPDATE_COMPLETE_CLEANUP_IN_PROGRESS.
    """
    if change.protected and _goes(change) and not change.kept:
        yield (
            f"{change.where} is {_word(change)}, and its deletion protection is on: AWS does not delete the old one,"
            " which stays outside the stack and costs. Switch runtime.deletion_protection off and deploy that first."
        )


def _days(value: str) -> float:
    return float(value) if value.isdigit() else math.inf


def _goes(change: ResourceChange) -> bool:
    return change.action in ("remove", "replace", "may replace")


def _word(change: ResourceChange) -> str:
    return {"remove": "removed", "replace": "replaced", "may replace": "perhaps replaced"}[change.action]


def _touches(change: ResourceChange, path: str) -> bool:
    return any(
        f"{one.path}/".startswith(f"{path}/") or f"{path}/".startswith(f"{one.path}/") for one in change.properties
    )


RULES: Final = {
    "data-loss": _data,
    "address": _address,
    "replaced": _core,
    "left-behind": _left,
    "refused-by-aws": _refused,
}
"""The rules by code."""
