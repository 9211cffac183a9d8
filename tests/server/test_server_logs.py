"""Logs: always one JSON object a line, with ids, and never a secret."""

import asyncio
import io
import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from server.json_logs import JsonFormatter, LoggedStream
from server.redaction import REDACTED
from server.request_log import RequestLog
from tests.server.server_process import EXAMPLE_TOOLS, MODERN_VERSION, ServerProcess

Start = Callable[..., ServerProcess]

_anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.integers(), inner, max_size=3),
    max_leaves=8,
)


def _format(message: str, *arguments: object, secret_values: tuple[str, ...] = (), **extra: Any) -> dict[str, Any]:
    record = logging.LogRecord("test", logging.INFO, __file__, 1, message, arguments, None)
    vars(record).update(extra)
    line = JsonFormatter(secret_values).format(record)
    assert line.isprintable() and line.isascii()
    entry: dict[str, Any] = json.loads(line, parse_constant=lambda constant: pytest.fail(f"{constant} is not JSON"))
    return entry


@given(message=st.text(), arguments=st.lists(_anything, max_size=3), extra=_anything)
def test_whatever_is_logged_is_one_line_of_json(message: str, arguments: list[object], extra: object) -> None:
    entry = _format(message, *arguments, extra_field=extra)
    assert {"time", "level", "logger", "message"} <= entry.keys()


@given(secret=st.text(min_size=4), before=st.text(), after=st.text())
def test_a_secret_is_replaced_wherever_it_stands(secret: str, before: str, after: str) -> None:
    text = before + secret + after
    entry = _format("%s", text, secret_values=(secret,), extra_field={"list": [text], text: 1})
    for value in (
        (entry["message"], *entry["extra_field"], *entry["extra_field"]["list"])
        if "list" in entry["extra_field"]
        else (entry["message"],)
    ):
        assert secret not in value or secret in REDACTED


def test_a_secret_inside_an_exception_or_as_a_number_is_replaced() -> None:
    try:
        raise ValueError("the key is hush-hush")
    except ValueError as error:
        entry = _format("failed", secret_values=("hush-hush", "123456"), exc_info=(ValueError, error, None), pin=123456)
    assert "hush-hush" not in json.dumps(entry) and REDACTED in entry["exception"] and entry["pin"] == REDACTED


@given(st.lists(st.text(alphabet="ab\n\r\x00é")))
def test_what_is_printed_is_logged_line_by_line(pieces: list[str]) -> None:
    output = io.StringIO()
    logger = logging.Logger("printed")
    logger.addHandler(logging.StreamHandler(output))
    logger.handlers[0].setFormatter(JsonFormatter())
    stream = LoggedStream(logger, logging.INFO)
    assert [stream.write(piece) for piece in pieces] == [len(piece) for piece in pieces]
    *expected, _ = "".join(pieces).split("\n")
    logged = [json.loads(line)["message"] for line in output.getvalue().splitlines()]
    assert logged == [line for line in expected if line.strip()]


def test_every_line_of_output_is_json_whatever_a_tool_says(start_server: Start) -> None:
    sayings = ["plain", 'a "quoted" \\ word', "two\nlines\r\n", "\x00\x1b[31m\u2028", "%s %d {}"]
    server = start_server(**EXAMPLE_TOOLS, LOG_LEVEL="DEBUG").wait_until_listening()
    for words in sayings:
        server.call("talk", {"words": words})
    server.request("GET", "/" + "%0a%22", headers={"User-Agent": '"\\'})
    server.request("POST", "/mcp", b"\xff\x00\n{", {"Content-Type": "application/json"})
    assert server.stop() == 0
    entries = server.log()
    assert server.error_output == b""
    assert [entry["words"] for entry in entries if entry["logger"] == "talk" and "words" in entry] == sayings
    assert {"stdout", "stderr", "py.warnings"} <= {entry["logger"] for entry in entries}


