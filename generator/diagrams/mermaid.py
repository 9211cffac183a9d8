"""Diagrams as Mermaid, which the pages of Git hosts draw.

Source of the forms: Mermaid's documentation, "Flowcharts" and "Sequence diagrams".
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final

from generator.diagrams.architecture import Architecture, Edge, Node
from generator.diagrams.layers import Box, Layer
from generator.diagrams.order import Order

GROUPS: Final = {"public": "Public subnets", "private": "Private subnets"}


def fenced(lines: Iterable[str]) -> str:
    """Returns a diagram as a block of Markdown."""
    return "\n".join(["```mermaid", *lines, "```"])


def drawn(found: Architecture) -> Iterator[str]:
    """Yields the lines of an architecture's flowchart."""
    yield "flowchart LR"
    yield from (f"    {_node(node)}" for node in found.nodes if not node.group)
    inside = [node for node in found.nodes if node.group]
    if inside:
        yield '    subgraph vpc["VPC"]'
        for group, title in GROUPS.items():
            members = [node for node in inside if node.group == group]
            if members:
                yield f'        subgraph {group}["{title}"]'
                yield from (f"            {_node(node)}" for node in members)
                yield "        end"
        yield "    end"
    yield from (f"    {_edge(edge)}" for edge in found.edges)


def _node(node: Node) -> str:
    return f'{node.name}["{"<br/>".join(map(_text, node.lines))}"]'


def _edge(edge: Edge) -> str:
    arrow = "-.->" if edge.beside else "-->"
    return f'{edge.start} {arrow}|"{_text(edge.label)}"| {edge.end}'


def _text(text: str) -> str:
    return text.replace('"', "#quot;")


def stacks(order: Order) -> Iterator[str]:
    """Yields the lines of the flowchart of the deployment's order, with the longest path thick."""
    yield "flowchart LR"
    for stack in order.stacks:
        inside = [f"{step.name} {step.seconds:g} s" for step in order.steps if step.stack == stack]
        yield f'    {stack}["{"<br/>".join([f"<b>{_shown(stack)}</b>", *inside])}"]'
    passed = list(dict.fromkeys(step.stack for step in order.steps))
    for first, second in order.waits:
        arrow = "==>" if (first, second) in pairwise(passed) else "-->"
        yield f"    {first} {arrow} {second}"
    yield "    classDef longest stroke-width:3px"
    yield f"    class {','.join(passed)} longest"


def _shown(stack: str) -> str:
    words = stack.removesuffix("Stack")
    return "".join(f" {letter.lower()}" if letter.isupper() and place else letter for place, letter in enumerate(words))


def layer(found: Layer) -> Iterator[str]:
    """Yields the lines of a layer's flowchart: each resource, and what it waits for."""
    yield "flowchart LR"
    yield from (f"    {_box(box)}" for box in found.boxes)
    for first, second in found.waits:
        yield f"    {first} --> {second}"
    absent = [box.name for box in found.boxes if not box.exists]
    if absent:
        yield "    classDef absent stroke-dasharray: 5 5"
        yield f"    class {','.join(absent)} absent"


def _box(box: Box) -> str:
    copies = f" {', '.join(box.copies)}" if box.copies else ""
    return f'{box.name}["{box.name}{copies}<br/>{box.kind}"]'


def sequence(participants: Mapping[str, str], messages: Sequence[str]) -> Iterator[str]:
    """Yields the lines of a sequence diagram; `participants` are labels by name."""
    yield "sequenceDiagram"
    yield from (f"    participant {name} as {label}" for name, label in participants.items())
    yield from (f"    {message}" for message in messages)
