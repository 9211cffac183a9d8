"""Bringing the stack set and every instance to what the configuration says, and proving that they are there."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from deployer import descriptions, read_back, runtimes
from deployer.context import Context
from deployer.descriptions import Describing
from deployer.errors import RefusedError
from deployer.events import Step
from deployer.proving import failed_row, verify_one
from deployer.stack_set_plan import Instance, Plan, StackSet, Target, Wanted, plan
from deployer.stack_sets import OperationFailedError, StackSets
from deployer.teardown import Removal, remove_targets
from deployer.watching import InVainError, TargetWatcher
from generator import parameters as p

STEP = "Stack set"


@dataclass(frozen=True)
class Converged:
    """What was called, and the instances before and after."""

    steps: Plan
    before: Mapping[Target, Instance]
    after: Mapping[Target, Instance]

    @property
    def changed(self) -> frozenset[Target]:
        """The targets whose stacks an operation reached."""
        if self.steps.update_set:
            return frozenset(self.after)
        return frozenset(target for group in (*self.steps.update, *self.steps.create) for target in group.targets)


def converge(context: Context, sets: StackSets, wanted: Wanted) -> Converged:
    """Calls what is needed, waits, and reads back; calls nothing where nothing differs.

    Raises RefusedError where AWS refuses, with the causes that the targets' stacks show.
    """
    context.reporter.emit(Step(STEP, "started", wanted.stack_set.name))
    try:
        return _converge(context, sets, wanted)
    except Exception:
        context.reporter.emit(Step(STEP, "failed"))
        raise


def _converge(context: Context, sets: StackSets, wanted: Wanted) -> Converged:
    existing = sets.describe()
    if existing is not None:
        sets.join_running()
        refuse_what_stays(existing, wanted.stack_set)
    before: Mapping[Target, Instance] = sets.instances() if existing is not None else {}
    steps = plan(wanted, existing, before)
    detail = f"{len(wanted.targets)} target{'s' if len(wanted.targets) != 1 else ''}"
    if steps.empty:
        context.reporter.emit(Step(STEP, "unchanged", detail))
        return Converged(steps, before, before)
    watcher = TargetWatcher(context.aws, Describing(context.reporter, descriptions.of_runtime()))
    before = _without_leaving(context, sets, existing, before, steps)
    sets.observe = watcher.look
    sets.after_canary = lambda target: _prove_canary(context, sets, target)
    try:
        sets.apply(replace(steps, remove=()), wanted.stack_set, before)
        # What one failing target made AWS cancel in others is left behind; a second round reaches it.
        rest = plan(wanted, sets.describe(), sets.instances())
        if not rest.empty:
            sets.apply(rest, wanted.stack_set, sets.instances())
    except InVainError as error:
        sets.stop(error.operation)
        raise
    except OperationFailedError as error:
        raise error.explained(watcher.causes(), watcher.kept()) from error
    after = sets.instances()
    converged = Converged(steps, before, after)
    left = plan(wanted, sets.describe(), after)
    reached = {target: after[target] for target in converged.changed & after.keys()}
    changed = Wanted(
        wanted.stack_set, {target: wanted.targets[target] for target in reached if target in wanted.targets}
    )
    sentences = read_back.unreached(changed, left, after, sets.operations)
    if sentences:
        raise RefusedError(" ".join([f"The stack set {sets.name} is not what was asked for.", *sentences]))
    context.reporter.emit(Step(STEP, "done", detail))
    return converged


def _without_leaving(
    context: Context,
    sets: StackSets,
    existing: StackSet | None,
    before: Mapping[Target, Instance],
    steps: Plan,
) -> Mapping[Target, Instance]:
    """Removes the targets that are configured no longer, as `destroy` does, and returns the others.

    They go first: where the foundation does not know their account any more, an update of the set would fail there.
    Raises RefusedError, nothing changed, where one is protected or AWS would stop at it.
    """
    leaving = {target: before[target] for group in steps.remove for target in group.targets}
    if not leaving or existing is None:
        return before
    removal = Removal()
    remove_targets(context, sets, existing.parameters, leaving, removal)
    for name in removal.retained:
        context.reporter.emit(Step(f"Kept {name}", "done", "it holds data"))
    return {target: instance for target, instance in before.items() if target not in leaving}


def refuse_what_stays(existing: StackSet, wanted: StackSet) -> None:
    """Raises RefusedError for what AWS does not let change: a gateway's name, and a used set's permission model."""
    name = p.RUNTIME_NAME.name
    if existing.parameters.get(name, wanted.parameters[name]) != wanted.parameters[name]:
        raise RefusedError(
            f"The runtime is named {existing.parameters[name]} and AWS does not let its gateway be renamed; give"
            f" stack_set.name another value to make {wanted.parameters[name]} beside it, or set runtime.name back."
        )
    if existing.permission_model != wanted.permission_model:
        raise RefusedError(
            f"The stack set {existing.name} is {existing.permission_model} and AWS does not let that change while it"
            " has targets; destroy it first, or give stack_set.name another value."
        )


def _prove_canary(context: Context, sets: StackSets, target: Target) -> None:
    """Verifies the first target before any other is touched; raises RefusedError where it does not serve."""
    name = f"Canary {target[0]} {target[1]}"
    (runtime,) = runtimes.read(context.aws, {target: sets.listed()[target]})
    if not runtime.readable:
        context.reporter.emit(Step(name, "done", "its stack stands; its account cannot be read to verify it"))
        return
    context.reporter.emit(Step(name, "started"))
    failed = failed_row(verify_one(context, runtime))
    if failed is not None:
        context.reporter.emit(Step(name, "failed", f"failed at: {failed.layer}"))
        raise RefusedError(
            f"The canary {target[0]} {target[1]} stands but does not serve, and no other target was touched:"
            f" {failed.layer}: {failed.detail} {failed.remedy}"
        )
    context.reporter.emit(Step(name, "done", "verified; the others follow"))
