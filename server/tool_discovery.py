"""Finds the tools (`server.discovery` says how).

A tool's module may say by `ANNOTATIONS` what calling the tool does, in the Model Context Protocol's words, and by
`TIMEOUT_SECONDS` and `MAX_CONCURRENCY` how long a call may take and how many run at a time.
"""

from collections.abc import Sequence

from mcp.types import ToolAnnotations

from server.bounded_tools import BoundedTool
from server.discovery import LONGEST_NAME, Found, Kind, LoadError, discovered
from server.settings import CONTAINER_STOP_SECONDS

MAX_TOOL_NAME = LONGEST_NAME

HINTS = ("readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint")
"""What `ANNOTATIONS` may say, true or false (MCP specification, `ToolAnnotations`)."""

BOUNDS = {"TIMEOUT_SECONDS": ("seconds", 0.01, CONTAINER_STOP_SECONDS), "MAX_CONCURRENCY": ("concurrency", 1, 10000)}
"""What a tool's module may say of the tool's bounds: the constant's name, the bound's, and its least and its most."""


def load_tools(packages: Sequence[str], setting: str = "TOOL_PACKAGES") -> tuple[BoundedTool, ...]:
    """Import every tool module of `packages` (importable names) and return the tools, sorted by name.

    `setting` is what errors call the place where the packages are named.

    Raises SettingsError when a package does not exist, and LoadError for the first module that breaks the convention,
    cannot be imported, or names a tool that another package has already named.
    """
    tools = (_tool(found) for found in discovered(Kind("tool", setting), packages))
    return tuple(sorted(tools, key=lambda tool: tool.name))


def _tool(found: Found) -> BoundedTool:
    annotations, bounds = _annotations(found), _bounds(found)
    try:
        tool = BoundedTool.from_function(found.function, name=found.name, annotations=annotations)
    except Exception as error:
        raise found.cannot_be_described(error) from error
    assert isinstance(tool, BoundedTool)
    tool.bound_by_its_module(bounds)
    return tool


def _bounds(found: Found) -> dict[str, float]:
    bounds: dict[str, float] = {}
    for constant, (name, lowest, highest) in BOUNDS.items():
        value = vars(found.module).get(constant)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float) or not lowest <= value <= highest:
            raise LoadError(
                f"{constant} of the tool {found.module_name} is {value!r}; "
                f"write a number from {lowest:g} to {highest:g}."
            )
        bounds[name] = value
    return bounds


def _annotations(found: Found) -> ToolAnnotations | None:
    given = vars(found.module).get("ANNOTATIONS")
    if given is None:
        return None
    if not isinstance(given, dict) or not all(key in HINTS and isinstance(hint, bool) for key, hint in given.items()):
        raise LoadError(
            f"The ANNOTATIONS of the tool {found.module_name} cannot be used; give a dict with True or False for some "
            f"of {', '.join(HINTS)}."
        )
    return ToolAnnotations.model_validate(given)
