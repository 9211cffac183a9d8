"""The tool contract: what the server lists, as it is checked in, hashed, pinned and compared.

`tools.json` is this catalogue: the tools sorted by name and, before them, the hash of their canonical JSON. Field names
are those of the Model Context Protocol's `Tool` (specification, "Tools", data types).
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any, Final

FILE: Final = "tools.json"
NAME_LENGTH: Final = 64
"""An agent sees a tool as `target___tool` (AgentCore developer guide, "Understand how AgentCore Gateway tools are
named"), and models take names of at most 64 characters (Bedrock Runtime service model, `ToolName`)."""
SEPARATOR: Final = "___"

Schema = Mapping[str, Any]


@dataclass(frozen=True)
class Tool:
    """One tool as `tools/list` answers it; `output_schema` is None where the tool has none."""

    name: str
    description: str
    input_schema: Schema
    output_schema: Schema | None = None
    annotations: Mapping[str, Any] = field(default_factory=dict)
    title: str = ""

    @property
    def read_only(self) -> bool:
        """Whether the tool says that it changes nothing; without a word it may (MCP, `readOnlyHint`)."""
        return self.annotations.get("readOnlyHint") is True

    @property
    def destructive(self) -> bool:
        """Whether the tool may destroy: without a word it may, unless it is read-only (MCP, `destructiveHint`)."""
        return not self.read_only and self.annotations.get("destructiveHint") is not False

    @property
    def annotated_destructive(self) -> bool:
        """Whether the tool itself says that it destroys."""
        return not self.read_only and self.annotations.get("destructiveHint") is True

    @classmethod
    def parse(cls, data: object) -> "Tool":
        """Returns the tool of an entry of `tools`; raises ValueError with a sentence where it is none."""
        if not isinstance(data, dict) or not isinstance(data.get("name"), str) or not data["name"]:
            raise ValueError("A tool has no name.")
        name = data["name"]
        inputs, outputs = data.get("inputSchema"), data.get("outputSchema")
        annotations = data.get("annotations") or {}
        texts = [data.get("description") or "", data.get("title") or ""]
        if not isinstance(inputs, dict) or not isinstance(outputs, dict | None) or not isinstance(annotations, dict):
            raise ValueError(f"The tool {name} has a schema or annotations that are no JSON objects.")  # noqa: TRY004
        if not all(isinstance(text, str) for text in texts):
            raise ValueError(f"The tool {name} has a description or a title that is no text.")
        return cls(name, texts[0], inputs, outputs, annotations, texts[1])

    def as_data(self) -> dict[str, Any]:
        """Returns the tool as an entry of `tools`; what the tool does not have is left out."""
        return {
            "name": self.name,
            **({"title": self.title} if self.title else {}),
            "description": self.description,
            "inputSchema": _sorted(self.input_schema),
            **({} if self.output_schema is None else {"outputSchema": _sorted(self.output_schema)}),
            **({"annotations": _sorted(self.annotations)} if self.annotations else {}),
        }


@dataclass(frozen=True)
class Catalogue:
    """Tools, sorted by name."""

    tools: tuple[Tool, ...]

    @classmethod
    def of(cls, tools: Iterable[Tool]) -> "Catalogue":
        """Returns the catalogue of `tools`; raises ValueError where two have one name."""
        ordered = sorted(tools, key=lambda tool: tool.name)
        twice = [first.name for first, second in pairwise(ordered) if first.name == second.name]
        if twice:
            raise ValueError(f"Two tools are named {twice[0]}; rename one of them.")
        return cls(tuple(ordered))

    @classmethod
    def listed(cls, entries: object) -> "Catalogue":
        """Returns the catalogue of the `tools` of a `tools/list` answer; raises ValueError where it is none."""
        if not isinstance(entries, list):
            raise ValueError("There is no list of tools.")  # noqa: TRY004
        return cls.of(Tool.parse(entry) for entry in entries)

    @classmethod
    def parse(cls, text: str) -> "Catalogue":
        """Returns the catalogue that `render` wrote.

        Raises ValueError with a sentence where the text is no catalogue or its hash is not that of its tools.
        """
        try:
            data = json.loads(text)
        except ValueError as error:
            raise ValueError(f"{FILE} is no JSON ({error}); run `python build.py generate`.") from error
        if not isinstance(data, dict):
            raise ValueError(f"{FILE} is no JSON object; run `python build.py generate`.")  # noqa: TRY004
        try:
            catalogue = cls.listed(data.get("tools"))
        except ValueError as error:
            raise ValueError(f"{FILE} cannot be used; run `python build.py generate`. {error}") from error
        if data.get("hash") != catalogue.hash:
            raise ValueError(f"{FILE} was edited by hand: its hash is not its tools'; run `python build.py generate`.")
        return catalogue

    @property
    def names(self) -> tuple[str, ...]:
        """The tools' names, sorted."""
        return tuple(tool.name for tool in self.tools)

    @cached_property
    def hash(self) -> str:
        """`sha256:` and the hexadecimal digits of the tools' canonical JSON: sorted keys, no spaces, UTF-8."""
        canonical = json.dumps(
            [tool.as_data() for tool in self.tools], sort_keys=True, separators=(",", ":"), ensure_ascii=False
        )
        return f"sha256:{hashlib.sha256(canonical.encode()).hexdigest()}"

    def find(self, name: str) -> Tool | None:
        """Returns the tool of that name, or None."""
        return next((tool for tool in self.tools if tool.name == name), None)

    def render(self) -> str:
        """Returns the text of `tools.json`; the same tools give the same bytes."""
        data = {"hash": self.hash, "tools": [tool.as_data() for tool in self.tools]}
        return json.dumps(data, indent=2, ensure_ascii=False) + "\n"

    def over_budget(self, target_name: str) -> tuple[tuple[str, int], ...]:
        """Returns the tools that agents would see under more than `NAME_LENGTH` characters: full name and length."""
        full = [f"{target_name}{SEPARATOR}{name}" for name in self.names]
        return tuple((name, len(name)) for name in full if len(name) > NAME_LENGTH)


def _sorted(value: Any) -> Any:
    """Returns JSON data with every object's keys sorted: their order means nothing and must not make bytes differ."""
    if isinstance(value, Mapping):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list | tuple) else value
