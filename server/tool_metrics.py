"""Counts tool calls in memory and gives CloudWatch one document a tool and interval, in its embedded metric format.

Sources: Amazon CloudWatch user guide, "Specification: Embedded metric format" (at most 100 values a metric, at most 30
dimensions, values as numbers or arrays of them); values with counts, and their bound of 100, as the OpenTelemetry
collector's exporter sends them (opentelemetry-collector-contrib #22626, #36336), and metrics at the end of a document,
because Logs Insights finds the first 200 fields only (#26697).
"""

import math
from collections.abc import Iterator, Mapping
from types import MappingProxyType

NAMESPACE = "McpAgentRuntime"
"""The namespace of all metrics of this server."""

RUNTIME = "Runtime"
TOOL = "Tool"
"""The dimensions: every metric is there for the runtime, and most also for each of its tools."""

UNKNOWN_TOOL = "(unknown)"
"""Stands for every tool that is not there: callers must not be able to make metrics, which cost."""

OK = "ok"
ERROR_METRICS: Mapping[str, str] = MappingProxyType(
    {
        "tool_error": "ToolErrors",
        "invalid_arguments": "InvalidArguments",
        "timeout": "Timeouts",
        "cancelled": "Cancelled",
        "overloaded": "Overloaded",
        "unknown_tool": "UnknownTools",
        "crash": "Crashes",
    }
)
"""Every way in which a call ends that is not `OK`, and the metric that counts it; sent only when it is not zero."""

FAULTS = frozenset({"timeout", "overloaded", "crash"})
"""What counts against the error budget: the server failed, not the caller and not a tool that refused."""

_SMALLEST_MS = 0.05
_GROWTH = math.log(1.2)
_LAST_BUCKET = 89
"""Ninety buckets, each a fifth wider than the one before, reach from 0.05 ms to eleven minutes."""


class Histogram:
    """Times in milliseconds, each known to a tenth of itself; smallest, largest and sum are exact."""

    __slots__ = ("_buckets", "count", "largest", "smallest", "total")

    def __init__(self) -> None:
        """Start empty."""
        self._buckets: dict[int, int] = {}
        self.count = 0
        self.total = 0.0
        self.smallest = math.inf
        self.largest = 0.0

    def add(self, milliseconds: float) -> None:
        """Count one time."""
        bucket = 0 if milliseconds <= _SMALLEST_MS else int(math.log(milliseconds / _SMALLEST_MS) / _GROWTH)
        bucket = min(bucket, _LAST_BUCKET)
        self._buckets[bucket] = self._buckets.get(bucket, 0) + 1
        self.count += 1
        self.total += milliseconds
        if milliseconds < self.smallest:
            self.smallest = milliseconds
        if milliseconds > self.largest:
            self.largest = milliseconds

    def document(self) -> dict[str, object]:
        """Return the target member of the embedded metric format: values with their counts and a statistic set."""
        buckets = sorted(self._buckets.items())
        middles = (_SMALLEST_MS * math.exp((bucket + 0.5) * _GROWTH) for bucket, _ in buckets)
        return {
            "Values": [round(min(max(middle, self.smallest), self.largest), 3) for middle in middles],
            "Counts": [count for _, count in buckets],
            "Max": round(self.largest, 3),
            "Min": round(self.smallest, 3),
            "Count": self.count,
            "Sum": round(self.total, 3),
        }


class _Tool:
    __slots__ = ("ended", "errors", "in_flight", "peak", "times", "waits")

    def __init__(self, in_flight: int = 0) -> None:
        self.in_flight = in_flight
        self.peak = in_flight
        self.ended = 0
        self.errors: dict[str, int] = {}
        self.times = Histogram()
        self.waits = Histogram()

    def document(self) -> Iterator[tuple[str, str, object]]:
        yield "Calls", "Count", self.ended
        yield "Errors", "Count", sum(self.errors.values())
        yield "Faults", "Count", sum(count for kind, count in self.errors.items() if kind in FAULTS)
        for kind, count in self.errors.items():
            yield ERROR_METRICS[kind], "Count", count
        if self.times.count:
            yield "Duration", "Milliseconds", self.times.document()
        if self.waits.count:
            yield "QueueTime", "Milliseconds", self.waits.document()


class ToolMetrics:
    """The calls of one process since the last documents; used from the event loop's thread only."""

    def __init__(self, runtime: str) -> None:
        """Count for the runtime of that name, which is the dimension `RUNTIME` of everything."""
        self._runtime = runtime
        self._tools: dict[str, _Tool] = {}
        self._in_flight = 0
        self._peak = 0

    def begin(self, tool: str) -> None:
        """Count a call of `tool` as running."""
        counted = self._tools.get(tool)
        if counted is None:
            counted = self._tools[tool] = _Tool()
        counted.in_flight += 1
        if counted.in_flight > counted.peak:
            counted.peak = counted.in_flight
        self._in_flight += 1
        if self._in_flight > self._peak:
            self._peak = self._in_flight

    def waited(self, tool: str, milliseconds: float) -> None:
        """Count the time that a running call of `tool` stood in a queue."""
        self._tools[tool].waits.add(milliseconds)

    def end(self, tool: str, outcome: str, milliseconds: float) -> None:
        """Count a running call of `tool` as ended; `outcome` is `OK` or a key of `ERROR_METRICS`."""
        counted = self._tools[tool]
        counted.in_flight -= 1
        self._in_flight -= 1
        counted.ended += 1
        counted.times.add(milliseconds)
        if outcome != OK:
            counted.errors[outcome] = counted.errors.get(outcome, 0) + 1

    def documents(self, timestamp_ms: int) -> Iterator[dict[str, object]]:
        """Yield what happened since the last time, nothing where nothing did, and start anew.

        A document holds ``_aws``, its dimensions and its metrics; `timestamp_ms` counts from 1970.
        """
        busy = {name: tool for name, tool in self._tools.items() if tool.ended or tool.peak}
        peak = self._peak
        self._tools = {name: _Tool(tool.in_flight) for name, tool in self._tools.items()}
        self._peak = self._in_flight
        for name, tool in sorted(busy.items()):
            metrics = [*tool.document()] if tool.ended or tool.waits.count else []
            both = _directive([[RUNTIME, TOOL], [RUNTIME]], metrics)
            own = _directive([[RUNTIME, TOOL]], [("InFlight", "Count", tool.peak)])
            yield {
                RUNTIME: self._runtime,
                TOOL: name,
                "_aws": {"Timestamp": timestamp_ms, "CloudWatchMetrics": [*([both] if metrics else []), own]},
                "InFlight": tool.peak,
                **{metric: value for metric, _, value in metrics},
            }
        if busy:
            # Apart from the tools': the largest of their peaks is not the peak of them all.
            directive = _directive([[RUNTIME]], [("InFlight", "Count", peak)])
            aws = {"Timestamp": timestamp_ms, "CloudWatchMetrics": [directive]}
            yield {RUNTIME: self._runtime, "_aws": aws, "InFlight": peak}


def _directive(dimensions: list[list[str]], metrics: list[tuple[str, str, object]]) -> dict[str, object]:
    return {
        "Namespace": NAMESPACE,
        "Dimensions": dimensions,
        "Metrics": [{"Name": name, "Unit": unit} for name, unit, _ in metrics],
    }
