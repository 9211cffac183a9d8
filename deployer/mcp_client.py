"""MCP calls over streamable HTTP, with a bearer token or signed with IAM credentials, in both eras of the protocol.

The official client speaks; this module gives it a network, a signature and one-sentence errors. The SDK wraps what goes
wrong in exception groups and keeps an HTTP refusal's words to itself; here they are told. It is loaded with the first
call: that takes longer than most commands that make none.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Generator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

import httpx2
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials

from deployer.errors import RefusedError
from deployer.network import Network, RoutedTransport, Unreachable, unreachable_sentence
from generator.serving import GATEWAY_SIGNING_NAME, MCP_PATH

if TYPE_CHECKING:
    from mcp import Client
    from mcp_types import CallToolResult

CALL_SECONDS: Final = 120.0
REFUSED: Final = 400
MAX_PAGES: Final = 100

Era = Literal["auto", "handshake", "modern"]
"""`handshake` opens with initialize, `modern` is 2026-07-28, `auto` asks the server."""

_T = TypeVar("_T")

# The SDK logs what it raises, with tracebacks; without a handler Python would print them.
logging.getLogger("mcp").addHandler(logging.NullHandler())


class McpRefused(RefusedError):
    """The other side answered and said no; `status` is the HTTP status, 0 for an error inside an accepted call."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Tool:
    """A tool as its server lists it; the schema is JSON Schema."""

    name: str
    description: str
    input_schema: Mapping[str, Any]


@dataclass(frozen=True)
class ToolResult:
    """What a tool answered: its text, its structured content where it has one, and whether it reports an error."""

    text: str
    structured: Mapping[str, Any] | None
    failed: bool


class BearerToken(httpx2.Auth):
    """Puts a token into every request; never shows it."""

    def __init__(self, token: str) -> None:
        self._header = f"Bearer {token}"

    def auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        """Yields the request with its Authorization header."""
        request.headers["authorization"] = self._header
        yield request


class Signed(httpx2.Auth):
    """Signs every request for the gateway with Signature Version 4, each at the time that it is sent."""

    requires_request_body = True

    def __init__(self, credentials: ReadOnlyCredentials, region: str) -> None:
        self._credentials = credentials
        self._region = region

    def auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        """Yields the request with its signature over host, date, content and MCP version."""
        covered = {
            name: value
            for name, value in request.headers.items()
            if name in ("host", "content-type") or name.startswith("mcp-")
        }
        to_sign = AWSRequest(request.method, str(request.url), data=request.content, headers=covered)
        SigV4Auth(self._credentials, GATEWAY_SIGNING_NAME, self._region).add_auth(to_sign)
        request.headers.update(dict(to_sign.headers.items()))
        yield request


def mcp_url(gateway_url: str) -> str:
    """Returns the gateway's MCP address from its URL, which AWS gives with or without the path."""
    return gateway_url if gateway_url.rstrip("/").endswith(MCP_PATH) else gateway_url.rstrip("/") + MCP_PATH


def list_tools(network: Network, url: str, auth: httpx2.Auth | None, era: Era = "auto") -> list[Tool]:
    """Returns every tool that the server at `url` lists.

    Raises Unreachable where no answer came, McpRefused where the answer was no; each message is one sentence.
    """

    async def listed(client: Client) -> list[Tool]:
        tools: list[Tool] = []
        cursor: str | None = None
        for _ in range(MAX_PAGES):
            page = await client.list_tools(cursor=cursor)
            tools.extend(Tool(tool.name, tool.description or "", tool.input_schema) for tool in page.tools)
            cursor = page.next_cursor
            if cursor is None:
                return tools
        raise McpRefused(f"{url} lists tools without end: {MAX_PAGES} pages were read.", 0)

    return _converse(network, url, auth, era, listed)


def call_tool(
    network: Network, url: str, auth: httpx2.Auth | None, name: str, arguments: Mapping[str, Any], era: Era = "auto"
) -> ToolResult:
    """Returns what the tool answered; a tool that reports an error is a result, not an exception.

    Raises Unreachable where no answer came, McpRefused where the answer was no; each message is one sentence.
    """

    async def called(client: Client) -> ToolResult:
        return _result(await client.call_tool(name, dict(arguments)))

    return _converse(network, url, auth, era, called)


def _result(result: CallToolResult) -> ToolResult:
    from mcp_types import TextContent

    texts = [block.text for block in result.content if isinstance(block, TextContent)]
    structured = result.structured_content
    return ToolResult(
        text="\n".join(texts),
        structured=structured if isinstance(structured, Mapping) else None,
        failed=bool(result.is_error),
    )


def _converse(
    network: Network, url: str, auth: httpx2.Auth | None, era: Era, work: Callable[[Client], Awaitable[_T]]
) -> _T:
    from mcp import Client
    from mcp.client.streamable_http import streamable_http_client
    from mcp_types.version import LATEST_MODERN_VERSION

    modes: Mapping[Era, str] = {"auto": "auto", "handshake": "legacy", "modern": LATEST_MODERN_VERSION}
    refusals: list[tuple[int, str]] = []

    async def note(response: httpx2.Response) -> None:
        if response.status_code >= REFUSED:
            await response.aread()
            refusals.append((response.status_code, _words(response)))

    async def main() -> _T:
        async with (
            httpx2.AsyncClient(
                transport=RoutedTransport(network),
                auth=auth,
                timeout=CALL_SECONDS,
                event_hooks={"response": [note]},
            ) as http,
            Client(
                streamable_http_client(url, http_client=http),
                mode=modes[era],
                read_timeout_seconds=CALL_SECONDS,
                cache=None,
            ) as client,
        ):
            return await work(client)

    try:
        return asyncio.run(main())
    except Exception as error:
        raise _told(url, error, refusals) from error


def _told(url: str, error: Exception, refusals: list[tuple[int, str]]) -> RefusedError:
    """Returns the first cause in a tree of exception groups as an error of ours."""
    from mcp import MCPError
    from mcp_types import PARSE_ERROR

    leaves = list(_leaves(error))
    known = [leaf for leaf in leaves if isinstance(leaf, RefusedError)]
    if known:
        return known[0]
    broken = [leaf for leaf in leaves if isinstance(leaf, httpx2.HTTPError)]
    if broken:
        return Unreachable(unreachable_sentence(httpx2.URL(url).host, broken[0]))
    said = [leaf for leaf in leaves if isinstance(leaf, MCPError)]
    if refusals:
        status, words = refusals[-1]
        return McpRefused(f"{url} answered with HTTP status {status}: {words}.", status)
    if said and said[0].error.code == PARSE_ERROR:
        return McpRefused(f"{url} answered with something that is no MCP message.", 0)
    if said:
        return McpRefused(f"{url} answered with the error {said[0].error.code}: {_plain(said[0].error.message)}.", 0)
    return McpRefused(f"The call to {url} failed: {_plain(str(leaves[0])) or type(leaves[0]).__name__}.", 0)


def _leaves(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for inner in error.exceptions for leaf in _leaves(inner)]
    return [error]


def _words(response: httpx2.Response) -> str:
    """Returns the reason in a refusal's body: AWS's message, a JSON-RPC error's, or the start of its text."""
    try:
        body = response.json()
    except ValueError:
        body = None
    if isinstance(body, dict):
        inner = body.get("error")
        for said in (
            body.get("message"),
            body.get("Message"),
            inner.get("message") if isinstance(inner, dict) else inner,
        ):
            if isinstance(said, str) and said:
                return _plain(said)
    return _plain(response.text[:300]) or response.reason_phrase


def _plain(said: str) -> str:
    return " ".join(said.split()).rstrip(".")
