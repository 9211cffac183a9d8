"""What is known of every tool call afterwards: one audit line, metrics, and a span where traces are on.

Whoever runs a tool calls `Observation.begin` before and `CallInProgress.end` after it, on the event loop's thread.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from contextlib import asynccontextmanager, suppress
from json.encoder import encode_basestring_ascii as quoted
from typing import TYPE_CHECKING

from server.json_logs import write_line, written_time
from server.redaction import SecretFilter
from server.request_facts import RequestFacts
from server.settings import Settings
from server.tool_metrics import ERROR_METRICS, OK, UNKNOWN_TOOL, ToolMetrics

if TYPE_CHECKING:
    from server.traces import Span, Traces

OUTCOMES = (OK, *ERROR_METRICS)
"""How a call may end."""

_KNOWN = frozenset(OUTCOMES)

MOST_TOOLS = 200
"""Names beyond these share one: each is a metric of its own, which costs."""

LONGEST_ARGUMENTS = 4096
"""Characters of JSON that an audit line gives to a call's arguments."""


class Observation:
    """Sees every tool call of one process."""

    def __init__(
        self,
        settings: Settings,
        tools: Collection[str],
        *,
        write: Callable[[str], None] = write_line,
        clock: Callable[[], float] = time.perf_counter,
        now: Callable[[], float] = time.time,
        traces: "Traces | None" = None,
    ) -> None:
        """Observe calls of `tools`.

        `write` takes one line of JSON without its end; `clock` measures durations, `now` counts seconds from 1970.
        Spans are made where `traces` is given.
        """
        self._tools = set(tools)
        self._interval = settings.metrics_seconds
        self._with_arguments = settings.audit_arguments == "redacted"
        self._secrets = SecretFilter(settings.tool_secrets.values())
        self._metrics = ToolMetrics(settings.runtime_name)
        self._write = write
        self._clock = clock
        self._now = now
        self._traces = traces

    def know(self, tools: Iterable[str]) -> None:
        """Observe calls of `tools` under their names too, as long as there are not too many names."""
        for tool in tools:
            if len(self._tools) < MOST_TOOLS:
                self._tools.add(tool)

    def begin(self, tool: str, facts: RequestFacts) -> "CallInProgress":
        """Note that a call of `tool`, which need not be there, begins; it counts as running until its `end`."""
        name = tool if tool in self._tools else UNKNOWN_TOOL
        self._metrics.begin(name)
        span = None if self._traces is None else self._traces.begin(name, facts)
        return CallInProgress(self, name, tool, facts, self._clock(), span)

    @asynccontextmanager
    async def publishing(self) -> AsyncIterator[None]:
        """Write the metrics every METRICS_SECONDS; at the end write them once more, and send the last spans."""
        publisher = asyncio.create_task(self._publish_for_ever()) if self._interval else None
        try:
            yield
        finally:
            if publisher is not None:
                publisher.cancel()
                with suppress(asyncio.CancelledError):
                    await publisher
                self.publish()
            if self._traces is not None:
                await asyncio.to_thread(self._traces.close)

    def publish(self) -> None:
        """Write the metrics of the time since the last call of this."""
        now = self._now()
        head = {"time": written_time(now), "level": "INFO", "logger": "server.metrics", "message": "tool metrics"}
        for document in self._metrics.documents(round(now * 1000)):
            self._write(json.dumps({**head, **document}))

    async def _publish_for_ever(self) -> None:
        while True:
            await asyncio.sleep(self._interval)
            self.publish()

    def _waited(self, call: "CallInProgress") -> None:
        self._metrics.waited(call.name, (self._clock() - call.started) * 1000)

    def _ended(self, call: "CallInProgress", outcome: str, arguments: object) -> None:
        milliseconds = (self._clock() - call.started) * 1000
        now = self._now()
        if outcome not in _KNOWN:
            outcome = "crash"
        self._metrics.end(call.name, outcome, milliseconds)
        if call.span is not None:
            call.span.end(outcome)
        self._write(self._audit_line(call, outcome, arguments, milliseconds, now))

    def _audit_line(
        self, call: "CallInProgress", outcome: str, arguments: object, milliseconds: float, now: float
    ) -> str:
        # Put together by hand: a logging record and a dictionary take three times as long.
        facts, text = call.facts, self._secrets.text
        tool = call.tool if call.name != UNKNOWN_TOOL else text(call.tool[:128])
        line = (
            f'{{"time": "{written_time(now)}", "level": "INFO", "logger": "server.audit", "message": "tool call", '
            f'"request_id": {quoted(text(facts.request_id))}, '
        )
        if facts.trace_id is not None:
            line += f'"trace_id": {quoted(text(facts.trace_id))}, '
        if facts.traceparent is not None:
            line += f'"w3c_trace_id": "{facts.w3c_trace_id}", '
        caller = "null" if facts.caller is None else quoted(text(facts.caller))
        line += f'"caller": {caller}, "tool": {quoted(tool)}, "outcome": "{outcome}", "duration_ms": {milliseconds:.3f}'
        if self._with_arguments and arguments is not None:
            line += f', "arguments": {self._arguments(arguments)}'
        return line + "}"

    def _arguments(self, arguments: object) -> str:
        written = json.dumps(self._secrets.arguments(arguments))
        return written if len(written) <= LONGEST_ARGUMENTS else f'"[cut, {len(written)} characters of JSON]"'


class CallInProgress:
    """A call that runs; made by `Observation.begin`."""

    __slots__ = ("_observation", "_over", "facts", "name", "span", "started", "tool")

    def __init__(
        self,
        observation: Observation,
        name: str,
        tool: str,
        facts: RequestFacts,
        started: float,
        span: "Span | None",
    ) -> None:
        """`name` is the tool's in metrics, `tool` what the caller asked for."""
        self._observation = observation
        self._over = False
        self.name = name
        self.tool = tool
        self.facts = facts
        self.started = started
        self.span = span

    def left_queue(self) -> None:
        """Say that the tool itself begins now, where the call had to wait for its turn; for the metric QueueTime."""
        self._observation._waited(self)

    def end(self, outcome: str, arguments: object = None) -> None:
        """Say how the call ended, one of `OUTCOMES` (else it was a crash); only the first time counts.

        `arguments` are written only with AUDIT_ARGUMENTS=redacted.
        """
        if not self._over:
            self._over = True
            self._observation._ended(self, outcome, arguments)
