"""The tool ``dawdle``: takes longer than it may, without blocking."""

import asyncio

TIMEOUT_SECONDS = 0.3


async def dawdle(seconds: float) -> str:
    """Wait."""
    await asyncio.sleep(seconds)
    return "waited"
