"""Traces: one span a call, part of its caller's trace, sent to a collector; nothing of it where traces are off."""

import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.server.server_process import ALL_VERSIONS, EXAMPLE_TOOLS, PROJECT_ROOT, ServerProcess

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TRACEPARENT = f"00-{TRACE}-{PARENT}-01"


class Collector(BaseHTTPRequestHandler):
    """Takes OTLP over HTTP."""

    received: list[dict[str, Any]] = []  # noqa: RUF012  # one collector, one list

    def do_POST(self) -> None:
        """Keep what arrives."""
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.received.append(body)
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class names it
        """Say nothing."""


@pytest.fixture
def collector() -> Iterator[str]:
    Collector.received.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1/traces"
        server.shutdown()


def _spans() -> list[dict[str, Any]]:
    return [
        span
        for request in Collector.received
        for resource in request["resourceSpans"]
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    ]


def test_each_call_is_one_span_of_its_callers_trace(start_server: Callable[..., ServerProcess], collector: str) -> None:
    server = start_server(TRACES="on", TRACES_URL=collector, **EXAMPLE_TOOLS).wait_until_listening()
    for version in ALL_VERSIONS:
        params = {"name": "echo", "arguments": {"message": "not for the trace"}}
        server.mcp(version, "tools/call", params, headers={"traceparent": TRACEPARENT})
        server.mcp(version, "tools/call", {"name": "leak", "arguments": {"key": "x"}})
        server.mcp(version, "tools/call", {"name": "echo", "arguments": {}}, headers={"traceparent": TRACEPARENT})
    assert server.stop() == 0

    spans = _spans()
    assert len(spans) == 3 * len(ALL_VERSIONS)
    assert {span["name"] for span in spans} == {"tools/call echo", "tools/call leak"}
    of_caller = [span for span in spans if span["traceId"] == TRACE]
    assert len(of_caller) == 2 * len(ALL_VERSIONS)
    assert {span["parentSpanId"] for span in of_caller} == {PARENT}
    errors = [
        attribute["value"]["stringValue"]
        for span in spans
        for attribute in span["attributes"]
        if attribute["key"] == "error.type"
    ]
    assert errors.count("invalid_arguments") == len(ALL_VERSIONS)
    assert len(errors) == 2 * len(ALL_VERSIONS)
    assert "not for the trace" not in json.dumps(Collector.received)


def test_a_load_balancers_trace_id_becomes_the_traces(
    start_server: Callable[..., ServerProcess], collector: str
) -> None:
    server = start_server(TRACES="on", TRACES_URL=collector).wait_until_listening()
    root = {"X-Amzn-Trace-Id": "Root=1-67891233-abcdef012345678912345678"}
    server.mcp(ALL_VERSIONS[0], "tools/call", {"name": "echo", "arguments": {"message": "x"}}, headers=root)
    assert server.stop() == 0
    (span,) = _spans()
    assert span["traceId"] == "67891233abcdef012345678912345678"


def test_a_collector_that_is_not_there_harms_no_call_and_is_told_once(
    start_server: Callable[..., ServerProcess],
) -> None:
    server = start_server(TRACES="on", TRACES_URL="http://127.0.0.1:9/v1/traces").wait_until_listening()
    assert not server.call("echo", {"message": "x"})["isError"]
    assert server.stop() == 0
    told = [entry for entry in server.log() if entry["logger"] == "server.traces"]
    assert [entry["level"] for entry in told] == ["WARNING"]


def test_what_traces_need_is_imported_only_for_them(server_python: Path) -> None:
    script = (
        "import sys; from server.quick_imports import import_fastmcp; import_fastmcp(); import server.application; "
        "print([name for name in sys.modules if name.startswith('opentelemetry.sdk')])"
    )
    done = subprocess.run([server_python, "-c", script], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
