"""Gives every request an id and writes one log line about it."""

import logging
import re
import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.json_logs import request_context
from server.request_facts import LONGEST_FIELD, current_request, read_facts

_logger = logging.getLogger("server.access")
_JSON_RPC_ERROR = re.compile(
    rb'\{"jsonrpc":"2\.0",(?:"id":(?:null|-?[0-9]{1,20}|"[^"\\]{0,128}"),)?"error":\{"code":(-?[0-9]{1,9})\b'
)
"""How an answer that is an error begins, as the MCP library and this server write it."""


class RequestLog:
    """ASGI middleware: request id and trace id for all log lines of a request, and its access line.

    What is known of the request (`server.request_facts`) is there for whatever serves it; the answer carries its id.
    An exception of the application is logged and answered with 500. Requests for `quiet_paths` are logged on DEBUG,
    others on INFO.
    """

    def __init__(self, app: ASGIApp, quiet_paths: frozenset[str], caller_header: str = "") -> None:
        """Wrap `app`; `caller_header` names the header that says who calls, in lower case, empty where none does."""
        self._app = app
        self._quiet_paths = quiet_paths
        self._caller_header = caller_header

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        facts = read_facts(headers, self._caller_header)
        status: int | None = None
        error: int | None = None

        async def send_with_id(message: Message) -> None:
            nonlocal status, error
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["x-request-id"] = facts.request_id
            elif found := _JSON_RPC_ERROR.match(message.get("body", b"")):
                error = int(found[1])
            await send(message)

        token = request_context.set(facts.fields())
        facts_token = current_request.set(facts)
        started = time.perf_counter()
        try:
            await self._app(scope, receive, send_with_id)
        except Exception:
            # Ends here, because further out the log line would have lost the request's ids.
            _logger.exception("the request failed unexpectedly")
            if status is None:
                answer = JSONResponse({"error": "Internal error; the server's log has it under this request id."}, 500)
                await answer(scope, receive, send_with_id)
        finally:
            self._log(scope, headers, status, error, time.perf_counter() - started)
            current_request.reset(facts_token)
            request_context.reset(token)

    def _log(self, scope: Scope, headers: Headers, status: int | None, error: int | None, seconds: float) -> None:
        level = logging.DEBUG if scope["path"] in self._quiet_paths else logging.INFO
        if not _logger.isEnabledFor(level):
            return
        client = scope.get("client")
        _logger.log(
            level,
            "request",
            extra={
                "method": scope["method"],
                "path": scope["path"][:LONGEST_FIELD],
                "status": status,
                "rpc_error": error,
                "duration_ms": round(seconds * 1000, 1),
                "client": client[0] if client else None,
                "protocol_version": headers.get("mcp-protocol-version", "")[:LONGEST_FIELD] or None,
                "mcp_method": headers.get("mcp-method", "")[:LONGEST_FIELD] or None,
            },
        )
