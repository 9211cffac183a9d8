"""What a gateway says to an MCP server: JSON-RPC over streamable HTTP, in both eras of the protocol.

Facts: the MCP specification (streamable HTTP transport); and, from a reproduced report
(github.com/marcinbelczewski/agentcore-gw-mcp2): a target in DEFAULT listing mode is indexed by ``initialize`` at
2025-11-25, ``notifications/initialized`` and ``tools/list``, whatever versions the gateway lists.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from emulator.data_plane.outbound import Outbound, OutboundError

INDEXING_VERSION = "2025-11-25"
_ACCEPT = "application/json, text/event-stream"
_PAGES = 100


class TargetError(Exception):
    """An MCP server did not do what the protocol asks; the message says what it did."""


@dataclass(frozen=True)
class McpServer:
    """An MCP server behind ``url``; ``headers`` carry its credential."""

    url: str
    headers: Mapping[str, str]
    outbound: Outbound

    def tools(self, timeout: float) -> list[dict[str, Any]]:
        """Perform the handshake and return every tool of the server (``timeout`` seconds for each request). Raises
        TargetError.
        """
        headers = self.open_session(INDEXING_VERSION, timeout)
        tools: list[dict[str, Any]] = []
        cursor = None
        for page in range(_PAGES):
            listed, _ = self._call("tools/list", {"cursor": cursor} if cursor else {}, 2 + page, headers, timeout)
            tools += listed.get("tools", [])
            cursor = listed.get("nextCursor")
            if not cursor:
                return tools
        raise TargetError(f"tools/list goes on beyond {_PAGES} pages")

    def open_session(self, version: str, timeout: float = 30.0) -> dict[str, str]:
        """Perform the handshake at ``version`` and return the headers that later requests must carry. Raises
        TargetError.
        """
        client = {"name": "bedrock-agentcore-gateway", "version": "1.0"}
        parameters = {"protocolVersion": version, "capabilities": {}, "clientInfo": client}
        answer, session = self._call("initialize", parameters, 1, {}, timeout)
        if "tools" not in (answer.get("capabilities") or {}):
            raise TargetError("the server does not advertise the tools capability")
        headers = {"mcp-protocol-version": str(answer.get("protocolVersion") or version)}
        if session:
            headers["mcp-session-id"] = session
        self._post({"jsonrpc": "2.0", "method": "notifications/initialized"}, headers, timeout)
        return headers

    def _call(
        self, method: str, parameters: Mapping[str, Any], number: int, headers: Mapping[str, str], timeout: float
    ) -> tuple[dict[str, Any], str]:
        message = {"jsonrpc": "2.0", "id": number, "method": method, "params": parameters}
        response = self._post(message, headers, timeout)
        for answer in messages(response):
            if answer.get("id") != number:
                continue
            if "error" in answer:
                raise TargetError(f"{method} was answered with the error {answer['error'].get('message')}")
            return answer.get("result") or {}, response.headers.get("mcp-session-id", "")
        raise TargetError(f"{method} was answered without a result")

    def _post(self, message: Mapping[str, Any], headers: Mapping[str, str], timeout: float) -> httpx.Response:
        sent = {**self.headers, "content-type": "application/json", "accept": _ACCEPT, **headers}
        try:
            response = self.outbound.request(
                "POST", self.url, headers=sent, content=json.dumps(message).encode(), timeout=timeout
            )
        except OutboundError as error:
            raise TargetError(str(error)) from error
        if not response.is_success:
            raise TargetError(f"{message['method']} was answered with HTTP status {response.status_code}")
        return response


def messages(response: httpx.Response) -> Iterator[dict[str, Any]]:
    """Yield the JSON-RPC messages of a response that was read, sent as JSON or as server-sent events. Raises
    TargetError when it carries neither.
    """
    kind = response.headers.get("content-type", "").partition(";")[0].strip()
    try:
        if kind == "text/event-stream":
            for event in response.text.replace("\r\n", "\n").split("\n\n"):
                data = "\n".join(line[5:].lstrip() for line in event.split("\n") if line.startswith("data:"))
                if data.strip():
                    yield json.loads(data)
        elif response.content:
            document = json.loads(response.content)
            yield from document if isinstance(document, list) else [document]
    except ValueError as error:
        raise TargetError(f"the answer is not JSON-RPC: {error}") from error
