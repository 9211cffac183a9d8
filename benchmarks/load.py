"""Sends requests over kept connections as fast as they are answered: one process, one thread, nothing but sockets.

Reads from standard input a JSON object with ``port``, ``connections``, ``seconds`` and ``requests``, a list of objects
with ``headers`` and ``body``, which each connection sends round after round. Writes one with ``calls``, ``seconds``,
``median_ms``, ``p99_ms``, and ``wrong``, the first answer that is not a JSON-RPC result with status 200, or null.
"""

import json
import selectors
import socket
import sys
import time
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Connection:
    """One connection: its socket, which request it is at, when that was sent, and what has come of its answer."""

    socket: socket.socket
    at: int
    sent: float = 0.0
    arrived: bytearray = field(default_factory=bytearray)


def message(headers: dict[str, str], body: str) -> bytes:
    """Return an HTTP request with `headers` and `body`."""
    encoded = body.encode()
    lines = ["POST /mcp HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(encoded)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + encoded


def body_of(arrived: bytearray) -> bytes | None:
    """Return the body of a whole answer, None while it is not whole."""
    end = arrived.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = bytes(arrived[:end]).lower()
    at = head.find(b"content-length:")
    if at >= 0:
        length = int(head[at + 15 :].split(b"\r\n", 1)[0])
        return bytes(arrived[end + 4 :]) if len(arrived) >= end + 4 + length else None
    return bytes(arrived[end + 4 :]) if arrived.endswith(b"0\r\n\r\n") else None


def run(order: dict[str, Any]) -> dict[str, Any]:
    """Send the requests of an order and return what came of it."""
    requests = [message(request["headers"], request["body"]) for request in order["requests"]]
    selector = selectors.DefaultSelector()
    for number in range(order["connections"]):
        connected = socket.create_connection(("127.0.0.1", order["port"]))
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = Connection(connected, number % len(requests))
        selector.register(connected, selectors.EVENT_READ, connection)
        connection.sent = time.perf_counter()
        connected.sendall(requests[connection.at])
    took: list[float] = []
    wrong: str | None = None
    started = time.perf_counter()
    now = started
    while now - started < order["seconds"]:
        for key, _ in selector.select():
            connection = key.data
            connection.arrived += connection.socket.recv(1 << 18)
            body = body_of(connection.arrived)
            if body is None:
                continue
            now = time.perf_counter()
            took.append(now - connection.sent)
            if wrong is None and (not connection.arrived.startswith(b"HTTP/1.1 200") or b'"result":' not in body):
                wrong = connection.arrived.decode(errors="replace")[:500]
            connection.arrived = bytearray()
            connection.at = (connection.at + 1) % len(requests)
            connection.sent = time.perf_counter()
            connection.socket.sendall(requests[connection.at])
    took.sort()
    return {
        "calls": len(took),
        "seconds": now - started,
        "median_ms": took[len(took) // 2] * 1000,
        "p99_ms": took[len(took) * 99 // 100] * 1000,
        "wrong": wrong,
    }


if __name__ == "__main__":
    json.dump(run(json.load(sys.stdin)), sys.stdout)
