"""Requests as clients send them, and as nobody should: generated from a seed, so that a failure can be had again."""

import copy
import json
import random
from dataclasses import dataclass
from typing import Any

MODERN = "2026-07-28"
HANDSHAKE = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
_META = "io.modelcontextprotocol/"

_FITTING: dict[str, list[dict[str, Any]]] = {
    "echo": [{"message": "hello"}, {"message": ""}, {"message": "ü 漢 \U0001f600"}, {"message": "x" * 3000}],
    "add": [{"left": 1}, {"left": "2", "right": 3}, {"left": 10**30, "right": 1}, {"left": True}],
    "divide": [{"left": 1, "right": 4}, {"left": 1.5, "right": 0}, {"left": "7", "right": "2"}],
    "bounded": [{"count": 3}, {"count": 10, "kind": "b", "color": "blue"}],
    "item": [{"thing": {"name": "a"}}, {"thing": {"name": "b", "price": "2.25"}, "more": [{"name": "c"}]}],
    "tree": [{"root": {"label": "a"}}, {"root": {"label": "a", "children": [{"label": "b", "children": []}]}}],
    "point": [{"x": 1}, {"x": 1.25, "y": -3}],
    "entry": [{"key": "k"}, {"key": "k", "value": None}, {"key": "k", "value": 5}],
    "loose": [{"data": {}}, {"data": {"a": [1, None, {"b": 1.5}], "c": None}}],
    "anything": [{}, {"data": None}, {"data": [1, "a"]}, {"data": {"x": {}}}, {"data": 1.0}, {"data": "text"}],
    "numbers": [{"count": 0}, {"count": 5}],
    "nothing": [{}],
    "moments": [{"day": "2026-01-02"}, {"day": "2026-01-02", "moment": "2026-01-02T03:04:05Z"}],
    "identity": [{"key": "12345678-1234-5678-1234-567812345678"}],
    "raw": [{}],
    "picture": [{}],
    "blocks": [{}],
    "own_result": [{}, {"fail": True}],
    "generated": [{}, {"count": 0}],
    "generated_slowly": [{}, {"count": 0}],
    "large": [{}, {"size": 100}],
    "refuses": [{"why": "because"}, {"why": ""}],
    "breaks": [{"kind": k} for k in ("value", "key", "timeout", "mcp", "missing", "pydantic", "recursion", "exit")],
    "odd": [{"kind": k} for k in ("nan", "infinity", "surrogate", "huge", "object")],
    "reports": [{}, {"steps": 0}],
    "knows": [{}],
    "knows_without_asking": [{}],
    "depends": [{"name": "n"}],
    "asks": [{}],
}

_VALUES: list[Any] = [None, True, 0, -1, 1.5, 10**20, "", "a", "NaN", "\U0001f600", [], [1], {}, {"a": 1}, [[[]]]]
_METHODS = (
    "tools/list",
    "initialize",
    "ping",
    "resources/list",
    "resources/templates/list",
    "resources/read",
    "prompts/list",
    "prompts/get",
    "completion/complete",
    "logging/setLevel",
    "server/discover",
    "notifications/initialized",
    "notifications/cancelled",
    "tools/unknown",
    "",
)


@dataclass(frozen=True)
class Generated:
    """One HTTP request: method, headers and body."""

    method: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


def request(seed: int) -> Generated:
    """Return the request of `seed`: two of three are as clients send them, the others have one to three faults."""
    chance = random.Random(seed)
    modern = chance.random() < 0.5
    version = MODERN if modern else chance.choice(HANDSHAKE)
    message = _message(chance, version, modern)
    headers = _headers(chance, message, version, modern)
    body: Any = message
    method = "POST"
    raw: bytes | None = None
    if chance.random() < 0.34:
        for _ in range(chance.randint(1, 3)):
            kind = chance.randrange(8)
            if kind == 0:
                _spoil(chance, message)
            elif kind == 1:
                _spoil(chance, message.get("params") if isinstance(message.get("params"), dict) else message)
            elif kind == 2:
                arguments = (message.get("params") or {}) if isinstance(message.get("params"), dict) else {}
                _spoil(
                    chance, arguments.get("arguments") if isinstance(arguments.get("arguments"), dict) else arguments
                )
            elif kind == 3:
                meta = message["params"].get("_meta") if isinstance(message.get("params"), dict) else None
                _spoil(chance, meta if isinstance(meta, dict) else message)
            elif kind in (4, 5):
                headers = _spoiled_headers(chance, headers)
            elif kind == 6:
                method = chance.choice(("GET", "DELETE", "PUT", "POST"))
            else:
                raw = _spoiled_bytes(chance, json.dumps(body).encode())
    encoded = raw if raw is not None else json.dumps(body, ensure_ascii=chance.random() < 0.5).encode(errors="replace")
    return Generated(method, tuple(headers), encoded)


