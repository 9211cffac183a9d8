"""The tool ``from_thread``: blocking code that comes back to the event loop."""

import anyio.from_thread
from fastmcp import Context
from fastmcp.server.dependencies import get_context


def from_thread(context: Context) -> str:
    """Report progress out of a thread, and tell which request is served."""
    anyio.from_thread.run(context.report_progress, 1.0, 1.0)
    return get_context().request_id
