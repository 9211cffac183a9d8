"""More tools than this image's own: a package of functions, an API by its OpenAPI document, another MCP server.

Each is on its own. One that cannot start, or whose calls fail or take too long, harms no other tool: it is logged, told
by ``/ready``, and tried again. Only one that is required keeps the server from starting. What it needs of FastMCP is
imported when one is configured, and not before.
"""

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mcp_types
from fastmcp import FastMCP
from fastmcp.exceptions import ToolError
from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext
from fastmcp.server.providers.base import Provider
from fastmcp.tools.base import Tool, ToolResult
from fastmcp.utilities.versions import VersionSpec

from server.bounded_tools import BoundedTool, ToolBounds, ToolTimeout, replayed
from server.discovery import LONGEST_NAME, LoadError
from server.provider_settings import ProviderSettings, is_url
from server.settings import SettingsError
from server.tool_discovery import load_tools
from server.worker_threads import ThreadTimeoutError, WorkerThreads

if TYPE_CHECKING:
    from httpx2 import AsyncClient

_logger = logging.getLogger("server.providers")

RETRY_SECONDS = 30.0
_TOOL_NAME = re.compile(rf"[A-Za-z0-9_.-]{{1,{LONGEST_NAME}}}", re.ASCII)
LARGEST_DOCUMENT = 5 * 2**20


class ProviderNotStarted(Exception):
    """A provider has no tools yet; the message says why in one sentence."""


class OutsideTools(Provider):
    """The tools of one provider, as soon as it has started, those alone that it may offer."""

    def __init__(
        self,
        settings: ProviderSettings,
        secrets: Mapping[str, str],
        taken: Callable[["OutsideTools"], Collection[str]],
        start_seconds: float,
    ) -> None:
        """Offer nothing yet; `taken` tells the names that others have taken."""
        self._start_seconds = start_seconds
        super().__init__()
        self.settings = settings
        self.failure = "it has not started yet"
        self.tools: dict[str, Tool] = {}
        self._taken = taken
        self._importing = False
        self._headers: dict[str, str] = {}
        value = secrets.get(settings.credential, "")
        if value:
            bearer = settings.credential_header.lower() == "authorization" and " " not in value
            self._headers[settings.credential_header] = f"Bearer {value}" if bearer else value

    async def start(self, bounds: ToolBounds) -> None:
        """Find its tools. Raises ProviderNotStarted, and leaves the tools of an earlier start as they are."""
        seconds = self._start_seconds
        if self.settings.credential and not self._headers:
            raise self._not_started(f"its credential {self.settings.credential} is no key of the runtime's secret")
        try:
            async with asyncio.timeout(seconds):
                found = await self._found(bounds)
        except (TimeoutError, ThreadTimeoutError):
            raise self._not_started(f"it did not answer within {seconds:g} seconds") from None
        except ProviderNotStarted as error:
            raise self._not_started(str(error)) from None
        except (LoadError, SettingsError) as error:
            raise self._not_started(str(error)) from None
        except Exception as error:
            raise self._not_started(f"{type(error).__name__}: {' '.join(str(error).split())[:200]}") from error
        taken = self._taken(self)
        self.tools = {tool.name: tool for tool in found if self._is_offered(tool, taken)}
        self.failure = ""
        _logger.info("provider started", extra={"provider": self.settings.name, "tools": sorted(self.tools)})

    async def _list_tools(self) -> Sequence[Tool]:
        return list(self.tools.values())

    async def _get_tool(self, name: str, version: VersionSpec | None = None) -> Tool | None:
        return self.tools.get(name) if version is None else None

    async def _found(self, bounds: ToolBounds) -> Sequence[Tool]:
        match self.settings.kind:
            case "package":
                tools = await self._imported()
                for tool in tools:
                    tool.bound(ToolBounds(min(self.settings.seconds, bounds.seconds or 1e9), bounds.concurrency))
                return tools
            case "openapi":
                return await self._operations()
            case _:
                return await self._remote_tools()

    async def _imported(self) -> Sequence[BoundedTool]:
        if self._importing:
            raise ProviderNotStarted("its import has not ended yet")
        self._importing = True

        def ended() -> None:
            self._importing = False

        # Whatever a module does when it is imported may block, and must not hold up the end of the process.
        tools: Sequence[BoundedTool] = await WorkerThreads.of_running_loop().run(
            lambda: load_tools([self.settings.source], "PROVIDERS"), ended, self._start_seconds
        )
        return tools

    async def _operations(self) -> Sequence[Tool]:
        from fastmcp.server.providers.openapi import OpenAPIProvider
        from fastmcp.server.providers.openapi.routing import MCPType, RouteMap

        document = await self._document()
        servers = document.get("servers") or [{}]
        base_url = self.settings.base_url or str(servers[0].get("url", ""))
        if not is_url(base_url):
            raise ProviderNotStarted("its document gives no https:// URL of the API; give it a base_url")
        if self._headers and not self.settings.base_url and "://" in self.settings.source:
            raise ProviderNotStarted("a document from elsewhere says where a credential goes; give it a base_url")
        maps = [RouteMap(mcp_type=MCPType.TOOL)]
        provider = OpenAPIProvider(document, self._client(base_url), route_maps=maps, validate_output=False)
        return await provider.list_tools()

    async def _document(self) -> dict[str, Any]:
        source = self.settings.source
        if "://" in source:
            async with self._client() as client:
                answer = await client.get(source)
                answer.raise_for_status()
                text = answer.text
        else:
            text = await asyncio.to_thread(Path(source).read_text, encoding="utf-8")
        if len(text) > LARGEST_DOCUMENT:
            raise ProviderNotStarted(f"its document is larger than {LARGEST_DOCUMENT} characters")
        if source.endswith((".yaml", ".yml")):
            import yaml  # type: ignore[import-untyped]  # the server has no stubs of types in its environment

            document = yaml.safe_load(text)
        else:
            document = json.loads(text)
        if not isinstance(document, dict):
            raise ProviderNotStarted("its document is no OpenAPI document")
        return document

    async def _remote_tools(self) -> Sequence[Tool]:
        from fastmcp.client.transports import StreamableHttpTransport
        from fastmcp.server.providers.proxy import ProxyClient, ProxyProvider

        def client() -> ProxyClient[StreamableHttpTransport]:
            transport = StreamableHttpTransport(self.settings.source, headers=self._headers)
            # The token that opens this server is nobody else's business.
            return ProxyClient(transport, forward_incoming_headers=False, timeout=self.settings.seconds)

        return await ProxyProvider(client).list_tools()

    def _client(self, base_url: str = "") -> "AsyncClient":
        from httpx2 import AsyncClient

        return AsyncClient(base_url=base_url, headers=self._headers, timeout=self.settings.seconds, trust_env=False)

    def _is_offered(self, tool: Tool, taken: Collection[str]) -> bool:
        if not self.settings.offers(tool.name):
            return False
        why = ""
        if tool.name in taken:
            why = "another tool has that name"
        elif not _TOOL_NAME.fullmatch(tool.name):
            why = f"its name is not of at most {LONGEST_NAME} letters, digits, hyphens, dots and underscores"
        if why:
            extra = {"provider": self.settings.name, "tool": tool.name, "reason": why}
            _logger.warning("a provider's tool is left out", extra=extra)
        return not why

    def _not_started(self, why: str) -> ProviderNotStarted:
        self.failure = why
        return ProviderNotStarted(f"The provider {self.settings.name} has not started: {why}.")


