"""The architecture as SVG with AWS's own icons, which lie beside this module; same architecture, same bytes.

Where a node is drawn is told by its kind: the way of a request runs from left to right in the first row.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

from generator.diagrams import architecture as a
from generator.diagrams.architecture import Architecture, Edge, Group, Node

ICONS: Final = Path(__file__).with_name("icons")
ICON: Final = 64
WIDE: Final = 230
HIGH: Final = 190
LEFT: Final = 120
TOP: Final = 70
LINE: Final = 16
ROOM: Final = 120
"""What boxes take above the first row, where no firewall stands above it."""
ENTRY: Final = 50
"""How much farther the VPC's columns stand away, for the words on the way into it."""
PAD: Final = 82
"""How far a box of subnets reaches from the middle of what it holds, to the left and the right."""

KINDS: Final[dict[str, tuple[str, int, int]]] = {
    a.AGENT: ("agent", 0, 1),
    a.GATEWAY: ("gateway", 1, 1),
    a.LOAD_BALANCER: ("load-balancer", 2, 1),
    a.SERVICE: ("tasks", 3, 1),
    a.MONITORING: ("monitoring", 4, 1),
    a.POLICY_ENGINE: ("gateway", 0, 2),
    a.ISSUER: ("issuer", 1, 2),
    a.NAT: ("nat-gateway", 2, 2),
    a.REGISTRY: ("registry", 4, 2),
    a.FIREWALL: ("firewall", 0, 0),
}
"""Icon, column and row of each kind; a firewall stands above what it filters."""
BOXES: Final[dict[Group, tuple[str, str]]] = {
    "public": ("Public subnets", "#7aa116"),
    "private": ("Private subnets", "#00a4a6"),
}
FONT: Final = 'font-family="Helvetica, Arial, sans-serif" font-size="13"'
ARROW: Final = (
    '<defs><marker id="arrow" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" orient="auto">'
    '<path d="M0 0L10 5L0 10z" fill="#545b64"/></marker></defs>'
)
Point = tuple[float, float]


def svg(found: Architecture) -> str:
    """Returns the picture of an architecture."""
    places = {node.name: _place(node, found) for node in found.nodes}
    top = min(y - (ROOM if y > TOP else TOP) for _, y in places.values())
    width = max(x for x, _ in places.values()) + LEFT
    height = max(y for _, y in places.values()) + HIGH - TOP - top
    size = f'width="{width:g}" height="{height:g}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 {top:g} {width:g} {height:g}" {size} {FONT}>',
        f'<rect x="0" y="{top:g}" {size} fill="#ffffff"/>',
        ARROW,
        *_boxes(found, places),
        *(_line(edge, places) for edge in found.edges),
        *(part for node in found.nodes for part in _drawn(node, places[node.name])),
        *(_label(edge, places) for edge in found.edges),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _place(node: Node, found: Architecture) -> Point:
    _, column, row = KINDS[node.kind]
    if node.kind == a.FIREWALL:
        filtered = {edge.end for edge in found.edges if edge.start == node.name}
        column = next((KINDS[one.kind][1] for one in found.nodes if one.name in filtered), column)
    return LEFT + column * WIDE + (ENTRY if column > 1 else 0), TOP + row * HIGH


def _boxes(found: Architecture, places: dict[str, Point]) -> Iterator[str]:
    grouped = [node for node in found.nodes if node.group]
    if not grouped:
        return
    x, y, width, height = _around([places[node.name] for node in grouped])
    yield from _box("vpc", "VPC", "#8c4fff", (x - 14, y - 36, width + 28, height + 50))
    for group, (title, colour) in BOXES.items():
        members = [places[node.name] for node in grouped if node.group == group]
        if members:
            yield from _box(f"{group}-subnets", title, colour, _around(members))


