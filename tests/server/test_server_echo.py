"""The tool ``echo``: what goes in comes out, in both eras."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.server.server_process import ALL_VERSIONS, ServerProcess


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(message=st.text(), version=st.sampled_from(ALL_VERSIONS))
def test_any_text_comes_back_unchanged(example_server: ServerProcess, message: str, version: str) -> None:
    result = example_server.call("echo", {"message": message}, version)
    assert result["isError"] is False
    assert result["content"] == [{"type": "text", "text": message}]
    assert result["structuredContent"] == {"result": message}


def test_its_description_is_the_originals(example_server: ServerProcess) -> None:
    listing = example_server.mcp("2025-11-25", "tools/list").json()["result"]["tools"]
    (echo,) = [tool for tool in listing if tool["name"] == "echo"]
    assert echo["description"] == "Echo back the input message."
    assert echo["inputSchema"]["properties"]["message"] == {"type": "string", "description": "Message to echo"}
    assert echo["inputSchema"]["required"] == ["message"]
