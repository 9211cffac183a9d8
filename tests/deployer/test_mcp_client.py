"""MCP calls against the real server, through a token check and a signature check that really say no."""

import logging

import pytest
from botocore.credentials import ReadOnlyCredentials

from deployer.mcp_client import BearerToken, Era, McpRefused, Signed, call_tool, list_tools, mcp_url
from deployer.network import Unreachable
from tests.deployer.loopback import ACCESS_KEY, GATEWAY_HOST, HOST, REGION, SECRET_KEY, TOKEN, HttpServer, Reply
from tests.deployer.outside import Outside

ENDPOINT = f"https://{HOST}/mcp"
GATEWAY = f"https://{GATEWAY_HOST}/mcp"
ERAS: list[Era] = ["auto", "handshake", "modern"]


def signed(secret_key: str = SECRET_KEY, region: str = REGION, token: str | None = None) -> Signed:
    return Signed(ReadOnlyCredentials(ACCESS_KEY, secret_key, token), region)


@pytest.mark.parametrize("era", ERAS)
def test_tools_are_listed_with_a_token(outside: Outside, era: Era) -> None:
    tools = {tool.name: tool for tool in list_tools(outside.network, ENDPOINT, BearerToken(TOKEN), era)}

    assert set(tools) == {"echo", "get_system_info"}
    assert "message" in tools["echo"].input_schema["properties"]
    assert tools["echo"].description == "Echo back the input message."


@pytest.mark.parametrize("era", ERAS)
def test_a_tool_is_called_with_a_signature(outside: Outside, era: Era) -> None:
    answer = call_tool(outside.network, GATEWAY, signed(), "mcp___echo", {"message": "grüße"}, era)

    assert (answer.text, answer.failed) == ("grüße", False)


def test_temporary_credentials_sign_too(outside: Outside) -> None:
    answer = call_tool(outside.network, GATEWAY, signed(token="session"), "mcp___echo", {"message": "x"})

    assert answer.text == "x"


def test_structured_content_is_handed_on(outside: Outside) -> None:
    answer = call_tool(outside.network, ENDPOINT, BearerToken(TOKEN), "get_system_info", {})

    assert answer.structured
    assert not answer.failed


def test_what_a_tool_reports_is_a_result(outside: Outside) -> None:
    answer = call_tool(outside.network, ENDPOINT, BearerToken(TOKEN), "echo", {"wrong": "argument"})

    assert answer.failed
    assert "message" in answer.text


@pytest.mark.parametrize("era", ERAS)
def test_a_refusal_is_one_sentence_with_status_and_reason(outside: Outside, era: Era) -> None:
    with pytest.raises(McpRefused, match=rf"^{ENDPOINT} answered with HTTP status 401: Unauthorized\.$") as refused:
        list_tools(outside.network, ENDPOINT, BearerToken("unmistakable"), era)

    assert refused.value.status == 401
    assert "unmistakable" not in str(refused.value)


@pytest.mark.parametrize("auth", [None, signed("another-key"), signed(region="eu-west-1"), BearerToken(TOKEN)])
def test_the_gateways_own_words_are_told(outside: Outside, auth: Signed | BearerToken | None) -> None:
    with pytest.raises(McpRefused, match=r"HTTP status 403: The security token included in the request is invalid\.$"):
        list_tools(outside.network, GATEWAY, auth)


@pytest.mark.parametrize("era", ERAS)
def test_an_unknown_tool_is_refused_in_one_sentence(outside: Outside, era: Era) -> None:
    try:
        answer = call_tool(outside.network, ENDPOINT, BearerToken(TOKEN), "no_such_tool", {}, era)
        told = answer.text
        assert answer.failed
    except McpRefused as error:
        told = str(error)

    assert "no_such_tool" in told


def test_a_host_that_is_gone_is_one_sentence(outside: Outside) -> None:
    with pytest.raises(Unreachable, match=r"^The name gone\.example\.com has no address"):
        list_tools(outside.network, "https://gone.example.com/mcp", None)


def test_a_wrong_certificate_is_one_sentence(outside: Outside) -> None:
    outside.names.ports[HOST] = outside.names.ports[GATEWAY_HOST]

    with pytest.raises(Unreachable, match=rf"^The certificate with which {HOST} answers is not valid for it: "):
        list_tools(outside.network, ENDPOINT, BearerToken(TOKEN))


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply(404, b"Not found", {"content-type": "text/plain"}), "HTTP status 404: Not found"),
        (Reply(503, b"", {}), "HTTP status 503: Service Unavailable"),
        (Reply(301, b"", {"location": "https://elsewhere.example.com/"}), "elsewhere.example.com"),
        (Reply(200, b"<html>", {"content-type": "text/html"}), "text/html"),
        (Reply(200, b"[}", {"content-type": "application/json"}), "no MCP message"),
    ],
)
def test_what_is_no_mcp_server_is_one_sentence(
    outside: Outside,
    reply: Reply,
    words: str,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])  # pytest's own: without them Python prints warnings
    with HttpServer(lambda _: reply) as other, pytest.raises(McpRefused, match=words) as refused:
        list_tools(outside.network, f"http://{HOST}:{other.port}/mcp", None)

    assert str(refused.value).endswith(".")
    assert "\n" not in str(refused.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("https://g.example.com", "https://g.example.com/mcp"),
        ("https://g.example.com/", "https://g.example.com/mcp"),
        ("https://g.example.com/mcp", "https://g.example.com/mcp"),
    ],
)
def test_the_gateways_path_is_added_where_aws_leaves_it_out(given: str, expected: str) -> None:
    assert mcp_url(given) == expected
