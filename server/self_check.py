"""Asks the server for its own tools before anybody else may.

FastMCP imports and builds a good part of itself on the first request. Done here, before the server listens, the
first agent does not wait for it, and a server that cannot list its tools never says that it is ready.
"""

import json
from collections.abc import Sequence
from typing import Any

from anyio import sleep_forever
from mcp_types.version import LATEST_HANDSHAKE_VERSION, LATEST_MODERN_VERSION
from starlette.types import ASGIApp, Message, Scope


class SelfCheckError(Exception):
    """The server does not list the tools that it loaded; the message is one sentence."""


async def check_tools_are_listed(
    endpoint: ASGIApp, path: str, tool_names: Sequence[str], *, others: bool = False
) -> None:
    """List the tools through `endpoint` in both protocol eras.

    Raises SelfCheckError when an answer is not 200 or does not name exactly `tool_names`; with `others` it may name
    more.
    """
    for version in (LATEST_HANDSHAKE_VERSION, LATEST_MODERN_VERSION):
        status, tools = await _all_pages(endpoint, path, version)
        listed = [tool["name"] for tool in tools]
        if others:
            listed = [name for name in listed if name in tool_names]
        if status != 200 or sorted(listed) != sorted(tool_names):
            raise SelfCheckError(
                f"The server cannot list its own tools in protocol version {version} (status {status}, "
                f"{len(listed)} of {len(tool_names)} tools); look for the cause in the log lines before this one."
            )


async def listed_tools(endpoint: ASGIApp, path: str) -> list[dict[str, Any]]:
    """Return the tools that `endpoint` lists in the modern era, as it answers them.

    Raises SelfCheckError when it cannot list them.
    """
    status, tools = await _all_pages(endpoint, path, LATEST_MODERN_VERSION)
    if status != 200:
        raise SelfCheckError(f"The server cannot list its own tools (status {status}); call it by hand to see why.")
    return tools


async def _all_pages(endpoint: ASGIApp, path: str, version: str) -> tuple[int, list[dict[str, Any]]]:
    """Return the last page's status, 0 where it is no list, and the tools of all pages."""
    tools: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        status, body = await _list_tools(endpoint, path, version, cursor)
        try:
            result = json.loads(body)["result"]
            tools += result["tools"]
            cursor = result.get("nextCursor")
        except (ValueError, KeyError, TypeError, AttributeError):
            return 0 if status == 200 else status, []
        if cursor is None:
            return status, tools


async def _list_tools(endpoint: ASGIApp, path: str, version: str, cursor: str | None) -> tuple[int, bytes]:
    meta = {
        "io.modelcontextprotocol/protocolVersion": version,
        "io.modelcontextprotocol/clientInfo": {"name": "self-check", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    params = {"_meta": meta} if cursor is None else {"_meta": meta, "cursor": cursor}
    request = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": params}
    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "server": ("127.0.0.1", 0),
        "client": ("127.0.0.1", 0),
        "headers": [
            (b"host", b"127.0.0.1"),
            (b"content-type", b"application/json"),
            (b"accept", b"application/json, text/event-stream"),
            (b"mcp-protocol-version", version.encode()),
            (b"mcp-method", b"tools/list"),
        ],
    }
    incoming: list[Message] = [{"type": "http.request", "body": json.dumps(request).encode(), "more_body": False}]
    status, body = 0, b""

    async def receive() -> Message:
        if not incoming:
            await sleep_forever()
        return incoming.pop()

    async def send(message: Message) -> None:
        nonlocal status, body
        if message["type"] == "http.response.start":
            status = message["status"]
        else:
            body += message.get("body", b"")

    await endpoint(scope, receive, send)
    return status, body
