"""A plan as people read it: what to beware of first, then every change, as a tree of stacks and resources."""

from collections import Counter
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from deployer.cost_tables import money
from deployer.durations import Estimate, spoken
from deployer.plan_costs import CostChange
from deployer.planning import EVIDENCE, Planned, TargetGroup
from deployer.tables import console
from deployer.update_diff import ACTIONS, Action, PropertyChange, ResourceChange
from deployer.update_warnings import Warned

MARKS: dict[Action, tuple[str, str]] = {
    "add": ("+", "green"),
    "update": ("~", "yellow"),
    "replace": ("±", "bold red"),
    "may replace": ("±?", "red"),
    "remove": ("-", "red"),
}
WORDS: dict[Action, str] = {
    "add": "add",
    "update": "update",
    "replace": "replace",
    "may replace": "perhaps replace",
    "remove": "remove",
}
HEADINGS = {
    "create": "made anew",
    "update": "changed",
    "same": "not changed",
    "unknown": "changed, in what is not known",
    "remove": "REMOVED",
}
VALUE = 60
"""So many characters of a value are shown; JSON output has all."""
NAMED = 4
"""So many targets of a group are named."""


def show_plan(found: Planned) -> None:
    """Prints a plan on standard output."""
    draw(console(), found)


def draw(screen: Console, found: Planned) -> None:
    """Prints a plan on a console."""

    def line(text: str, style: str = "") -> None:
        screen.print(Text(text, style), soft_wrap=True)

    line(f"Plan for the stack set {found.stack_set}; computed, not asked of AWS (evidence: {EVIDENCE}).")
    for sentence in found.refusals:
        line(f"REFUSED: {sentence}", "bold red")
    for operation in found.running:
        line(f"An operation is under way, after which the plan may be another: {operation}", "yellow")
    line(f"Image: {found.image or 'not known yet'}{', which deploy builds' if found.builds_image else ''}")
    _foundation(screen, found)
    for group in found.groups:
        _group(screen, group)
    _tools(screen, found)
    line("")
    line(_summary(found), "bold")


def _foundation(screen: Console, found: Planned) -> None:
    if not found.foundation:
        screen.print(Text("Foundation: not changed"))
    for one in found.foundation:
        heading = f"Foundation {one.stack} in {one.account} {one.region}: {'made anew' if one.made else 'changed'}"
        _warned(screen, one.warnings)
        screen.print(_tree(heading, one.changes, one.made))


def _group(screen: Console, group: TargetGroup) -> None:
    names = ", ".join(f"{account} {region}" for account, region in group.targets[:NAMED])
    more = f" and {len(group.targets) - NAMED} others" if len(group.targets) > NAMED else ""
    count = f"{len(group.targets)} target{'s' if len(group.targets) != 1 else ''}"
    heading = f"{count} {HEADINGS[group.state]}: {names}{more}"
    screen.print()
    _warned(screen, group.warnings)
    screen.print(_tree(heading, group.changes, group.state == "create"))
    if group.detail:
        screen.print(Text(group.detail), soft_wrap=True)
    if group.estimate:
        screen.print(Text(_estimated(group.estimate)), soft_wrap=True)
    if group.cost:
        screen.print(Text(_costing(group.cost, len(group.targets))), soft_wrap=True)


def _warned(screen: Console, found: Sequence[Warned]) -> None:
    for warned in found:
        screen.print(Text(f"WARNING [{warned.code}] {warned.sentence}", "bold red"), soft_wrap=True)


def _tree(heading: str, changes: Sequence[ResourceChange], only_counted: bool) -> Tree:
    """Returns the changes below the stacks that hold them; of a stack that is made anew only their number."""
    tree = Tree(Text(heading, "bold"))
    by_stack: dict[tuple[str, ...], list[ResourceChange]] = {}
    for change in changes:
        by_stack.setdefault(change.path, []).append(change)
    for path, found in sorted(by_stack.items()):
        if only_counted:
            tree.add(Text(f"{'/'.join(path) or 'root stack'}: {len(found)} resource{'s' if len(found) != 1 else ''}"))
            continue
        branch = tree.add(Text("/".join(path), "bold")) if path else tree
        for change in sorted(found, key=lambda one: ACTIONS.index(one.action)):
            mark, style = MARKS[change.action]
            kept = "  (the old one is kept)" if change.kept else ""
            node = branch.add(Text.assemble((f"{mark} {change.logical_id}", style), f"  {change.resource_type}{kept}"))
            for one in change.properties:
                node.add(_property(one))
    return tree


def _property(change: PropertyChange) -> Text:
    if change.follows:
        value = f"the new {change.follows}"
    elif change.before or change.after:
        value = f"{_short(change.before)} → {_short(change.after)}"
    else:
        value = "changes"
    found = Text(f"{change.path}: {value}")
    if change.replaces:
        found.append("  forces replacement", "bold red")
    return found


def _short(value: str) -> str:
    if not value:
        return "(none)"
    # The end tells digests and versions apart, which begin alike.
    return value if len(value) <= VALUE else f"{value[: VALUE // 2 - 1]}…{value[-VALUE // 2 :]}"


def _estimated(found: Estimate) -> str:
    more = len(found.path) - len(found.slowest)
    beside = f" with {more} quicker ones between" if more else ""
    known = f"{found.recorded} of {len(found.path)} times recorded in former deployments, the others assumed"
    chain = " → ".join(found.slowest)
    return f"Takes about {spoken(found.seconds)} by the longest path: {chain}{beside} ({known})."


def _costing(found: CostChange, targets: int) -> str:
    each = " each" if targets > 1 else ""
    parts = ", ".join(f"{name} {money(amount.expected, signed=True)}" for name, amount in found.components)
    whole = f"{money(found.before.expected)} → {money(found.after.expected)}"
    borrowed = "; prices of us-east-1, as its Region's are not all held" if found.borrowed else ""
    if not parts:
        return f"Costs the same{each}: {money(found.after.expected)} US dollars a month{borrowed}."
    change = money(found.difference.expected, signed=True)
    return f"Monthly cost{each}, expected, in US dollars: {whole} ({change}): {parts}{borrowed}."


def _tools(screen: Console, found: Planned) -> None:
    if found.tools is None:
        screen.print(Text("\nTools: it is not known which ones are deployed"))
    elif not found.tools.items:
        screen.print(Text("\nTools: not changed"))
    else:
        screen.print(Text("\nTools", "bold"))
        for line in found.tools.lines():
            screen.print(Text(f"  {line}", "bold red" if line.startswith("breaking") else ""), soft_wrap=True)


def _summary(found: Planned) -> str:
    if not found.differs:
        return "Nothing would change."
    costs = [len(group.targets) * group.cost.difference.expected for group in found.groups if group.cost]
    cost = f" Monthly cost {money(sum(costs), signed=True)} US dollars." if any(round(one, 2) for one in costs) else ""
    return f"Deploy would change: {', '.join(_counts(found))}.{cost}"


def _counts(found: Planned) -> Iterator[str]:
    counted: Counter[Action] = Counter()
    for group in found.groups:
        for change in group.changes:
            counted[change.action] += len(group.targets)
    for one in found.foundation:
        counted.update(change.action for change in one.changes)
    gone = sum(len(group.targets) for group in found.groups if group.state == "remove")
    yield from (f"{WORDS[action]} {counted[action]}" for action in reversed(ACTIONS) if counted[action])
    if gone:
        yield f"REMOVE {gone} runtime{'s' if gone != 1 else ''}"
    if not counted and not gone:
        yield "the stack set's template, and no resource" if found.touches_set else "what is not known"
