"""Configurations that pages show in parts, made whole with the example's values."""

import json
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from tests.docs.blocks import ROOT


def whole(shown: str) -> dict[str, Any]:
    """Returns the example configuration with what a page shows over it."""
    example = tomllib.loads((ROOT / "deployment.example.toml").read_text(encoding="utf-8"))
    merged: dict[str, Any] = _merged(example, tomllib.loads(shown))
    return merged


def written(document: Mapping[str, Any]) -> str:
    """Returns a configuration as TOML."""
    return "\n".join(_lines(document, ())) + "\n"


def _merged(one: Any, other: Any) -> Any:
    if not isinstance(one, dict) or not isinstance(other, dict):
        return other
    return {**one, **{key: _merged(one.get(key), value) for key, value in other.items()}}


def _lines(table: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    inner = {key: value for key, value in table.items() if isinstance(value, dict)}
    tables = {key: value for key, value in table.items() if isinstance(value, list) and _of_tables(value)}
    for key, value in table.items():
        if key not in inner and key not in tables:
            # JSON writes texts, numbers, truth values and lists of them as TOML does.
            yield f"{key} = {json.dumps(value, ensure_ascii=False)}"
    for key, value in inner.items():
        yield f"[{'.'.join((*path, key))}]"
        yield from _lines(value, (*path, key))
    for key, values in tables.items():
        for value in values:
            yield f"[[{'.'.join((*path, key))}]]"
            yield from _lines(value, (*path, key))


def _of_tables(values: list[Any]) -> bool:
    return bool(values) and all(isinstance(value, dict) for value in values)
