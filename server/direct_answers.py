"""Answers ordinary requests itself, as FastMCP and the MCP library would, without what they do on the way.

FastMCP serves a call through two HTTP applications, a dispatcher, two chains of middleware and three validations of the
same message. Here a request is looked at once. What is ordinary in every part (the headers, the envelope, a tool that
is a function, arguments that fit) is run with the same function, in the same context, and its result is converted by
the libraries' own code. Everything else is left to them: an answer that is not made here is theirs. What a tool raised,
or gave that this way has no form for, is handed to them as the outcome of the call, and the tool does not run again.

Nothing is kept of answers. What does not change while the server runs, the tools' descriptions and what the server says
of itself, is built once.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from fastmcp import FastMCP
from fastmcp.exceptions import ToolError
from fastmcp.server.context import Context
from fastmcp.server.dependencies import fastmcp_request_ctx
from fastmcp.server.http import _current_http_request
from fastmcp.server.mixins.mcp_operations import _normalize_call_tool_result
from fastmcp.tools.base import Tool, ToolResult
from mcp.server.connection import Connection
from mcp.server.context import ServerRequestContext
from mcp.server.runner import ServerRunner, _extract_meta, aclose_shielded
from mcp_types import (
    CLIENT_CAPABILITIES_META_KEY,
    CLIENT_INFO_META_KEY,
    CallToolResult,
    DiscoverResult,
    InputRequiredResult,
    ListToolsResult,
    TextContent,
    methods,
)
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS
from pydantic import ValidationError
from pydantic_core import ArgsKwargs, to_json
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from server.bounded_tools import BoundedTool, Outcome, replayed
from server.exchange import Exchange, event, watched
from server.observed_calls import outcome_of
from server.ordinary_requests import OrdinaryRequest, OrdinaryRequests
from server.request_context import LazyRequestContext
from server.request_facts import RequestFacts, current_request
from server.settings import Settings

if TYPE_CHECKING:
    from server.observation import CallInProgress, Observation

Served = Callable[[Scope, Receive, Send], Awaitable[None]]
_MOST_REMEMBERED = 256


class DirectAnswers:
    """The direct way to tools of one FastMCP server, whose lifespan must be running."""

    def __init__(
        self,
        server: FastMCP[Any],
        tools: Sequence[Tool],
        settings: Settings,
        observation: "Observation | None" = None,
    ) -> None:
        """Serve `tools`, which `server` lists, those that are functions by calling them; `observation` sees the calls.

        The list itself is served only where it has one page and nothing but `server` adds to it: other providers may
        change theirs.
        """
        self._observation = observation
        self._server = server
        self._largest = settings.max_response_bytes
        self._tools = {
            tool.name: tool
            for tool in tools
            if isinstance(tool, BoundedTool) and "x-mcp-header" not in json.dumps(tool.parameters)
        }
        self._lists = not settings.list_page_size and all(
            provider is server.local_provider for provider in server.providers
        )
        self._ping_seconds = settings.ping_interval_seconds
        self._requests = OrdinaryRequests(names_checked=bool(settings.allowed_hosts))
        self._runners = {
            version: self._runner(Connection.from_envelope(version, None, None))
            for version in (*HANDSHAKE_PROTOCOL_VERSIONS, *MODERN_PROTOCOL_VERSIONS)
        }
        self._calls = {name: tool.calls for name, tool in self._tools.items()}
        self._descriptions = [tool.to_mcp_tool(name=tool.name) for tool in tools]
        self._listings: dict[str, dict[str, Any]] = {}
        self._discoveries: dict[str, dict[str, Any]] = {}
        self._introductions: dict[bytes, dict[str, Any]] = {}

    async def answer(self, scope: Scope, body: bytes, receive: Receive, send: Send, libraries: Served) -> bool:
        """Answer the request with `body` if it is ordinary; return False, with nothing done, if it is not.

        `libraries` serves a request the long way, from the body on.
        """
        request = self._requests.recognise(scope, body)
        if request is None:
            return False
        if request.method == "tools/call":
            return await self._call(request, scope, receive, send, libraries)
        result = self._description(request)
        if result is None:
            return False
        await _send_json(send, _rendered(request, result))
        return True

    def _description(self, request: OrdinaryRequest) -> dict[str, Any] | None:
        """Return the result of a request that asks for what never changes, None where it asks for something else."""
        match request.method:
            case "tools/list" if self._lists and request.params.keys() <= {"_meta"}:
                return self._listing(request.version)
            case "ping" if not request.modern and request.params.keys() <= {"_meta"}:
                return {}
            case "server/discover" if request.modern and request.params.keys() <= {"_meta"}:
                return self._discovery(request.version)
            case "initialize" if not request.modern:
                return self._introduction(request)
        return None

    def _listing(self, version: str) -> dict[str, Any]:
        if version not in self._listings:
            listing = ListToolsResult(tools=self._descriptions, next_cursor=None)
            self._listings[version] = self._runners[version]._serialize("tools/list", version, listing)
        return self._listings[version]

    def _discovery(self, version: str) -> dict[str, Any]:
        if version not in self._discoveries:
            server = self._server._mcp_server
            discovery = DiscoverResult(
                supported_versions=list(MODERN_PROTOCOL_VERSIONS),
                capabilities=server.get_capabilities(protocol_version=version),
                instructions=server.instructions,
            )
            self._discoveries[version] = self._runners[version]._serialize("server/discover", version, discovery)
        return self._discoveries[version]

    def _introduction(self, request: OrdinaryRequest) -> dict[str, Any] | None:
        """Return what the server says of itself to a client whose introduction the library takes."""
        said = to_json([request.version, request.params])
        if said not in self._introductions:
            runner = self._runners[request.version]
            try:
                methods.validate_client_request("initialize", request.version, request.params)
                result = runner._serialize("initialize", request.version, runner._handle_initialize(request.params))
            except ValidationError:
                return None
            if len(self._introductions) >= _MOST_REMEMBERED:
                self._introductions.clear()
            self._introductions[said] = result
        return self._introductions[said]

    async def _call(
        self, request: OrdinaryRequest, scope: Scope, receive: Receive, send: Send, libraries: Served
    ) -> bool:
        params = request.params
        tool = self._tools.get(params["name"]) if type(params.get("name")) is str else None
        given = params.get("arguments", {})
        if tool is None or not params.keys() <= {"name", "arguments", "_meta"} or type(given) is not dict:
            return False
        try:
            arguments = self._calls[tool.name].validated(given)
        except ValidationError:
            return False
        http_request = Request(scope, receive)
        exchange = Exchange(request.id, http_request, request.meta.get("progressToken"), send)
        done: list[Outcome] = []

        async def work() -> None:
            done.append(await self._run(tool, arguments, request, exchange, http_request))

        # In the handshake era a client that leaves has not cancelled its call (MCP 2025-11-25, transports).
        if await watched(exchange, receive, self._ping_seconds, work, leaving_cancels=request.modern):
            await self._finish(request, tool, done[0], exchange, scope, receive, send, libraries)
        return True

    async def _run(
        self,
        tool: BoundedTool,
        arguments: ArgsKwargs,
        request: OrdinaryRequest,
        exchange: Exchange,
        http_request: Request,
    ) -> Outcome:
        """Run the tool's function where it finds all that FastMCP binds for it."""
        for variable, value in (self._server._shared_context_snapshot or {}).items():
            variable.set(value)
        context = LazyRequestContext(
            str(request.id),
            http_request,
            request.version,
            self._server._lifespan_result,
            lambda: self._context(request, exchange),
        )
        bound = fastmcp_request_ctx.set(context)
        bound_http = _current_http_request.set(http_request)
        observed = self._observed(tool, request)
        outcome = "crash"
        try:
            async with Context(fastmcp=self._server):
                value = await self._calls[tool.name].execute(arguments)
            outcome = "tool_error" if isinstance(value, ToolResult) and value.is_error else "ok"
            return Outcome(value)
        except Exception as error:
            outcome = outcome_of(error, tool.name)
            return Outcome(error=error)
        except asyncio.CancelledError:
            outcome = "cancelled"
            raise
        finally:
            if observed is not None:
                observed.end(outcome, request.params.get("arguments"))
            _current_http_request.reset(bound_http)
            fastmcp_request_ctx.reset(bound)
            if context.connection is not None:
                await aclose_shielded(context.connection)

    def _observed(self, tool: BoundedTool, request: OrdinaryRequest) -> "CallInProgress | None":
        if self._observation is None:
            return None
        facts = current_request.get() or RequestFacts("none")
        return self._observation.begin(tool.name, facts.continuing(request.meta) if request.meta else facts)

    def _context(
        self, request: OrdinaryRequest, exchange: Exchange
    ) -> tuple[ServerRequestContext[Any, Any], Connection]:
        identity = (
            (request.meta.get(CLIENT_INFO_META_KEY), request.meta.get(CLIENT_CAPABILITIES_META_KEY))
            if request.modern
            else (None, None)
        )
        connection = Connection.from_envelope(request.version, *identity)
        meta = _extract_meta(request.params)
        made = self._runner(connection)._make_context(exchange, request.method, request.params, meta, request.version)
        return made, connection

    def _runner(self, connection: Connection) -> ServerRunner[Any]:
        return ServerRunner(self._server._mcp_server, connection, self._server._lifespan_result)

    async def _finish(
        self,
        request: OrdinaryRequest,
        tool: BoundedTool,
        outcome: Outcome,
        exchange: Exchange,
        scope: Scope,
        receive: Receive,
        send: Send,
        libraries: Served,
    ) -> None:
        payload = self._payload(request, tool, outcome)
        if payload is None:
            replaying = replayed.set(outcome)
            try:
                if not exchange.streaming:
                    await libraries(scope, receive, send)
                    return
                payload = await _captured(libraries, scope, receive)
            finally:
                replayed.reset(replaying)
        if exchange.streaming:
            await exchange.stream(event(payload), last=True)
        else:
            await _send_json(send, payload)

    def _payload(self, request: OrdinaryRequest, tool: BoundedTool, outcome: Outcome) -> bytes | None:
        """Return the answer that says `outcome`, None where the libraries have to find one."""
        try:
            if outcome.error is None and not isinstance(outcome.value, InputRequiredResult):
                given = tool.convert_result(outcome.value)
                plain = self._plain_result(request, given)
                if plain is not None:
                    rendered = _rendered(request, plain)
                    return rendered if len(rendered) <= self._largest else self._too_large(request, tool, rendered)
                result = _normalize_call_tool_result(given.to_mcp_result())
            elif isinstance(outcome.error, ToolError):
                result = CallToolResult(content=[TextContent(type="text", text=str(outcome.error))], is_error=True)
            else:
                return None
            rendered = self._rendered_result(request, result)
        except Exception:
            return None
        return rendered if len(rendered) <= self._largest else self._too_large(request, tool, rendered)

    def _plain_result(self, request: OrdinaryRequest, given: ToolResult) -> dict[str, Any] | None:
        """Return a result of plain text and structured content as the library would write it, None for any other.

        For these the library's three passes over the result, model, dump and sieve, change nothing.
        """
        if type(given) is not ToolResult or given._raw_mcp_result is not None:
            return None
        content = []
        for block in given.content:
            if type(block) is not TextContent or block.annotations is not None or block.meta is not None:
                return None
            content.append({"type": "text", "text": block.text})
        result: dict[str, Any] = {"content": content, "isError": given.is_error}
        if given.structured_content is not None:
            result["structuredContent"] = given.structured_content
        if given.meta is not None:
            result["_meta"] = given.meta
        if request.modern:
            result["resultType"] = "complete"
        return self._runners[request.version]._stamp_server_info(request.version, result)

    def _too_large(self, request: OrdinaryRequest, tool: BoundedTool, rendered: bytes) -> bytes:
        size = len(rendered)
        what = f"The answer of the tool {tool.name} has {size} bytes and may have {self._largest}; ask for less."
        said = CallToolResult(content=[TextContent(type="text", text=what)], is_error=True)
        return self._rendered_result(request, said)

    def _rendered_result(self, request: OrdinaryRequest, result: CallToolResult) -> bytes:
        return _rendered(request, self._runners[request.version]._serialize(request.method, request.version, result))


def _rendered(request: OrdinaryRequest, result: dict[str, Any]) -> bytes:
    """Return a response as the transport of the request's era writes it. Raises ValueError where it would fail."""
    response = {"jsonrpc": "2.0", "id": request.id, "result": result}
    return to_json(response, inf_nan_mode="constants" if request.modern else "null")


async def _send_json(send: Send, payload: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(payload)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": payload})


async def _captured(served: Served, scope: Scope, receive: Receive) -> bytes:
    body = bytearray()

    async def keep(message: Message) -> None:
        body.extend(message.get("body", b""))

    await served(scope, receive, keep)
    return bytes(body)
