"""Prints what the server would list: ``python -m server.catalogue``.

One JSON object on standard output: ``{"tools": [...]}`` as ``tools/list`` answers them in the modern era, or
``{"error": "one sentence"}`` with exit status 1. Nothing listens and no network is used. Whatever a tool module prints
when it is imported goes to standard error.
"""

import asyncio
import json
import os
import sys
from typing import Any

from server.__main__ import take_settings_from_fastmcp
from server.quick_imports import import_fastmcp
from server.settings import SettingsError, read_settings


def listed() -> list[dict[str, Any]]:
    """Return the tools as the MCP endpoint lists them, settings taken from the environment.

    Raises SettingsError, LoadError or SelfCheckError, each with one sentence.
    """
    settings = read_settings(os.environ)
    take_settings_from_fastmcp()
    import_fastmcp()
    from server.application import build_mcp_server
    from server.call_tracker import CallTracker
    from server.mcp_endpoint import PATH, McpEndpoint
    from server.self_check import listed_tools
    from server.tool_discovery import load_tools
    from server.tool_secrets import install_tool_secrets

    install_tool_secrets(settings.tool_secrets)
    endpoint = McpEndpoint(build_mcp_server(load_tools(settings.tool_packages)), settings, CallTracker())

    async def ask() -> list[dict[str, Any]]:
        async with endpoint.lifespan():
            return await listed_tools(endpoint, PATH)

    return asyncio.run(ask())


def main() -> int:
    """Print the document; return the exit status."""
    answer = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    with answer:
        try:
            document: dict[str, Any] = {"tools": listed()}
        except Exception as error:
            from server.discovery import LoadError
            from server.self_check import SelfCheckError

            if not isinstance(error, SettingsError | LoadError | SelfCheckError):
                raise
            document = {"error": str(error)}
        json.dump(document, answer)
    return 1 if "error" in document else 0


if __name__ == "__main__":
    sys.exit(main())
