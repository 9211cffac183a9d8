"""Taking runtimes away in the order that AWS accepts: gateway targets, then the stacks, then the stack set.

Every step looks at what is there, so that a removal which was interrupted, or begun by hand, goes on from where it is.
"""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Final, Generic, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from deployer import descriptions, standing
from deployer.aws import refusal
from deployer.context import Context
from deployer.descriptions import Describing
from deployer.disconnecting import disconnect
from deployer.errors import DeployerError, RefusedError, UsageError
from deployer.events import Step
from deployer.foundation_removal import remove_foundation
from deployer.stack_set_plan import Instance, Target, Units, grouped
from deployer.stack_sets import StackSets
from deployer.stacks import describe
from deployer.watching import TargetWatcher

CONNECTIONS: Final = 8
T = TypeVar("T")


@dataclass(frozen=True)
class Wish:
    """What is to be removed: every runtime, or the one that `only` names as account/Region, and what else."""

    only: str = ""
    foundation: bool = False


@dataclass
class Removal:
    """What was removed, what AWS still holds because it carries data, and what else there is to say."""

    removed: list[str] = field(default_factory=list)
    retained: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def destroy(context: Context, wish: Wish) -> Removal:
    """Removes the runtimes and, with the last of them, the stack set, and the foundation where that is asked for.

    Raises UsageError where the wish names no target, RefusedError where AWS refuses; the same command then goes on
    where it stopped. One target that stays does not keep the others.
    """
    if wish.only and wish.foundation:
        raise UsageError("The foundation serves all targets, so that --foundation does not go with --target.")
    removal = Removal()
    sets = context.recorded_stack_sets()
    existing = sets.describe()
    if existing is not None:
        sets.join_running()
        instances = sets.instances()
        chosen = {target: one for target, one in instances.items() if wish.only in ("", "/".join(target))}
        if wish.only and not chosen:
            known = ", ".join("/".join(target) for target in sorted(instances)) or "none"
            raise UsageError(f"{wish.only} is no target of the stack set {sets.name}; its targets are {known}.")
        _remove_targets(context, sets, existing.parameters, chosen, removal)
        if not wish.only:
            sets.delete()
            removal.removed.append(f"stack set {sets.name}")
    elif wish.only:
        raise UsageError(f"There is no stack set {sets.name}, and so no target {wish.only}.")
    configured = {f"{target.account}/{target.region}" for target in context.settings.targets}
    if wish.only in configured:
        removal.notes.append(f"{wish.only} is still in {context.settings.file}: the next deploy brings it back")
    if wish.foundation:
        remove_foundation(context, removal.removed, removal.retained)
    return removal


def _remove_targets(
    context: Context,
    sets: StackSets,
    shared: Mapping[str, str],
    instances: Mapping[Target, Instance],
    removal: Removal,
) -> None:
    """Removes targets; raises RefusedError, nothing changed, where one cannot go, and at the end where one stayed."""
    if not instances:
        return
    found = _each(instances, lambda target: standing.read(context.aws, target, instances[target]))
    there = found.results

    def hindrances(target: Target) -> list[str]:
        values = {**shared, **dict(instances[target].overrides or ())}
        return standing.hindrances(context.aws, there[target], values)

    checked = _each(there, hindrances)
    sentences = [sentence for _, several in sorted(checked.results.items()) for sentence in several]
    _raise({**found.failures, **checked.failures}, sentences, "Nothing was removed.")
    parted = _each(there, lambda target: disconnect(context.aws, there[target], context.reporter, context.poll))
    going = {target: instances[target] for target in instances if target not in parted.failures}
    failures = dict(parted.failures)
    if going:
        context.reporter.emit(Step("Stacks", "started"))
        failures |= _remove_stacks(context, sets, going)
        left = sum(target in failures for target in going)
        context.reporter.emit(
            Step("Stacks", "failed", f"{left} of {len(going)} targets stayed")
            if left
            else Step("Stacks", "done", "removed from every target")
        )
    for target in sorted(going.keys() - failures.keys()):
        removal.removed.append(" ".join(target))
        removal.retained += there[target].buckets
    _raise(failures, (), "Run the same command again for what stayed.")


def _remove_stacks(context: Context, sets: StackSets, going: Mapping[Target, Instance]) -> dict[Target, str]:
    """Removes instances with their stacks; returns why one stayed, by target.

    One that fails does not end the operation for the others. An instance whose stack is gone, and which the stack set
    cannot let go of, is released (service model, `StackInstanceSummary`, INOPERABLE: `RetainStacks`).
    """
    watcher = TargetWatcher(context.aws, Describing(context.reporter, descriptions.of_runtime()))
    patient = replace(sets, preferences=replace(sets.preferences, tolerance="100%"), observe=watcher.look)
    reasons = _removed(patient, watcher, going)
    lost = {target: going[target] for target in reasons if _has_no_stack(context, target, going[target])}
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


def _has_no_stack(context: Context, target: Target, instance: Instance) -> bool:
    if not context.aws.reaches(target[0]):
        return False
    if not instance.stack_id:
        return True
    return describe(context.aws.client("cloudformation", *target), instance.stack_id) is None


@dataclass(frozen=True)
class _Done(Generic[T]):
    results: dict[Target, T]
    failures: dict[Target, str]


def _each(targets: Iterable[Target], work: Callable[[Target], T]) -> _Done[T]:
    """Does the work for all targets, some at a time; a failure of one is a sentence and ends no other."""
    done: _Done[T] = _Done({}, {})

    def one(target: Target) -> None:
        try:
            done.results[target] = work(target)
        except ClientError as error:
            done.failures[target] = refusal(error)
        except (BotoCoreError, DeployerError) as error:
            done.failures[target] = str(error)

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        list(pool.map(one, sorted(targets)))
    return done


def _raise(failures: Mapping[Target, str], sentences: Iterable[str], outcome: str) -> None:
    """Raises RefusedError with a sentence for each failure, where there is one, and what came of the rest."""
    told = [f"{account} {region}: {reason}" for (account, region), reason in sorted(failures.items())]
    told += sentences
    if told:
        raise RefusedError(" ".join([*told, outcome]))
