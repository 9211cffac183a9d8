"""What CloudFormation would do to one stack with all that is nested in it, computed from two sets of templates. Pure.

Both are evaluated under their parameter values, and the resources are compared property by property. What follows from
a replacement is followed to its end: who refers to a replaced resource is updated, or replaced where the property that
refers to it cannot change in place. An attribute that only AWS knows and that changes with an update in place stays
unseen; a change set of AWS's own calls such a change dynamic.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from generator.evaluation import Deployment
from generator.symbols import Call, Invalid, Reference, Text, canonical, references

Action = Literal["add", "update", "replace", "may replace", "remove"]
ACTIONS: Final[tuple[Action, ...]] = ("remove", "replace", "may replace", "update", "add")
"""The kinds of change, those to look at first first."""
RETAINING: Final = frozenset({"Retain", "RetainExceptOnCreate", "Snapshot"})


@dataclass(frozen=True)
class Fixed:
    """The paths of properties of one type, as JSON pointers below its properties, `*` for any item of a list."""

    always: tuple[str, ...] = ()
    sometimes: tuple[str, ...] = ()
    known: bool = True
    """Whether there is a schema that says so."""

    def forces(self, path: str) -> bool:
        """Returns whether a change at a path such as `Code/ImageUri` or `Rules/0` replaces the resource."""
        return any(_overlap(path, one) for one in self.always)

    def may_force(self, path: str) -> bool:
        """Returns whether it does under conditions that the schema does not tell."""
        return any(_overlap(path, one) for one in self.sometimes)


@dataclass(frozen=True)
class PropertyChange:
    """One property: its path, its values as people read them, empty where there is none, and what a change means.

    `replaces` says that the change makes a new resource; `follows` names the resource whose replacement it comes from.
    """

    path: str
    before: str
    after: str
    replaces: bool = False
    follows: str = ""


@dataclass(frozen=True)
class ResourceChange:
    """One resource that changes; `path` names the nested stacks that hold it, outermost first.

    `kept` says that its policy keeps what is removed or replaced; `name` is a name that its template gives it, where
    that stays the same; `protected` that AWS refuses to delete what stands now.
    """

    action: Action
    path: tuple[str, ...]
    logical_id: str
    resource_type: str
    properties: tuple[PropertyChange, ...] = ()
    kept: bool = False
    name: str = ""
    protected: bool = False

    @property
    def where(self) -> str:
        """The resource with the stacks that hold it."""
        return "/".join((*self.path, self.logical_id))

    @property
    def forced_by(self) -> tuple[str, ...]:
        """The paths of the properties that force the replacement."""
        return tuple(change.path for change in self.properties if change.replaces)


Knowledge = Callable[[str], Fixed]
"""What is fixed of a resource type."""


def difference(before: Deployment | None, after: Deployment, knowledge: Knowledge) -> tuple[ResourceChange, ...]:
    """Returns every resource that changes from one deployment to the other, in the order of the templates.

    Both have been given their values. Nested stacks are not told by themselves, but by what changes within them.
    Without `before` everything is added.
    """
    old = {title: before for title in before.ids() if before.exists(title)} if before else {}
    new = [title for title in after.ids() if after.exists(title)]
    found: dict[str, ResourceChange] = {}
    replaced: set[str] = set()
    for title in new:
        if title not in old:
            found[title] = ResourceChange("add", path_of(after, title), title, after.type(title))
    for title in old:
        if title not in set(new):
            assert before is not None
            found[title] = _gone("remove", before, title)
    kept = [title for title in new if title in old]
    pending = kept
    while pending:
        fresh: set[str] = set()
        for title in pending:
            assert before is not None
            change = _changed(before, after, title, knowledge, replaced)
            if change is None:
                continue
            found[title] = change
            if change.action in ("replace", "may replace") and title not in replaced:
                fresh.add(title)
        replaced |= fresh
        pending = [title for title in kept if fresh and _refers(after, title, fresh)]
    order = {title: number for number, title in enumerate([*new, *old])}
    return tuple(sorted(found.values(), key=lambda one: order[one.logical_id]))


def path_of(deployment: Deployment, title: str) -> tuple[str, ...]:
    """Returns the names of the nested stacks that hold a resource, outermost first."""
    names: list[str] = []
    home = deployment.homes[title]
    while home.parent is not None:
        names.append(home.name)
        home = home.parent
    return tuple(reversed(names))


def _gone(action: Action, before: Deployment, title: str) -> ResourceChange:
    kept = before.body(title).get("DeletionPolicy") in RETAINING
    guarded = _protected(before.properties(title))
    return ResourceChange(action, path_of(before, title), title, before.type(title), kept=kept, protected=guarded)


def _protected(properties: Mapping[str, Any]) -> bool:
    """Returns whether a load balancer or a user pool has its deletion protection on."""
    attributes = {one.get("Key"): one.get("Value") for one in properties.get("LoadBalancerAttributes") or ()}
    balancer = canonical(attributes.get("deletion_protection.enabled")) == "true"
    return balancer or properties.get("DeletionProtection") == "ACTIVE"


def _refers(deployment: Deployment, title: str, to: set[str]) -> bool:
    return any(one.logical_id in to for one in references(deployment.properties(title)))


def _changed(
    before: Deployment, after: Deployment, title: str, knowledge: Knowledge, replaced: set[str]
) -> ResourceChange | None:
    kind = after.type(title)
    if before.type(title) != kind or path_of(before, title) != path_of(after, title):
        # CloudFormation takes it for another resource: it makes the one and removes the other.
        return ResourceChange(
            "replace",
            path_of(after, title),
            title,
            kind,
            (PropertyChange("Type", before.type(title), kind, replaces=True),),
            _gone("remove", before, title).kept,
        )
    fixed = knowledge(kind)
    old, new = before.properties(title), after.properties(title)
    changes = [
        PropertyChange(path, shown(one), shown(other), fixed.forces(path)) for path, one, other in differing(old, new)
    ]
    changes += [
        PropertyChange(path, "", "", fixed.forces(path), one)
        for path, one in _following(new, replaced - {title})
        if not any(change.path == path for change in changes)
    ]
    if not changes:
        return None
    action: Action = "update"
    if any(change.replaces for change in changes):
        action = "replace"
    elif not fixed.known or any(fixed.may_force(change.path) for change in changes):
        action = "may replace"
    return ResourceChange(
        action,
        path_of(after, title),
        title,
        kind,
        tuple(changes),
        before.body(title).get("UpdateReplacePolicy") in RETAINING,
        _kept_name(kind, old, new),
        _protected(old),
    )


def _kept_name(kind: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """Returns the name that a resource is given and keeps, or an empty string.

    A replacement is made before the old one is deleted, so that a name which stays is taken.
    """
    for key in ("Name", f"{kind.rpartition('::')[2]}Name"):
        if key in new and canonical(old.get(key)) == canonical(new[key]):
            return shown(new[key])
    return ""


_ABSENT: Final = object()


def differing(old: Any, new: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yields the path, the old and the new value of whatever differs, as deep as both have the same shape.

    Of lists that are not equally long it yields the items that went and those that came, each under the list's path.
    """
    if old is _ABSENT or new is _ABSENT:
        yield path, None if old is _ABSENT else old, None if new is _ABSENT else new
    elif isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in dict.fromkeys([*old, *new]):
            inner = f"{path}/{key}" if path else str(key)
            yield from differing(old.get(key, _ABSENT), new.get(key, _ABSENT), inner)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for number, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from differing(one, other, f"{path}/{number}")
    elif canonical(old) != canonical(new):
        both = isinstance(old, list) and isinstance(new, list)
        gone, come = (_without(old, new), _without(new, old)) if both else ([], [])
        yield from ((path, item, None) for item in gone)
        yield from ((path, None, item) for item in come)
        if not gone and not come:
            yield path, old, new


