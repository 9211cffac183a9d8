"""The locks before the MCP endpoint, in this order: size of the headers, host name, token, size and time of the
body, its encoding, form and depth, number of calls. Nothing of a body is read before its token was found good.
"""

import asyncio
from fnmatch import fnmatchcase
from types import TracebackType
from typing import TYPE_CHECKING

from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from server.admission import Admission
from server.call_tracker import CallTracker
from server.json_nesting import is_deeper
from server.mcp_endpoint import McpEndpoint
from server.refusals import INVALID_REQUEST, NOT_IN_TIME, PARSE_ERROR, RefusedRequest, refusal
from server.settings import Settings

if TYPE_CHECKING:
    from server.token_lock import TokenLock

_LINE_OVERHEAD = len(": \r\n")


class Entrance:
    """ASGI application that lets requests through to another one, or refuses them."""

    def __init__(
        self,
        endpoint: McpEndpoint,
        settings: Settings,
        calls: CallTracker,
        admission: Admission,
        lock: "TokenLock | None",
    ) -> None:
        """Stand before `endpoint`, count its calls in `calls` and let as many run as `admission` does; `lock` is None
        where no token is asked for.
        """
        self._admission = admission
        self._endpoint = endpoint
        self._settings = settings
        self._calls = calls
        self._lock = lock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        try:
            headers = Headers(scope=scope)
            self._check_headers(headers)
            if self._lock is not None:
                await self._lock.check(headers.getlist("authorization"))
            with self._calls.call():
                body = await self._read(headers, receive)
                if body is not None:
                    self._check_body(body)
                    async with self._admission.place():
                        await self._endpoint.serve(scope, body, receive, send)
        except RefusedRequest as refused:
            answer = refusal(refused, close=self._calls.draining or refused.status == 408)
            await answer(scope, receive, send)

    def _check_headers(self, headers: Headers) -> None:
        size = sum(len(name) + len(value) + _LINE_OVERHEAD for name, value in headers.raw)
        if size > self._settings.max_header_bytes:
            raise RefusedRequest(
                431,
                INVALID_REQUEST,
                f"The request's headers take {size} bytes and this server reads {self._settings.max_header_bytes}; "
                "send fewer or shorter ones.",
                "headers too large",
            )
        hosts = headers.getlist("host")
        allowed = self._settings.allowed_hosts
        # Without names FastMCP's own guard protects addresses of this machine. Its list cannot be ours alone: it
        # always adds localhost and the address that was connected to.
        if allowed and not (len(hosts) == 1 and any(fnmatchcase(_name(hosts[0]), pattern) for pattern in allowed)):
            raise RefusedRequest(
                421,
                INVALID_REQUEST,
                "This server does not answer under that host name; use the name that it was deployed with.",
                "a foreign host name",
            )

    async def _read(self, headers: Headers, receive: Receive) -> bytes | None:
        """Return the whole body, None when the client left before its end."""
        limit, seconds = self._settings.max_body_bytes, self._settings.request_seconds
        declared = headers.get("content-length", "")
        too_large = RefusedRequest(
            413,
            INVALID_REQUEST,
            f"The request's body is larger than the {limit} bytes that this server reads; send less in one call.",
            "body too large",
        )
        if declared.isdecimal() and int(declared[:20]) > limit:
            raise too_large
        body: bytes = b""
        try:
            with _Deadline(seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return None
                    # One message holds the whole body of nearly every request.
                    part: bytes = message.get("body", b"")
                    body = body + part if body else part
                    if len(body) > limit:
                        raise too_large
                    if not message.get("more_body", False):
                        return body
        except TimeoutError:
            raise RefusedRequest(
                408,
                NOT_IN_TIME,
                f"The request's body did not arrive within {seconds} seconds, as this server asks; send it again.",
                "body too slow",
            ) from None

    def _check_body(self, body: bytes) -> None:
        try:
            body.decode()
        except UnicodeDecodeError as error:
            raise RefusedRequest(
                400,
                PARSE_ERROR,
                f"The request's body is not UTF-8 from byte {error.start} on; encode it as UTF-8.",
                "body not UTF-8",
            ) from None
        if body.lstrip()[:1] == b"[":
            raise RefusedRequest(
                400,
                INVALID_REQUEST,
                "This server takes one message a request; send the messages of a batch one by one.",
                "batch",
            )
        if is_deeper(body, self._settings.max_depth):
            raise RefusedRequest(
                400,
                INVALID_REQUEST,
                f"The request's JSON is nested deeper than the {self._settings.max_depth} levels that this server "
                "reads; send flatter arguments.",
                "body nested too deep",
            )


class _Deadline:
    """`asyncio.timeout` for what nearly always is there at once, at a fifth of its cost."""

    def __init__(self, seconds: float) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("A deadline is for what runs in a task.")
        self._task = task
        self._over = False
        self._timer = asyncio.get_running_loop().call_later(seconds, self._cancel)

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        self._timer.cancel()
        if self._over and self._task.uncancel() == 0 and kind is asyncio.CancelledError:
            raise TimeoutError

    def _cancel(self) -> None:
        self._over = True
        self._task.cancel()


def _name(host: str) -> str:
    """Return the host of a Host header, lower-case and without its port."""
    name = host.strip().lower()
    if name.startswith("["):
        return name[1:].partition("]")[0]
    return name.rpartition(":")[0] if name.count(":") == 1 else name
