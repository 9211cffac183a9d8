"""Imports FastMCP without the work at import time that this server has no use for.

Half of the start would go into modules that are never used: the packages below import all that they offer, and pydantic
builds a validator for every message of every protocol version. Here such a package imports a module when a name of it
is asked for, and pydantic builds a model when it is used (its own ``defer_build``). What is imported behaves as always.
"""

import ast
import importlib
import os
import sys
from collections.abc import Mapping
from importlib.machinery import ModuleSpec
from importlib.util import find_spec, module_from_spec
from pathlib import Path
from types import ModuleType
from typing import Any

_OPTIMIZE = "PYTHONOPTIMIZE"
_TYPE_CHECKER = "beartype"

_LAZY_PACKAGES = (
    "httpx2",
    "mcp",
    "mcp.client",
    "mcp.server",
    "fastmcp.server.providers",
    "fastmcp.server.providers.skills",
)
"""Packages whose ``__init__`` does nothing but import names from modules of theirs, outermost first."""

_OF_THE_PACKAGE = ("__all__", "__version__")

_IMPORTED_ON_FIRST_REQUEST = ("key_value.aio.adapters.pydantic", "key_value.aio.stores.memory")
"""Where FastMCP keeps session state (``FastMCP._state_store``), which it reads even for a client without a session."""


def import_fastmcp() -> None:
    """Import FastMCP and what it imports on its first request, without what this server does not use.

    Every function of FastMCP's store is decorated with beartype, and writing those checks is a sixth of a whole start.
    beartype leaves functions as they are while PYTHONOPTIMIZE is set (its own ``_util.py.utilpyinterpreter`` and
    ``_decor.decormain``). Afterwards the variable is as it was, and a tool that imports beartype gets one that checks.
    """
    before = os.environ.get(_OPTIMIZE)
    os.environ[_OPTIMIZE] = "1"
    try:
        _import_deferred()
    finally:
        if before is None:
            del os.environ[_OPTIMIZE]
        else:
            os.environ[_OPTIMIZE] = before
        for name in [name for name in sys.modules if name.partition(".")[0] == _TYPE_CHECKER]:
            del sys.modules[name]


def _import_deferred() -> None:
    from pydantic import BaseModel

    # Models inherit their configuration when they are made: those of tools, made later, are built at once as always.
    BaseModel.model_config["defer_build"] = True
    try:
        for name in _LAZY_PACKAGES:
            make_lazy(name)
        for name in ("fastmcp", "fastmcp.server.server", *_IMPORTED_ON_FIRST_REQUEST):
            importlib.import_module(name)
    finally:
        del BaseModel.model_config["defer_build"]


def make_lazy(name: str) -> None:
    """Put a package in place whose modules are imported when a name of theirs is asked for.

    Nothing is done for a package that is imported already. A name that its ``__init__`` does not import from a module
    of its own makes the package be imported as always.
    """
    if name in sys.modules:
        return
    spec = find_spec(name)
    if spec is None or spec.origin is None or spec.loader is None:
        raise ModuleNotFoundError(f"There is no package {name}.", name=name)
    package = module_from_spec(spec)
    package.__dict__["__getattr__"] = _lookup(package, spec, _origins(name, Path(spec.origin)))
    sys.modules[name] = package
    parent, _, last = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], last, package)


def _lookup(package: ModuleType, spec: ModuleSpec, origins: Mapping[str, tuple[str, str]]) -> Any:
    def find(name: str) -> Any:
        if name in origins:
            module, original = origins[name]
            value = getattr(importlib.import_module(module), original)
            package.__dict__.setdefault(name, value)
            return value
        # The import system asks for names of its own that packages may lack; they are no reason to import all.
        if spec.loader is not None and (not name.startswith("__") or name in _OF_THE_PACKAGE):
            package.__dict__.pop("__getattr__", None)
            spec.loader.exec_module(package)
        try:
            return package.__dict__[name]
        except KeyError:
            raise AttributeError(f"module {package.__name__!r} has no attribute {name!r}", name=name) from None

    return find


def _origins(package: str, init: Path) -> dict[str, tuple[str, str]]:
    """Return where the names come from that an ``__init__`` imports: by name, module and name there."""
    origins = {}
    for statement in ast.parse(init.read_bytes()).body:
        if isinstance(statement, ast.ImportFrom) and statement.level < 2 and statement.module:
            module = f"{package}.{statement.module}" if statement.level else statement.module
            for alias in statement.names:
                origins[alias.asname or alias.name] = (module, alias.name)
    return origins
