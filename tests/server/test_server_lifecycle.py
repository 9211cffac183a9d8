"""Start and stop: what SIGTERM does to running calls, kept-alive connections and the exit status."""

import http.client
import json
import signal
import socket
import subprocess
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.server.server_process import (
    ALL_VERSIONS,
    EXAMPLE_TOOLS,
    MODERN_VERSION,
    PROJECT_ROOT,
    Answer,
    ServerProcess,
    mcp_request,
)

Start = Callable[..., ServerProcess]


def _call_in_background(server: ServerProcess, tool: str, arguments: dict[str, Any], version: str) -> Future[Answer]:
    """Send the call now, read its answer in a thread."""
    headers, body = mcp_request(version, "tools/call", {"name": tool, "arguments": arguments})
    connection = server.connect()
    connection.request("POST", "/mcp", json.dumps(body), headers)
    answer: Future[Answer] = Future()

    def read() -> None:
        try:
            response = connection.getresponse()
            answer.set_result(Answer(response.status, response.headers, response.read()))
        except BaseException as error:
            answer.set_exception(error)
        finally:
            connection.close()

    threading.Thread(target=read, daemon=True).start()
    return answer


def _until_running(server: ServerProcess) -> None:
    """Return when the server has certainly taken the requests sent before: it answers one that came later."""
    for _ in range(3):
        server.request("GET", "/health")


@pytest.mark.parametrize("tool", ["wait", "block"])
def test_sigterm_lets_running_calls_finish_and_still_answers_what_comes(start_server: Start, tool: str) -> None:
    server = start_server(**EXAMPLE_TOOLS).wait_until_listening()
    kept_alive = server.connect()
    server.mcp(MODERN_VERSION, "tools/list", connection=kept_alive)
    running = [_call_in_background(server, tool, {"seconds": 2}, version) for version in ALL_VERSIONS]
    _until_running(server)

    server.process.send_signal(signal.SIGTERM)
    assert server.wait_for_log("stopping")["running_calls"] == len(running)

    on_kept_alive = server.mcp(MODERN_VERSION, "tools/list", connection=kept_alive)
    assert on_kept_alive.status == 200 and on_kept_alive.headers["connection"] == "close"
    assert server.mcp("2025-11-25", "tools/list").status == 200
    assert server.request("GET", "/health").status == 200
    assert server.request("GET", "/ready").status == 503
    assert not any(answer.done() for answer in running)

    for answer in running:
        done = answer.result(timeout=60)
        assert done.status == 200 and done.json()["result"]["isError"] is False
        assert done.headers["connection"] == "close"
    assert server.exit_status() == 0
    assert server.error_output == b""


def test_sigterm_waits_until_the_load_balancer_has_stopped_sending(start_server: Start) -> None:
    server = start_server(DRAIN_QUIET_SECONDS="60", SHUTDOWN_SECONDS="2").wait_until_listening()
    server.process.send_signal(signal.SIGTERM)
    server.wait_for_log("stopping")
    assert server.mcp(MODERN_VERSION, "tools/list").status == 200
    assert server.exit_status() == 0


def test_a_load_balancer_that_never_stops_sending_cannot_keep_the_server(start_server: Start) -> None:
    server = start_server(**EXAMPLE_TOOLS, SHUTDOWN_SECONDS="1").wait_until_listening()
    answered: list[int] = []

    def keep_calling() -> None:
        try:
            while True:
                call = {"name": "wait", "arguments": {"seconds": 0.1}}
                answered.append(server.mcp(MODERN_VERSION, "tools/call", call).status)
        except (http.client.HTTPException, ConnectionError):
            pass

    callers = [threading.Thread(target=keep_calling, daemon=True) for _ in range(4)]
    for caller in callers:
        caller.start()
    _until_running(server)
    assert server.stop() == 0
    for caller in callers:
        caller.join(timeout=60)
    assert answered and set(answered) == {200}


