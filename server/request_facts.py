"""What a request's headers say of it: its ids, its trace, and who calls."""

import random
import re
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Protocol, Self

LONGEST_FIELD = 256
"""Characters of a header that are kept."""

_ids = random.Random()  # noqa: S311  # names for log lines, not secrets; the system's own source costs a call

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}", re.ASCII)
_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}", re.ASCII)


class _Headers(Protocol):
    def get(self, key: str, /) -> str | None: ...


@dataclass(frozen=True, slots=True)
class RequestFacts:
    """Ids and caller of one request.

    request_id: the client's ``X-Request-Id`` where that is usable, else a new one.
    trace_id: the load balancer's ``X-Amzn-Trace-Id``, cut at `LONGEST_FIELD` (Elastic Load Balancing guide, "Request
        tracing for your Application Load Balancer").
    traceparent: a valid W3C ``traceparent`` of version 00 (W3C Trace Context, section 3.2), None where there is none.
    tracestate: the ``tracestate`` beside it.
    caller: what the header named by AUDIT_CALLER_HEADER says, cut. AgentCore's gateway signs with its own role and
        tells of its caller nothing but headers that its target lets through (developer guide, "Header propagation
        with Gateway"), so this is None where no such header is named, and it is as true as whoever sets that header.
    """

    request_id: str
    trace_id: str | None = None
    traceparent: str | None = None
    tracestate: str | None = None
    caller: str | None = None

    @property
    def w3c_trace_id(self) -> str | None:
        """Return the 32 hexadecimal digits of `traceparent`'s trace id."""
        return None if self.traceparent is None else self.traceparent[3:35]

    def fields(self) -> dict[str, str]:
        """Return what every log line of the request carries."""
        fields = {"request_id": self.request_id}
        if self.trace_id is not None:
            fields["trace_id"] = self.trace_id
        if self.traceparent is not None:
            fields["w3c_trace_id"] = self.traceparent[3:35]
        return fields

    def continuing(self, meta: object) -> Self:
        """Return these facts with the trace of an MCP request's ``_meta``, where no header told one.

        `meta` may be anything. A client that cannot set headers gives ``traceparent`` and ``tracestate`` there (MCP
        specification, trace context in ``_meta``; SEP-414).
        """
        if self.traceparent is not None or not isinstance(meta, Mapping):
            return self
        given, state = meta.get("traceparent"), meta.get("tracestate")
        if not isinstance(given, str) or not _is_traceparent(given):
            return self
        return replace(self, traceparent=given, tracestate=state[:LONGEST_FIELD] if isinstance(state, str) else None)


current_request: ContextVar[RequestFacts | None] = ContextVar("current_request", default=None)
"""The facts of the request that is being served; None outside one."""


def read_facts(headers: _Headers, caller_header: str = "") -> RequestFacts:
    """Return what `headers` (names in lower case) say; `caller_header` is empty where none is believed."""
    request_id = headers.get("x-request-id")
    trace_id = headers.get("x-amzn-trace-id")
    traceparent = headers.get("traceparent")
    state = headers.get("tracestate")
    caller = headers.get(caller_header) if caller_header else None
    return RequestFacts(
        request_id if request_id is not None and _REQUEST_ID.fullmatch(request_id) else f"{_ids.getrandbits(128):032x}",
        trace_id[:LONGEST_FIELD] if trace_id else None,
        traceparent if traceparent is not None and _is_traceparent(traceparent) else None,
        state[:LONGEST_FIELD] if state else None,
        caller[:LONGEST_FIELD] if caller else None,
    )


def _is_traceparent(text: str) -> bool:
    return _TRACEPARENT.fullmatch(text) is not None
