"""Settings: what is accepted, and how what is not is told."""

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.settings import LOAD_BALANCER_IDLE_SECONDS, Settings, SettingsError, TokenRules, read_settings
from tests.server.server_process import ServerProcess


def test_an_empty_environment_and_blank_values_mean_the_defaults() -> None:
    assert read_settings({}) == Settings()
    assert read_settings({"PORT": "", "ALLOWED_HOSTS": " ", "TOOL_SECRETS": "", "LOG_LEVEL": ""}) == Settings()
    assert (Settings().host, Settings().port) == ("127.0.0.1", 3000)


def test_keep_alive_outlasts_the_load_balancer_and_pings_come_before_it_gives_up() -> None:
    defaults = Settings()
    assert defaults.keep_alive_seconds > LOAD_BALANCER_IDLE_SECONDS > defaults.ping_interval_seconds


def test_every_setting_is_read() -> None:
    settings = read_settings(
        {
            "HOST": "0.0.0.0",
            "PORT": "8080",
            "LOG_LEVEL": "debug",
            "KEEP_ALIVE_SECONDS": "125",
            "PING_INTERVAL_SECONDS": "40",
            "SHUTDOWN_SECONDS": "90",
            "DRAIN_QUIET_SECONDS": "5",
            "ALLOWED_HOSTS": "mcp.example.com, *.Example.org ,",
            "FORWARDED_ALLOW_IPS": "10.0.0.0/16,::1",
            "MAX_HEADER_BYTES": "16384",
            "MAX_BODY_BYTES": "1048576",
            "MAX_DEPTH": "32",
            "MAX_CONCURRENCY": "10",
            "REQUEST_SECONDS": "20",
            "REQUIRE_TOKEN": "ON",
            "TOKEN_ISSUER": "https://issuer.example.com/pool",
            "TOKEN_KEYS_URL": "https://issuer.example.com/pool/.well-known/jwks.json",
            "TOKEN_SCOPE": "mcp-runtime/invoke",
            "TOKEN_SCOPE_CLAIM": "scp",
            "TOKEN_CLIENT_ID": "gateway",
            "TOOL_PACKAGES": "server.tools,my_company.tools",
            "LIST_PAGE_SIZE": "100",
            "REQUEST_STATE_KEY": "a key of more than 32 characters!",
            "TOOL_SECRETS": '{"API_KEY": "abc", "RETRIES": 3}',
            "UNRELATED": "x",
        }
    )
    assert settings == Settings(
        host="0.0.0.0",
        port=8080,
        log_level="DEBUG",
        keep_alive_seconds=125,
        ping_interval_seconds=40,
        shutdown_seconds=90,
        drain_quiet_seconds=5,
        allowed_hosts=("mcp.example.com", "*.example.org"),
        forwarded_allow_ips=("10.0.0.0/16", "::1/128"),
        max_header_bytes=16384,
        max_body_bytes=1048576,
        max_depth=32,
        max_concurrency=10,
        request_seconds=20,
        token=TokenRules(
            "https://issuer.example.com/pool",
            "https://issuer.example.com/pool/.well-known/jwks.json",
            "mcp-runtime/invoke",
            "scp",
            "gateway",
        ),
        tool_packages=("server.tools", "my_company.tools"),
        tool_secrets={"API_KEY": "abc", "RETRIES": "3"},
        list_page_size=100,
        request_state_key="a key of more than 32 characters!",
    )