class Providers:
    """All providers of one server."""

    def __init__(
        self,
        settings: Sequence[ProviderSettings],
        secrets: Mapping[str, str],
        own_tools: Sequence[str],
        bounds: ToolBounds,
        start_seconds: float,
    ) -> None:
        """Take what is configured; `own_tools` are the names of the image's own, `bounds` those of functions.

        A start is waited for `start_seconds` at most: health checks do not wait for ever.
        """
        self._bounds = bounds
        self._own_tools = frozenset(own_tools)
        self._on_started: Callable[[Collection[str]], None] = lambda _: None
        self.all = [OutsideTools(one, secrets, self._taken_by_others, start_seconds) for one in settings]

    def _taken_by_others(self, provider: OutsideTools) -> Collection[str]:
        return self._own_tools.union(*(one.tools for one in self.all if one is not provider))

    def join(self, server: FastMCP[Any]) -> None:
        """Have `server` offer the tools."""
        for provider in self.all:
            server.add_provider(provider)
        server.add_middleware(OutsideCalls(self.all))

    @property
    def state(self) -> dict[str, str]:
        """What became of each, by name: ``started``, or why it has not."""
        return {one.settings.name: one.failure or "started" for one in self.all}

    @asynccontextmanager
    async def running(self, on_started: Callable[[Collection[str]], None]) -> AsyncIterator[None]:
        """Try to start each, then again and again those that have not; `on_started` hears the names of tools.

        Raises ProviderNotStarted where a required one does not start.
        """
        self._on_started = on_started
        await asyncio.gather(*(self._start(one) for one in self.all))
        for provider in self.all:
            if provider.failure and provider.settings.required:
                why = f"The required provider {provider.settings.name} has not started: {provider.failure}."
                _logger.critical("%s", why)
                raise ProviderNotStarted(why)
        trying = asyncio.create_task(self._try_again())
        try:
            yield
        finally:
            trying.cancel()
            with suppress(asyncio.CancelledError):
                await trying

    async def _start(self, provider: OutsideTools) -> None:
        before = provider.failure
        try:
            await provider.start(self._bounds)
            self._on_started(provider.tools)
        except ProviderNotStarted as error:
            if provider.failure != before:
                extra = {"provider": provider.settings.name}
                _logger.error("%s", error, extra=extra)  # noqa: TRY400  # the sentence says it all

    async def _try_again(self) -> None:
        while True:
            await asyncio.sleep(RETRY_SECONDS)
            await asyncio.gather(*(self._start(one) for one in self.all if one.failure))


class OutsideCalls(Middleware):
    """FastMCP middleware that holds the calls of APIs and other servers to their time, and their failures to words."""

    def __init__(self, providers: Sequence[OutsideTools]) -> None:
        """Look after the tools of `providers`; functions of packages look after themselves."""
        self._providers = providers

    async def on_call_tool(
        self,
        context: MiddlewareContext[mcp_types.CallToolRequestParams],
        call_next: CallNext[mcp_types.CallToolRequestParams, ToolResult],
    ) -> ToolResult:
        """Run the call."""
        name = context.message.name
        settings = next(
            (
                one.settings
                for one in self._providers
                if name in one.tools and not isinstance(one.tools[name], BoundedTool)
            ),
            None,
        )
        if settings is None or replayed.get() is not None:
            return await call_next(context)
        try:
            async with asyncio.timeout(settings.seconds):
                return await call_next(context)
        except TimeoutError:
            raise ToolTimeout(
                f"{settings.name}, which has the tool {name}, did not answer within {settings.seconds:g} seconds."
            ) from None
        except ToolError as error:
            if error.__cause__ is None:
                raise
            raise ToolError(f"{settings.name}, which has the tool {name}, failed; try again later.") from error
