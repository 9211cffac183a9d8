"""The MCP endpoint over real HTTP, raw in both protocol eras and with FastMCP's own client."""

import asyncio
import json
from typing import Any, Literal

import pytest
from fastmcp import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.server.server_process import ALL_VERSIONS, HANDSHAKE_VERSIONS, MODERN_VERSION, ServerProcess, mcp_request

PATHS = ("/mcp", "/mcp/")


def _is_plain_json(content_type: str | None) -> bool:
    return content_type is not None and content_type.split(";")[0] == "application/json"


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("version", HANDSHAKE_VERSIONS)
def test_a_client_of_the_handshake_era_shakes_hands_lists_and_calls(
    example_server: ServerProcess, version: str, path: str
) -> None:
    opening = {"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    answer = example_server.mcp(version, "initialize", opening, path=path)
    assert answer.status == 200 and _is_plain_json(answer.headers["content-type"])
    assert answer.json()["result"]["protocolVersion"] == version
    assert answer.json()["result"]["capabilities"]["tools"] is not None
    assert "mcp-session-id" not in answer.headers

    headers, _ = mcp_request(version, "initialize")
    notification = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    assert example_server.request("POST", path, notification, headers).status == 202

    listing = example_server.mcp(version, "tools/list", path=path)
    assert {"echo", "get_system_info"} <= {tool["name"] for tool in listing.json()["result"]["tools"]}

    answer = example_server.mcp(version, "tools/call", {"name": "echo", "arguments": {"message": "hello"}}, path=path)
    assert answer.status == 200 and _is_plain_json(answer.headers["content-type"])
    assert answer.json()["result"]["content"] == [{"type": "text", "text": "hello"}]
    assert answer.json()["result"]["isError"] is False


@pytest.mark.parametrize("path", PATHS)
def test_a_client_of_the_stateless_era_discovers_lists_and_calls_without_a_handshake(
    example_server: ServerProcess, path: str
) -> None:
    discovered = example_server.mcp(MODERN_VERSION, "server/discover", path=path).json()["result"]
    assert MODERN_VERSION in discovered["supportedVersions"]

    listing = example_server.mcp(MODERN_VERSION, "tools/list", path=path)
    assert {"echo", "get_system_info"} <= {tool["name"] for tool in listing.json()["result"]["tools"]}

    params = {"name": "echo", "arguments": {"message": "hello"}}
    answer = example_server.mcp(MODERN_VERSION, "tools/call", params, path=path)
    assert answer.status == 200 and _is_plain_json(answer.headers["content-type"])
    assert answer.json()["result"]["content"] == [{"type": "text", "text": "hello"}]
    assert "mcp-session-id" not in answer.headers


def test_the_gateways_indexing_sequence_needs_no_session(example_server: ServerProcess) -> None:
    """Each request of the handshake may reach another task: every one comes over a connection of its own here."""
    opening = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "gateway", "version": "1"}}
    headers, body = mcp_request("2025-11-25", "initialize", opening)
    del headers["MCP-Protocol-Version"]
    assert example_server.request("POST", "/mcp", body, headers).status == 200
    assert example_server.mcp("2025-11-25", "tools/list").status == 200


@pytest.mark.parametrize(
    ("header", "value"), [("Mcp-Method", "tools/list"), ("Mcp-Name", "get_system_info"), ("Mcp-Method", "")]
)
def test_a_stateless_request_whose_headers_contradict_its_body_is_refused(
    example_server: ServerProcess, header: str, value: str
) -> None:
    params = {"name": "echo", "arguments": {"message": "hello"}}
    answer = example_server.mcp(MODERN_VERSION, "tools/call", params, headers={header: value})
    assert answer.status == 400 and "error" in answer.json()


def test_an_unknown_protocol_version_is_refused_with_the_versions_served(example_server: ServerProcess) -> None:
    answer = example_server.mcp("2031-01-01", "tools/list")
    assert answer.status == 400
    assert MODERN_VERSION in json.dumps(answer.json()["error"])


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS"])
def test_neither_path_is_ever_redirected(example_server: ServerProcess, method: str, path: str) -> None:
    status = example_server.request(method, path).status
    assert not 300 <= status < 400
    assert status in {200, 400, 405, 406, 415}


@pytest.mark.parametrize("path", ["/", "/mcp/x", "/mcp//", "/MCP", "/health/", "/ready/"])
def test_other_paths_are_not_there(example_server: ServerProcess, path: str) -> None:
    assert example_server.request("GET", path).status == 404


@pytest.mark.parametrize("version", ALL_VERSIONS)
def test_a_call_that_reports_progress_streams_it(example_server: ServerProcess, version: str) -> None:
    answer = example_server.mcp(
        version, "tools/call", {"name": "count", "arguments": {"steps": 3}}, progress_token="token-1"
    )
    assert answer.headers["content-type"].split(";")[0] == "text/event-stream"
    *reports, last = answer.events()
    assert [report["params"]["progress"] for report in reports] == [1, 2, 3]
    assert all(report["params"]["progressToken"] == "token-1" for report in reports)
    assert last["result"]["structuredContent"] == {"result": 3}


@pytest.mark.parametrize("version", ALL_VERSIONS)
def test_a_client_that_takes_no_streams_gets_json(example_server: ServerProcess, version: str) -> None:
    answer = example_server.mcp(
        version,
        "tools/call",
        {"name": "count", "arguments": {"steps": 3}},
        progress_token="token-1",
        headers={"Accept": "application/json"},
    )
    assert answer.status == 200 and _is_plain_json(answer.headers["content-type"])
    assert answer.json()["result"]["structuredContent"] == {"result": 3}


