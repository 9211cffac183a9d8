"""Another exposure of a standing runtime replaces its load balancer, which deletion protection would stop half-way."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from deployer.context import Context
from deployer.preflight.sites import Site
from deployer.stack_set_plan import StackSet
from deployer.target_checks import key_of
from generator import parameters as p
from generator.presets import PRESET, PRESETS

_DEFAULT: Final = p.EXPOSURE.default or ""


def protected(context: Context, found: StackSet | None, sites: Sequence[Site]) -> Iterator[str]:
    """Yields a sentence for each target whose exposure changes while its load balancer refuses deletion.

    CloudFormation makes the new load balancer, moves everything to it and then fails to delete the old one, without a
    failure of the update (CloudFormation user guide, "Understand stack status"): that would go on standing with its
    listener. The standing values are asked for only where a target's exposure is not the one that the set has for all.
    """
    if found is None:
        return
    shared = found.parameters.get(p.EXPOSURE.name, _DEFAULT)
    suspects = [site for site in sites if site.value(p.EXPOSURE) != shared]
    if not suspects:
        return
    standing = context.recorded_stack_sets().instances()
    for site in suspects:
        instance = standing.get((site.account, site.region))
        if instance is None:
            continue
        values = {**found.parameters, **dict(instance.overrides or ())}
        if site.value(p.EXPOSURE) != values.get(p.EXPOSURE.name, _DEFAULT) and _is_protected(values):
            yield (
                f"{site.says(p.EXPOSURE)} replaces the load balancer of {site.where}, but its deletion protection would"
                f" keep the old one standing: set {key_of(p.DELETION_PROTECTION)} to false, deploy, and change"
                f" {key_of(p.EXPOSURE)} then."
            )


def _is_protected(values: Mapping[str, str]) -> bool:
    chosen = values.get(p.DELETION_PROTECTION.name, PRESET)
    if chosen == PRESET:
        row = PRESETS.rows[values.get(p.PRESET_NAME.name, p.PRESET_NAME.default or "")]
        chosen = str(row[p.DELETION_PROTECTION.name])
    return chosen == "on"
