"""What must be called so that a stack set and its instances become what the configuration says. Pure.

One call of AWS's takes all accounts times all Regions given to it with one set of overrides, so that targets are
grouped into as few calls as that allows: their number grows with distinct overrides, not with targets.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

Target = tuple[str, str]
"""An account and a Region."""
Overrides = tuple[tuple[str, str], ...]
"""Parameter overrides, sorted by key."""

SELF_MANAGED: Final = "SELF_MANAGED"
SERVICE_MANAGED: Final = "SERVICE_MANAGED"
UNITS_PER_CALL: Final = 50
"""An operation takes no more organizational units (CloudFormation service model, `CreateStackInstances`)."""


@dataclass(frozen=True)
class StackSet:
    """A stack set as it is or should be: its template, its parameters and with whose permissions it acts.

    The roles are empty where CloudFormation's service makes them; `auto_deployment` and `retain_on_leave` are about
    accounts that come to an organizational unit and leave it, and mean something only there.
    """

    name: str
    template_url: str
    parameters: Mapping[str, str]
    administration_role_arn: str = ""
    execution_role_name: str = ""
    permission_model: str = SELF_MANAGED
    auto_deployment: bool = False
    retain_on_leave: bool = False

    @property
    def service_managed(self) -> bool:
        """Whether its targets are accounts of organizational units."""
        return self.permission_model == SERVICE_MANAGED


@dataclass(frozen=True)
class Instance:
    """One target as AWS holds it.

    `overrides` is None where they are not known, as after an operation that failed half-way; `unit` is the
    organizational unit through which it was reached; `operation` is the last operation on it, and `drift` what the last
    detection of drift found.
    """

    overrides: Overrides | None
    current: bool
    stack_id: str = ""
    detail: str = ""
    unit: str = ""
    operation: str = ""
    status: str = ""
    drift: str = ""


@dataclass(frozen=True)
class Group:
    """One call's worth of targets: every account in every Region, with the same overrides.

    `units` are the organizational units through which the accounts are reached, and `whole` says that the accounts are
    all of theirs; both say nothing where accounts are addressed by themselves.
    """

    accounts: tuple[str, ...]
    regions: tuple[str, ...]
    overrides: Overrides = ()
    units: tuple[str, ...] = ()
    whole: bool = False

    @property
    def targets(self) -> tuple[Target, ...]:
        """The group's accounts times its Regions."""
        return tuple((account, region) for account in self.accounts for region in self.regions)


