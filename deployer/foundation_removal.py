"""Taking the foundation away: its stacks, those of other Regions and accounts before the publisher's own.

Replicated repositories are in no stack: ECR made them because the foundation's registry replicates to their Regions.
"""

import re
from dataclasses import dataclass, field
from typing import Any

from deployer import catalog_stack, descriptions, emptying
from deployer.context import Context
from deployer.descriptions import Describing
from deployer.each_target import Pause, each
from deployer.errors import RefusedError
from deployer.events import Step
from deployer.foundation import ACCOUNT_STACK, REGION_STACK, TARGET_STACK
from deployer.registry import Repository
from deployer.stack_set_plan import Target
from deployer.stacks import describe, parameters_of, remove
from generator import foundation_parameters as f


@dataclass
class Outcome:
    """What was removed, what stays because it holds data, what data was deleted, and what else there is to say."""

    removed: list[str] = field(default_factory=list)
    retained: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def refuse_used(context: Context) -> None:
    """Raises RefusedError where another stack set, or the Service Catalog product, stands on the foundation."""
    around = context.looked_around().neighbours
    others = around.sets
    if others:
        raise RefusedError(
            f"The stack sets {', '.join(others)} stand on the same foundation; destroy them first, or leave out"
            " --foundation. Nothing was removed."
        )
    offered = [
        region
        for region in catalog_stack.looked_in(context.settings, around.products)
        if describe(context.aws.client("cloudformation", context.account, region), catalog_stack.CATALOG_STACK)
    ]
    if offered:
        raise RefusedError(
            f"The Service Catalog product in {', '.join(offered)} launches from the same foundation; take it back with"
            " `publish --withdraw` first, or leave out --foundation. Nothing was removed."
        )


def remove_foundation(context: Context, delete_data: bool) -> Outcome:
    """Removes the foundation's stacks, and where that is asked for the artifact bucket and the replicated images.

    Raises RefusedError where AWS refuses; what is gone already is passed over.
    """
    outcome = Outcome()
    home = context.settings.stack_set.home_region
    client = context.aws.client("cloudformation", context.account, home)
    stack = describe(client, ACCOUNT_STACK)
    replicas = _replicas(context, client, stack)
    accounts = {target.account for target in context.settings.targets} - {context.account}
    places = {(context.account, region): REGION_STACK for region in _other_regions(context, replicas)}
    places |= {(account, home): TARGET_STACK for account in accounts if context.aws.reaches(account)}
    pause = Pause()
    done = each(places, lambda place: _remove(context, place, places[place], pause), pause)
    if done.failures:
        raise RefusedError(" ".join([*done.told(), "Run the same command again."]))
    outcome.removed += [
        f"{places[place]} in {_told(context, place)}" for place, gone in sorted(done.results.items()) if gone
    ]
    outcome.notes += [
        f"{TARGET_STACK} stays in account {account}, if it was launched there: the account cannot be read"
        for account in sorted(accounts)
        if not context.aws.reaches(account) and not context.settings.stack_set.service_managed
    ]
    if _remove(context, (context.account, home), ACCOUNT_STACK, pause):
        outcome.removed.append(f"{ACCOUNT_STACK} in {home}")
    stood = [stack["StackId"]] if stack else []
    _data(context, client, stood, delete_data, outcome)
    for region, repository in sorted(replicas.items()):
        _replica(context, region, repository, delete_data, outcome)
    return outcome


def _told(context: Context, place: Target) -> str:
    return place[1] if place[0] == context.account else " ".join(place)


def _other_regions(context: Context, replicas: dict[str, str]) -> list[str]:
    home = context.settings.stack_set.home_region
    return sorted((set(context.settings.regions) | replicas.keys()) - {home})


def _replicas(context: Context, client: Any, stack: dict[str, Any] | None) -> dict[str, str]:
    """Returns the repository that the foundation replicates by Region, also where its stack is gone already.

    A target's Region counts too where the foundation's stack of replicas stands or stood: it may have been left out of
    the replication since.
    """
    if stack is None:
        ended = emptying.deleted_stacks(client, re.compile(re.escape(ACCOUNT_STACK)))[:1]
        stack = client.describe_stacks(StackName=ended[0])["Stacks"][0] if ended else None
    values = parameters_of(stack) if stack else {}
    regions = {values[slot.name] for slot in f.REPLICATION_REGIONS if values.get(slot.name)}
    settings = context.settings
    for region in sorted(set(settings.regions) - regions - {settings.stack_set.home_region}):
        regional = context.aws.client("cloudformation", context.account, region)
        if describe(regional, REGION_STACK) or emptying.deleted_stacks(regional, re.compile(re.escape(REGION_STACK))):
            regions.add(region)
    return dict.fromkeys(sorted(regions), values.get(f.REPOSITORY_NAME.name) or settings.image.repository)


def _replica(context: Context, region: str, repository: str, delete: bool, outcome: Outcome) -> None:
    replica = Repository(context.aws.client("ecr", context.account, region), repository)
    if not replica.exists():
        return
    if delete and not _since_replication(context, region, replica):
        outcome.notes.append(f"repository {repository} in {region} is kept: nothing shows that replication made it")
        delete = False
    if delete:
        replica.delete(context.account)
    (outcome.deleted if delete else outcome.retained).append(f"repository {repository} in {region}")


def _since_replication(context: Context, region: str, replica: Repository) -> bool:
    """Returns whether a repository is younger than the Region's foundation, which is gone; an older one is somebody's.

    ECR makes the replica's repository when the first image is replicated to it.
    """
    client = context.aws.client("cloudformation", context.account, region)
    made = [
        client.describe_stacks(StackName=stack_id)["Stacks"][0]["CreationTime"]
        for stack_id in emptying.deleted_stacks(client, re.compile(re.escape(REGION_STACK)))
    ]
    return bool(made) and replica.made() >= min(made).replace(microsecond=0)


def _data(context: Context, client: Any, stood: list[str], delete: bool, outcome: Outcome) -> None:
    """Deletes the buckets of removed foundations, or names those of the one that was removed just now."""
    s3 = context.aws.client("s3", context.account, context.settings.stack_set.home_region)
    for stack_id in emptying.deleted_stacks(client, re.compile(re.escape(ACCOUNT_STACK))) if delete else stood:
        for kept in emptying.kept_buckets(client, stack_id):
            result = emptying.delete_bucket(s3, kept, context.account) if delete else ""
            if result == "deleted":
                outcome.deleted.append(f"bucket {kept.bucket}")
            elif result != "gone":
                outcome.retained.append(kept.bucket)
                outcome.notes += [f"bucket {kept.bucket} is kept: {result}"] if result else []


def _remove(context: Context, place: Target, name: str, pause: Pause) -> bool:
    """Deletes a stack and waits; returns whether there was one that is this foundation's."""
    account, region = place
    client = context.aws.client("cloudformation", account, region)
    stack = describe(client, name)
    if stack is None:
        return False
    # The role that another publisher's stack sets take is theirs.
    if name == TARGET_STACK and parameters_of(stack).get(f.ADMINISTRATION_ACCOUNT.name) != context.account:
        return False
    step = f"{name} {_told(context, place)}"
    context.reporter.emit(Step(step, "started"))
    reporter = Describing(context.reporter, descriptions.of_foundation())
    try:
        remove(client, step, stack["StackId"], reporter, lambda: pause(context.poll))
    except Exception:
        context.reporter.emit(Step(step, "failed"))
        raise
    context.reporter.emit(Step(step, "done", "removed"))
    return True
