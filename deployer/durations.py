"""How long a deployment will take: the longest chain of changed resources that wait for each other. Pure.

CloudFormation works on resources side by side as far as their dependencies allow, and ends a nested stack when its last
resource is done (user guide, "DependsOn attribute"). So the longest path through the graph is the least that a
deployment takes; how long each resource takes is known from former deployments, and assumed elsewhere.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from deployer.update_diff import ResourceChange
from generator.evaluation import STACK, Deployment

ASSUMED: Final[Mapping[str, float]] = {
    "AWS::BedrockAgentCore::Gateway": 30,
    "AWS::BedrockAgentCore::GatewayTarget": 30,
    "AWS::CertificateManager::Certificate": 180,
    "AWS::Cognito::UserPoolDomain": 20,
    "AWS::EC2::NatGateway": 120,
    "AWS::EC2::VPCEndpoint": 90,
    "AWS::ECS::Service": 180,
    "AWS::ElasticLoadBalancingV2::LoadBalancer": 150,
    "AWS::IAM::Role": 20,
    "AWS::Route53::RecordSet": 45,
    "AWS::WAFv2::WebACL": 20,
}
"""Seconds that making a resource of a type is taken to last where no deployment was recorded: round figures of ours."""
OTHERS: Final = 10.0
"""Seconds for any other type."""


NAMED: Final = 6
"""So many resources of a path are named where all would be too many."""


@dataclass(frozen=True)
class Estimate:
    """How long the changes of one target take in seconds, the chain that decides it, and how many were recorded.

    `recorded` counts the resources of the chain whose time a former deployment tells; the others are assumed.
    """

    seconds: float
    path: tuple[str, ...]
    recorded: int
    each: tuple[float, ...] = ()
    """The seconds of each resource of the path."""

    def as_data(self) -> dict[str, Any]:
        """Returns it as plain data."""
        return {
            "seconds": round(self.seconds),
            "path": list(self.path),
            "each": [round(seconds, 1) for seconds in self.each],
            "recorded": self.recorded,
        }

    @property
    def slowest(self) -> tuple[str, ...]:
        """The resources of the path that take longest, in the order of the path, named without their stacks."""
        most = sorted(range(len(self.path)), key=lambda number: -self.each[number])[:NAMED]
        return tuple(self.path[number].rpartition("/")[2] for number in sorted(most))


@dataclass(frozen=True)
class _Reached:
    """When something is done, in seconds from the beginning, and the chain that led there."""

    seconds: float = 0.0
    path: tuple[str, ...] = ()


def key_of(action: str, resource_type: str, logical_id: str) -> str:
    """Returns the key under which the seconds of a resource's creation or update are recorded."""
    return f"{'update' if action in ('update', 'may replace') else 'add'} {resource_type} {logical_id}"


def estimate(deployment: Deployment, changes: Iterable[ResourceChange], recorded: Mapping[str, float]) -> Estimate:
    """Returns how long the changes take in a deployment that was given its values.

    `recorded` has seconds by `key_of`. What is only removed goes after everything else and is not counted.
    """
    changed = {change.logical_id: change for change in changes if change.action != "remove"}
    seconds: dict[str, float] = {}
    for title, change in changed.items():
        key = key_of(change.action, change.resource_type, title)
        seconds[title] = recorded.get(key, ASSUMED.get(change.resource_type, OTHERS))
    members: dict[str, list[str]] = {}
    for title in deployment.existing() + deployment.existing(STACK):
        members.setdefault(deployment.homes[title].name, []).append(title)
    ends: dict[str, _Reached] = {}

    def latest(found: Iterable[_Reached]) -> _Reached:
        # What took no time that shows is waited for all the same.
        return max(found, key=lambda one: (one.seconds, len(one.path)), default=_Reached())

    def begins(title: str) -> _Reached:
        home = deployment.homes[title]
        outer = begins(home.name) if home.parent is not None else _Reached()
        return latest([outer, *map(done, deployment.waits_for(title))])

    def done(title: str) -> _Reached:
        if title not in ends:
            # A circle, which CloudFormation refuses, would otherwise not end here.
            ends[title] = _Reached()
            if deployment.type(title) == STACK:
                ends[title] = latest([begins(title), *map(done, members.get(title, ()))])
            elif title in seconds:
                start = begins(title)
                ends[title] = _Reached(start.seconds + seconds[title], (*start.path, title))
            else:
                ends[title] = begins(title)
        return ends[title]

    whole = latest(map(done, members.get("", ())))
    told = sum(key_of(changed[title].action, changed[title].resource_type, title) in recorded for title in whole.path)
    where = tuple(changed[title].where for title in whole.path)
    return Estimate(whole.seconds, where, told, tuple(seconds[title] for title in whole.path))


def spoken(seconds: float) -> str:
    """Returns seconds as people say them: 45 s, 3 min 20 s, 1 h 5 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s" if whole % 60 else f"{whole // 60} min"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
