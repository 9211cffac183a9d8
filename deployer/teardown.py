"""Taking runtimes away in the order that AWS accepts: gateway targets, then the stacks, then the stack set.

Every step looks at what is there, so that a removal which was interrupted, or begun by hand, goes on from where it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from deployer import descriptions, emptying, standing
from deployer.aws import Aws
from deployer.context import Context
from deployer.descriptions import Describing
from deployer.disconnecting import disconnect
from deployer.each_target import Pause, each, sentences
from deployer.errors import RefusedError, UsageError
from deployer.events import Reporter, Step
from deployer.foundation_removal import refuse_used, remove_foundation
from deployer.stack_set_plan import Instance, Target, Units, grouped
from deployer.stack_sets import StackSets, UnreachedError
from deployer.stacks import describe, parameters_of
from deployer.watching import TargetWatcher
from generator import parameters as p


@dataclass(frozen=True)
class Wish:
    """What is to be removed: every runtime, or the one that `only` names as account/Region, and what else."""

    only: str = ""
    foundation: bool = False
    delete_data: bool = False


@dataclass
class Removal:
    """What was removed, what stays because it holds data, what data was deleted, and what else there is to say."""

    removed: list[str] = field(default_factory=list)
    retained: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def destroy(context: Context, wish: Wish) -> Removal:
    """Removes the runtimes and, with the last of them, the stack set, and the foundation where that is asked for.

    Raises UsageError where the wish names no target, RefusedError where AWS refuses; the same command then goes on
    where it stopped. One target that stays does not keep the others.
    """
    if wish.only and wish.foundation:
        raise UsageError("The foundation serves all targets, so that --foundation does not go with --target.")
    if wish.foundation:
        refuse_used(context)
    removal = Removal()
    configured = {(target.account, target.region) for target in context.settings.targets}
    places = {target for target in configured if wish.only in ("", "/".join(target))}
    sets = context.recorded_stack_sets()
    existing = sets.describe()
    if existing is not None:
        sets.join_running()
        instances = sets.instances()
        chosen = {target: one for target, one in instances.items() if wish.only in ("", "/".join(target))}
        _refuse_unknown(wish, sets.name, {*chosen, *places}, {*instances, *configured})
        places |= chosen.keys()
        remove_targets(context, sets, existing.parameters, chosen, removal)
        if not wish.only:
            sets.delete()
            removal.removed.append(f"stack set {sets.name}")
    _refuse_unknown(wish, sets.name, places, configured)
    if wish.delete_data:
        _delete_data(context, sets.name, places, removal)
    if any(wish.only == "/".join(target) for target in configured):
        removal.notes.append(f"{wish.only} is still in {context.settings.file}: the next deploy brings it back")
    if wish.foundation:
        outcome = remove_foundation(context, wish.delete_data)
        removal.removed += outcome.removed
        removal.retained += outcome.retained
        removal.deleted += outcome.deleted
        removal.notes += outcome.notes
    return removal


def _refuse_unknown(wish: Wish, name: str, found: set[Target], known: set[Target]) -> None:
    if wish.only and not found:
        told = ", ".join("/".join(target) for target in sorted(known)) or "none"
        raise UsageError(f"{wish.only} is no target of the stack set {name}; its targets are {told}.")


def remove_targets(
    context: Context,
    sets: StackSets,
    shared: Mapping[str, str],
    instances: Mapping[Target, Instance],
    removal: Removal,
) -> None:
    """Removes targets; raises RefusedError, nothing changed, where one cannot go, and at the end where one stayed."""
    if not instances:
        return
    found = each(instances, lambda target: standing.read(context.aws, target, instances[target]))
    there = found.results

    def hindrances(target: Target) -> list[str]:
        values = {**shared, **dict(instances[target].overrides or ())}
        return standing.hindrances(context.aws, there[target], values)

    checked = each(there, hindrances)
    hindering = [sentence for _, several in sorted(checked.results.items()) for sentence in several]
    told = [*found.told(), *checked.told(), *hindering]
    if told:
        raise RefusedError(" ".join([*told, "Nothing was removed."]))
    pause = Pause()
    parted = each(
        there, lambda target: disconnect(context.aws, there[target], context.reporter, context.poll, pause), pause
    )
    going = {target: instances[target] for target in instances if target not in parted.failures}
    failures = dict(parted.failures)
    if going:
        context.reporter.emit(Step("Stacks", "started"))
        failures |= remove_stacks(context.aws, sets, going, context.reporter)
        left = sum(target in failures for target in going)
        context.reporter.emit(
            Step("Stacks", "failed", f"{left} of {len(going)} targets stayed")
            if left
            else Step("Stacks", "done", "removed from every target")
        )
    for target in sorted(going.keys() - failures.keys()):
        removal.removed.append(" ".join(target))
        removal.retained += there[target].buckets
        if not there[target].runtime.readable:
            removal.notes.append(
                f"the access logs of {' '.join(target)} are kept, if there are any: its account cannot be read"
            )
    if failures:
        said = " ".join([*sentences(failures), "Run the same command again for what stayed."])
        raise UnreachedError(said, failures)


def remove_stacks(aws: Aws, sets: StackSets, going: Mapping[Target, Instance], reporter: Reporter) -> dict[Target, str]:
    """Removes instances with their stacks; returns why one stayed, by target.

    One that fails does not end the operation for the others. An instance whose stack is gone, and which the stack set
    cannot let go of, is released (service model, `StackInstanceSummary`, INOPERABLE: `RetainStacks`).
    """
    watcher = TargetWatcher(aws, Describing(reporter, descriptions.of_runtime()))
    patient = replace(sets, preferences=replace(sets.preferences, tolerance="100%"), observe=watcher.look)
    reasons = _removed(patient, watcher, going)
    lost = {target: going[target] for target in reasons if _has_no_stack(aws, target, going[target])}
    if lost:
        kept = {target: reason for target, reason in reasons.items() if target not in lost}
        reasons = kept | _removed(patient, watcher, lost, retain=True)
    return reasons


def _removed(
    sets: StackSets, watcher: TargetWatcher, going: Mapping[Target, Instance], retain: bool = False
) -> dict[Target, str]:
    """Makes the calls for all targets; returns those that the stack set still holds, each with a sentence why."""
    units = Units({target: instance.unit for target, instance in going.items()})
    reasons: dict[Target, str] = {}
    for group in grouped(dict.fromkeys(going, ()), units):
        reasons |= {target: f"{reason}." for target, reason in sets.remove(group, retain).items()} | watcher.causes()
    left = sets.listed()
    return {
        target: reasons.get(target) or f"{(left[target].detail or 'AWS gave no reason').rstrip('.')}."
        for target in going
        if target in left
    }


def _has_no_stack(aws: Aws, target: Target, instance: Instance) -> bool:
    if not aws.reaches(target[0]):
        return False
    if not instance.stack_id:
        return True
    return describe(aws.client("cloudformation", *target), instance.stack_id) is None


def _registry(client: Any, stack_id: str) -> str:
    """Returns the account whose registry a runtime's stack, which may be gone, names: the publisher's."""
    (stack,) = client.describe_stacks(StackName=stack_id)["Stacks"]
    return parameters_of(stack).get(p.IMAGE_ACCOUNT.name, "")


def _delete_data(context: Context, name: str, places: set[Target], removal: Removal) -> None:
    """Deletes the buckets that the set's removed stacks left behind, in this run or in an earlier one.

    A stack set of the same name that another account publishes is told by the registry that its stacks name.
    Raises RefusedError, with a sentence for each target, where S3 refuses.
    """

    def one(target: Target) -> list[tuple[str, str]]:
        account, region = target
        client = context.aws.client("cloudformation", account, region)
        s3 = context.aws.client("s3", account, region)
        return [
            (kept.bucket, emptying.delete_bucket(s3, kept, account))
            for stack_id in emptying.deleted_stacks(client, emptying.of_stack_set(name))
            if _registry(client, stack_id) == context.account
            for kept in emptying.kept_buckets(client, stack_id)
        ]

    context.reporter.emit(Step("Data", "started"))
    unread = sorted({account for account, _ in places if not context.aws.reaches(account)})
    removal.notes += [f"account {account} cannot be read: its buckets are not looked for" for account in unread]
    done = each((target for target in places if context.aws.reaches(target[0])), one)
    for _, found in sorted(done.results.items()):
        for bucket, result in found:
            if result == "deleted":
                removal.deleted.append(f"bucket {bucket}")
            elif result != "gone":
                removal.notes.append(f"bucket {bucket} is kept: {result}")
                removal.retained += [bucket] if bucket not in removal.retained else []
    removal.retained = [bucket for bucket in removal.retained if f"bucket {bucket}" not in removal.deleted]
    if done.failures:
        context.reporter.emit(Step("Data", "failed"))
        raise RefusedError(" ".join([*done.told(), "Run the same command again."]))
    count = len(removal.deleted)
    context.reporter.emit(Step("Data", "done" if count else "unchanged", f"{count} bucket{'s' * (count != 1)} deleted"))
