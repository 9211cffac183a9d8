"""What a deployment would change, without changing anything: no stack, no change set, no object, no image.

A runtime's stack belongs to a stack set, and in a target's account the stack set's execution role acts, not the caller.
So a change set of AWS's own can be asked for only where the credentials reach, needs the new templates in the artifact
bucket, and makes an empty stack where nothing stands yet. The plan is computed, alike for every target: from the
templates that the targets were launched from, the values that they have, and the schemas that AWS publishes of its
resource types; its evidence is cited. Where that is asked for, CloudFormation's own word on standing stacks is added,
which is observed.
"""

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, Final, Literal

from deployer import image_supply
from deployer.artifact_bucket import ArtifactBucket
from deployer.change_sets import observed
from deployer.change_sets import reconciled as compared
from deployer.context import Context
from deployer.convergence import refuse_what_stays
from deployer.deployed_tools import DeployedTools
from deployer.deployment import (
    linted,
    looked_at,
    package_of,
    publisher_of,
    stack_set_of,
    step,
    tools_of,
)
from deployer.durations import Estimate, estimate
from deployer.errors import RefusedError, UsageError
from deployer.evaluating import evaluated, root_file
from deployer.foundation import ACCOUNT_STACK, Foundation, parameters
from deployer.foundation_plan import FoundationChange, foundation_changes
from deployer.image_supply import Supply
from deployer.neighbours import reconciled
from deployer.packaging import ImageReference, Package, upload
from deployer.plan_costs import CostChange, cost_change
from deployer.replacement import fixed
from deployer.settings import Settings
from deployer.stack_set_plan import Instance, Overrides, Plan, StackSet, Target, Wanted, plan
from deployer.stacks import describe, outputs_of
from deployer.standing import is_protected
from deployer.standing_templates import standing_templates
from deployer.timeline import Timelines
from deployer.update_diff import ResourceChange, difference
from deployer.update_warnings import Warned, warnings
from generator.evaluation import Deployment
from generator.stacks import template_dicts
from generator.tool_changes import Changes, compare

EVIDENCE: Final[Literal["cited"]] = "cited"
UNBUILT: Final = "sha256:(built by deploy)"
UNASKED: Final = "CloudFormation was not asked: a change set needs the image's digest, which deploy builds."
UNMADE: Final = "artifact-bucket-that-deploy-makes"
State = Literal["create", "update", "same", "unknown", "remove"]


@dataclass(frozen=True)
class TargetGroup:
    """Targets to which the same happens: what, which changes of resources, what to beware of, how long it takes.

    Where values differ among the targets, those told are the first one's. `cost` is that of each; None where it is not
    known or nothing changes. `detail` is a sentence on how far this can be
    relied on, or empty.
    """

    targets: tuple[Target, ...]
    state: State
    changes: tuple[ResourceChange, ...] = ()
    warnings: tuple[Warned, ...] = ()
    estimate: Estimate | None = None
    detail: str = ""
    evidence: Literal["cited", "observed"] = EVIDENCE
    cost: CostChange | None = None

    def as_data(self) -> dict[str, Any]:
        """Returns it as plain data."""
        return {
            "targets": ["/".join(target) for target in self.targets],
            "state": self.state,
            "changes": [asdict(change) for change in self.changes],
            "warnings": [asdict(warned) for warned in self.warnings],
            "estimate": self.estimate.as_data() if self.estimate else None,
            "detail": self.detail,
            "evidence": self.evidence,
            "monthly_cost": self.cost.as_data() if self.cost else None,
        }


