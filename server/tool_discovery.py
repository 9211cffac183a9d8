"""Finds the tools: one module a tool, no registration.

The convention: the module ``NAME.py`` of a tool package defines a function ``NAME``; that function is the tool
``NAME``. Its parameters and its return value are annotated and it has a docstring, which is what agents read.
A module may say by `ANNOTATIONS` what calling the tool does, in the Model Context Protocol's words, and by
`TIMEOUT_SECONDS` and `MAX_CONCURRENCY` how long a call may take and how many run at a time. Everything else in
the module is its own business. Modules whose name starts with an underscore are not tools.
"""

import importlib
import inspect
import pkgutil
import re
import traceback
import typing
from collections.abc import Sequence
from types import FunctionType, ModuleType

from mcp.types import ToolAnnotations

from server.bounded_tools import BoundedTool
from server.settings import CONTAINER_STOP_SECONDS, SettingsError

MAX_TOOL_NAME = 48
"""A gateway shows a tool as ``target___tool`` in at most 64 characters; 48 leave 13 for the target's name."""

HINTS = ("readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint")
"""What `ANNOTATIONS` may say, true or false (MCP specification, `ToolAnnotations`)."""

BOUNDS = {"TIMEOUT_SECONDS": ("seconds", 0.01, CONTAINER_STOP_SECONDS), "MAX_CONCURRENCY": ("concurrency", 1, 10000)}
"""What a tool's module may say of the tool's bounds: the constant's name, the bound's, and its least and its most."""

_TOOL_NAME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
_FORBIDDEN_KINDS = {
    inspect.Parameter.POSITIONAL_ONLY: "is positional-only",
    inspect.Parameter.VAR_POSITIONAL: "takes any number of values",
    inspect.Parameter.VAR_KEYWORD: "takes any name",
}


class ToolLoadError(Exception):
    """A tool module cannot be used; the message is one sentence that names the module and says what to change."""


def load_tools(packages: Sequence[str]) -> tuple[BoundedTool, ...]:
    """Import every tool module of `packages` (importable names) and return the tools, sorted by name.

    Raises SettingsError when a package does not exist, and ToolLoadError for the first module that breaks the
    convention, cannot be imported, or names a tool that another package has already named.
    """
    tools: dict[str, tuple[str, BoundedTool]] = {}
    for package_name in packages:
        package = _import_package(package_name)
        names = sorted(info.name for info in pkgutil.iter_modules(package.__path__) if not info.name.startswith("_"))
        if not names:
            raise ToolLoadError(f"The package {package_name} holds no tools; add a module to it or leave it out.")
        for name in names:
            module_name = f"{package_name}.{name}"
            if name in tools:
                raise ToolLoadError(f"The tool {name} is in {tools[name][0]} and in {module_name}; rename one of them.")
            tools[name] = (module_name, _load_tool(name, module_name))
    return tuple(tools[name][1] for name in sorted(tools))


def _import_package(name: str) -> ModuleType:
    try:
        package = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            raise SettingsError(f"TOOL_PACKAGES names {name}, which is not there; install it or correct it.") from error
        raise _import_failure(name, error) from error
    except (Exception, SystemExit) as error:
        raise _import_failure(name, error) from error
    if not hasattr(package, "__path__"):
        raise SettingsError(f"TOOL_PACKAGES names {name}, which is a module; name the package that holds the tools.")
    return package


def _load_tool(name: str, module_name: str) -> BoundedTool:
    if not _TOOL_NAME.fullmatch(name) or len(name) > MAX_TOOL_NAME:
        raise ToolLoadError(
            f"The tool module {module_name} has an unusable name; take at most {MAX_TOOL_NAME} lower-case letters, "
            "digits and underscores."
        )
    try:
        module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:
        raise _import_failure(module_name, error) from error
    function = vars(module).get(name)
    if not isinstance(function, FunctionType):
        raise ToolLoadError(
            f"The tool module {module_name} defines no function {name}; name the tool's function like its module."
        )
    _check_signature(module_name, function)
    annotations = _annotations(module_name, module)
    bounds = _bounds(module_name, module)
    try:
        tool = BoundedTool.from_function(function, name=name, annotations=annotations)
    except Exception as error:
        raise ToolLoadError(
            f"The tool {module_name} has a signature that cannot be described to agents ({_in_one_line(error)}); "
            "use types that pydantic knows."
        ) from error
    assert isinstance(tool, BoundedTool)
    tool.bound_by_its_module(bounds)
    return tool


def _bounds(module_name: str, module: ModuleType) -> dict[str, float]:
    bounds: dict[str, float] = {}
    for constant, (name, lowest, highest) in BOUNDS.items():
        value = vars(module).get(constant)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float) or not lowest <= value <= highest:
            raise ToolLoadError(
                f"{constant} of the tool {module_name} is {value!r}; write a number from {lowest:g} to {highest:g}."
            )
        bounds[name] = value
    return bounds


def _annotations(module_name: str, module: ModuleType) -> ToolAnnotations | None:
    found = vars(module).get("ANNOTATIONS")
    if found is None:
        return None
    if not isinstance(found, dict) or not all(key in HINTS and isinstance(hint, bool) for key, hint in found.items()):
        raise ToolLoadError(
            f"The ANNOTATIONS of the tool {module_name} cannot be used; give a dict with True or False for some of "
            f"{', '.join(HINTS)}."
        )
    return ToolAnnotations.model_validate(found)


def _check_signature(module_name: str, function: FunctionType) -> None:
    if not (function.__doc__ or "").strip():
        raise ToolLoadError(f"The tool {module_name} has no docstring; write one that tells agents what it does.")
    try:
        annotations = typing.get_type_hints(function)
    except Exception as error:
        raise ToolLoadError(
            f"The tool {module_name} has an annotation that cannot be resolved ({_in_one_line(error)}); correct it."
        ) from error
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in _FORBIDDEN_KINDS:
            raise ToolLoadError(
                f"The parameter {parameter.name} of the tool {module_name} {_FORBIDDEN_KINDS[parameter.kind]}; "
                "give the tool ordinary named parameters only."
            )
        if parameter.name not in annotations:
            raise ToolLoadError(f"The parameter {parameter.name} of the tool {module_name} has no type; annotate it.")
    if "return" not in annotations:
        raise ToolLoadError(f"The tool {module_name} does not say what it returns; annotate its return value.")


def _import_failure(module_name: str, error: BaseException) -> ToolLoadError:
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "importlib" not in frame.filename]
    # The first frame is this module's, the second the one that was to be imported.
    line = error.lineno if isinstance(error, SyntaxError) else frames[1].lineno if len(frames) > 1 else None
    where = f" at line {line}" if line else ""
    return ToolLoadError(
        f"The tool module {module_name} cannot be imported: {type(error).__name__}{where} ({_in_one_line(error)}); "
        "correct it or take the module out."
    )


def _in_one_line(error: BaseException) -> str:
    message = error.msg if isinstance(error, SyntaxError) else str(error)
    return " ".join(message.split())[:200] or "no message"
