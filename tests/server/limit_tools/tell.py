"""The tool ``tell``: reports progress, then waits to be told to end or cancelled."""

import asyncio
import logging

from fastmcp import Context


async def tell(steps: int, seconds: float, context: Context) -> str:
    """Report `steps`, then wait `seconds`."""
    for step in range(steps):
        await context.report_progress(step + 1, steps)
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        logging.getLogger("tell").info("the call was cancelled")
        raise
    return "told"
