"""Taking the foundation away: its stacks, those of other Regions and accounts before the publisher's own."""

import time
from typing import Any

from deployer.context import Context
from deployer.errors import RefusedError
from deployer.events import Step
from deployer.foundation import ACCOUNT_STACK, REGION_STACK
from deployer.registry import Repository
from deployer.stacks import describe
from deployer.standing import stack_resources


def remove_foundation(context: Context, removed: list[str], retained: list[str]) -> None:
    """Removes the foundation's stacks; adds their names to `removed`, and what stays to `retained`.

    Buckets stay, and the repositories of other Regions, which replication made and no stack holds.
    """
    home = context.settings.stack_set.home_region
    others = sorted(set(context.settings.regions) - {home})
    for region, name in [*((region, REGION_STACK) for region in others), (home, ACCOUNT_STACK)]:
        client = context.aws.client("cloudformation", context.account, region)
        stack = describe(client, name)
        if stack is None:
            continue
        context.reporter.emit(Step(f"{name} {region}", "started"))
        kept = [one for one in stack_resources(client, stack["StackId"]) if one.resource_type == "AWS::S3::Bucket"]
        retained += [one.physical_id for one in kept]
        client.delete_stack(StackName=stack["StackId"])
        _wait_deleted(client, name, stack["StackId"], context.poll)
        context.reporter.emit(Step(f"{name} {region}", "done", "removed"))
        removed.append(f"{name} in {region}")
    for region in others:
        replica = Repository(context.aws.client("ecr", context.account, region), context.settings.image.repository)
        retained += [f"repository {replica.name} in {region}"] if replica.exists() else []


def _wait_deleted(client: Any, name: str, stack_id: str, poll: float) -> None:
    while True:
        stack = client.describe_stacks(StackName=stack_id)["Stacks"][0]
        status = stack["StackStatus"]
        if status == "DELETE_COMPLETE":
            return
        if status == "DELETE_FAILED":
            raise RefusedError(f"The stack {name} was not deleted: {stack.get('StackStatusReason', 'no reason given')}")
        time.sleep(poll)
