"""A foundation that several stack sets stand on: a deployment must not take from it what the others need."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from deployer.aws import Aws
from deployer.catalog_stack import CATALOG_STACK, shared_with
from deployer.errors import UsageError
from deployer.foundation import ACCOUNT_STACK
from deployer.stack_set_plan import Target
from deployer.stack_sets import DESCRIPTION, StackSets
from deployer.stacks import describe, outputs_of, parameters_of
from generator import foundation_parameters as f
from generator import parameters as p

NAMES: Final = {
    f.REPOSITORY_NAME.name: "image.repository",
    f.ADMINISTRATION_ROLE_NAME.name: "stack_set.administration_role_name",
    f.EXECUTION_ROLE_NAME.name: "stack_set.execution_role_name",
    p.PERMISSIONS_BOUNDARY.name: "security.permissions_boundary",
}
"""The foundation's names that every stack set on it uses, with the configuration's key of each."""
SWITCHES: Final = (f.CREATE_ADMINISTRATION_ROLE.name, f.CREATE_EXECUTION_ROLE.name, f.IMAGE_BUILDER.name)


@dataclass(frozen=True)
class Neighbours:
    """The other stack sets on the foundation, their targets, and the foundation's parameter values as they stand."""

    sets: tuple[str, ...] = ()
    targets: frozenset[Target] = frozenset()
    values: Mapping[str, str] = field(default_factory=dict)
    products: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The accounts that the account's Service Catalog product is shared with, by Region, whoever published it."""

    @property
    def organization(self) -> str:
        """The organization that the others' accounts are admitted by, or an empty string."""
        return self.values.get(f.ORGANIZATION_ID.name, "") if self.sets else ""


def read(aws: Aws, account: str, home_region: str, sets: StackSets) -> Neighbours:
    """Returns who stands on the foundation of an account besides `sets`: whose template lies in the artifact bucket.

    A delegated administrator's own sets and those of the organization's management account are listed apart
    (CloudFormation service model, `ListStackSets`, `CallAs`).
    """
    stack = describe(aws.client("cloudformation", account, home_region), ACCOUNT_STACK)
    bucket = outputs_of(stack).get("ArtifactBucket", "") if stack else ""
    if stack is None or not bucket:
        return Neighbours()
    beginning = DESCRIPTION + aws.bucket_url(bucket, home_region)
    found = {
        one["StackSetName"]: replace(sets, name=one["StackSetName"], delegated=delegated, records=None)
        for delegated in ([False, True] if sets.delegated else [False])
        for page in sets.client.get_paginator("list_stack_sets").paginate(
            Status="ACTIVE", CallAs="DELEGATED_ADMIN" if delegated else "SELF"
        )
        for one in page["Summaries"]
        if one.get("Description", "").startswith(beginning) and one["StackSetName"] != sets.name
    }
    targets = frozenset(target for one in found.values() for target in one.listed())
    values = parameters_of(stack)
    # Images are replicated to wherever the product is offered.
    regions = [home_region, *filter(None, (values.get(slot.name) for slot in f.REPLICATION_REGIONS))]
    catalogs = {one: describe(aws.client("cloudformation", account, one), CATALOG_STACK) for one in regions}
    products = {region: shared_with(parameters_of(one)) for region, one in catalogs.items() if one is not None}
    return Neighbours(tuple(sorted(found)), targets, values, products)


def reconciled(wanted: Mapping[str, str], beside: Neighbours, stands: bool) -> dict[str, str]:
    """Returns the foundation's parameters for one configuration and all others on it; pure.

    `wanted` are the values that the configuration asks for, with the others' targets counted in already; `stands` says
    whether the configuration's own stack set has runtimes. What is switched on stays on as long as another stack set
    stands. Raises UsageError where a name that others use would change, or the repository of images that tasks run.
    """
    for name, key in NAMES.items():
        before = beside.values.get(name, wanted[name])
        if before != wanted[name] and (beside.sets or (stands and name == f.REPOSITORY_NAME.name)):
            users = f"the stack sets {', '.join(beside.sets)} use" if beside.sets else "running tasks need"
            raise UsageError(
                f"{key} is {wanted[name]}, but the foundation of this account has {before}, which {users}; set {key} to"
                f" {before}, or publish from another account."
            )
    key = beside.values.get(f.REGISTRY_KEY.name, "")
    if beside.values and key != wanted[f.REGISTRY_KEY.name]:
        raise UsageError(
            f"image.kms_key_arn is {wanted[f.REGISTRY_KEY.name] or 'empty'}, but the repository"
            f" {wanted[f.REPOSITORY_NAME.name]} was made with {key or 'keys of AWS'} and keeps them; set it back, or"
            " remove the foundation first (destroy --foundation)."
        )
    organization = wanted[f.ORGANIZATION_ID.name]
    if beside.organization and organization != beside.organization:
        raise UsageError(
            f"stack_set.organization_id is {organization}, but the foundation of this account admits"
            f" {beside.organization} for the stack sets {', '.join(beside.sets)}; publish from another account."
        )
    kept = {name: "on" for name in SWITCHES if beside.sets and beside.values.get(name) == "on"}
    return {**wanted, **kept}
