"""How one JSON Schema differs from another: which values it no longer admits, and which it admits besides.

What a caller sends may be admitted more widely without breaking it, and what it receives more narrowly; that is why
both directions are told apart. Keywords are those that pydantic writes (JSON Schema 2020-12); of any other that
changed it is only said that it did, both ways.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

Schema = Mapping[str, Any] | bool

TYPES: Final = frozenset({"array", "boolean", "integer", "null", "number", "object", "string"})
_LOWEST: Final = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_HIGHEST: Final = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_SAME_OR_CHANGED: Final = ("format", "pattern", "multipleOf", "uniqueItems")
_UNIONS: Final = ("anyOf", "oneOf")
_SAY_NOTHING: Final = ("title", "description", "default", "examples", "deprecated", "discriminator", "$comment")
_COMPARED: Final = frozenset(
    {
        *("type", "enum", "const", "properties", "required", "additionalProperties", "items", "$ref", "$defs"),
        *(*_LOWEST, *_HIGHEST, *_SAME_OR_CHANGED, *_UNIONS, *_SAY_NOTHING),
    }
)


class Flow(Enum):
    """Which way values go: into the tool or out of it."""

    INPUT = "input"
    OUTPUT = "output"


@dataclass(frozen=True)
class SchemaChange:
    """One difference: a sentence without its full stop, and whether values were lost or came in addition."""

    sentence: str
    narrower: bool = False
    wider: bool = False

    def breaks(self, flow: Flow) -> bool:
        """Returns whether callers that hold the old schema may fail."""
        return self.narrower if flow is Flow.INPUT else self.wider


def schema_changes(before: Schema, after: Schema, flow: Flow) -> tuple[SchemaChange, ...]:
    """Returns every difference that matters between two schemas of what goes into a tool, or out of it."""
    return tuple(_Comparison(before, after, flow).changes(before, after, "", frozenset()))


@dataclass(frozen=True)
class _Comparison:
    """The two documents that references point into, and how to speak of them."""

    old: Schema
    new: Schema
    flow: Flow

    def changes(self, before: Schema, after: Schema, path: str, open_: frozenset[str]) -> Iterator[SchemaChange]:
        """Yields the differences; `open_` are the pairs of references that are being compared already."""
        pair = json.dumps([_reference(before), _reference(after)])
        if _reference(before) or _reference(after):
            if pair in open_:
                return
            open_ |= {pair}
        before, after = _resolved(before, self.old), _resolved(after, self.new)
        if self._alike(before, after):
            return
        if before is False or after is False:
            yield SchemaChange(
                f"{self._subject(path)} {'is admitted now' if before is False else 'is refused now'}",
                narrower=after is False,
                wider=before is False,
            )
            return
        first, second = before if isinstance(before, Mapping) else {}, after if isinstance(after, Mapping) else {}
        if _is_union(first) or _is_union(second):
            yield from self._union(_alternatives(first), _alternatives(second), path, open_)
            return
        yield from self._types(first, second, path)
        yield from self._values(first, second, path)
        yield from self._bounds(first, second, path)
        yield from self._properties(first, second, path, open_)
        yield from self._rest(first, second, path, open_)

    def _subject(self, path: str) -> str:
        if not path:
            return "what it takes" if self.flow is Flow.INPUT else "its result"
        return f"the {'argument' if self.flow is Flow.INPUT else 'result'} {path}"

    def _verb(self) -> str:
        return "take" if self.flow is Flow.INPUT else "give"

    def _lost_and_new(self, lost: Sequence[str], new: Sequence[str], path: str) -> Iterator[SchemaChange]:
        if lost:
            yield SchemaChange(f"{self._subject(path)} no longer {self._verb()}s {' or '.join(lost)}", narrower=True)
        if new:
            yield SchemaChange(f"{self._subject(path)} {self._verb()}s {' or '.join(new)} as well", wider=True)

    def _types(self, before: Mapping[str, Any], after: Mapping[str, Any], path: str) -> Iterator[SchemaChange]:
        first, second = _types_of(before), _types_of(after)
        yield from self._lost_and_new(
            sorted(first - _with_integers(second)), sorted(second - _with_integers(first)), path
        )

    def _values(self, before: Mapping[str, Any], after: Mapping[str, Any], path: str) -> Iterator[SchemaChange]:
        first, second = _values_of(before), _values_of(after)
        if first is None and second is not None:
            yield SchemaChange(f"{self._subject(path)} only {self._verb()}s {', '.join(second)} now", narrower=True)
        elif first is not None and second is None:
            yield SchemaChange(f"{self._subject(path)} {self._verb()}s more than {', '.join(first)} now", wider=True)
        elif first is not None and second is not None:
            lost = [value for value in first if value not in second]
            new = [value for value in second if value not in first]
            yield from self._lost_and_new(lost, new, path)

    def _bounds(self, before: Mapping[str, Any], after: Mapping[str, Any], path: str) -> Iterator[SchemaChange]:
        for keyword in (*_LOWEST, *_HIGHEST):
            first, second = before.get(keyword), after.get(keyword)
            if first == second:
                continue
            lowest = keyword in _LOWEST
            raised = first is not None and second is not None and second > first
            narrower = first is None or (second is not None and raised == lowest)
            yield SchemaChange(
                f"{self._subject(path)}: {keyword} was {_told(first)} and is {_told(second)}", narrower, not narrower
            )
        for keyword in _SAME_OR_CHANGED:
            first, second = before.get(keyword) or None, after.get(keyword) or None
            if first != second:
                yield SchemaChange(
                    f"{self._subject(path)}: {keyword} was {_told(first)} and is {_told(second)}",
                    narrower=second is not None,
                    wider=first is not None,
                )

    def _properties(
        self, before: Mapping[str, Any], after: Mapping[str, Any], path: str, open_: frozenset[str]
    ) -> Iterator[SchemaChange]:
        old, new = before.get("properties", {}), after.get("properties", {})
        old_required, new_required = set(before.get("required", ())), set(after.get("required", ()))
        closed = before.get("additionalProperties") is False
        for name in sorted({*old, *new, *old_required, *new_required}):
            inner = f"{path}.{name}" if path else name
            if name in old and name not in new:
                yield SchemaChange(f"{self._subject(inner)} was removed", narrower=True, wider=True)
                continue
            if name in new and name not in old:
                kind = "required" if name in new_required else "optional"
                added = f"the {kind} {self._subject(inner).removeprefix('the ')} was added"
                yield SchemaChange(added, narrower=name in new_required, wider=closed)
                continue
            if name in new_required - old_required:
                must = "must be given" if self.flow is Flow.INPUT else "is always there"
                yield SchemaChange(f"{self._subject(inner)} {must} now", narrower=True)
            if name in old_required - new_required:
                yield SchemaChange(f"{self._subject(inner)} may be left out now", wider=True)
            yield from self.changes(old.get(name, True), new.get(name, True), inner, open_)

    def _rest(
        self, before: Mapping[str, Any], after: Mapping[str, Any], path: str, open_: frozenset[str]
    ) -> Iterator[SchemaChange]:
        others = f"{path}.*" if path else "*"
        yield from self.changes(
            before.get("additionalProperties", True), after.get("additionalProperties", True), others, open_
        )
        yield from self.changes(before.get("items", True), after.get("items", True), f"{path}[]", open_)
        keywords = {key for key in (*before, *after) if key not in _COMPARED and not key.startswith("x-")}
        for keyword in sorted(keywords):
            if not self._alike(before.get(keyword), after.get(keyword)):
                yield SchemaChange(
                    f"{self._subject(path)}: {keyword} changed, which is not compared further",
                    narrower=True,
                    wider=True,
                )

    def _union(
        self, before: Sequence[Schema], after: Sequence[Schema], path: str, open_: frozenset[str]
    ) -> Iterator[SchemaChange]:
        lost = [one for one in before if not any(self._covers(one, other, path, open_) for other in after)]
        new = [one for one in after if not any(self._is_covered(other, one, path, open_) for other in before)]
        if len(lost) == len(new) == 1:
            yield from self.changes(lost[0], new[0], path, open_)
        else:
            yield from self._lost_and_new(
                [_shape(_resolved(one, self.old)) for one in lost],
                [_shape(_resolved(one, self.new)) for one in new],
                path,
            )

    def _covers(self, before: Schema, after: Schema, path: str, open_: frozenset[str]) -> bool:
        return not any(change.narrower for change in self.changes(before, after, path, open_))

    def _is_covered(self, before: Schema, after: Schema, path: str, open_: frozenset[str]) -> bool:
        return not any(change.wider for change in self.changes(before, after, path, open_))

    def _alike(self, before: Any, after: Any) -> bool:
        """Whether two schemas say the same; where they hold references, what these point to must be the same too."""
        texts = json.dumps(_meaning(before), sort_keys=True), json.dumps(_meaning(after), sort_keys=True)
        if texts[0] != texts[1]:
            return False
        return '"$ref"' not in texts[0] or _definitions(self.old) == _definitions(self.new)


def _meaning(value: Any) -> Any:
    """Returns the schema without what only describes."""
    if isinstance(value, Mapping):
        return (
            {
                key: {name: _meaning(inner) for name, inner in one.items()}
                if key in ("properties", "$defs")
                else _meaning(one)
                for key, one in value.items()
                if key not in _SAY_NOTHING and not key.startswith("x-")
            }
            if value
            else True
        )
    return [_meaning(one) for one in value] if isinstance(value, list) else value


def _definitions(root: Schema) -> str:
    return json.dumps(_meaning(root.get("$defs", {})) if isinstance(root, Mapping) else {}, sort_keys=True)


def _reference(schema: Schema) -> str:
    return str(schema.get("$ref", "")) if isinstance(schema, Mapping) else ""


def _resolved(schema: Schema, root: Schema) -> Schema:
    """Returns what a reference into the document points to; one that points nowhere admits everything."""
    seen = set()
    while _reference(schema) and _reference(schema) not in seen:
        seen.add(_reference(schema))
        found: Any = root
        for part in _reference(schema).removeprefix("#").strip("/").split("/"):
            found = found.get(part.replace("~1", "/").replace("~0", "~"), True) if isinstance(found, Mapping) else True
        schema = found
    return schema


def _is_union(schema: Mapping[str, Any]) -> bool:
    return any(union in schema for union in _UNIONS)


def _alternatives(schema: Mapping[str, Any]) -> list[Schema]:
    """Returns the alternatives of a union, each with what the union says besides; of any other schema, itself."""
    beside = {key: value for key, value in schema.items() if key not in (*_UNIONS, *_SAY_NOTHING)}
    union = next((schema[key] for key in _UNIONS if key in schema), None)
    if union is None:
        return [schema]
    return [{**beside, **one} if beside and isinstance(one, Mapping) else one for one in union]


def _types_of(schema: Mapping[str, Any]) -> frozenset[str]:
    kinds = schema.get("type", sorted(TYPES))
    return frozenset([kinds] if isinstance(kinds, str) else kinds)


def _with_integers(kinds: frozenset[str]) -> frozenset[str]:
    return kinds | {"integer"} if "number" in kinds else kinds


def _values_of(schema: Mapping[str, Any]) -> list[str] | None:
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    return None if values is None else [json.dumps(value, sort_keys=True) for value in values]


def _shape(schema: Schema) -> str:
    """Returns a few words for a schema."""
    if not isinstance(schema, Mapping):
        return "anything"
    values = _values_of(schema)
    if values:
        return " or ".join(values)
    kinds = _types_of(schema)
    words = "anything" if kinds == TYPES else " or ".join(sorted(kinds))
    known = ", ".join(sorted(schema.get("properties", {})))
    return f"{words} with {known}" if known else words


def _told(value: object) -> str:
    return "nothing" if value is None else json.dumps(value)