@dataclass(frozen=True)
class Planned:
    """What a deployment would do.

    `tools` are the changes of the tool contract, None where it is not known what was deployed; `refusals` are sentences
    for which it would end before it changed a target; `touches_set` says that the stack set is updated even where no
    resource changes.
    """

    stack_set: str
    image: str
    builds_image: bool
    template_url: str
    foundation: tuple[FoundationChange, ...]
    groups: tuple[TargetGroup, ...]
    tools: Changes | None
    refusals: tuple[str, ...]
    running: tuple[str, ...]
    touches_set: bool

    @property
    def differs(self) -> bool:
        """Whether a deployment would change anything."""
        changes = any(group.state != "same" for group in self.groups)
        return bool(changes or self.builds_image or self.foundation or self.touches_set)

    def as_data(self) -> dict[str, Any]:
        """Returns it as plain data."""
        return {
            "differs": self.differs,
            "evidence": EVIDENCE,
            "stack_set": self.stack_set,
            "image": {"digest": self.image, "built_by_deploy": self.builds_image},
            "template_url": self.template_url,
            "stack_set_updated": self.touches_set,
            "foundation": [change.as_data() for change in self.foundation],
            "targets": [group.as_data() for group in self.groups],
            "tools": self.tools.as_data() if self.tools is not None else None,
            "refusals": list(self.refusals),
            "running": list(self.running),
        }


def plan_deployment(context: Context, only: str = "", change_sets: bool = False) -> Planned:
    """Returns what `deploy` would change, in all targets or in the one that `only` names as account/Region.

    With `change_sets` CloudFormation is asked too, of one target of each group whose account the credentials reach;
    the templates are uploaded for that, as `package` does.
    Raises what a deployment raises before it changes anything, and UsageError where there is no such target.
    """
    texts = step(context, "Lint", lambda: linted(context))
    (context, overrides, units), supply, _ = step(context, "Preflight", lambda: looked_at(context))
    named = {"/".join(target): target for target in (*overrides, *context.standing)}
    if only and only not in named:
        raise UsageError(f"{only} is no target; the targets are {', '.join(sorted(named))}.")
    return _Planning(context, texts, supply, change_sets).planned(Wanted(_NO_SET, overrides, units), named.get(only))


_NO_SET: Final = StackSet("", "", {})


