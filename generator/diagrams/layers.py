"""The resources of each layer and what they wait for, read from one nested template."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from generator.evaluation import STACK, Deployment

ZONES: Final = ("A", "B", "C")
"""What tells the resources of the zones apart, which are drawn as one box."""


@dataclass(frozen=True)
class Box:
    """A resource, or the same resource in each of several zones, whose letters are `copies`.

    `exists` says whether any of them exists under the deployment's values.
    """

    name: str
    kind: str
    copies: tuple[str, ...]
    exists: bool


@dataclass(frozen=True)
class Layer:
    """A nested stack: its file, its boxes, and which waits for which, without what follows from others."""

    stack: str
    file: str
    boxes: tuple[Box, ...]
    waits: tuple[tuple[str, str], ...]


def layers(deployment: Deployment) -> tuple[Layer, ...]:
    """Returns every nested stack's resources, those too that do not exist under the values that were given."""
    return tuple(_layer(deployment, stack) for stack in deployment.stacks if stack)


def _layer(deployment: Deployment, stack: str) -> Layer:
    titles = [
        title for title, home in deployment.homes.items() if home.name == stack and deployment.type(title) != STACK
    ]
    merged = {title: _merged(title, titles) for title in titles}
    names = {title: name for title, (name, _) in merged.items()}
    boxes = []
    for name in dict.fromkeys(names.values()):
        members = [title for title in titles if names[title] == name]
        copies = tuple(merged[title][1] for title in members) if len(members) > 1 else ()
        kind = deployment.type(members[0]).removeprefix("AWS::")
        boxes.append(Box(name, kind, copies, any(map(deployment.exists, members))))
    edges = {
        (names[other], names[title])
        for title in titles
        for other in deployment.may_wait_for(title)
        if other in names and names[other] != names[title]
    }
    order = [box.name for box in boxes]
    found = sorted(reduced(edges), key=lambda edge: (order.index(edge[0]), order.index(edge[1])))
    return Layer(stack, deployment.stacks[stack].file, tuple(boxes), tuple(found))


def _merged(title: str, titles: Iterable[str]) -> tuple[str, str]:
    """Returns the name under which a resource is drawn, and its zone's letter where it shares it with others."""
    for place, letter in enumerate(title):
        before, after = title[:place], title[place + 1 :]
        if letter in ZONES and all(f"{before}{zone}{after}" in titles for zone in ZONES[:2]):
            return before + after, letter
    return title, ""


def reduced(edges: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """Returns the edges of a graph without circles that do not follow from others."""
    found = set(edges)
    after: dict[str, set[str]] = {}
    for first, second in found:
        after.setdefault(first, set()).add(second)

    def reaches(start: str, end: str, seen: set[str]) -> bool:
        if start == end:
            return True
        seen.add(start)
        return any(reaches(one, end, seen) for one in after.get(start, ()) if one not in seen)

    return {
        (first, second)
        for first, second in found
        if not any(reaches(other, second, {first}) for other in after[first] - {second})
    }
