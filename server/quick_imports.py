"""Imports FastMCP without the work at import time that this server has no use for."""

import importlib
import os
import sys

_OPTIMIZE = "PYTHONOPTIMIZE"
_TYPE_CHECKER = "beartype"

_IMPORTED_ON_FIRST_REQUEST = ("key_value.aio.adapters.pydantic", "key_value.aio.stores.memory")
"""Where FastMCP keeps session state (``FastMCP._state_store``), which it reads even for a client without a session."""


def import_fastmcp() -> None:
    """Import FastMCP and what it imports on its first request, without the run-time type checks of its store.

    Every function of that store is decorated with beartype, and writing those checks is a sixth of the whole start.
    beartype leaves functions as they are while this variable is set (its own ``_util.py.utilpyinterpreter`` and
    ``_decor.decormain``). Afterwards the variable is as it was, and a tool that imports beartype gets one that checks.
    """
    before = os.environ.get(_OPTIMIZE)
    os.environ[_OPTIMIZE] = "1"
    try:
        for name in ("fastmcp", *_IMPORTED_ON_FIRST_REQUEST):
            importlib.import_module(name)
    finally:
        if before is None:
            del os.environ[_OPTIMIZE]
        else:
            os.environ[_OPTIMIZE] = before
        for name in [name for name in sys.modules if name.partition(".")[0] == _TYPE_CHECKER]:
            del sys.modules[name]
