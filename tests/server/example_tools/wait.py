"""The tool ``wait``: a call that takes its time without blocking anything."""

import asyncio


async def wait(seconds: float) -> str:
    """Wait for `seconds` and say so."""
    await asyncio.sleep(seconds)
    return f"waited {seconds}"


def helper_that_is_no_tool(seconds: float) -> str:
    """Not named like its module, so not a tool."""
    return f"{seconds}"
