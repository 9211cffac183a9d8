"""Gives every request an id and writes one log line about it."""

import logging
import re
import time
from collections.abc import Mapping
from json.encoder import encode_basestring_ascii as quoted

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.json_logs import request_context, secret_filter, write_line, written_time
from server.request_facts import LONGEST_FIELD, RequestFacts, current_request, read_facts

_logger = logging.getLogger("server.access")
_JSON_RPC_ERROR = re.compile(
    rb'\{"jsonrpc":"2\.0",(?:"id":(?:null|-?[0-9]{1,20}|"[^"\\]{0,128}"),)?"error":\{"code":(-?[0-9]{1,9})\b'
)
"""How an answer that is an error begins, as the MCP library and this server write it."""


class RequestLog:
    """ASGI middleware: request id and trace id for all log lines of a request, and its access line.

    What is known of the request (`server.request_facts`) is there for whatever serves it; the answer carries its id.
    An exception of the application is logged and answered with 500.
    """

    def __init__(self, app: ASGIApp, level: int, caller_header: str = "") -> None:
        """Wrap `app` and write its access lines on `level`.

        `caller_header` names the header that says who calls, in lower case, empty where none does.
        """
        self._app = app
        self._level = level
        self._caller_header = caller_header

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        facts = read_facts(headers, self._caller_header)
        status: int | None = None
        error: int | None = None
        id_header = (b"x-request-id", facts.request_id.encode())

        async def send_with_id(message: Message) -> None:
            nonlocal status, error
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), id_header]
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
            if _logger.isEnabledFor(self._level):
                self._log(facts, scope, headers, status, error, time.perf_counter() - started)
            current_request.reset(facts_token)
            request_context.reset(token)

    def _log(
        self,
        facts: RequestFacts,
        scope: Scope,
        headers: Mapping[str, str],
        status: int | None,
        error: int | None,
        seconds: float,
    ) -> None:
        # Put together by hand: a logging record and a dictionary take three times as long.
        text = secret_filter().text
        client = scope.get("client")
        fields = "".join(
            f', "{name}": {"null" if value is None else quoted(text(value))}'
            for name, value in (
                *facts.fields().items(),
                ("method", scope["method"]),
                ("path", scope["path"][:LONGEST_FIELD]),
                ("client", client[0] if client else None),
                ("protocol_version", headers.get("mcp-protocol-version", "")[:LONGEST_FIELD] or None),
                ("mcp_method", headers.get("mcp-method", "")[:LONGEST_FIELD] or None),
            )
        )
        write_line(
            f'{{"time": "{written_time(time.time())}", "level": "{logging.getLevelName(self._level)}", '
            f'"logger": "server.access", "message": "request"{fields}, "status": {_number(status)}, '
            f'"rpc_error": {_number(error)}, "duration_ms": {seconds * 1000:.1f}}}'
        )


def _number(value: int | None) -> str:
    return "null" if value is None else str(int(value))
