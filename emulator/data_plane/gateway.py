"""The AgentCore gateway's data plane, a stand-in: inbound IAM check, then MCP in both eras, then the real target.

Sources, in the AgentCore developer guide where not said otherwise: address and signing name, "Use a gateway"; who may
call, the policy evaluation logic of the IAM user guide applied to bedrock-agentcore:InvokeGateway; tool names
``target___tool`` and the search tool, "Gateway targets" and "Semantic search"; versions and error codes, the MCP
specification and the AWS Machine Learning blog on its 2026-07-28 version. What AWS's gateway answers to a caller it
refuses is not documented: the form is that of AWS's other REST services. What it answers beyond a rate limit is HTTP
status 429 here, in a form of our own.
"""

import datetime
import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Protocol

import httpx

from emulator.data_plane import policy_statements
from emulator.data_plane.agentcore import Scope
from emulator.data_plane.agentcore_store import Record
from emulator.data_plane.agentcore_targets import server_of
from emulator.data_plane.credentials import CredentialError
from emulator.data_plane.errors import ServiceError
from emulator.data_plane.exchange import Reply, Request
from emulator.data_plane.handshake import TargetError, messages
from emulator.data_plane.outbound import OutboundError
from emulator.data_plane.permissions import Permissions, denied
from emulator.data_plane.rate_limits import RateLimits
from emulator.data_plane.signatures import Key, verify

SEARCH_TOOL = "x_amz_bedrock_agentcore_search"
_HOST = re.compile(r"([0-9a-z-]+-[0-9a-z]{10})\.gateway\.bedrock-agentcore\.([a-z0-9-]+)\.amazonaws\.com")
_PLAIN_PATH = re.compile(r"/gateways/([0-9a-z-]+)/mcp/?")
# What a gateway assumes of a request without the header, as the MCP specification asks.
_ASSUMED_VERSION = "2025-03-26"
_MODERN_VERSION = "2026-07-28"
# AgentCore developer guide, quotas: 15 minutes for one invocation.
_CALL_SECONDS = 900.0
_SEARCH_RESULTS = 10


class Access(Protocol):
    """The IAM decisions that the gateway needs."""

    def key(self, access_key: str) -> Key | None:
        """Return the secret of an access key, None when there is no such key."""

    def principal(self, access_key: str) -> str:
        """Return the ARN of the key's principal, nothing when there is none."""

    def may_invoke(self, access_key: str, gateway_arn: str, owner: str, policy: str | None) -> str:
        """Return an empty string when the key's principal may call the gateway, else who is refused."""


class RpcError(Exception):
    """A JSON-RPC error answer; ``status`` is the HTTP status it travels with."""

    def __init__(self, code: int, message: str, status: int = 200, data: Any = None) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.data = data


@dataclass(frozen=True)
class _Call:
    """One request to a gateway, after it was let in."""

    scope: Scope
    gateway: Record
    version: str
    streams: bool
    message: dict[str, Any]
    permissions: Permissions

    @property
    def parameters(self) -> dict[str, Any]:
        parameters = self.message.get("params")
        return parameters if isinstance(parameters, dict) else {}

    @property
    def mcp(self) -> dict[str, Any]:
        mcp: dict[str, Any] = self.gateway["protocolConfiguration"]["mcp"]
        return mcp


class GatewayFront:
    """Answers requests to any gateway, under its own host name or in the plain form on loopback."""

    def __init__(
        self,
        find: Callable[[str], tuple[Scope, Record] | None],
        access: Access,
        note: Callable[[str], None],
    ) -> None:
        self._find = find
        self._access = access
        self._note = note
        self._limits = RateLimits()

    def answer(self, request: Request) -> Reply | None:
        """Return the answer to a request addressed to a gateway, None when it is addressed to something else."""
        gateway_id = _addressed(request)
        if gateway_id is None:
            return None
        found = self._find(gateway_id)
        if found is None:
            return _refusal(ServiceError("ResourceNotFoundException", f"Gateway {gateway_id} not found", 404))
        scope, gateway = found
        try:
            principal = self._admit(request, scope, gateway)
        except ServiceError as error:
            self._note(f"gateway {gateway_id} refused a request: {error.code}: {error}")
            return _refusal(error)
        if request.method != "POST":
            return Reply(405, b"", {"allow": "POST"})
        limits = list(scope.records.rate_limits.get(gateway_id, {}).values())

        def exceeded(tool: str) -> str:
            target, separator, _ = tool.partition("___")
            values = {"$.context.iam.principal": principal, "toolName": tool, "targetName": target if separator else ""}
            return self._limits.exceeded(gateway_id, limits, values)

        permissions = Permissions(scope, gateway, principal, self._note)
        return _converse(request, scope, gateway, self._note, exceeded, permissions)

    def _admit(self, request: Request, scope: Scope, gateway: Record) -> str:
        """Return the caller's principal; raise ServiceError for one that may not call."""
        kind = gateway["authorizerType"]
        if kind == "NONE":
            return ""
        if kind == "CUSTOM_JWT":
            raise ServiceError("AccessDeniedException", "CUSTOM_JWT gateways are not emulated; test them on AWS", 403)
        access_key = verify(
            request,
            service="bedrock-agentcore",
            region=scope.region,
            key_of=self._access.key,
            now=datetime.datetime.now(datetime.UTC),
        )
        principal = self._access.principal(access_key)
        if kind == "AUTHENTICATE_ONLY":
            return principal
        arn = str(gateway["gatewayArn"])
        refused = self._access.may_invoke(access_key, arn, scope.account, scope.records.policies.get(arn))
        if refused:
            text = f"User: {refused} is not authorized to perform: bedrock-agentcore:InvokeGateway on resource: {arn}"
            raise ServiceError("AccessDeniedException", text, 403)
        return principal


