"""How the server refuses a request before any tool sees it: an HTTP status, a JSON-RPC error and one line in the log.

Codes from -32000 to -32019 are an implementation's own (MCP 2026-07-28, allocation of error codes); the id is null,
because the request is refused before it is read.
"""

import logging
from collections.abc import Mapping
from types import MappingProxyType

from starlette.responses import JSONResponse

_logger = logging.getLogger("server.entrance")

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
NOT_IN_TIME = -32010
TOO_MANY_CALLS = -32011
TOKEN_REFUSED = -32012
KEYS_UNAVAILABLE = -32013

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class RefusedRequest(Exception):
    """A request that is not served.

    `status` and `headers` are the answer's, `code` the JSON-RPC error's; `message` tells the caller what the bound is
    and what to do; `reason` is for the log alone. Neither ever holds anything of a token.
    """

    def __init__(
        self, status: int, code: int, message: str, reason: str, headers: Mapping[str, str] = _NO_HEADERS
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.reason = reason
        self.headers = headers


def refusal(refused: RefusedRequest, *, close: bool = False) -> JSONResponse:
    """Log why and return the answer; with `close` it ends the connection."""
    _logger.warning("request refused", extra={"reason": refused.reason, "status": refused.status})
    body = {"jsonrpc": "2.0", "id": None, "error": {"code": refused.code, "message": refused.message}}
    headers = {**refused.headers, **({"connection": "close"} if close else {})}
    return JSONResponse(body, refused.status, headers)
