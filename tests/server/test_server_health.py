"""Health routes, the guard of the MCP path, and what is believed of a proxy."""

from collections.abc import Callable

import pytest

from tests.server.server_process import ALL_VERSIONS, MODERN_VERSION, ServerProcess

Start = Callable[..., ServerProcess]

HOSTS = ["10.0.1.23:3000", "mcp.example.com", "evil.example", "localhost", "[::1]:3000", ""]


@pytest.mark.parametrize("host", HOSTS)
def test_health_and_readiness_answer_under_any_host(example_server: ServerProcess, host: str) -> None:
    assert example_server.request("GET", "/health", headers={"Host": host}).json() == {"status": "healthy"}
    ready = example_server.request("GET", "/ready", headers={"Host": host})
    assert ready.status == 200
    assert ready.json() == {"status": "ready", "tools": len(example_server.listening["tools"])}
    assert example_server.request("HEAD", "/health", headers={"Host": host}).status == 200


def test_only_allowed_hosts_reach_the_tools(start_server: Start) -> None:
    server = start_server(ALLOWED_HOSTS="mcp.example.com,*.internal.example").wait_until_listening()
    for version in ALL_VERSIONS:
        for path in ("/mcp", "/mcp/"):
            for host, status in {
                "mcp.example.com": 200,
                "MCP.example.com:443": 200,
                "a.internal.example": 200,
                f"127.0.0.1:{server.port}": 421,
                "localhost": 421,
                "evil.example": 421,
                "mcp.example.com.evil.example": 421,
                "internal.example": 421,
            }.items():
                assert server.mcp(version, "tools/list", path=path, headers={"Host": host}).status == status, host
    for host in HOSTS:
        assert server.request("GET", "/health", headers={"Host": host}).status == 200
        assert server.request("GET", "/ready", headers={"Host": host}).status == 200


def test_a_browsers_page_cannot_reach_a_server_on_this_machine(example_server: ServerProcess) -> None:
    """Without ALLOWED_HOSTS the loopback address is still safe from DNS rebinding and foreign pages."""
    assert example_server.mcp(MODERN_VERSION, "tools/list", headers={"Host": "rebound.example"}).status == 421
    assert example_server.mcp(MODERN_VERSION, "tools/list", headers={"Origin": "https://evil.example"}).status == 403


def test_the_star_allows_every_host(start_server: Start) -> None:
    server = start_server(ALLOWED_HOSTS="*").wait_until_listening()
    assert server.mcp(MODERN_VERSION, "tools/list", headers={"Host": "anything.example"}).status == 200


@pytest.mark.parametrize(
    ("trusted", "client"), [("127.0.0.0/8", "203.0.113.7"), ("10.0.0.0/16", "127.0.0.1"), ("", "127.0.0.1")]
)
def test_forwarded_headers_are_believed_from_the_named_networks_only(
    start_server: Start, trusted: str, client: str
) -> None:
    server = start_server(FORWARDED_ALLOW_IPS=trusted).wait_until_listening()
    server.mcp(MODERN_VERSION, "tools/list", headers={"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https"})
    assert server.wait_for_log("request")["client"] == client