def _addressed(request: Request) -> str | None:
    host = _HOST.fullmatch(request.host)
    if host:
        return host[1] if request.path.rstrip("/") == "/mcp" else None
    plain = _PLAIN_PATH.fullmatch(request.path)
    return plain[1] if plain else None


def _refusal(error: ServiceError) -> Reply:
    body = json.dumps({"message": str(error)}).encode()
    return Reply(error.status, body, {"content-type": "application/json", "x-amzn-errortype": error.code})


def _converse(
    request: Request,
    scope: Scope,
    gateway: Record,
    note: Callable[[str], None],
    exceeded: Callable[[str], str],
    permissions: Permissions,
) -> Reply:
    identity: Any = None
    try:
        message = _message(request.body)
        identity = message.get("id")
        version = request.headers.get("mcp-protocol-version", _ASSUMED_VERSION)
        mcp = gateway["protocolConfiguration"]["mcp"]
        streams = bool((mcp.get("streamingConfiguration") or {}).get("enableResponseStreaming"))
        streams = streams and "text/event-stream" in request.headers.get("accept", "")
        call = _Call(scope, gateway, version, streams, message, permissions)
        _require_version(call, request)
        _require_rate(call, exceeded)
        if "id" not in message:
            return Reply(202)
        return _dispatch(call)
    except RpcError as error:
        note(f"gateway {gateway['gatewayId']} answered with the error {error.code}: {error}")
        described: dict[str, Any] = {"code": error.code, "message": str(error)}
        if error.data is not None:
            described["data"] = error.data
        return _json(error.status, {"jsonrpc": "2.0", "id": identity, "error": described})


def _message(body: bytes) -> dict[str, Any]:
    try:
        message = json.loads(body)
    except ValueError:
        raise RpcError(-32700, "Parse error", 400) from None
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0" or not isinstance(message.get("method"), str):
        raise RpcError(-32600, "Invalid Request", 400)
    return message


def _require_version(call: _Call, request: Request) -> None:
    """Refuse versions that the gateway does not list (-32022) and, in the modern era, headers that differ from the
    body (-32020).
    """
    method = call.message["method"]
    listed = call.mcp["supportedVersions"]
    if method == "initialize":
        return
    if call.version not in listed and not (
        call.version == _ASSUMED_VERSION and "mcp-protocol-version" not in request.headers
    ):
        data = {"supported": listed, "requested": call.version}
        raise RpcError(-32022, f"Unsupported protocol version: {call.version}", 400, data)
    if call.version != _MODERN_VERSION:
        return
    meta = call.parameters.get("_meta") or {}
    wanted = {"mcp-method": method}
    if method == "tools/call":
        wanted["mcp-name"] = str(call.parameters.get("name"))
    if meta.get("io.modelcontextprotocol/protocolVersion") != call.version:
        raise RpcError(-32020, "MCP-Protocol-Version does not match the request's _meta", 400)
    for header, value in wanted.items():
        if request.headers.get(header) != value:
            raise RpcError(-32020, f"The header {header} does not match the request's body", 400)


def _require_rate(call: _Call, exceeded: Callable[[str], str]) -> None:
    limit = exceeded(str(call.parameters.get("name", "")) if call.message["method"] == "tools/call" else "")
    if limit:
        raise RpcError(-32000, f"Rate limit {limit} exceeded", 429)


def _dispatch(call: _Call) -> Reply:
    method = call.message["method"]
    if method == "initialize":
        return _result(call, _initialize(call))
    if method == "server/discover":
        return _result(call, _described(call) | {"supportedVersions": call.mcp["supportedVersions"]})
    if method == "ping":
        return _result(call, {})
    if method == "tools/list":
        caching = {"ttlMs": 0, "cacheScope": "private"} if call.version == _MODERN_VERSION else {}
        return _result(call, {"tools": _tools(call), **caching})
    if method == "tools/call":
        name = str(call.parameters.get("name"))
        return _result(call, _search(call)) if name == SEARCH_TOOL and _searches(call) else _forward(call, name)
    raise RpcError(-32601, f"Method not found: {method}", 404 if call.version == _MODERN_VERSION else 200)