def _message(chance: random.Random, version: str, modern: bool) -> dict[str, Any]:
    identifier = chance.choice([1, 0, -5, 2**40, "a", "", "ü", chance.randrange(10**9)])
    if chance.random() < 0.7:
        name = chance.choice(sorted(_FITTING))
        params: dict[str, Any] = {"name": name, "arguments": json.loads(json.dumps(chance.choice(_FITTING[name])))}
        if chance.random() < 0.05:
            del params["arguments"]
        method = "tools/call"
    else:
        method = chance.choice(_METHODS)
        params = {}
        if method == "initialize":
            params = {
                "protocolVersion": chance.choice([*HANDSHAKE, MODERN, "1999-01-01"]),
                "capabilities": chance.choice([{}, {"roots": {"listChanged": True}}, {"sampling": {}}]),
                "clientInfo": {"name": "generated", "version": "1"},
            }
    if modern:
        params["_meta"] = {f"{_META}protocolVersion": version, f"{_META}clientCapabilities": {}}
        if chance.random() < 0.8:
            params["_meta"][f"{_META}clientInfo"] = {"name": "generated", "version": "1"}
        if chance.random() < 0.2:
            params["_meta"][f"{_META}logLevel"] = chance.choice(["debug", "info", "error", "loud"])
    if chance.random() < 0.2:
        params.setdefault("_meta", {})["progressToken"] = chance.choice(["t", 7])
    if chance.random() < 0.1:
        params.setdefault("_meta", {})["traceparent"] = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
    message: dict[str, Any] = {"jsonrpc": "2.0", "id": identifier, "method": method, "params": params}
    if method.startswith("notifications/"):
        del message["id"]
    if not params and chance.random() < 0.5:
        del message["params"]
    return message


def _headers(chance: random.Random, message: dict[str, Any], version: str, modern: bool) -> list[tuple[str, str]]:
    headers = [
        ("host", "127.0.0.1:3000"),
        ("content-type", chance.choice(["application/json", "application/json; charset=utf-8"])),
        ("accept", chance.choice(["application/json, text/event-stream", "text/event-stream,application/json"])),
        ("user-agent", "generated"),
    ]
    if modern or chance.random() < 0.85:
        headers.append(("mcp-protocol-version", version))
    if modern:
        headers.append(("mcp-method", message["method"]))
        params = message.get("params", {})
        if "name" in params:
            headers.append(("mcp-name", params["name"]))
    return headers


def _spoil(chance: random.Random, target: Any) -> None:
    if not isinstance(target, dict):
        return
    keys = sorted(target)
    if keys and chance.random() < 0.7:
        key = chance.choice(keys)
        if chance.random() < 0.3:
            del target[key]
        else:
            target[key] = copy.deepcopy(chance.choice(_VALUES))
    else:
        name = chance.choice(["extra", "cursor", "fastmcp", "_meta", "task", "inputResponses", "id"])
        target[name] = copy.deepcopy(chance.choice(_VALUES))


def _spoiled_headers(chance: random.Random, headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    position = chance.randrange(len(headers))
    name, value = headers[position]
    rest = [*headers[:position], *headers[position + 1 :]]
    match chance.randrange(4):
        case 0:
            return rest
        case 1:
            return [*headers, (name, value)]
        case 2:
            spoiled = chance.choice(
                ["", "*/*", "application/json", "text/html", "2025-06-18", "1.0", "tools/list", "x"]
            )
            return [*rest, (name, spoiled)]
        case _:
            extra = chance.choice(
                [
                    ("origin", "http://127.0.0.1:3000"),
                    ("origin", "http://example.com"),
                    ("mcp-session-id", "s"),
                    ("mcp-param-region", "x"),
                    ("last-event-id", "1"),
                    ("accept", "application/json;q=0.5"),
                ]
            )
            return [*headers, extra]


def _spoiled_bytes(chance: random.Random, body: bytes) -> bytes:
    match chance.randrange(6):
        case 0:
            return body[: chance.randrange(len(body))]
        case 1:
            return b"[" + body + b"]"
        case 2:
            return body.replace(b":", chance.choice([b": NaN,", b": -Infinity,", b"::"]), 1)
        case 3:
            return body.replace(b'"', b'"\\ud83d', 2)
        case 4:
            return chance.choice([b"", b"null", b"{}", b"1e999", b'"text"'])
        case _:
            position = chance.randrange(len(body))
            return body[:position] + bytes([chance.randrange(256)]) + body[position + 1 :]
