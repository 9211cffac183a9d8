"""What a change of the tool contract means for the agents that hold the old one."""

from collections.abc import Iterator
from dataclasses import dataclass

from generator.schema_changes import Flow, schema_changes
from generator.tool_catalogue import Catalogue, Tool


@dataclass(frozen=True)
class Change:
    """One change of one tool, told in a sentence; `breaking` where calls that worked may fail, or do more harm."""

    tool: str
    breaking: bool
    sentence: str

    @property
    def kind(self) -> str:
        """The word for it: breaking or additive."""
        return "breaking" if self.breaking else "additive"


@dataclass(frozen=True)
class Changes:
    """The changes from one catalogue to another, breaking ones first, then by tool."""

    items: tuple[Change, ...]

    @property
    def breaking(self) -> tuple[Change, ...]:
        """Those that may break agents."""
        return tuple(change for change in self.items if change.breaking)

    @property
    def additive(self) -> tuple[Change, ...]:
        """Those that cannot."""
        return tuple(change for change in self.items if not change.breaking)

    def lines(self) -> list[str]:
        """Returns one line a change, for a person to read."""
        return [f"{change.kind}: {change.sentence}" for change in self.items]

    def as_data(self) -> list[dict[str, str]]:
        """Returns the changes as plain data."""
        return [{"tool": change.tool, "kind": change.kind, "sentence": change.sentence} for change in self.items]


def compare(before: Catalogue, after: Catalogue) -> Changes:
    """Returns what changed between two catalogues; nothing where their hashes are the same.

    What agents send may be taken more widely, and what they receive may become more specific; the other ways break
    those that hold the old schemas. A tool that only got another name is told as renamed, which is breaking.
    """
    old, new = {tool.name: tool for tool in before.tools}, {tool.name: tool for tool in after.tools}
    found: list[Change] = []
    renamed = set()
    for name in old.keys() - new.keys():
        twin = next((other for other in sorted(new.keys() - old.keys()) if _is_twin(old[name], new[other])), None)
        if twin is not None and twin not in renamed:
            renamed.add(twin)
            found.append(Change(name, True, f"The tool {name} was renamed {twin}."))
        else:
            found.append(Change(name, True, f"The tool {name} was removed."))
    found += [Change(name, False, f"The tool {name} was added.") for name in new.keys() - old.keys() - renamed]
    for name in old.keys() & new.keys():
        found += _of_one(old[name], new[name])
    return Changes(tuple(sorted(found, key=lambda change: (not change.breaking, change.tool, change.sentence))))


def _is_twin(before: Tool, after: Tool) -> bool:
    return (before.input_schema, before.output_schema, before.description) == (
        after.input_schema,
        after.output_schema,
        after.description,
    )


def _of_one(before: Tool, after: Tool) -> Iterator[Change]:
    found = [*_of_schemas(before, after), *_of_annotations(before, after)]
    words = [("description", before.description, after.description), ("title", before.title, after.title)]
    found += [(f"its {word} changed", False) for word, first, second in words if first != second]
    if not found and before != after:
        found.append(("descriptions or defaults within its schemas changed", False))
    for sentence, breaking in found:
        yield Change(before.name, breaking, f"The tool {before.name}: {sentence}.")


def _of_schemas(before: Tool, after: Tool) -> Iterator[tuple[str, bool]]:
    for change in schema_changes(before.input_schema, after.input_schema, Flow.INPUT):
        yield change.sentence, change.breaks(Flow.INPUT)
    if before.output_schema is None and after.output_schema is not None:
        yield "it describes its result now", False
    elif before.output_schema is not None and after.output_schema is None:
        yield "it no longer describes its result", True
    elif before.output_schema is not None and after.output_schema is not None:
        for change in schema_changes(before.output_schema, after.output_schema, Flow.OUTPUT):
            yield change.sentence, change.breaks(Flow.OUTPUT)


def _of_annotations(before: Tool, after: Tool) -> list[tuple[str, bool]]:
    found = []
    if not before.destructive and after.destructive:
        found.append(("it may destroy now", True))
    if before.read_only and not after.read_only:
        found.append(("it no longer says that it only reads", True))
    if before.annotations.get("idempotentHint") is True and after.annotations.get("idempotentHint") is not True:
        found.append(("repeating a call is no longer safe", True))
    if not before.annotated_destructive and after.annotated_destructive and before.destructive:
        found.append(("it says now that it destroys", False))
    if before.annotations != after.annotations and not found:
        found.append(("its annotations changed", False))
    return found
