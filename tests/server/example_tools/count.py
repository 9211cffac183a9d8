"""The tool ``count``: a call that reports progress."""

from fastmcp import Context


async def count(steps: int, context: Context) -> int:
    """Report `steps` steps of progress and return how many they were."""
    for step in range(steps):
        await context.report_progress(step + 1, steps)
    return steps
