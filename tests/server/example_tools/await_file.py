"""The tool ``await_file``: a call that reports progress and then waits for whoever has seen it."""

import asyncio
from pathlib import Path

from fastmcp import Context
from fastmcp.exceptions import ToolError

_PATIENCE = 1000


async def await_file(path: str, context: Context) -> str:
    """Report that the call has begun, and return once there is a file at `path`."""
    await context.report_progress(0)
    for _ in range(_PATIENCE):
        if Path(path).exists():
            return "found"
        await asyncio.sleep(0.02)
    raise ToolError(f"Nobody has made {path}.")
