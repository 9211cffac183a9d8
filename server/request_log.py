"""Gives every request an id and writes one log line about it."""

import logging
import re
import time
import uuid
from collections.abc import Mapping

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.json_logs import request_context

_logger = logging.getLogger("server.access")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}", re.ASCII)
_LONGEST_FIELD = 256
_JSON_RPC_ERROR = re.compile(
    rb'\{"jsonrpc":"2\.0",(?:"id":(?:null|-?[0-9]{1,20}|"[^"\\]{0,128}"),)?"error":\{"code":(-?[0-9]{1,9})\b'
)
"""How an answer that is an error begins, as the MCP library and this server write it."""


class RequestLog:
    """ASGI middleware: request id and trace id for all log lines of a request, and its access line.

    The id is the client's ``X-Request-Id`` where that is usable, else a new one; the answer carries it. The trace id
    is the load balancer's ``X-Amzn-Trace-Id``. An exception of the application is logged and answered with 500.
    """

    def __init__(self, app: ASGIApp, level: int) -> None:
        """Wrap `app` and write its access lines on `level`."""
        self._app = app
        self._level = level

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        headers = dict(scope["headers"])
        given_id = headers.get(b"x-request-id", b"").decode("latin-1")
        request_id = given_id if _REQUEST_ID.fullmatch(given_id) else uuid.uuid4().hex
        fields = {"request_id": request_id}
        if trace_id := headers.get(b"x-amzn-trace-id"):
            fields["trace_id"] = _field(trace_id)
        status: int | None = None
        error: int | None = None
        id_header = (b"x-request-id", request_id.encode())

        async def send_with_id(message: Message) -> None:
            nonlocal status, error
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), id_header]
            elif found := _JSON_RPC_ERROR.match(message.get("body", b"")):
                error = int(found[1])
            await send(message)

        token = request_context.set(fields)
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
            if _logger.isEnabledFor(self._level):
                self._log(scope, headers, status, error, time.perf_counter() - started)
            request_context.reset(token)

    def _log(
        self, scope: Scope, headers: Mapping[bytes, bytes], status: int | None, error: int | None, seconds: float
    ) -> None:
        client = scope.get("client")
        _logger.log(
            self._level,
            "request",
            extra={
                "method": scope["method"],
                "path": scope["path"][:_LONGEST_FIELD],
                "status": status,
                "rpc_error": error,
                "duration_ms": round(seconds * 1000, 1),
                "client": client[0] if client else None,
                "protocol_version": _field(headers.get(b"mcp-protocol-version", b"")) or None,
                "mcp_method": _field(headers.get(b"mcp-method", b"")) or None,
            },
        )


def _field(value: bytes) -> str:
    return value[:_LONGEST_FIELD].decode("latin-1")
