"""What is known of tool calls afterwards: audit lines and embedded metrics."""

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.json_logs import JsonFormatter
from server.observation import OUTCOMES, Observation
from server.redaction import LONGEST_TEXT, SecretFilter
from server.request_facts import RequestFacts, read_facts
from server.settings import Settings
from server.tool_metrics import UNKNOWN_TOOL, Histogram
from tests.server.server_process import ALL_VERSIONS, EXAMPLE_TOOLS, ServerProcess

Start = Callable[..., ServerProcess]

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class _Observed:
    """An observation whose clock says what a test gives and whose lines the test reads."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.lines: list[str] = []
        self.clock = 0.0
        self.observation = Observation(
            settings or Settings(),
            ["echo", "count"],
            write=self.lines.append,
            clock=lambda: self.clock,
            now=lambda: 1_000_000.0 + self.clock,
        )

    def call(self, tool: str, outcome: str, seconds: float, arguments: object = None, **facts: str) -> dict[str, Any]:
        call = self.observation.begin(tool, RequestFacts("id", **facts))
        self.clock += seconds
        call.end(outcome, arguments)
        entry: dict[str, Any] = json.loads(self.lines[-1])
        return entry

    def published(self) -> list[dict[str, Any]]:
        self.lines.clear()
        self.observation.publish()
        return [json.loads(line) for line in self.lines]


def test_an_audit_line_says_who_which_tool_how_it_ended_and_how_long_it_took() -> None:
    entry = _Observed().call(
        "echo", "ok", 0.25, {"message": "x"}, trace_id="Root=1", traceparent=TRACEPARENT, caller="a"
    )
    assert entry == {
        "time": "1970-01-12T13:46:40.250+00:00",
        "level": "INFO",
        "logger": "server.audit",
        "message": "tool call",
        "request_id": "id",
        "trace_id": "Root=1",
        "w3c_trace_id": "0af7651916cd43dd8448eb211c80319c",
        "caller": "a",
        "tool": "echo",
        "outcome": "ok",
        "duration_ms": 250.0,
    }


def test_who_calls_is_never_invented() -> None:
    assert _Observed().call("echo", "ok", 0)["caller"] is None
    assert read_facts({"x-caller": "me"}).caller is None
    assert read_facts({"x-caller": "me"}, "x-caller").caller == "me"


def test_arguments_are_written_by_choice_and_without_secrets() -> None:
    settings = Settings(audit_arguments="redacted", tool_secrets={"KEY": "hush-hush"})
    arguments = {"message": "say hush-hush", "Api_Key": "abc", "deep": [{"password": {"x": 1}}], "n": 3}
    shown = _Observed(settings).call("echo", "ok", 0, arguments)["arguments"]
    assert shown == {"message": "say [secret]", "Api_Key": "[secret]", "deep": [{"password": "[secret]"}], "n": 3}
    nested: dict[str, Any] = {"password": "hidden-value"}
    for _ in range(8):
        nested = {"more": nested}
    assert "hidden-value" not in json.dumps(SecretFilter().arguments(nested))
    assert "cut" in _Observed(settings).call("echo", "ok", 0, {"text": "x" * 100_000})["arguments"]


_anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.characters(categories=["Cs"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(tool=st.text(), caller=st.text(), trace=st.text(), arguments=_anything, outcome=st.sampled_from([*OUTCOMES, ""]))
def test_whatever_is_observed_is_one_line_of_strict_json(
    tool: str, caller: str, trace: str, arguments: object, outcome: str
) -> None:
    observed = _Observed(Settings(audit_arguments="redacted"))
    observed.call(tool, outcome, 0.001, arguments, caller=caller, trace_id=trace)
    observed.published()
    for line in observed.lines:
        assert line.isascii() and line.isprintable() and len(line) < 16_000
        read = json.loads(line, parse_constant=lambda constant: pytest.fail(f"{constant} is not JSON"))
        json.dumps(read, ensure_ascii=False).encode()


@pytest.mark.parametrize("text", ["x" * 1_000_000, "\ud800" * 50_000, "\x00" * 50_000])
def test_a_log_line_stays_below_what_container_runtimes_cut(text: str) -> None:
    record = logging.LogRecord("test", logging.INFO, __file__, 1, "%s", (text,), None)
    vars(record).update({f"field_{number}": text for number in range(5)}, many=list(range(10_000)))
    line = JsonFormatter().format(record)
    assert len(line) < 16_000
    assert json.loads(line)["cut"] > LONGEST_TEXT


def test_metrics_are_one_document_a_tool_and_one_for_the_runtime() -> None:
    observed = _Observed(Settings(runtime_name="mine"))
    for milliseconds in (1, 1, 1, 100):
        observed.call("echo", "ok", milliseconds / 1000)
    for outcome in ("crash", "tool_error", "tool_error"):
        observed.call("echo", outcome, 0.002)
    waiting = observed.observation.begin("count", RequestFacts("id"))
    observed.clock += 0.5
    waiting.left_queue()
    for name in ("nonsense", "more\nnonsense"):
        observed.call(name, "unknown_tool", 0)
    documents = observed.published()
    assert [(entry["Runtime"], entry.get("Tool")) for entry in documents] == [
        ("mine", UNKNOWN_TOOL),
        ("mine", "count"),
        ("mine", "echo"),
        ("mine", None),
    ]
    unknown, count, echo, whole = documents
    assert (unknown["Calls"], unknown["UnknownTools"], unknown["Faults"]) == (2, 2, 0)
    assert (count["Calls"], count["InFlight"], count["QueueTime"]["Max"]) == (0, 1, 500)
    assert (echo["Calls"], echo["Errors"], echo["Faults"], echo["Crashes"], echo["ToolErrors"]) == (7, 3, 1, 1, 2)
    assert echo["Duration"]["Counts"] == [3, 3, 1]
    assert echo["Duration"]["Values"] == [
        pytest.approx(1, rel=0.1),
        pytest.approx(2, rel=0.1),
        pytest.approx(100, rel=0.1),
    ]
    assert (whole["InFlight"], "Calls" in whole) == (2, False)
    for document in documents:
        _check_embedded_metrics(document)
    # The next interval knows what still runs, and nothing of what was told.
    assert [(entry.get("Tool"), entry["InFlight"]) for entry in observed.published()] == [("count", 1), (None, 1)]
    waiting.end("ok")
    waiting.end("crash")
    assert [entry.get("Calls") for entry in observed.published()] == [1, None]
    assert observed.published() == []


@given(st.lists(st.floats(0, 1e7), min_size=1, max_size=300))
def test_times_fit_a_document_and_are_known_to_a_tenth(times: list[float]) -> None:
    histogram = Histogram()
    for milliseconds in times:
        histogram.add(milliseconds)
    shown: Any = histogram.document()
    assert len(shown["Values"]) == len(shown["Counts"]) <= 100
    assert sum(shown["Counts"]) == shown["Count"] == len(times)
    assert shown["Min"] <= shown["Values"][0] and shown["Values"][-1] <= shown["Max"]
    told = [value for value, count in zip(shown["Values"], shown["Counts"], strict=True) for _ in range(count)]
    for value, milliseconds in zip(told, sorted(times), strict=True):
        if 0.1 < milliseconds < 600_000:
            assert value == pytest.approx(milliseconds, rel=0.1, abs=0.001)


@pytest.mark.parametrize(
    ("given_trace", "usable"),
    [
        (TRACEPARENT, True),
        ("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00", True),
        ("ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", False),
        (f"00-{'0' * 32}-b7ad6b7169203331-01", False),
        (f"00-0af7651916cd43dd8448eb211c80319c-{'0' * 16}-01", False),
        ("00-0AF7651916CD43DD8448EB211C80319C-B7AD6B7169203331-01", False),
        ("nonsense", False),
        ("", False),
    ],
)
def test_a_trace_is_taken_from_a_header_or_else_from_the_request_itself(given_trace: str, usable: bool) -> None:
    expected = given_trace if usable else None
    assert read_facts({"traceparent": given_trace}).traceparent == expected
    assert RequestFacts("id").continuing({"traceparent": given_trace, "tracestate": 3}).traceparent == expected
    assert RequestFacts("id", traceparent="header").continuing({"traceparent": given_trace}).traceparent == "header"
    assert RequestFacts("id").continuing([given_trace]).traceparent is None


def test_calls_of_the_server_are_audited_and_counted(start_server: Start) -> None:
    settings = {"RUNTIME_NAME": "tested", "AUDIT_CALLER_HEADER": "X-Caller", "AUDIT_ARGUMENTS": "redacted"}
    settings["TOOL_SECRETS"] = '{"PRESENT": "hush-hush"}'
    server = start_server(**EXAMPLE_TOOLS, **settings).wait_until_listening()
    for version in ALL_VERSIONS:
        server.mcp(
            version,
            "tools/call",
            {"name": "echo", "arguments": {"message": version}, "_meta": {"traceparent": TRACEPARENT}},
            headers={"X-Request-Id": f"given-{version}", "X-Caller": "agent"},
        )
    assert server.call("echo", {"wrong": 1})["isError"]
    assert server.call("use_secret", {"key": "ABSENT"})["isError"]
    assert server.call("leak", {"key": "PRESENT"})["isError"]
    server.call("no such tool")
    assert server.stop() == 0
    audit = [entry for entry in server.log() if entry["logger"] == "server.audit"]
    assert [entry["request_id"] for entry in audit[: len(ALL_VERSIONS)]] == [f"given-{name}" for name in ALL_VERSIONS]
    for entry, version in zip(audit, ALL_VERSIONS, strict=False):
        assert (entry["tool"], entry["outcome"], entry["caller"]) == ("echo", "ok", "agent")
        assert entry["arguments"] == {"message": version}
    assert [(entry["tool"], entry["outcome"]) for entry in audit[len(ALL_VERSIONS) :]] == [
        ("echo", "invalid_arguments"),
        ("use_secret", "tool_error"),
        ("leak", "crash"),
        ("no such tool", "unknown_tool"),
    ]
    metrics = {entry.get("Tool"): entry for entry in server.log() if entry["logger"] == "server.metrics"}
    assert metrics.keys() == {"echo", "use_secret", "leak", UNKNOWN_TOOL, None}
    assert (metrics["echo"]["Calls"], metrics["echo"]["InvalidArguments"]) == (len(ALL_VERSIONS) + 1, 1)
    for document in metrics.values():
        assert document["Runtime"] == "tested"
        _check_embedded_metrics(document)


def _check_embedded_metrics(document: dict[str, Any]) -> None:
    """Check what the specification of the embedded metric format asks of a document."""
    assert isinstance(document["_aws"]["Timestamp"], int)
    for directive in document["_aws"]["CloudWatchMetrics"]:
        assert directive["Namespace"] == "McpAgentRuntime"
        for name in (name for names in directive["Dimensions"] for name in names):
            assert isinstance(document[name], str) and 0 < len(document[name]) <= 1024
        assert 0 < len(directive["Metrics"]) <= 100
        for metric in directive["Metrics"]:
            for number in _numbers(document[metric["Name"]]):
                assert isinstance(number, int | float)


def _numbers(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        assert len(value["Values"]) == len(value["Counts"]) <= 100
        yield from (*value["Values"], *value["Counts"], value["Min"], value["Max"], value["Sum"], value["Count"])
    else:
        yield value
