"""Completes the arguments of prompts and resource templates, from what their functions say that they may be.

A parameter annotated with a `Literal`, an enumeration or a truth value has few values; all others have no completions.
"""

import enum
import inspect
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mcp_types import (
    Completion,
    CompletionArgument,
    CompletionContext,
    PromptReference,
    ResourceTemplateReference,
)

MOST_VALUES = 100
"""What one completion holds at most (MCP specification, completion)."""


class Completions:
    """Answers ``completion/complete``; FastMCP's handler for a server's completions."""

    def __init__(self, prompts: Mapping[str, Callable[..., Any]], templates: Mapping[str, Callable[..., Any]]) -> None:
        """Complete the arguments of `prompts`, by name, and of `templates`, by URI template; each is its function."""
        self._prompts = {name: choices(function) for name, function in prompts.items()}
        self._templates = {uri: choices(function) for uri, function in templates.items()}

    def __bool__(self) -> bool:
        """Return whether there is any argument to complete."""
        return any((*self._prompts.values(), *self._templates.values()))

    def __call__(
        self,
        reference: PromptReference | ResourceTemplateReference,
        argument: CompletionArgument,
        context: CompletionContext | None,
    ) -> Completion:
        """Return the values that begin with what was typed, in any case; none for what is not known."""
        if isinstance(reference, PromptReference):
            known = self._prompts.get(reference.name, {})
        else:
            known = self._templates.get(reference.uri, {})
        typed = argument.value.casefold()
        values = [value for value in known.get(argument.name, ()) if value.casefold().startswith(typed)]
        return Completion(values=values[:MOST_VALUES], total=len(values), has_more=len(values) > MOST_VALUES)


def choices(function: Callable[..., Any]) -> dict[str, Sequence[str]]:
    """Return the values of each parameter of `function` that has few, as clients write them."""
    hints = typing.get_type_hints(function)
    found = {name: _values(hints[name]) for name in inspect.signature(function).parameters if name in hints}
    return {name: values for name, values in found.items() if values}


def _values(annotation: Any) -> list[str]:
    origin = typing.get_origin(annotation)
    if origin is typing.Literal:
        return [value if isinstance(value, str) else str(value) for value in typing.get_args(annotation)]
    if origin in (typing.Union, types.UnionType):
        return [value for part in typing.get_args(annotation) for value in _values(part)]
    if annotation is bool:
        return ["true", "false"]
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return [str(member.value) for member in annotation]
    return []