def test_all_lines_of_a_request_carry_its_ids(start_server: Start) -> None:
    server = start_server(**EXAMPLE_TOOLS).wait_until_listening()
    trace = "Self=1-67891234-12456789abcdef012345678;Root=1-67891233-abcdef012345678912345678"
    for version in ("2025-06-18", MODERN_VERSION):
        answer = server.mcp(
            version,
            "tools/call",
            {"name": "talk", "arguments": {"words": "hello"}},
            headers={"X-Amzn-Trace-Id": trace, "X-Request-Id": f"given-{version}"},
        )
        assert answer.headers["x-request-id"] == f"given-{version}"
    unnamed = server.mcp(MODERN_VERSION, "tools/list", headers={"X-Request-Id": "not usable"})
    server.stop()
    for version in ("2025-06-18", MODERN_VERSION):
        of_request = [entry for entry in server.log() if entry.get("request_id") == f"given-{version}"]
        assert {"talk", "stdout", "server.access"} <= {entry["logger"] for entry in of_request}
        assert {entry["trace_id"] for entry in of_request} == {trace}
        access = of_request[-1]
        assert (access["method"], access["path"], access["status"]) == ("POST", "/mcp", 200)
    assert [entry["path"] for entry in server.log() if entry.get("request_id") == unnamed.headers["x-request-id"]]


@pytest.mark.parametrize("answers_first", [True, False])
def test_an_unexpected_failure_is_logged_under_the_requests_id(answers_first: bool) -> None:
    async def failing(scope: Scope, receive: Receive, send: Send) -> None:
        if answers_first:
            await Response("begun")(scope, receive, send)
        raise LookupError("inner details")

    output = io.StringIO()
    logger = logging.getLogger("server.access")
    handler = logging.StreamHandler(output)
    handler.setFormatter(JsonFormatter())
    logger.addHandler(handler)
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    scope: Scope = {"type": "http", "method": "GET", "path": "/x", "headers": [(b"x-request-id", b"given")]}
    try:
        asyncio.run(RequestLog(failing, logging.INFO)(scope, receive, send))
    finally:
        logger.removeHandler(handler)
    entry = json.loads(output.getvalue().splitlines()[0])
    assert entry["request_id"] == "given" and "inner details" in entry["exception"]
    assert [message["status"] for message in sent if "status" in message] == [200 if answers_first else 500]
    assert "inner details" not in str(sent)


def test_health_checks_do_not_fill_the_log(start_server: Start) -> None:
    server = start_server().wait_until_listening()
    server.request("GET", "/health")
    server.request("GET", "/ready")
    server.stop()
    assert [entry["message"] for entry in server.log()] == ["listening", "stopping", "stopped"]


def test_secrets_reach_tools_and_nothing_else(start_server: Start) -> None:
    secrets = {
        "PLAIN": "hush-hush-value",
        "QUOTED": 'quote"back\\slash',
        "LINES": "-----BEGIN KEY-----\nMIIEvQIBADAN\n-----END KEY-----\n",
        "UNICODE": "ünïcode-\u2028",
    }
    server = start_server(**EXAMPLE_TOOLS, LOG_LEVEL="DEBUG", TOOL_SECRETS=json.dumps(secrets)).wait_until_listening()
    answers = [server.call("get_system_info"), server.call("use_secret", {"key": "OTHER_KEY"})]
    assert answers[-1]["isError"] and "OTHER_KEY" in answers[-1]["content"][0]["text"]
    for key, secret in secrets.items():
        used = server.call("use_secret", {"key": key})
        assert used["structuredContent"] == {"length": len(secret), "in_environment": False}
        answers.append(server.call("leak", {"key": key}))
        assert answers[-1]["isError"]
    server.stop()
    written = [
        text for shown in [*server.log(), *answers] for text in (json.dumps(shown, ensure_ascii=False), str(shown))
    ]
    assert sum(REDACTED in text for text in written) >= len(secrets)
    for part in (line for secret in secrets.values() for line in secret.splitlines() if line):
        for text in written:
            assert part not in text and json.dumps(part)[1:-1] not in text and repr(part)[1:-1] not in text