WRONG = [
    ("PORT", "http"),
    ("PORT", "-1"),
    ("PORT", "65536"),
    ("PORT", "٣"),
    ("HOST", "http://x"),
    ("HOST", "a b"),
    ("LOG_LEVEL", "LOUD"),
    ("KEEP_ALIVE_SECONDS", "0"),
    ("KEEP_ALIVE_SECONDS", "1.5"),
    ("PING_INTERVAL_SECONDS", "0"),
    ("PING_INTERVAL_SECONDS", "65"),
    ("SHUTDOWN_SECONDS", "116"),
    ("MAX_BODY_BYTES", "4194305"),
    ("MAX_DEPTH", "7"),
    ("MAX_CONCURRENCY", "0"),
    ("REQUIRE_TOKEN", "true"),
    ("DRAIN_QUIET_SECONDS", "soon"),
    ("ALLOWED_HOSTS", "https://mcp.example.com"),
    ("ALLOWED_HOSTS", "mcp.example.com:443"),
    ("FORWARDED_ALLOW_IPS", "10.0.0.1/16"),
    ("FORWARDED_ALLOW_IPS", "*"),
    ("TOOL_PACKAGES", "../tools"),
    ("LIST_PAGE_SIZE", "-1"),
    ("REQUEST_STATE_KEY", "hush-hush"),
    ("TOOL_SECRETS", "plain-text-secret"),
    ("TOOL_SECRETS", '["hush-hush"]'),
    ("TOOL_SECRETS", '{"KEY": {"nested": "hush-hush"}}'),
    ("TOOL_SECRETS", '{"KEY": null}'),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_wrong_value_is_told_in_one_sentence_that_names_the_setting(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings({name: value})
    message = str(caught.value)
    assert message.startswith(name) and message.endswith(".") and "\n" not in message
    if name in ("TOOL_SECRETS", "REQUEST_STATE_KEY"):
        assert "plain-text-secret" not in message and "hush" not in message


@given(st.dictionaries(st.sampled_from(sorted({name for name, _ in WRONG})), st.text(max_size=30)))
def test_any_environment_gives_settings_or_one_sentence(environment: dict[str, str]) -> None:
    try:
        settings = read_settings(environment)
    except SettingsError as error:
        assert str(error).endswith(".") and "\n" not in str(error)
    else:
        assert 0 <= settings.port <= 65535
        assert settings.ping_interval_seconds < settings.keep_alive_seconds


@given(st.dictionaries(st.text(), st.text(min_size=8)))
def test_secrets_are_read_as_they_are_and_never_shown(values: dict[str, str]) -> None:
    settings = read_settings({"TOOL_SECRETS": json.dumps(values)})
    assert dict(settings.tool_secrets) == values
    assert "tool_secrets" not in repr(settings)


@given(st.text(alphabet='abc{}[]":, 0', min_size=1))
def test_secrets_that_are_no_json_object_are_never_repeated(tail: str) -> None:
    try:
        read_settings({"TOOL_SECRETS": "hush-hush" + tail})
    except SettingsError as error:
        assert "hush" not in repr(error) and error.__cause__ is None


def test_a_wrong_setting_ends_the_process_with_status_2_and_one_line(
    start_server: Callable[..., ServerProcess],
) -> None:
    server = start_server(PORT="http", TOOL_SECRETS='{"KEY": "hush-hush"}')
    assert server.exit_status() == 2
    assert [entry["message"] for entry in server.log()] == ["PORT is 'http'; write a whole number from 0 to 65535."]
    assert server.error_output == b"" and b"hush" not in b"".join(server.lines)


def test_a_port_in_use_ends_the_process_with_one_line(start_server: Callable[..., ServerProcess]) -> None:
    first = start_server().wait_until_listening()
    second = start_server(PORT=str(first.port))
    assert second.exit_status() == 1
    (entry,) = second.log()
    assert str(first.port) in entry["message"] and "set PORT" in entry["message"]
    assert second.error_output == b""


def test_settings_of_fastmcp_itself_change_nothing(start_server: Callable[..., ServerProcess]) -> None:
    server = start_server(FASTMCP_LOG_LEVEL="nonsense", FASTMCP_STATELESS_HTTP="false", FASTMCP_JSON_RESPONSE="x")
    server.wait_until_listening()
    assert server.call("echo", {"message": "hello"})["content"][0]["text"] == "hello"


TOKEN = {
    "REQUIRE_TOKEN": "on",
    "TOKEN_ISSUER": "https://issuer.example.com",
    "TOKEN_KEYS_URL": "https://issuer.example.com/keys",
    "TOKEN_SCOPE": "invoke",
}


@pytest.mark.parametrize(
    "changed",
    [
        {"TOKEN_ISSUER": ""},
        {"TOKEN_KEYS_URL": ""},
        {"TOKEN_SCOPE": ""},
        {"TOKEN_SCOPE": 'a"b'},
        {"TOKEN_SCOPE": "two scopes"},
        {"TOKEN_KEYS_URL": "http://issuer.example.com/keys"},
        {"TOKEN_KEYS_URL": "file:///etc/passwd"},
        {"TOKEN_KEYS_URL": "https://[broken"},
    ],
)
def test_a_token_check_that_is_not_whole_is_refused(changed: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match=next(iter(changed))):
        read_settings({**TOKEN, **changed})


def test_the_token_settings_alone_ask_for_no_token() -> None:
    assert read_settings({**TOKEN, "REQUIRE_TOKEN": "off", "TOKEN_KEYS_URL": ""}).token is None
    assert read_settings({**TOKEN, "TOKEN_KEYS_URL": "http://127.0.0.1:1/keys"}).token is not None