def _without(items: list[Any], others: list[Any]) -> list[Any]:
    """Returns the items of a list that are not in another."""
    known = [canonical(other) for other in others]
    return [item for item in items if canonical(item) not in known]


def _following(value: Any, replaced: set[str], path: str = "") -> Iterator[tuple[str, str]]:
    """Yields the path and the resource of every reference to one that is replaced."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _following(item, replaced, f"{path}/{key}" if path else str(key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _following(item, replaced, f"{path}/{number}")
    else:
        for reference in references(value):
            if reference.logical_id in replaced:
                yield path, reference.logical_id
                return


def shown(value: Any) -> str:
    """Returns a value as people read it: what only AWS knows as CloudFormation's `${Resource.Attribute}`."""
    if value is None:
        return ""
    if isinstance(value, Reference):
        return f"${{{value.logical_id}}}" if value.attribute == "Ref" else f"${{{value.logical_id}.{value.attribute}}}"
    if isinstance(value, Text):
        return "".join(map(shown, value.parts))
    if isinstance(value, Call):
        return f"{value.function}({', '.join(map(shown, value.arguments))})"
    if isinstance(value, Invalid):
        return f"({value.reason})"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {shown(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(shown, value)) + "]"
    return str(canonical(value))


def _overlap(path: str, pointer: str) -> bool:
    """Returns whether one path lies in the other: who gives a whole property anew gives each part of it anew."""
    pairs = zip(path.split("/"), pointer.split("/"), strict=False)
    return all(one == other or other == "*" for one, other in pairs)