class _Planning:
    """One plan: what is read of AWS and what is computed from it."""

    def __init__(self, context: Context, texts: Mapping[str, str], supply: Supply, change_sets: bool) -> None:
        self.context, self.texts, self.change_sets = context, texts, change_sets
        self.settings: Settings = context.settings
        self.publisher = publisher_of(context)
        self.digest, self.builds = _image(context, supply)
        home = self.settings.stack_set.home_region
        made = describe(context.aws.client("cloudformation", context.account, home), ACCOUNT_STACK)
        self.ground = _ground(outputs_of(made) if made else {})
        self.s3 = context.aws.client("s3", context.account, home)
        self.base_url = context.aws.bucket_url(self.ground.bucket or UNMADE, home)
        self.root = root_file(self.settings)
        self.templates = template_dicts()
        self.recorded = self._timelines().read() if self.ground.bucket else {}

    def planned(self, wanted: Wanted, only: Target | None) -> Planned:
        context, name = self.context, self.settings.stack_set.name
        image = ImageReference(context.account, self.publisher.repository, self.digest or UNBUILT)
        package = package_of(context, self.ground.bucket or UNMADE, image)
        wanted = replace(
            wanted,
            stack_set=stack_set_of(self.settings, package, image, self.ground),
            canary=self.settings.stack_set.canary,
        )
        sets = context.recording_in(self.ground.bucket) if self.ground.bucket else context.stack_sets
        existing = sets.describe()
        before = sets.instances() if existing is not None else {}
        steps = plan(wanted, existing, before)
        values = reconciled(parameters(self.publisher), context.neighbours, bool(context.standing))
        ground = foundation_changes(context.aws, self.publisher, values, self.texts, self.ground.bucket)
        groups = step(context, "Compare", lambda: tuple(self._groups(wanted, existing, before, steps, only)))
        if self.change_sets and before:
            groups = step(context, "Change sets", lambda: self._asked(package, wanted, before, groups))
        refusals = list(_refusals(existing, wanted.stack_set))
        return Planned(
            stack_set=name,
            image=self.digest,
            builds_image=self.builds,
            template_url=package.urls[self.root],
            foundation=tuple(ground),
            groups=groups,
            tools=self._tools(),
            refusals=tuple(refusals),
            running=tuple(sets.running()) if existing is not None else (),
            touches_set=steps.update_set or steps.create_set,
        )

    def _asked(
        self, package: Package, wanted: Wanted, before: Mapping[Target, Instance], groups: Iterable[TargetGroup]
    ) -> tuple[TargetGroup, ...]:
        """Returns the groups with CloudFormation's word on those that stand where the credentials reach one of them."""
        if not self.digest:
            return tuple(replace(one, detail=f"{one.detail} {UNASKED}".strip()) for one in groups)
        upload(package, ArtifactBucket(self.s3, self.ground.bucket, self.context.account))
        return tuple(self._with_change_set(group, wanted, before) for group in groups)

    def _with_change_set(self, group: TargetGroup, wanted: Wanted, before: Mapping[Target, Instance]) -> TargetGroup:
        aws = self.context.aws
        reached = [one for one in group.targets if one in wanted.targets and one in before and aws.reaches(one[0])]
        if not reached or not before[reached[0]].stack_id:
            return group
        target = reached[0]
        values = {**wanted.stack_set.parameters, **dict(wanted.targets[target])}
        try:
            found = observed(
                aws.client("cloudformation", *target),
                before[target].stack_id,
                wanted.stack_set.template_url,
                values,
                lambda: time.sleep(self.context.poll),
            )
        except RefusedError as error:
            return replace(group, detail=f"{group.detail} {error}".strip())
        changes, sentence = compared(group.changes, found)
        state: State = "update" if changes else group.state
        detail = f"{group.detail} {sentence}".strip()
        return replace(
            group, state=state, changes=changes, warnings=warnings(changes), detail=detail, evidence="observed"
        )

    def _tools(self) -> Changes | None:
        if self.settings.image.digest or not self.ground.bucket:
            return None
        before = DeployedTools(self.s3, self.ground.bucket, self.context.account, self.settings.stack_set.name).read()
        return compare(before, tools_of(self.context)[0]) if before is not None else None

    def _timelines(self) -> Timelines:
        return Timelines(self.s3, self.ground.bucket, self.context.account, self.settings.stack_set.name)

    def _groups(
        self,
        wanted: Wanted,
        existing: StackSet | None,
        before: Mapping[Target, Instance],
        steps: Plan,
        only: Target | None,
    ) -> list[TargetGroup]:
        standing = self._standing(existing)
        touched = {target for group in (*steps.update, *steps.create) for target in group.targets}
        alike: dict[Any, list[Target]] = defaultdict(list)
        for target, overrides in wanted.targets.items():
            if only in (None, target):
                instance = before.get(target)
                held = instance.overrides if instance else None
                again = instance is not None and target in touched and not instance.current
                alike[target[1], overrides, instance is None, held, again].append(target)
        found = []
        for (region, overrides, fresh, held, again), targets in alike.items():
            account = targets[0][0]
            after = self._deployment(self.templates, self.root, wanted.stack_set.parameters, overrides, account, region)
            if fresh:
                group = self._group(targets, "create", difference(None, after, _nothing), after)
                found.append(replace(group, cost=cost_change(None, after, region)))
            elif existing is None or not standing:
                found.append(
                    TargetGroup(
                        tuple(targets),
                        "unknown" if not steps.empty else "same",
                        detail="The templates that it was launched from are not in the artifact bucket.",
                    )
                )
            else:
                there = self._deployment(
                    standing, existing.template_url, existing.parameters, held or overrides, account, region
                )
                changes = difference(there, after, partial(fixed, region))
                group = self._group(targets, "update" if changes or again else "same", changes, after)
                group = replace(group, cost=cost_change(there, after, region) if changes else None)
                if again:
                    group = replace(
                        group,
                        detail="Its last operation did not succeed: deploy repeats it, and what stands may differ"
                        " from what is compared here.",
                    )
                found.append(group)
        leaving = [target for group in steps.remove for target in group.targets if only in (None, target)]
        removed = [self._leaving(target, before[target], existing, standing) for target in leaving if existing]
        return _merged(found) + removed

    def _leaving(
        self, target: Target, instance: Instance, existing: StackSet, standing: Mapping[str, Any]
    ) -> TargetGroup:
        group = target_leaves(target, instance, existing)
        if not standing:
            return group
        there = self._deployment(
            standing, existing.template_url, existing.parameters, instance.overrides or (), *target
        )
        return replace(group, cost=cost_change(there, None, target[1]))

    def _standing(self, existing: StackSet | None) -> Mapping[str, Any]:
        if existing is None or not self.ground.bucket:
            return {}
        return standing_templates(
            self.s3, self.ground.bucket, self.context.account, self.base_url, existing.template_url
        )

    def _group(
        self, targets: Iterable[Target], state: State, changes: tuple[ResourceChange, ...], after: Deployment
    ) -> TargetGroup:
        lasting = estimate(after, changes, self.recorded) if changes else None
        return TargetGroup(tuple(targets), state, changes, warnings(changes), lasting)

    def _deployment(
        self,
        templates: Mapping[str, Any],
        root: str,
        shared: Mapping[str, str],
        overrides: Overrides,
        account: str,
        region: str,
    ) -> Deployment:
        return evaluated(templates, root, {**shared, **dict(overrides)}, account, region)


