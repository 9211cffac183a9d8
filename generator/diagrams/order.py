"""The order in which the stacks of a deployment are made, and the chain of resources that takes longest."""

from collections.abc import Sequence
from dataclasses import dataclass

from generator.diagrams.layers import reduced
from generator.evaluation import STACK, Deployment


@dataclass(frozen=True)
class Step:
    """A resource of the longest chain, its nested stack and how many seconds it is taken to last."""

    name: str
    stack: str
    seconds: float


@dataclass(frozen=True)
class Order:
    """The nested stacks in the order of the template, which waits for which, and the longest chain through them."""

    stacks: tuple[str, ...]
    waits: tuple[tuple[str, str], ...]
    steps: tuple[Step, ...]


def order(deployment: Deployment, path: Sequence[str], seconds: Sequence[float]) -> Order:
    """Returns the order of a nested deployment; `path` names the longest chain as STACK/RESOURCE, with its seconds."""
    stacks = tuple(title for title in deployment.existing(STACK))
    edges = reduced((other, title) for title in stacks for other in deployment.waits_for(title) if other in stacks)
    ordered = sorted(edges, key=lambda edge: (stacks.index(edge[0]), stacks.index(edge[1])))
    steps = []
    for where, lasting in zip(path, seconds, strict=True):
        stack, _, name = where.rpartition("/")
        steps.append(Step(name, stack.rpartition("/")[2], lasting))
    return Order(stacks, tuple(ordered), tuple(steps))
