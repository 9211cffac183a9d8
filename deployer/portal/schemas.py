"""JSON Schema as a table of properties; pure.

A schema is somebody else's text and may hold anything: what is not understood is left to the whole schema, which the
page shows too. Keywords are those of JSON Schema 2020-12 (Core, Validation), which the Model Context Protocol names.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

DEPTH: Final = 8
"""Properties that lie deeper are left to the whole schema."""
ROWS: Final = 200
"""A schema with more properties is cut there; the last row says so."""
BOUNDS: Final = {
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "less than {}",
    "multipleOf": "a multiple of {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "pattern": "matches {}",
    "format": "format {}",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "minProperties": "at least {} properties",
    "maxProperties": "at most {} properties",
}
CHOICES: Final = ("anyOf", "oneOf")
TYPE_DEPTH: Final = 3
OPTIONS: Final = 20
"""A type in words tells so many choices at each of so few levels: schemas that name themselves have no end."""


@dataclass(frozen=True)
class Property:
    """A property: its path from the top, its type in words, whether it must be there, its bounds and its meaning."""

    path: str
    type: str
    required: bool
    bounds: str
    description: str


def properties(schema: Mapping[str, Any]) -> tuple[Property, ...]:
    """Returns the properties of an object's schema and of the objects in it, each after what it lies in."""
    reading = _Reading(schema)
    found: list[Property] = []
    for row in reading.below(schema, "", 0):
        if len(found) == ROWS:
            found.append(Property("…", "", False, "", "There are more: the whole schema has them."))
            break
        found.append(row)
    return tuple(found)


@dataclass(frozen=True)
class _Reading:
    root: Mapping[str, Any]

    def below(self, schema: Mapping[str, Any], path: str, depth: int) -> Iterator[Property]:
        """Yields the properties of a schema of an object, a list of objects, or a choice with one of them."""
        if depth >= DEPTH:
            return
        for part, where in self._objects(schema, path):
            named = part.get("properties")
            must = part.get("required")
            required = must if isinstance(must, list) else []
            for name, raw in named.items() if isinstance(named, Mapping) else ():
                one = self.resolved(raw)
                inner = f"{where}.{name}" if where else str(name)
                yield Property(inner, self.type(one), name in required, bounds(one), _text(one.get("description")))
                yield from self.below(one, inner, depth + 1)

    def resolved(self, schema: object) -> Mapping[str, Any]:
        """Returns what a reference within the schema names, with the words that stand beside the reference."""
        for _ in range(DEPTH):
            if not isinstance(schema, Mapping):
                return {}
            name = schema.get("$ref")
            if not isinstance(name, str):
                return schema
            found: object = self.root if name.startswith("#") else None
            for step in name.removeprefix("#").split("/")[1:]:
                key = step.replace("~1", "/").replace("~0", "~")
                found = found.get(key) if isinstance(found, Mapping) else None
            beside = {key: value for key, value in schema.items() if key != "$ref"}
            schema = {**found, **beside} if isinstance(found, Mapping) else {"title": name, **beside}
        return {}

    def type(self, schema: Mapping[str, Any], depth: int = 0) -> str:
        """Returns the type in words, such as `list of string` or `integer or null`."""
        if depth >= TYPE_DEPTH:
            return "…"
        for key in CHOICES:
            if options := self._options(schema, key):
                return " or ".join(dict.fromkeys(self.type(one, depth + 1) for one in options))
        kind = schema.get("type")
        if isinstance(kind, list):
            return " or ".join(map(_word, kind))
        if kind == "array" and "items" in schema:
            return f"list of {self.type(self.resolved(schema['items']), depth + 1)}"
        if isinstance(kind, str):
            return kind
        return "any" if "enum" not in schema and "const" not in schema else "one of the values"

    def _options(self, schema: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
        options = schema.get(key)
        return [self.resolved(one) for one in options[:OPTIONS]] if isinstance(options, list) else []

    def _objects(self, schema: Mapping[str, Any], path: str) -> Iterator[tuple[Mapping[str, Any], str]]:
        """Yields the schemas with properties that a value may have, and the path that they add theirs to."""
        for part in [schema, *(one for key in (*CHOICES, "allOf") for one in self._options(schema, key))]:
            yield part, path
            if "items" in part:
                yield self.resolved(part["items"]), f"{path}[]"
            if isinstance(part.get("additionalProperties"), Mapping):
                yield self.resolved(part["additionalProperties"]), f"{path}.*" if path else "*"


def bounds(schema: Mapping[str, Any]) -> str:
    """Returns what a value must keep to, and its default, in words; empty where it is free."""
    words = [told.format(_word(schema[key])) for key, told in BOUNDS.items() if key in schema]
    if isinstance(schema.get("enum"), list):
        words.insert(0, f"one of {', '.join(map(_word, schema['enum']))}")
    if "const" in schema:
        words.insert(0, f"always {_word(schema['const'])}")
    if schema.get("uniqueItems") is True:
        words.append("no item twice")
    if "default" in schema:
        words.append(f"default {_json(schema['default'])}")
    return "; ".join(words)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _word(value: object) -> str:
    return value if isinstance(value, str) else _json(value)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
