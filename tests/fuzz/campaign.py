"""Sends generated requests to a running server and judges what comes of them."""

import json
import os
import re
import socket
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.fuzz.wire import sent
from tests.server.server_process import ServerProcess

WARM_UP = 0.25
"""The share of the requests after which the memory must not grow much any more."""

MOST_GROWTH_MB = 24
"""What the heap of a process may still gain then: fragments, caches that are bounded."""

WHOLE_SECONDS, SPOILED_SECONDS = 30.0, 0.05
"""How long an answer is waited for."""

_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3}) ")
_OWN_FAILURE = b'"odd"'
"""The one tool whose answers the MCP library itself cannot write in the handshake era (lone surrogates)."""


@dataclass
class Findings:
    """What a campaign found: how many requests and log lines, statuses by number, and what must not be."""

    requests: int = 0
    log_lines: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    growth_mb: float = 0.0
    faults: list[str] = field(default_factory=list)


def run(server: ServerProcess, requests: int, first_seed: int = 0) -> Findings:
    """Send `requests` to a server of `fixture_server` that listens, then stop it, and return what was found."""
    findings = Findings()
    port = server.listening["port"]
    warm = 0.0
    for number in range(requests):
        data, is_http = sent(first_seed + number)
        answer = _exchanged(port, data, WHOLE_SECONDS if is_http else SPOILED_SECONDS)
        findings.requests += 1
        if is_http and not answer:
            findings.faults.append(f"seed {first_seed + number} was not answered")
        for status in (int(found) for found in _STATUS.findall(answer)):
            findings.statuses[status] += 1
            if status >= 500 and _OWN_FAILURE not in data:
                findings.faults.append(f"seed {first_seed + number} was answered with {status}: {answer[:300]!r}")
        if server.process.poll() is not None:
            findings.faults.append(f"seed {first_seed + number} ended the server")
            return findings
        if number == int(requests * WARM_UP):
            warm = _resident_mb(server.process.pid)
    if server.request("GET", "/ready").status != 200:
        findings.faults.append("the server is not ready any more")
    findings.growth_mb = _resident_mb(server.process.pid) - warm
    if findings.growth_mb > MOST_GROWTH_MB:
        findings.faults.append(f"the memory grew by {findings.growth_mb:.0f} MB after the first quarter")
    if (status := server.stop()) != 0:
        findings.faults.append(f"the server ended with {status}")
    for line in server.lines:
        findings.log_lines += 1
        try:
            json.loads(line.decode())
        except ValueError:
            findings.faults.append(f"a log line is not JSON: {line[:300]!r}")
    return findings


def _exchanged(port: int, data: bytes, seconds: float) -> bytes:
    """Send `data` and return what comes back until the server closes, or says nothing for `seconds`."""
    answer = bytearray()
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as connection:
        try:
            connection.sendall(data)
            while part := connection.recv(1 << 16):
                answer += part
        except (ConnectionError, TimeoutError):
            # The server may close before it has read what it refuses, and wait for the rest of what is cut off.
            pass
    return bytes(answer)


def _resident_mb(process: int) -> float:
    pages = int(Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
