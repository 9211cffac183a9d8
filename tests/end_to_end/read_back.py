"""Compares what a stack's templates say with what each resource's own service answers.

The wanted properties come from the evaluation of the templates under the stack's parameters; their references to other
resources become physical ids (CloudFormation's ListStackResources) and attributes (the service's answer about that
resource). Every wanted property must be found in the service's answer; what no answer can hold stands in the table
`EXCEPTIONS` with its reason.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from generator.evaluation import Deployment, Template
from generator.symbols import Call, Invalid, Reference, Text, canonical, concatenated, scalar

STACK = "AWS::CloudFormation::Stack"
WHOLE = frozenset({"AssumeRolePolicyDocument", "Policy", "PolicyDocument"})
"""Properties in which nothing may stand that the template does not say: policies grant."""
JSON_TEXTS = frozenset({"DashboardBody", "Policy", "SecretString"})
"""Properties whose text is JSON, which a service may write anew."""
OPEN_LISTS = frozenset({"ListenerAttributes", "LoadBalancerAttributes", "Tags", "TargetGroupAttributes"})
"""Lists of keys with values to which services add those that a template leaves out."""


@dataclass(frozen=True)
class Reading:
    """What a service reports of a resource, in CloudFormation's names.

    `attributes` are those of Fn::GetAtt; `complete` names properties that hold nothing where the template has none.
    """

    properties: Mapping[str, Any]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    complete: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Account:
    """The services of the stack's account and Region, and what the stack made there.

    `client` returns a boto3 client by the service's name, `physical_ids` are those of all resources of the stack and
    of the stacks in it, `texts` are the templates' texts by file name.
    """

    client: Callable[[str], Any]
    physical_ids: frozenset[str]
    texts: Mapping[str, str]


Reader = Callable[[Account, str, Mapping[str, Any]], Reading]
"""Reads a resource by its physical id; the wanted properties say where it is where that is not enough."""


@dataclass(frozen=True)
class Difference:
    """A wanted value that the service does not report: `path` within the resource's properties."""

    logical_id: str
    type: str
    path: str
    wanted: Any
    reported: Any


@dataclass
class Comparison:
    """What was compared: properties and resources, every exception that was met, every difference."""

    resources: set[str] = field(default_factory=set)
    properties: set[tuple[str, str]] = field(default_factory=set)
    values: int = 0
    excepted: set[tuple[str, str]] = field(default_factory=set)
    differences: list[Difference] = field(default_factory=list)


@dataclass(frozen=True)
class Made:
    """A resource as CloudFormation lists it."""

    type: str
    physical_id: str


def made(client: Any, stack: str) -> dict[str, Made]:
    """Returns the resources of a stack and of the stacks nested in it, by logical id."""
    found: dict[str, Made] = {}
    for page in client.get_paginator("list_stack_resources").paginate(StackName=stack):
        for resource in page["StackResourceSummaries"]:
            name, physical = resource["LogicalResourceId"], resource["PhysicalResourceId"]
            found[name] = Made(resource["ResourceType"], physical)
            if resource["ResourceType"] == STACK:
                inner = made(client, physical)
                assert not inner.keys() & found.keys(), "logical ids are unique over nested stacks"
                found.update(inner)
    return found


def evaluated(client: Any, templates: Mapping[str, Template], root: str, stack: str) -> Deployment:
    """Returns the evaluation of the templates for a deployed root stack: its parameters, its account, its Region."""
    described = client.describe_stacks(StackName=stack)["Stacks"][0]
    stack_id = described["StackId"]
    _, partition, _, region, account, _ = stack_id.split(":", 5)
    pseudo = {
        "AWS::AccountId": account,
        "AWS::Partition": partition,
        "AWS::Region": region,
        "AWS::StackName": described["StackName"],
        "AWS::URLSuffix": "amazonaws.com",
    }
    parameters = {one["ParameterKey"]: one["ParameterValue"] for one in described["Parameters"]}
    with_id = {**templates, root: _with_stack_id(templates[root], stack_id)}
    return Deployment(with_id, root, pseudo).given(parameters)


def _with_stack_id(value: Any, stack_id: str) -> Any:
    if value == {"Ref": "AWS::StackId"}:
        return stack_id
    if isinstance(value, Mapping):
        return {key: _with_stack_id(item, stack_id) for key, item in value.items()}
    return [_with_stack_id(item, stack_id) for item in value] if isinstance(value, list) else value


