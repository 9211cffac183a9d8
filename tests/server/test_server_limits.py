"""Bounds of tools, of their answers, of calls at a time and of memory; one tool never takes the others down."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from server.admission import Admission
from server.memory_guard import LOOK_SECONDS, MemoryGuard
from server.refusals import RefusedRequest
from tests.server.server_process import ALL_VERSIONS, MODERN_VERSION, ServerProcess, mcp_request

LIMIT_TOOLS = {"TOOL_PACKAGES": "server.tools,limit_tools", "PYTHONPATH": str(Path(__file__).parent)}


@pytest.fixture(scope="module")
def server(server_python: Path) -> Iterator[ServerProcess]:
    settings = {**LIMIT_TOOLS, "MAX_RESPONSE_BYTES": "20000", "PING_INTERVAL_SECONDS": "1"}
    with ServerProcess(server_python, settings) as running:
        yield running.wait_until_listening()


def _text(result: dict[str, Any]) -> str:
    return str(result["content"][0]["text"])


@pytest.mark.parametrize("version", ALL_VERSIONS)
@pytest.mark.parametrize("tool", ["hang", "dawdle"])
def test_a_call_that_takes_too_long_is_answered_in_time(server: ServerProcess, tool: str, version: str) -> None:
    result = server.call(tool, {"seconds": 0.5}, version)
    assert result["isError"]
    assert _text(result) == f"The tool {tool} did not end within 0.3 seconds, which a call of it may take."


def test_a_tool_that_hangs_keeps_its_own_places_and_no_others(start_server: Callable[..., ServerProcess]) -> None:
    server = start_server(**LIMIT_TOOLS).wait_until_listening()
    for _ in range(2):
        assert "did not end" in _text(server.call("hang", {"seconds": 3.0}))
    # Its threads hang on, and it may have two.
    refused = server.call("hang", {"seconds": 0.0})
    assert "runs 2 calls at a time" in _text(refused)
    for _ in range(50):
        assert server.call("write", {"size": 3})["structuredContent"] == {"result": "xxx"}
    outcomes = [entry["outcome"] for entry in server.log() if entry["logger"] == "server.audit"]
    assert outcomes[:3] == ["timeout", "timeout", "overloaded"]
    assert set(outcomes[3:]) == {"ok"}


@pytest.mark.parametrize("version", ALL_VERSIONS)
@pytest.mark.parametrize("how", ["value", "recursion", "memory", "exit", "descriptor"])
def test_a_tool_that_crashes_harms_no_other(server: ServerProcess, how: str, version: str) -> None:
    answer = server.mcp(version, "tools/call", {"name": "crash", "arguments": {"how": how}})
    assert answer.status == 200
    assert answer.json()["result"]["isError"]
    assert server.call("echo", {"message": "still here"}, version)["structuredContent"] == {"result": "still here"}


@pytest.mark.parametrize("version", ALL_VERSIONS)
def test_an_answer_that_is_too_large_says_so(server: ServerProcess, version: str) -> None:
    assert not server.call("write", {"size": 5000}, version)["isError"]
    result = server.call("write", {"size": 50_000}, version)
    assert result["isError"]
    assert "and may have 20000; ask for less" in _text(result)


@pytest.mark.parametrize("version", ALL_VERSIONS)
@pytest.mark.parametrize("token", ["t", 7])
def test_progress_streams_and_a_silent_call_is_pinged(server: ServerProcess, version: str, token: str | int) -> None:
    params = {"name": "tell", "arguments": {"steps": 2, "seconds": 1.3}}
    answer = server.mcp(version, "tools/call", params, progress_token=token)
    assert answer.headers["content-type"] == "text/event-stream"
    first, second, last = answer.events()
    assert [event["params"] for event in (first, second)] == [
        {"progressToken": token, "progress": step, "total": 2} for step in (1, 2)
    ]
    assert last["result"]["structuredContent"] == {"result": "told"}
    assert b": ping" in answer.body


@pytest.mark.parametrize("version", ALL_VERSIONS)
def test_a_blocking_function_finds_its_request_and_the_way_back(server: ServerProcess, version: str) -> None:
    answer = server.mcp(version, "tools/call", {"name": "from_thread", "arguments": {}}, progress_token="t")
    progress, last = answer.events()
    assert progress["params"]["progress"] == 1.0
    assert last["result"]["structuredContent"] == {"result": str(last["id"])}


@pytest.mark.parametrize(("version", "cancelled"), [(MODERN_VERSION, True), ("2025-11-25", False)])
def test_a_client_that_leaves_cancels_its_call_in_the_modern_era_alone(
    start_server: Callable[..., ServerProcess], version: str, cancelled: bool
) -> None:
    server = start_server(**LIMIT_TOOLS).wait_until_listening()
    headers, body = mcp_request(version, "tools/call", {"name": "tell", "arguments": {"steps": 0, "seconds": 0.6}})
    sent = json.dumps(body).encode()
    with socket.create_connection(("127.0.0.1", server.listening["port"])) as connection:
        lines = ["POST /mcp HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(sent)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        connection.sendall("\r\n".join([*lines, "", ""]).encode() + sent)
        # Longer than the server takes to begin to watch the connection.
        time.sleep(0.2)
    line = server.wait_for_log("tool call")
    assert line["outcome"] == ("cancelled" if cancelled else "ok")


def test_calls_beyond_the_places_wait_and_beyond_the_queue_are_told_to_come_again(
    start_server: Callable[..., ServerProcess],
) -> None:
    settings = {"MAX_CONCURRENCY": "2", "MAX_QUEUE": "2", "QUEUE_SECONDS": "30", "TOOL_CONCURRENCY": "10"}
    server = start_server(
        **settings, TOOL_PACKAGES="server.tools,example_tools", PYTHONPATH=str(Path(__file__).parent)
    ).wait_until_listening()
    everybody = threading.Barrier(6)

    def call(_: int) -> tuple[int, float]:
        connection = server.connect()
        everybody.wait()
        started = time.monotonic()
        answer = server.mcp(
            MODERN_VERSION, "tools/call", {"name": "wait", "arguments": {"seconds": 0.5}}, connection=connection
        )
        assert server.request("GET", "/health").status == 200
        return answer.status, time.monotonic() - started

    with ThreadPoolExecutor(6) as pool:
        found = sorted(pool.map(call, range(6)))
    assert [status for status, _ in found] == [200, 200, 200, 200, 429, 429]
    waited = [seconds for status, seconds in found if status == 200]
    assert sum(seconds > 0.9 for seconds in waited) == 2


def test_the_queue_is_served_in_order_and_gives_up_in_time() -> None:
    async def story() -> list[str]:
        admission = Admission(1, 2, 0.2)
        told: list[str] = []
        free = asyncio.Event()

        async def call(name: str) -> None:
            try:
                async with admission.place():
                    told.append(name)
                    if name == "first":
                        await free.wait()
            except RefusedRequest as refused:
                told.append(f"{name} {refused.status}")

        tasks = [asyncio.create_task(call(name)) for name in ("first", "second", "third", "fourth")]
        await asyncio.sleep(0.05)
        assert told == ["first", "fourth 429"]
        tasks[1].cancel()
        await asyncio.sleep(0.3)
        assert told[2:] == ["third 429"]
        late = [asyncio.create_task(call(name)) for name in ("fifth", "sixth")]
        await asyncio.sleep(0)
        free.set()
        await asyncio.gather(*tasks, *late, return_exceptions=True)
        assert (admission.taken, admission.waiting) == (0, 0)
        return told[3:]

    assert asyncio.run(story()) == ["fifth", "sixth"]


def test_short_memory_refuses_new_calls_until_there_is_enough() -> None:
    used, now = 100, 0.0
    guard = MemoryGuard(1000, 0.9, lambda: used, lambda: now)
    assert not guard.is_short()
    used, now = 950, now + LOOK_SECONDS
    assert guard.is_short()
    used = 100
    assert guard.is_short(), "it looks only now and then"
    now += LOOK_SECONDS
    assert not guard.is_short()
    assert not MemoryGuard(None, 0.9, lambda: 2**40).is_short()

    async def refused() -> None:
        async with Admission(1, 1, 1, lambda: True).place():
            pass

    with pytest.raises(RefusedRequest, match="memory is nearly used up"):
        asyncio.run(refused())


@pytest.mark.parametrize("line", ["TIMEOUT_SECONDS = 0", "TIMEOUT_SECONDS = 'long'", "MAX_CONCURRENCY = True"])
def test_a_bound_that_cannot_be_is_told_at_the_start(
    start_server: Callable[..., ServerProcess], tmp_path: Path, line: str
) -> None:
    package = tmp_path / "bad_bounds"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "tool.py").write_text(f'{line}\n\n\ndef tool() -> str:\n    """Do it."""\n    return ""\n')
    server = start_server(TOOL_PACKAGES="bad_bounds", PYTHONPATH=str(tmp_path))
    assert server.exit_status() == 1
    assert f"{line.partition(' ')[0]} of the tool bad_bounds.tool is" in server.log()[-1]["message"]