@dataclass(frozen=True)
class Units:
    """The organizational units of the targets: through which one each target is reached, and all members of each."""

    of: Mapping[Target, str] = field(default_factory=dict)
    members: Mapping[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Wanted:
    """What the configuration says: the set and its targets with their overrides, in the configuration's order.

    `canary` is whether the first target is tried alone before any other changes.
    """

    stack_set: StackSet
    targets: Mapping[Target, Overrides]
    units: Units = field(default_factory=Units)
    canary: bool = False


@dataclass(frozen=True)
class Plan:
    """The calls that bring AWS to what should be, in the order in which they are made.

    `canary` is the target that every kind of call reaches alone before the others, or None; `proof` is the first
    target where that does not change itself: it must serve before any other is touched.
    """

    create_set: bool = False
    remove: tuple[Group, ...] = ()
    pin: tuple[Group, ...] = ()
    update_set: bool = False
    update: tuple[Group, ...] = ()
    create: tuple[Group, ...] = ()
    canary: Target | None = None
    proof: Target | None = None

    @property
    def empty(self) -> bool:
        """Whether nothing is to be done."""
        return not (self.create_set or self.pin or self.update_set or self.remove or self.update or self.create)

    def waves(self) -> Iterator[tuple[Literal["update", "create"], Group]]:
        """Yields the instances' updates and creations call by call, the canary's own first."""
        calls: list[tuple[Literal["update", "create"], Group]] = [("update", group) for group in self.update]
        calls += [("create", group) for group in self.create]
        yield from ((call, alone) for call, group in calls if (alone := _alone(group, self.canary)))
        for call, group in calls:
            yield from ((call, rest) for rest in _without(group, self.canary))


def plan(wanted: Wanted, existing: StackSet | None, instances: Mapping[Target, Instance]) -> Plan:
    """Returns what must be called.

    An update of the set reaches every instance with the overrides that it has, so that a value which moves between the
    shared parameters and a target's overrides would be missing, or double, in between. Where both change, the target's
    present values are pinned as its overrides first, and replaced by what is wanted once the set is updated.
    """
    targets = wanted.targets
    update_set = existing is not None and existing != wanted.stack_set
    new = targets.keys() - instances.keys()
    kept = targets.keys() & instances.keys()
    moved = {target for target in kept if instances[target].overrides != targets[target]}
    behind = {target for target in kept if not instances[target].current and not update_set}
    pinned: dict[Target, Overrides] = {}
    if existing is not None and update_set:
        changed = {
            name: value
            for name, value in existing.parameters.items()
            if name in wanted.stack_set.parameters and wanted.stack_set.parameters[name] != value
        }
        pinned = {
            target: tuple(sorted((changed | dict(instances[target].overrides or ())).items()))
            for target in moved
            if changed and instances[target].current
        }
    held = Units({target: instance.unit for target, instance in instances.items()}, wanted.units.members)
    changing = new | moved | behind | (kept if update_set else set())
    first = next(iter(targets), None) if wanted.canary and len(targets) > 1 and changing else None
    if first in new and update_set:
        first = next((target for target in targets if target in kept), first)
    return Plan(
        create_set=existing is None,
        pin=grouped(pinned, held),
        update_set=update_set,
        remove=grouped(dict.fromkeys(instances.keys() - targets.keys(), ()), held),
        create=grouped({target: targets[target] for target in new}, wanted.units),
        update=grouped({target: targets[target] for target in moved | behind}, held),
        canary=first if first in changing else None,
        proof=first if first not in changing else None,
    )


def grouped(targets: Mapping[Target, Overrides], units: Units | None = None) -> tuple[Group, ...]:
    """Returns the targets as groups, for each distinct set of overrides the fewer of two divisions.

    Accounts that lie in the same Regions make a group, or Regions that hold the same accounts.
    """
    by_overrides: dict[Overrides, list[Target]] = defaultdict(list)
    for target, overrides in targets.items():
        by_overrides[overrides].append(target)
    groups: list[Group] = []
    for overrides, found in sorted(by_overrides.items()):
        by_account = [(accounts, regions) for regions, accounts in _rectangles(found)]
        by_region = _rectangles([(region, account) for account, region in found])
        shapes = by_region if len(by_region) < len(by_account) else by_account
        groups += (
            group
            for accounts, regions in sorted(shapes)
            for group in _through_units(accounts, regions, overrides, units or Units())
        )
    return tuple(groups)


def _rectangles(pairs: Iterable[tuple[str, str]]) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Returns each distinct set of second members with the first members that have exactly it."""
    seconds: dict[str, set[str]] = defaultdict(set)
    for first, second in pairs:
        seconds[first].add(second)
    firsts: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for first, found in seconds.items():
        firsts[tuple(sorted(found))].append(first)
    return [(found, tuple(sorted(members))) for found, members in firsts.items()]


def _through_units(
    accounts: tuple[str, ...], regions: tuple[str, ...], overrides: Overrides, units: Units
) -> Iterator[Group]:
    reached: dict[str, list[str]] = defaultdict(list)
    for account in accounts:
        reached[units.of.get((account, regions[0]), "")].append(account)
    if set(reached) <= {""}:
        yield Group(accounts, regions, overrides)
        return
    names = sorted(reached)
    for start in range(0, len(names), UNITS_PER_CALL):
        chunk = tuple(names[start : start + UNITS_PER_CALL])
        found = tuple(sorted(account for name in chunk for account in reached[name]))
        everyone = frozenset[str]().union(*(units.members.get(name, frozenset()) for name in chunk))
        yield Group(found, regions, overrides, chunk, whole=set(found) == everyone)


def _alone(group: Group, canary: Target | None) -> Group | None:
    """Returns the canary as a group of its own where the group holds it."""
    if canary is None or canary not in group.targets:
        return None
    return Group((canary[0],), (canary[1],), group.overrides, group.units)


def _without(group: Group, canary: Target | None) -> Iterator[Group]:
    """Yields the group without the canary, as one or two calls."""
    if canary is None or canary not in group.targets:
        yield group
        return
    account, region = canary
    others = tuple(name for name in group.accounts if name != account)
    elsewhere = tuple(name for name in group.regions if name != region)
    if elsewhere:
        yield Group(group.accounts, elsewhere, group.overrides, group.units, group.whole)
    if others:
        yield Group(others, (region,), group.overrides, group.units)
