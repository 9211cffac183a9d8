"""The official conformance suite, run against the server in both eras."""

import pytest

from tests.conformance import suite
from tests.conformance.not_applicable import NOT_APPLICABLE
from tests.conformance.page import PAGE, rendered
from tests.conformance.suite import Scenario
from tests.node.installed import NodePackages
from tests.server.server_process import HANDSHAKE_VERSIONS, MODERN_VERSION, ServerProcess


@pytest.fixture(scope="module")
def found(node: NodePackages, server: ServerProcess, tmp_path_factory: pytest.TempPathFactory) -> tuple[Scenario, ...]:
    """What came of every scenario."""
    return suite.run(node, server.url, tmp_path_factory.mktemp("conformance"))


def test_every_scenario_that_applies_passes(found: tuple[Scenario, ...]) -> None:
    failed = [scenario for scenario in found if scenario.outcome != "passed"]
    assert not [scenario for scenario in failed if (scenario.era, scenario.name) not in NOT_APPLICABLE]
    assert len(found) > 60, "the suite runs fewer scenarios than it did"


def test_no_exception_outlives_its_reason(found: tuple[Scenario, ...]) -> None:
    passed = {(scenario.era, scenario.name): scenario.outcome == "passed" for scenario in found}
    assert not [entry for entry in NOT_APPLICABLE if passed.get(entry, True)]


def test_the_report_says_what_was_found(node: NodePackages, found: tuple[Scenario, ...]) -> None:
    assert PAGE.read_text(encoding="utf-8") == rendered(suite.version(node), found), (
        "run python -m tests.conformance.page"
    )


@pytest.mark.parametrize("version", HANDSHAKE_VERSIONS)
@pytest.mark.parametrize("progress_token", [None, "token-1"])
@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("test_elicitation", {"message": "Who?"}),
        ("test_sampling", {"prompt": "Who?"}),
        ("test_input_required_result_elicitation", {}),
    ],
)
def test_a_tool_that_asks_is_refused_with_the_reason_where_it_cannot_ask(
    server: ServerProcess, tool: str, arguments: dict[str, str], version: str, progress_token: str | None
) -> None:
    params = {"name": tool, "arguments": arguments}
    result = server.mcp(version, "tools/call", params, progress_token=progress_token).json()["result"]
    assert result["isError"]
    [content] = result["content"]
    assert tool in content["text"] and MODERN_VERSION in content["text"]


@pytest.mark.parametrize("version", HANDSHAKE_VERSIONS)
def test_a_prompt_that_asks_is_refused_with_the_reason_where_it_cannot_ask(server: ServerProcess, version: str) -> None:
    answer = server.mcp(version, "prompts/get", {"name": "test_input_required_result_prompt"})
    assert MODERN_VERSION in answer.json()["error"]["message"]


@pytest.mark.parametrize("version", HANDSHAKE_VERSIONS)
def test_what_a_tool_says_while_it_runs_streams_without_a_progress_token(server: ServerProcess, version: str) -> None:
    answer = server.mcp(version, "tools/call", {"name": "test_tool_with_logging", "arguments": {}})
    *said, last = answer.events()
    assert [message["params"]["data"]["msg"] for message in said] == [
        "Tool execution started",
        "Tool processing data",
        "Tool execution completed",
    ]
    assert last["result"]["isError"] is False


@pytest.mark.parametrize("version", HANDSHAKE_VERSIONS)
def test_a_progress_token_alone_makes_no_stream(server: ServerProcess, version: str) -> None:
    params = {"name": "test_simple_text", "arguments": {}}
    answer = server.mcp(version, "tools/call", params, progress_token="token-1")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["result"]["isError"] is False


@pytest.mark.parametrize("version", HANDSHAKE_VERSIONS)
def test_the_level_that_one_client_sets_silences_no_other(server: ServerProcess, version: str) -> None:
    assert server.mcp(version, "logging/setLevel", {"level": "emergency"}).json()["result"] == {}
    answer = server.mcp(version, "tools/call", {"name": "test_tool_with_logging", "arguments": {}})
    assert len(answer.events()) == 4


@pytest.mark.parametrize("version", HANDSHAKE_VERSIONS)
def test_nothing_is_promised_that_needs_a_session(server: ServerProcess, version: str) -> None:
    opening = {"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    capabilities = server.mcp(version, "initialize", opening).json()["result"]["capabilities"]
    assert {"tools", "resources", "prompts", "completions", "logging"} <= capabilities.keys()
    assert not [name for name, details in capabilities.items() if True in details.values()]
