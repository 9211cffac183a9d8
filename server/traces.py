"""OpenTelemetry spans of tool calls, sent to a collector beside the server. Imported only with TRACES=on.

The SDK's provider is also the process's: what a tool traces with OpenTelemetry's API becomes part of its call's trace.
"""

import logging
import re
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import NonRecordingSpan, NoOpTracer, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from server.request_facts import RequestFacts
from server.tool_metrics import OK

_PARTS = re.compile(r"(Root|Parent|Sampled)=([0-9a-f-]{1,40})", re.ASCII)
_ROOT = re.compile(r"1-([0-9a-f]{8})-([0-9a-f]{24})", re.ASCII)
_PARENT = re.compile(r"(?!0{16})[0-9a-f]{16}", re.ASCII)

_LEFT_OUT = frozenset({"fastmcp", "mcp"})

_given_trace_id: ContextVar[int | None] = ContextVar("given_trace_id", default=None)


class _TraceIds(RandomIdGenerator):
    """Gives a new trace the load balancer's id where there is one, so that its access log and X-Ray speak of one."""

    def generate_trace_id(self) -> int:
        return _given_trace_id.get() or super().generate_trace_id()


class _Provider(TracerProvider):
    """Leaves out what FastMCP traces of itself: its spans would say of some calls what ours say of all."""

    def get_tracer(self, instrumenting_module_name: str, *arguments: Any, **options: Any) -> trace.Tracer:
        if instrumenting_module_name.partition(".")[0] in _LEFT_OUT:
            return NoOpTracer()
        return super().get_tracer(instrumenting_module_name, *arguments, **options)


class Traces:
    """Makes the spans; `close` sends what is left."""

    def __init__(self, exporter: SpanExporter, runtime_name: str, percent: int) -> None:
        """Send through `exporter` the spans of `percent` of the calls whose caller has not decided that already."""
        sampler = ParentBased(TraceIdRatioBased(percent / 100))
        resource = Resource({"service.name": runtime_name, "cloud.provider": "aws"})
        self._provider = _Provider(sampler=sampler, resource=resource, id_generator=_TraceIds())
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        trace.set_tracer_provider(self._provider)
        self._tracer = self._provider.get_tracer("server")

    def begin(self, tool: str, facts: RequestFacts) -> "Span":
        """Begin the span of a call and make it the current one of this task.

        Names and attributes are those of OpenTelemetry's semantic conventions for MCP servers; arguments and results
        are never part of it.
        """
        parent, trace_id = _origin(facts)
        given = _given_trace_id.set(trace_id)
        try:
            span = self._tracer.start_span(
                f"tools/call {tool}",
                context=parent,
                kind=SpanKind.SERVER,
                attributes={
                    "mcp.method.name": "tools/call",
                    "gen_ai.operation.name": "execute_tool",
                    "gen_ai.tool.name": tool,
                    "request.id": facts.request_id,
                },
            )
        finally:
            _given_trace_id.reset(given)
        return Span(span)

    def close(self) -> None:
        """Send what is left, which may take seconds, and end."""
        self._provider.shutdown()


class Span:
    """The span of one call."""

    def __init__(self, span: trace.Span) -> None:
        """Make `span` the current one until `end`."""
        self._span = span
        self._token = otel_context.attach(trace.set_span_in_context(span))

    def end(self, outcome: str) -> None:
        """End the span; any `outcome` but `OK` makes it an error."""
        otel_context.detach(self._token)
        if outcome != OK:
            self._span.set_attribute("error.type", outcome)
            self._span.set_status(Status(StatusCode.ERROR))
        self._span.end()


def _origin(facts: RequestFacts) -> tuple[Context, int | None]:
    """Return the context that a call's span continues, and the trace id for it where it continues none."""
    if facts.traceparent is not None:
        carrier = {"traceparent": facts.traceparent}
        if facts.tracestate is not None:
            carrier["tracestate"] = facts.tracestate
        return TraceContextTextMapPropagator().extract(carrier, Context()), None
    return _load_balancers_origin(dict(_PARTS.findall(facts.trace_id or "")))


def _load_balancers_origin(parts: Mapping[str, str]) -> tuple[Context, int | None]:
    """Read ``X-Amzn-Trace-Id`` (AWS X-Ray developer guide, "Tracing header").

    A load balancer gives a root and no parent; a caller that is traced itself gives both.
    """
    root = _ROOT.fullmatch(parts.get("Root", ""))
    if root is None:
        return Context(), None
    trace_id = int(root[1] + root[2], 16)
    parent = _PARENT.fullmatch(parts.get("Parent", ""))
    if parent is None or not trace_id:
        return Context(), trace_id
    flags = TraceFlags(TraceFlags.SAMPLED if parts.get("Sampled") == "1" else TraceFlags.DEFAULT)
    remote = SpanContext(trace_id, int(parent[0], 16), is_remote=True, trace_flags=flags)
    return trace.set_span_in_context(NonRecordingSpan(remote), Context()), None


def quiet_sdk() -> None:
    """Leave it to the exporter to say that spans do not arrive, once and not for every batch."""
    logging.getLogger("opentelemetry.sdk").setLevel(logging.CRITICAL)
