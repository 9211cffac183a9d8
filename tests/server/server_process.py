"""Runs ``python -m server`` as it is run in production and speaks to it over real sockets."""

import http.client
import itertools
import json
import os
import queue
import signal
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

PROJECT_ROOT = Path(__file__).resolve().parents[2]
EXAMPLE_TOOLS = {"TOOL_PACKAGES": "server.tools,example_tools", "PYTHONPATH": str(Path(__file__).parent)}

HANDSHAKE_VERSIONS = ("2025-03-26", "2025-06-18", "2025-11-25")
MODERN_VERSION = "2026-07-28"
ALL_VERSIONS = (*HANDSHAKE_VERSIONS, MODERN_VERSION)

PATIENCE_SECONDS = 60
"""Only bounds how long a broken server keeps a test waiting."""

_ids = itertools.count(1)


@dataclass(frozen=True)
class Answer:
    """One HTTP answer."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self) -> Any:
        """Return the body, which must be one JSON document."""
        return json.loads(self.body)

    def events(self) -> list[Any]:
        """Return the JSON documents of an event stream's messages."""
        lines = self.body.decode().splitlines()
        return [json.loads(line.removeprefix("data:")) for line in lines if line.startswith("data:")]


def mcp_request(
    version: str, method: str, params: Mapping[str, Any] | None = None, *, progress_token: str | int | None = None
) -> tuple[dict[str, str], dict[str, Any]]:
    """Return headers and body of one MCP request as a client of protocol `version` sends it."""
    headers = {
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": version,
    }
    params = dict(params or {})
    meta: dict[str, Any] = {} if progress_token is None else {"progressToken": progress_token}
    if version not in HANDSHAKE_VERSIONS:
        headers["Mcp-Method"] = method
        if "name" in params:
            headers["Mcp-Name"] = params["name"]
        meta |= {
            "io.modelcontextprotocol/protocolVersion": version,
            "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
            "io.modelcontextprotocol/clientCapabilities": {},
        }
    if meta:
        params["_meta"] = meta
    return headers, {"jsonrpc": "2.0", "id": next(_ids), "method": method, "params": params}


class ServerProcess:
    """One server process on a free port of 127.0.0.1; a context manager that leaves no process behind."""

    def __init__(self, python: Path, settings: Mapping[str, str], module: str = "server") -> None:
        """Start `python` -m `module` with nothing but `settings` in its environment."""
        environment = {"PATH": os.environ.get("PATH", os.defpath), "PORT": "0", "DRAIN_QUIET_SECONDS": "0", **settings}
        self.process = subprocess.Popen(
            [python, "-m", module],
            cwd=PROJECT_ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.lines: list[bytes] = []
        self.error_output = b""
        self._arrived: queue.Queue[bytes | None] = queue.Queue()
        self._threads = [threading.Thread(target=read, daemon=True) for read in (self._read_log, self._read_errors)]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Self:
        """Return the process."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Kill the process if it still runs."""
        if self.process.poll() is None:
            self.process.kill()
        self.exit_status()

    def wait_for_log(self, message: str) -> dict[str, Any]:
        """Return the next log entry with this message; fail when the server ends without writing it."""
        while (line := self._arrived.get(timeout=PATIENCE_SECONDS)) is not None:
            entry: dict[str, Any] = json.loads(line)
            if entry["message"] == message:
                return entry
        raise AssertionError(f"the server ended without logging {message!r}: {self.lines} {self.error_output!r}")

    def wait_until_listening(self) -> Self:
        """Learn the port from the log and return the process."""
        self.listening = self.wait_for_log("listening")
        self.port: int = self.listening["port"]
        self.url: str = self.listening["url"]
        return self

    def log(self) -> list[dict[str, Any]]:
        """Return all log entries so far; every line of the output must be one."""
        return [json.loads(line) for line in list(self.lines)]

    def stop(self, signal_number: int = signal.SIGTERM) -> int:
        """Send the signal and return the exit status."""
        self.process.send_signal(signal_number)
        return self.exit_status()

    def exit_status(self) -> int:
        """Wait for the end, with all output read, and return the exit status."""
        status = self.process.wait(timeout=PATIENCE_SECONDS)
        for thread in self._threads:
            thread.join(timeout=PATIENCE_SECONDS)
        return status

    def connect(self) -> http.client.HTTPConnection:
        """Return a new connection, which keeps alive over several requests."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        connection: http.client.HTTPConnection | None = None,
    ) -> Answer:
        """Send one request; `body` is sent as it is when it is bytes, else as JSON."""
        used = connection or self.connect()
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        try:
            used.request(method, path, data, dict(headers or {}))
            response = used.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            if connection is None:
                used.close()

    def mcp(
        self,
        version: str,
        method: str,
        params: Mapping[str, Any] | None = None,
        *,
        path: str = "/mcp",
        headers: Mapping[str, str] | None = None,
        progress_token: str | int | None = None,
        connection: http.client.HTTPConnection | None = None,
    ) -> Answer:
        """Send one MCP request of protocol `version`."""
        own_headers, body = mcp_request(version, method, params, progress_token=progress_token)
        return self.request("POST", path, body, {**own_headers, **(headers or {})}, connection)

    def call(self, tool: str, arguments: Mapping[str, Any] | None = None, version: str = MODERN_VERSION) -> Any:
        """Call a tool and return the result of a successful exchange (which may be the tool's own error)."""
        answer = self.mcp(version, "tools/call", {"name": tool, "arguments": dict(arguments or {})})
        assert answer.status == 200, answer
        return answer.json()["result"]

    def _read_log(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as stream:
            for line in stream:
                self.lines.append(line)
                self._arrived.put(line)
        self._arrived.put(None)

    def _read_errors(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as stream:
            self.error_output = stream.read()
