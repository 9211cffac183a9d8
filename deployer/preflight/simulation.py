"""What IAM says of a principal's permissions, action by action, by its own simulator.

Source: IAM API reference, `SimulatePrincipalPolicy`: it evaluates the principal's own policies, its boundary and what
the organization allows; it makes no request, takes a role and not a session of it, and knows no conditions beyond those
that are given. So a refusal is a forecast, and an action that hangs on a condition is left undecided.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError

from deployer.aws import partition_of
from generator.evaluation import Deployment, Template

CONNECTIONS: Final = 4
SAMPLE: Final = "preflight"
"""What stands for any name in the ARN of a resource that is not there yet."""
STACK_ACTIONS: Final = ("CreateStack", "DeleteStack", "DescribeStacks", "UpdateStack")
"""Of a permission for all of CloudFormation's actions these are asked for: the simulator takes no pattern."""
DENIALS: Final = ("implicitDeny", "explicitDeny")
UNTAKEN: Final = ("InvalidInput", "ValidationError", "PolicyEvaluation")
POLICIES: Final = ("AWS::IAM::ManagedPolicy", "AWS::IAM::Role")


@dataclass(frozen=True)
class Needs:
    """Actions by the ARN of a resource that stands for those that they are needed on."""

    actions: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Simulated:
    """The actions that the simulator denies, each with the resource, and how many it decided and did not."""

    denied: tuple[tuple[str, str], ...]
    decided: int
    undecided: int


def needs(templates: Mapping[str, Template], file: str, values: Mapping[str, str], place: tuple[str, str]) -> Needs:
    """Returns what the policies and roles of a template allow in an account and Region, without conditions.

    `values` are the template's parameters; of several resources the first stands for the statement's.
    """
    account, region = place
    pseudo = {
        "AWS::AccountId": account,
        "AWS::Partition": partition_of(region),
        "AWS::Region": region,
        "AWS::StackName": "runtime",
        "AWS::URLSuffix": "amazonaws.com",
    }
    deployment = Deployment(templates, file, pseudo).given(values)
    found: defaultdict[str, set[str]] = defaultdict(set)
    for title in deployment.existing(*POLICIES):
        for statement in _statements(deployment.properties(title)):
            if statement["Effect"] == "Allow" and "Condition" not in statement:
                (resource, *_) = _listed(statement["Resource"])
                found[_sample(resource, region)].update(_plain(_listed(statement["Action"])))
    return Needs({resource: tuple(sorted(actions)) for resource, actions in sorted(found.items())})


def simulate(iam: Any, principal: str, wanted: Needs) -> Simulated:
    """Returns what IAM's simulator says of a role or user; raises ClientError where it may not be asked."""
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        answers = list(pool.map(lambda one: _asked(iam, principal, *one), wanted.actions.items()))
    denied: list[tuple[str, str]] = []
    decided = undecided = 0
    for resource, results in zip(wanted.actions, answers, strict=True):
        for action, decision in results.items():
            decided += decision is not None
            undecided += decision is None
            if decision is False:
                denied.append((action, resource))
    return Simulated(tuple(sorted(denied)), decided, undecided)


def _asked(iam: Any, principal: str, resource: str, actions: Sequence[str]) -> dict[str, bool | None]:
    try:
        pages = iam.get_paginator("simulate_principal_policy").paginate(
            PolicySourceArn=principal, ActionNames=list(actions), ResourceArns=[resource]
        )
        return {
            str(result["EvalActionName"]): _decision(result) for page in pages for result in page["EvaluationResults"]
        }
    except ClientError as error:
        # It refuses a whole request for one action that it does not know yet.
        if error.response["Error"]["Code"] in UNTAKEN:
            return dict.fromkeys(actions)
        raise


def _decision(result: Mapping[str, Any]) -> bool | None:
    if result["EvalDecision"] not in DENIALS:
        return True
    return None if result.get("MissingContextValues") else False


def _statements(properties: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    documents = [properties["PolicyDocument"]] if "PolicyDocument" in properties else []
    documents += [one["PolicyDocument"] for one in properties.get("Policies", ())]
    for document in documents:
        yield from document["Statement"]


def _plain(actions: Iterable[str]) -> Iterator[str]:
    for action in actions:
        service, _, name = action.partition(":")
        if name == "*":
            yield from (f"{service}:{one}" for one in STACK_ACTIONS)
        elif "*" not in name:
            yield action


def _sample(resource: str, region: str) -> str:
    """Returns an ARN without patterns; a bare asterisk stays, for actions that take no resource."""
    if resource == "*":
        return resource
    head, partition, service, where, account, rest = resource.split(":", 5)
    where, account = where.replace("*", region), account.replace("*", "")
    return ":".join([head, partition, service, where, account, re.sub(r"\*+", SAMPLE, rest)])


def _listed(value: Any) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else [str(value)]
