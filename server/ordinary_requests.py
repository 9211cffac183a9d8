"""Tells ordinary requests from all others, by what is cheap to see.

A request that this module takes for ordinary passes every check of the MCP library's HTTP transports up to the method's
own parameters; one that it does not know is None here, and the library decides. So a check that is stricter than the
library's costs time, and one that is laxer would be a fault.
"""

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from mcp_types import (
    CLIENT_CAPABILITIES_META_KEY,
    CLIENT_INFO_META_KEY,
    DEFAULT_NEGOTIATED_VERSION,
    PROTOCOL_VERSION_META_KEY,
    methods,
)
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS
from pydantic import ValidationError
from pydantic_core import to_json
from starlette.types import Scope

LOG_LEVEL_META_KEY = "io.modelcontextprotocol/logLevel"

_ONCE = frozenset({b"accept", b"content-type", b"host", b"mcp-protocol-version", b"mcp-method", b"mcp-name"})
_UNUSUAL = frozenset({b"origin", b"mcp-session-id", b"last-event-id"})
_ENVELOPE = frozenset({"jsonrpc", "id", "method", "params"})
_IDENTITY = (PROTOCOL_VERSION_META_KEY, CLIENT_INFO_META_KEY, CLIENT_CAPABILITIES_META_KEY, LOG_LEVEL_META_KEY)
_META = frozenset({*_IDENTITY, "progressToken", "traceparent", "tracestate"})
_HANDSHAKE = {version.encode(): version for version in HANDSHAKE_PROTOCOL_VERSIONS}
_MODERN = {version.encode(): version for version in MODERN_PROTOCOL_VERSIONS}
_PECULIAR = (b"NaN", b"Infinity", b"\\ud", b"\\uD")
"""What the JSON parsers of the two eras do not take alike: these numbers, and halves of surrogate pairs."""
_MOST_IDENTITIES = 256
_LOOPBACK_NAMES = frozenset({b"127.0.0.1", b"localhost", b"[::1]"})
_LOOPBACK_ADDRESSES = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True)
class OrdinaryRequest:
    """One JSON-RPC request: its protocol version, whether that is of the modern era, and the message's parts."""

    version: str
    modern: bool
    id: str | int
    method: str
    params: dict[str, Any]
    meta: dict[str, Any]


class OrdinaryRequests:
    """Recognises requests; remembers the clients' descriptions of themselves that it has found valid."""

    def __init__(self, *, names_checked: bool) -> None:
        """Say by `names_checked` whether host names were checked before."""
        self._names_checked = names_checked
        self._identities: set[bytes] = set()

    def recognise(self, scope: Scope, body: bytes) -> OrdinaryRequest | None:
        """Return the request if it is ordinary."""
        headers = _headers(scope)
        if headers is None or scope["method"] != "POST" or not self._is_asked_rightly(scope, headers):
            return None
        message = _message(body)
        if message is None:
            return None
        params = message.get("params", {})
        if type(params) is not dict:
            return None
        meta = params.get("_meta", {})
        if type(meta) is not dict or not _META.issuperset(meta):
            return None
        given = headers.get(b"mcp-protocol-version")
        if given is None or given in _HANDSHAKE:
            version = DEFAULT_NEGOTIATED_VERSION if given is None else _HANDSHAKE[given]
            if type(meta.get("progressToken", 0)) not in (int, str):
                return None
            return OrdinaryRequest(version, False, message["id"], message["method"], params, meta)
        if given not in _MODERN or not self._is_routed_rightly(headers, message, params, meta, _MODERN[given]):
            return None
        return OrdinaryRequest(_MODERN[given], True, message["id"], message["method"], params, meta)

    def _is_asked_rightly(self, scope: Scope, headers: dict[bytes, bytes]) -> bool:
        content_type = headers.get(b"content-type", b"")
        if content_type != b"application/json" and not content_type.startswith(b"application/json;"):
            return False
        if not _accepts_both(headers.get(b"accept", b"")):
            return False
        if self._names_checked:
            return True
        server = scope.get("server")
        if server is None or server[0] not in _LOOPBACK_ADDRESSES:
            return server is not None
        host = headers.get(b"host", b"")
        return host in _LOOPBACK_NAMES or host.rpartition(b":")[0] in _LOOPBACK_NAMES

    def _is_routed_rightly(
        self,
        headers: dict[bytes, bytes],
        message: dict[str, Any],
        params: dict[str, Any],
        meta: dict[str, Any],
        version: str,
    ) -> bool:
        if headers.get(b"mcp-method", b"").decode("latin-1") != message["method"]:
            return False
        if "name" in params and headers.get(b"mcp-name", b"").decode("latin-1") != params["name"]:
            return False
        if type(meta.get("progressToken", 0)) not in (int, str) or meta.get(PROTOCOL_VERSION_META_KEY) != version:
            return False
        if CLIENT_CAPABILITIES_META_KEY not in meta:
            return False
        if not all(type(meta.get(name, "")) is str for name in ("traceparent", "tracestate")):
            return False
        return self._is_valid(version, {name: meta[name] for name in _IDENTITY if name in meta})

    def _is_valid(self, version: str, identity: dict[str, Any]) -> bool:
        known = to_json(identity)
        if known in self._identities:
            return True
        try:
            methods.validate_client_request("tools/list", version, {"_meta": identity})
        except (ValidationError, KeyError):
            return False
        if len(self._identities) >= _MOST_IDENTITIES:
            self._identities.clear()
        self._identities.add(known)
        return True


def _headers(scope: Scope) -> dict[bytes, bytes] | None:
    headers: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        if name in _UNUSUAL or name.startswith(b"mcp-param-") or (name in _ONCE and name in headers):
            return None
        headers[name] = value
    return headers


@lru_cache(maxsize=64)
def _accepts_both(accept: bytes) -> bool:
    kinds = {kind.strip() for kind in accept.split(b",")}
    return b"application/json" in kinds and b"text/event-stream" in kinds


def _message(body: bytes) -> dict[str, Any] | None:
    if any(peculiar in body for peculiar in _PECULIAR):
        return None
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if type(message) is not dict or not _ENVELOPE.issuperset(message) or message.get("jsonrpc") != "2.0":
        return None
    if type(message.get("id")) not in (int, str) or type(message.get("method")) is not str:
        return None
    return message