def test_an_idle_server_stops_at_once_and_closes_idle_connections(start_server: Start) -> None:
    server = start_server().wait_until_listening()
    idle = server.connect()
    server.request("GET", "/health", connection=idle)
    assert server.stop() == 0
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        server.request("GET", "/health", connection=idle)
    assert [entry["message"] for entry in server.log()][-2:] == ["stopping", "stopped"]


@pytest.mark.parametrize("tool", ["wait", "block"])
def test_a_call_that_outlasts_the_shutdown_time_is_cut_off_and_told(start_server: Start, tool: str) -> None:
    server = start_server(**EXAMPLE_TOOLS, SHUTDOWN_SECONDS="1").wait_until_listening()
    answer = _call_in_background(server, tool, {"seconds": 600}, MODERN_VERSION)
    _until_running(server)
    assert server.stop() == 1
    assert any(entry.get("calls") == 1 and entry["level"] == "ERROR" for entry in server.log())
    try:
        status = answer.result(timeout=60).status
    except (http.client.HTTPException, ConnectionError):
        return
    assert status >= 500


def test_control_c_stops_without_waiting_for_quiet(start_server: Start) -> None:
    server = start_server(DRAIN_QUIET_SECONDS="60").wait_until_listening()
    assert server.stop(signal.SIGINT) == 0


def test_a_second_signal_waits_for_nothing(start_server: Start) -> None:
    server = start_server(**EXAMPLE_TOOLS).wait_until_listening()
    _call_in_background(server, "wait", {"seconds": 600}, MODERN_VERSION)
    _until_running(server)
    server.process.send_signal(signal.SIGTERM)
    server.wait_for_log("stopping")
    assert server.stop(signal.SIGINT) == 1


def test_a_half_sent_request_does_not_keep_the_server_from_stopping(start_server: Start) -> None:
    server = start_server(SHUTDOWN_SECONDS="1").wait_until_listening()
    with socket.create_connection(("127.0.0.1", server.port)) as half:
        half.sendall(b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Len")
        _until_running(server)
        assert server.stop() in {0, 1}


def test_a_server_that_still_loads_its_tools_stops_at_once(start_server: Start, tmp_path: Path) -> None:
    (tmp_path / "slow_tools").mkdir()
    (tmp_path / "slow_tools" / "slow.py").write_text("import time\nprint('loading')\ntime.sleep(600)\n")
    server = start_server(PYTHONPATH=str(tmp_path), TOOL_PACKAGES="slow_tools")
    server.wait_for_log("loading")
    assert server.stop() == 0


def test_an_idle_connection_is_closed_after_the_time_that_is_set(start_server: Start) -> None:
    """The default would keep it open for longer than this connection waits."""
    server = start_server(KEEP_ALIVE_SECONDS="2", PING_INTERVAL_SECONDS="1").wait_until_listening()
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    for _ in range(2):
        assert server.request("GET", "/health", connection=connection).status == 200
    assert connection.sock.recv(1) == b""
    connection.close()


@pytest.mark.parametrize(("path_answers", "status"), [(True, 0), (False, 1)])
def test_the_containers_health_check_tells_by_its_exit_status(
    example_server: ServerProcess, server_python: Path, path_answers: bool, status: int
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = example_server.port if path_answers else unused.getsockname()[1]
        unused.close()
        done = subprocess.run(
            [server_python, "-m", "server.healthcheck"],
            cwd=PROJECT_ROOT,
            env={"HOST": "0.0.0.0", "PORT": str(port)},
            capture_output=True,
        )
    assert (done.returncode, done.stdout, done.stderr) == (status, b"", b"")


def test_the_server_listens_where_it_says(start_server: Start) -> None:
    server = start_server(HOST="localhost").wait_until_listening()
    address = urlsplit(server.url)
    assert address.hostname is not None and address.port == server.port > 0
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
    assert server.request("GET", "/health", connection=connection).status == 200
    connection.close()