def _around(points: Sequence[Point]) -> tuple[float, float, float, float]:
    left, right = min(x for x, _ in points) - PAD, max(x for x, _ in points) + PAD
    top, bottom = min(y for _, y in points) - 68, max(y for _, y in points) + 88
    return left, top, right - left, bottom - top


def _box(icon: str, title: str, colour: str, place: tuple[float, float, float, float]) -> Iterator[str]:
    x, y, width, height = place
    yield (
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" fill="none" stroke="{colour}"'
        ' stroke-width="1.5"/>'
    )
    yield _icon(icon, x, y, 24)
    yield f'<text x="{x + 30:g}" y="{y + 17:g}" fill="{colour}">{escape(title)}</text>'


def _drawn(node: Node, place: Point) -> Iterator[str]:
    x, y = place
    yield _icon(KINDS[node.kind][0], x - ICON / 2, y - ICON / 2, ICON)
    for number, line in enumerate(node.lines):
        weight = ' font-weight="bold"' if number == 0 else ""
        size = "" if number == 0 else ' font-size="12"'
        height = y + ICON / 2 + LINE * (number + 1)
        yield f'<text x="{x:g}" y="{height:g}" text-anchor="middle"{weight}{size}>{escape(line)}</text>'


@cache
def _paths(icon: str) -> tuple[str, str]:
    """Returns an icon's view box and what it draws."""
    text = (ICONS / f"{icon}.svg").read_text(encoding="utf-8")
    found = re.fullmatch(r'<svg [^>]*viewBox="([^"]+)"[^>]*>(?:<title>[^<]*</title>)?(.*)</svg>\s*', text, re.DOTALL)
    assert found is not None, icon
    return found[1], found[2]


def _icon(icon: str, x: float, y: float, size: float) -> str:
    view, paths = _paths(icon)
    return f'<svg x="{x:g}" y="{y:g}" width="{size:g}" height="{size:g}" viewBox="{view}">{paths}</svg>'


def _ends(edge: Edge, places: dict[str, Point]) -> tuple[Point, Point]:
    """Returns where a line begins and ends: at the icons' edges, and below the words of what stands above."""
    (x1, y1), (x2, y2) = places[edge.start], places[edge.end]
    if y1 == y2:
        side = ICON / 2 + 4 if x2 > x1 else -ICON / 2 - 4
        return (x1 + side, y1), (x2 - side, y2)
    down = y2 > y1
    above, under = (x1, y1) if down else (x2, y2), (x2, y2) if down else (x1, y1)
    slant = 0.0 if above[0] == under[0] else 44.0 if under[0] > above[0] else -44.0
    lower_end = (above[0] + slant, above[1] + ICON / 2 + LINE * 2 + 8)
    upper_end = (under[0] - slant / 2, under[1] - ICON / 2 - 6)
    return (lower_end, upper_end) if down else (upper_end, lower_end)


def _line(edge: Edge, places: dict[str, Point]) -> str:
    (x1, y1), (x2, y2) = _ends(edge, places)
    form = 'stroke-width="1.2" stroke-dasharray="5 4"' if edge.beside else 'stroke-width="2"'
    return f'<path d="M{x1:g} {y1:g}L{x2:g} {y2:g}" stroke="#545b64" {form} fill="none" marker-end="url(#arrow)"/>'


def _label(edge: Edge, places: dict[str, Point]) -> str:
    (x1, y1), (x2, y2) = _ends(edge, places)
    x, y = (x1 + x2) / 2, (y1 + y2) / 2 - (9 if y1 == y2 else -4)
    words = edge.label.split(", ")
    spans = "".join(
        f'<tspan x="{x:g}" dy="{-12 * (len(words) - 1) if number == 0 else 12}">{escape(word)}</tspan>'
        for number, word in enumerate(words)
    )
    behind = 'stroke="#ffffff" stroke-width="3" paint-order="stroke"'
    return f'<text x="{x:g}" y="{y:g}" text-anchor="middle" font-size="11" fill="#16191f" {behind}>{spans}</text>'