def _image(context: Context, supply: Supply) -> tuple[str, bool]:
    """Returns the image's digest, empty where only building it tells, and whether deploy builds or pushes one."""
    return image_supply.known_digest(context.settings, supply), not (supply.digest or supply.stand_in)


def _ground(outputs: Mapping[str, str]) -> Foundation:
    return Foundation(
        bucket=outputs.get("ArtifactBucket", ""),
        repository=outputs.get("RepositoryName", ""),
        image_builder=outputs.get("ImageBuilderName", ""),
        administration_role_arn=outputs.get("AdministrationRoleArn", ""),
        execution_role_name=outputs.get("ExecutionRoleName", ""),
    )


def _nothing(_: str) -> Any:
    raise AssertionError("what is made anew has nothing that is fixed")


def _refusals(existing: StackSet | None, wanted: StackSet) -> Iterable[str]:
    if existing is not None:
        try:
            refuse_what_stays(existing, wanted)
        except RefusedError as error:
            yield str(error)


def target_leaves(target: Target, instance: Instance, existing: StackSet) -> TargetGroup:
    """Returns what happens to a target that the configuration does not name any more."""
    name = "/".join(target)
    found = [
        Warned(
            "target-leaves",
            name,
            f"The configuration names {name} no longer: deploy REMOVES its runtime, with its gateway, its load"
            " balancer and its logs. Put the target back where that is not meant.",
        )
    ]
    if is_protected({**existing.parameters, **dict(instance.overrides or ())}):
        found.append(
            Warned(
                "protected",
                name,
                f"The runtime of {name} is protected from deletion: deploy refuses to go on, and changes no target,"
                " until its protection is off or the target is back.",
            )
        )
    return TargetGroup((target,), "remove", warnings=tuple(found))


def _merged(groups: Iterable[TargetGroup]) -> list[TargetGroup]:
    """Returns the groups with those as one in which the same resources change for the same reasons."""
    alike: dict[Any, TargetGroup] = {}
    for group in groups:
        key = (
            group.state,
            group.detail,
            group.cost and (round(group.cost.before.expected, 2), round(group.cost.after.expected, 2)),
            tuple(
                (change.action, change.where, tuple((one.path, one.replaces, one.follows) for one in change.properties))
                for change in group.changes
            ),
        )
        first = alike.get(key)
        alike[key] = replace(first, targets=(*first.targets, *group.targets)) if first else group
    return list(alike.values())