@dataclass
class ReadBack:
    """The comparison of one deployed root stack."""

    deployment: Deployment
    resources: Mapping[str, Made]
    account: Account
    readers: Mapping[str, Reader]
    exceptions: Mapping[tuple[str, str], str]
    _wanted: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    _readings: dict[str, Reading] = field(default_factory=dict)

    def wanted(self, title: str) -> Mapping[str, Any]:
        """Returns the properties that a resource should have, without anything symbolic."""
        if title not in self._wanted:
            self._wanted[title] = self._known(self.deployment.properties(title))
        return self._wanted[title]

    def reading(self, title: str) -> Reading:
        """Returns what the service says of a resource; raises KeyError for a type that has no reader."""
        if title not in self._readings:
            resource = self.resources[title]
            self._readings[title] = self.readers[resource.type](self.account, resource.physical_id, self.wanted(title))
        return self._readings[title]

    def _known(self, value: Any) -> Any:
        if isinstance(value, Reference):
            if value.attribute == "Ref":
                return self.resources[value.logical_id].physical_id
            return self.reading(value.logical_id).attributes[value.attribute]
        if isinstance(value, Text):
            return concatenated(self._known(part) for part in value.parts)
        assert not isinstance(value, Call | Invalid), f"{value} has no value to compare"
        if isinstance(value, Mapping):
            return {key: self._known(item) for key, item in value.items()}
        return [self._known(item) for item in value] if isinstance(value, list) else value

    def compare(self) -> Comparison:
        """Compares every resource that should exist."""
        result = Comparison()
        for title in self.resources:
            self._compare(title, result)
        return result

    def _compare(self, title: str, result: Comparison) -> None:
        kind = self.resources[title].type
        wanted, reading = self.wanted(title), self.reading(title)
        result.resources.add(title)
        result.differences += [
            Difference(title, kind, name, None, reading.properties[name])
            for name in sorted(reading.complete - wanted.keys())
            if reading.properties.get(name)
        ]
        for name, value in wanted.items():
            result.properties.add((title, name))
            result.values += leaves(value)
            result.differences += [
                Difference(title, kind, path, one, other)
                for path, one, other in missing(value, reading.properties.get(name), name, name in WHOLE)
                if not self._excepted(kind, path, result)
            ]

    def _excepted(self, kind: str, path: str, result: Comparison) -> bool:
        if (kind, path) in self.exceptions:
            result.excepted.add((kind, path))
            return True
        return False


def leaves(value: Any) -> int:
    """Returns how many plain values a value holds."""
    if isinstance(value, Mapping):
        return sum(map(leaves, value.values()))
    return sum(map(leaves, value)) if isinstance(value, list) else 1


def missing(wanted: Any, reported: Any, path: str, whole: bool) -> Iterator[tuple[str, Any, Any]]:
    """Yields the path, the wanted and the reported value of everything wanted that is not reported.

    Lists are compared without their order, since services keep none, but hold as many items as the wanted list.
    """
    name = path.rpartition(".")[2]
    whole = whole or name in WHOLE
    if name in JSON_TEXTS and isinstance(wanted, str) and isinstance(reported, str):
        wanted, reported = json.loads(wanted), json.loads(reported)
    if isinstance(wanted, Mapping) and isinstance(reported, Mapping):
        if whole:
            for key in sorted(reported.keys() - wanted.keys()):
                yield f"{path}.{key}", None, reported[key]
        for key, value in wanted.items():
            yield from missing(value, reported.get(key), f"{path}.{key}", whole)
    elif isinstance(wanted, list) and isinstance(reported, list):
        yield from _missing_items(wanted, reported, path, whole)
    elif not equal(wanted, reported):
        yield path, wanted, reported


def _missing_items(wanted: list[Any], reported: list[Any], path: str, whole: bool) -> Iterator[tuple[str, Any, Any]]:
    rest = list(reported)
    unmatched = []
    for item in wanted:
        match = next((i for i, other in enumerate(rest) if not any(missing(item, other, path, whole))), None)
        if match is None:
            unmatched.append(item)
        else:
            del rest[match]
    for item in unmatched:
        nearest = min(rest, key=lambda other: len([*missing(item, other, path, whole)]), default=None)
        if nearest is None or not isinstance(item, Mapping):
            yield path, item, rest
        else:
            rest.remove(nearest)
            yield from missing(item, nearest, path, whole)
    if rest and len(reported) > len(wanted) and path.rpartition(".")[2] not in OPEN_LISTS:
        yield path, None, rest


def equal(wanted: Any, reported: Any) -> bool:
    """Returns whether AWS takes two values for the same: numbers and booleans equal their text."""
    if isinstance(reported, int | float) and not isinstance(reported, bool) and isinstance(wanted, str | int | float):
        try:
            return float(wanted) == float(reported)
        except ValueError:
            return False
    if isinstance(wanted, bool) or isinstance(reported, bool):
        return str(scalar(wanted)).lower() == str(scalar(reported)).lower()
    return bool(canonical(wanted) == canonical(reported))