def test_a_silent_call_sends_pings_so_that_the_load_balancer_does_not_give_up(start_server: Any) -> None:
    from tests.server.server_process import EXAMPLE_TOOLS

    server = start_server(**EXAMPLE_TOOLS, PING_INTERVAL_SECONDS="1").wait_until_listening()
    modern = server.mcp(MODERN_VERSION, "tools/call", {"name": "wait", "arguments": {"seconds": 1.5}})
    assert b": ping" in modern.body
    assert modern.events()[-1]["result"]["structuredContent"] == {"result": "waited 1.5"}
    handshake = server.mcp("2025-11-25", "tools/call", {"name": "wait", "arguments": {"seconds": 1.5}})
    assert b": ping" in handshake.body
    assert handshake.events()[-1]["result"]["structuredContent"] == {"result": "waited 1.5"}


@pytest.mark.parametrize("mode", ["legacy", "auto", MODERN_VERSION])
@pytest.mark.parametrize("slash", ["", "/"])
def test_fastmcps_client_calls_in_every_mode(
    example_server: ServerProcess, mode: Literal["legacy", "auto"], slash: str
) -> None:
    async def session() -> tuple[set[str], Any, list[float]]:
        progress: list[float] = []

        async def on_progress(done: float, total: float | None, message: str | None) -> None:
            progress.append(done)

        async with Client(example_server.url + slash, mode=mode) as client:
            tools = {tool.name for tool in await client.list_tools()}
            result = await client.call_tool("echo", {"message": "hello"})
            await client.call_tool("count", {"steps": 2}, progress_handler=on_progress)
            return tools, result.data, progress

    tools, data, progress = asyncio.run(session())
    assert tools == set(example_server.listening["tools"])
    assert data == "hello"
    assert progress == [1, 2]


@pytest.mark.parametrize("version", ALL_VERSIONS)
def test_wrong_calls_are_the_callers_error(example_server: ServerProcess, version: str) -> None:
    for params in (
        {"name": "echo", "arguments": {}},
        {"name": "echo", "arguments": {"message": 1, "other": 2}},
        {"name": "nobody", "arguments": {}},
    ):
        answer = example_server.mcp(version, "tools/call", params)
        assert answer.status in {200, 400}
        assert "error" in answer.json() or answer.json()["result"]["isError"]


def test_a_failing_tool_tells_agents_nothing_of_its_exception(start_server: Any) -> None:
    from tests.server.server_process import EXAMPLE_TOOLS

    server = start_server(**EXAMPLE_TOOLS, TOOL_SECRETS='{"KEY": "value-of-key"}').wait_until_listening()
    result = server.call("leak", {"key": "KEY"})
    assert result["isError"] and "cannot use" not in json.dumps(result)


def test_a_body_larger_than_the_limit_is_refused_in_both_eras(example_server: ServerProcess) -> None:
    for version in ("2025-11-25", MODERN_VERSION):
        headers, _ = mcp_request(version, "tools/call", {"name": "echo"})
        assert example_server.request("POST", "/mcp", b" " * (4 * 2**20 + 1), headers).status == 413


_json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)
_request_like = st.fixed_dictionaries(
    {},
    optional={
        "jsonrpc": st.just("2.0") | _json_values,
        "id": st.integers() | st.text(max_size=5) | _json_values,
        "method": st.sampled_from(["initialize", "tools/call", "tools/list", "ping", "server/discover"]) | _json_values,
        "params": _json_values,
    },
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    version=st.sampled_from([*ALL_VERSIONS, "nonsense"]),
    body=st.binary(max_size=50) | (_request_like | _json_values).map(lambda value: json.dumps(value).encode()),
)
def test_no_body_breaks_the_server(example_server: ServerProcess, version: str, body: bytes) -> None:
    headers, _ = mcp_request(version, "tools/call", {"name": "echo"})
    assert example_server.request("POST", "/mcp", body, headers).status < 500
    assert example_server.request("GET", "/health").status == 200


def _introduced(first: ServerProcess, second: ServerProcess) -> Any:
    """Return the answer of `second` to the call that goes on with what `first` asked."""
    params: dict[str, Any] = {"name": "introduce", "arguments": {"greeting": "Hello"}}
    asked = first.mcp(MODERN_VERSION, "tools/call", params).json()["result"]
    assert asked["resultType"] == "input_required"
    answered = {"name": {"action": "accept", "content": {"name": "Ada"}}}
    params |= {"inputResponses": answered, "requestState": asked["requestState"]}
    return second.mcp(MODERN_VERSION, "tools/call", params).json()


def test_a_call_that_asks_goes_on_at_another_task_of_the_runtime(start_server: Any) -> None:
    from tests.server.server_process import EXAMPLE_TOOLS

    key = "k" * 40
    one, two = (start_server(**EXAMPLE_TOOLS, REQUEST_STATE_KEY=key).wait_until_listening() for _ in range(2))
    answer = _introduced(one, two)
    assert answer["result"]["content"][0]["text"] == "Hello, Ada! (asked once)"
    stranger = start_server(**EXAMPLE_TOOLS, REQUEST_STATE_KEY="other" * 8).wait_until_listening()
    assert "error" in _introduced(one, stranger)
    assert key not in "".join(line.decode() for server in (one, two) for line in server.lines)