def _initialize(call: _Call) -> dict[str, Any]:
    """Agree on the version asked for when the gateway lists it, else on its newest one of the handshake era."""
    listed = [version for version in call.mcp["supportedVersions"] if version != _MODERN_VERSION]
    if not listed:
        data = {"supported": call.mcp["supportedVersions"]}
        raise RpcError(-32022, "The gateway supports no version with a handshake", 400, data)
    asked = call.parameters.get("protocolVersion")
    return {"protocolVersion": asked if asked in listed else max(listed), **_described(call)}


def _described(call: _Call) -> dict[str, Any]:
    described: dict[str, Any] = {
        "capabilities": {"tools": {"listChanged": False}},
        "serverInfo": {"name": call.gateway["name"], "version": "1.0.0"},
    }
    if call.mcp.get("instructions"):
        described["instructions"] = call.mcp["instructions"]
    return described


def _targets(call: _Call) -> list[Record]:
    return list(call.scope.records.targets.get(str(call.gateway["gatewayId"]), {}).values())


def _searches(call: _Call) -> bool:
    return call.mcp.get("searchType") == "SEMANTIC"


def _tools(call: _Call) -> list[dict[str, Any]]:
    named = call.permissions.listed(
        [tool for target in _targets(call) for tool in policy_statements.named(target["name"], target["tools"])]
    )
    if _searches(call):
        schema = {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]}
        text = "A special tool that returns a trimmed down list of tools given a context."
        named.insert(0, {"name": SEARCH_TOOL, "description": text, "inputSchema": schema})
    return named


def _search(call: _Call) -> dict[str, Any]:
    """Rank tools by the words they share with the query: a stand-in of the semantic index."""
    words = set(re.findall(r"\w+", str((call.parameters.get("arguments") or {}).get("query", "")).lower()))

    def score(tool: dict[str, Any]) -> int:
        return len(words & set(re.findall(r"[^\W_]+", f"{tool['name']} {tool.get('description', '')}".lower())))

    ranked = sorted((tool for tool in _tools(call) if tool["name"] != SEARCH_TOOL and score(tool)), key=score)
    found = {"tools": ranked[::-1][:_SEARCH_RESULTS]}
    return {"content": [{"type": "text", "text": json.dumps(found)}], "structuredContent": found, "isError": False}


def _forward(call: _Call, name: str) -> Reply:
    """Call the tool on its target with a fresh token, in the client's era."""
    target_name, _, tool = name.partition("___")
    target = next((target for target in _targets(call) if target["name"] == target_name), None)
    if target is None or all(known["name"] != tool for known in target["tools"]):
        raise RpcError(-32602, f"Unknown tool: {name}")
    if reason := call.permissions.refusal(name, call.parameters.get("arguments") or {}):
        return _result(call, denied(reason))
    try:
        server = server_of(call.scope, target)
        headers = {
            **server.headers,
            "content-type": "application/json",
            "accept": "application/json, text/event-stream",
        }
        if call.version == _MODERN_VERSION:
            headers |= {"mcp-protocol-version": call.version, "mcp-method": "tools/call", "mcp-name": tool}
        else:
            headers |= server.open_session(call.version)
        message = {**call.message, "params": {**call.parameters, "name": tool}}
        with ExitStack() as opened:
            response = opened.enter_context(
                server.outbound.stream(
                    "POST", server.url, headers=headers, content=json.dumps(message).encode(), timeout=_CALL_SECONDS
                )
            )
            if call.streams and response.headers.get("content-type", "").startswith("text/event-stream"):
                return Reply(200, _pieces(response, opened.pop_all()), {"content-type": "text/event-stream"})
            response.read()
            return _single(call, response)
    except (CredentialError, TargetError, OutboundError, ServiceError, httpx.HTTPError) as error:
        detailed = call.gateway.get("exceptionLevel") == "DEBUG"
        text = f"Target {target_name}: {error}" if detailed else "An internal error occurred. Please retry later."
        raise RpcError(-32603, text) from error


def _pieces(response: httpx.Response, opened: ExitStack) -> Iterator[bytes]:
    with opened:
        yield from response.iter_raw()


def _single(call: _Call, response: httpx.Response) -> Reply:
    for message in messages(response):
        if message.get("id") == call.message["id"]:
            return _json(response.status_code, message)
    raise TargetError(f"tools/call was answered with HTTP status {response.status_code} and no result")


def _result(call: _Call, result: dict[str, Any]) -> Reply:
    if call.version == _MODERN_VERSION:
        result = {"resultType": "complete", **result}
    return _json(200, {"jsonrpc": "2.0", "id": call.message["id"], "result": result})


def _json(status: int, document: dict[str, Any]) -> Reply:
    return Reply(status, json.dumps(document).encode(), {"content-type": "application/json"})
