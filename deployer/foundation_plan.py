"""What a deployment would change in the foundation's stacks, computed from what CloudFormation says of them."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import yaml

from deployer.aws import Aws
from deployer.foundation import (
    ACCOUNT_STACK,
    REGION_STACK,
    TARGET_STACK,
    Publisher,
    has_role,
    other_accounts,
    replica_regions,
    shared_parameters,
    target_parameters,
)
from deployer.replacement import fixed
from deployer.stacks import describe, parameters_of
from deployer.update_diff import ResourceChange, difference
from deployer.update_warnings import Warned, warnings
from generator.evaluation import PSEUDO, Deployment
from generator.stacks.foundation import ACCOUNT_FILE, REGION_FILE, TARGET_FILE


@dataclass(frozen=True)
class FoundationChange:
    """One stack of the foundation that changes; `made` says that there is none yet."""

    stack: str
    account: str
    region: str
    made: bool
    changes: tuple[ResourceChange, ...]
    warnings: tuple[Warned, ...]

    def as_data(self) -> dict[str, Any]:
        """Returns it as plain data."""
        return asdict(self)


def foundation_changes(
    aws: Aws, publisher: Publisher, values: Mapping[str, str], texts: Mapping[str, str], bucket: str
) -> Iterator[FoundationChange]:
    """Yields the foundation's stacks that change, in the publisher's account and in those targets' that can be read.

    `values` are the account template's parameters; `bucket` is the artifact bucket, empty where there is none yet.
    """
    home, account = publisher.home_region, publisher.account
    stacks = [(ACCOUNT_STACK, account, home, ACCOUNT_FILE, values)]
    for region in replica_regions(publisher):
        stacks.append((REGION_STACK, account, region, REGION_FILE, shared_parameters(publisher, region)))
    for other in [] if publisher.stack_set.service_managed else other_accounts(publisher):
        if aws.reaches(other):
            stacks.append((TARGET_STACK, other, home, TARGET_FILE, target_parameters(publisher, bucket)))
    for name, where, region, file, wanted in stacks:
        client = aws.client("cloudformation", where, region)
        standing = describe(client, name)
        role = publisher.stack_set.execution_role_name
        if standing is None and name == TARGET_STACK and has_role(aws.client("iam", where, region), role):
            continue  # A role of that name which somebody else made stays as it is.
        pseudo = {**PSEUDO, "AWS::AccountId": where, "AWS::Region": region}
        after = evaluated(yaml.load(texts[file], yaml.CSafeLoader), wanted, pseudo)
        before = None
        if standing is not None:
            # CloudFormation gives back what it was given: JSON, as it is sent, or YAML.
            body = client.get_template(StackName=name)["TemplateBody"]
            template = body if isinstance(body, Mapping) else yaml.safe_load(body)
            before = evaluated(template, parameters_of(standing), pseudo)
        found = difference(before, after, partial(fixed, region))
        if found:
            yield FoundationChange(name, where, region, standing is None, found, warnings(found))


def evaluated(template: Mapping[str, Any], values: Mapping[str, str], pseudo: Mapping[str, str]) -> Deployment:
    """Returns one template under parameter values; those that are not given have their defaults."""
    return Deployment({"": template}, "", pseudo).given({**defaults(template), **values})


def defaults(template: Mapping[str, Any]) -> dict[str, str]:
    """Returns the defaults of a template's parameters as text; empty text for a parameter that has none."""
    declared = template.get("Parameters") or {}
    return {name: str(one.get("Default", "")) for name, one in declared.items()}
