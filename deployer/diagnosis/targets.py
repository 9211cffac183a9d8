"""Diagnosing the targets of the stack set, and the commands that fail at them."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from deployer import runtimes
from deployer.context import Context
from deployer.diagnosis.collecting import GATEWAY_TARGET, collect
from deployer.diagnosis.evidence import Diagnosis, Evidence
from deployer.diagnosis.finding import diagnose
from deployer.each_target import each
from deployer.errors import RefusedError, UsageError
from deployer.proving import failed_row, verify_one
from deployer.stack_set_plan import Instance, Target
from deployer.stack_sets import UnreachedError

T = TypeVar("T")


class ExplainedError(RefusedError):
    """A failure at targets, with the diagnosis of each; the sentence is the failure's own."""

    def __init__(self, error: RefusedError, diagnoses: list[Diagnosis]) -> None:
        super().__init__(str(error), *error.others)
        self.diagnoses = diagnoses


def explaining(context: Context, work: Callable[[Context], T]) -> T:
    """Does the work; raises ExplainedError where it fails at targets of the stack set."""
    try:
        return work(context)
    except UnreachedError as error:
        raise ExplainedError(error, of_targets(context, error.reasons, error.kept)) from error


def of_failed(context: Context, only: str = "") -> list[Diagnosis]:
    """Returns why the last operation failed at each target, or at the one that `only` names as account/Region.

    A target that the stack set calls current has a diagnosis that found nothing: the events of its stack may end with
    an older failure, since an update that changes nothing leaves none. Raises UsageError where there is no such
    target, RefusedError where there is no stack set.
    """
    sets = context.stack_sets
    if sets.describe() is None:
        raise RefusedError(f"There is no stack set {sets.name}; deploy first.")
    instances = sets.listed()
    chosen = {target: one for target, one in instances.items() if only in ("", "/".join(target))}
    if only and not chosen:
        known = ", ".join("/".join(target) for target in sorted(instances)) or "none"
        raise UsageError(f"{only} is no target of the stack set {sets.name}; its targets are {known}.")
    fine = [Diagnosis(*target, None, None) for target, one in chosen.items() if one.current]
    failed = of_targets(context, {target: one.detail for target, one in chosen.items() if not one.current})
    return sorted([*fine, *failed], key=lambda one: (one.account, one.region))


def of_targets(
    context: Context, reasons: Mapping[Target, str], kept: Mapping[Target, tuple[Evidence, ...]] | None = None
) -> list[Diagnosis]:
    """Returns the diagnosis of each target.

    `reasons` are what the stack set says of them, by target, and `kept` what was read while their tasks were there.
    """
    instances = context.stack_sets.listed()

    def one(target: Target) -> Diagnosis:
        instance = instances.get(target)
        account, region = target
        known = (kept or {}).get(target, ())
        found = collect(context.aws, account, region, instance.stack_id if instance else "", reasons[target], known)
        if instance is not None and any(evidence.kind == GATEWAY_TARGET for evidence in found.evidence):
            found.of("the endpoint", lambda: iter(_probed(context, target, instance)))
        return diagnose(account, region, found.evidence, found.notes)

    done = each(reasons, one)
    unread = [Diagnosis(*target, None, None, (), (said,)) for target, said in done.failures.items()]
    return sorted([*done.results.values(), *unread], key=lambda one: (one.account, one.region))


def _probed(context: Context, target: Target, instance: Instance) -> list[Evidence]:
    """Returns which layer fails when the gateway's URL is asked with the gateway's token; nothing where none stands."""
    (runtime,) = runtimes.read(context.aws, {target: instance})
    if not runtime.outputs.get("EndpointUrl"):
        return []
    failed = failed_row(verify_one(context, runtime, 0.0))
    if failed is None:
        return []
    return [Evidence("probe", failed.layer, f"{failed.detail} {failed.remedy}")]
