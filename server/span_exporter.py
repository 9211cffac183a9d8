"""Sends spans to a collector: OTLP over HTTP as JSON, with nothing but the standard library.

Source: OpenTelemetry protocol specification, "OTLP/HTTP" and "JSON Protobuf Encoding" (ids in hexadecimal, 64-bit
integers as text, enumerations as numbers).
"""

import http.client
import json
import logging
import urllib.request
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import INVALID_SPAN_CONTEXT

TIMEOUT_SECONDS = 2
"""The collector is on this machine; while it is not there, spans are given up rather than collected."""

_logger = logging.getLogger("server.traces")


class OtlpJsonExporter(SpanExporter):
    """Sends batches of spans to one URL and logs once when they stop or start arriving."""

    def __init__(self, url: str) -> None:
        """Send to `url`, which ends in ``/v1/traces``."""
        self._url = url
        # A proxy configured for the internet must not be asked for an address of this machine.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        self._arrives = True

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send `spans`; what does not arrive is lost."""
        body = json.dumps(document(spans)).encode()
        request = urllib.request.Request(self._url, body, {"Content-Type": "application/json"})  # noqa: S310  # checked
        try:
            with self._opener.open(request, timeout=TIMEOUT_SECONDS):
                pass
        except (OSError, http.client.HTTPException) as error:
            self._note(arrives=False, reason=type(error).__name__)
            return SpanExportResult.FAILURE
        self._note(arrives=True)
        return SpanExportResult.SUCCESS

    def _note(self, *, arrives: bool, reason: str | None = None) -> None:
        if arrives == self._arrives:
            return
        self._arrives = arrives
        if arrives:
            _logger.info("traces arrive at the collector again")
        else:
            _logger.warning("traces do not arrive at the collector and are given up", extra={"reason": reason})


def document(spans: Sequence[ReadableSpan]) -> dict[str, object]:
    """Return the ExportTraceServiceRequest of `spans`, which share one resource, as JSON."""
    by_scope: dict[str, list[object]] = defaultdict(list)
    for span in spans:
        by_scope[span.instrumentation_scope.name if span.instrumentation_scope else ""].append(_span(span))
    resource = spans[0].resource.attributes if spans else {}
    scopes = [{"scope": {"name": name}, "spans": own} for name, own in by_scope.items()]
    return {"resourceSpans": [{"resource": {"attributes": _attributes(resource)}, "scopeSpans": scopes}]}


def _span(span: ReadableSpan) -> dict[str, object]:
    own = span.get_span_context() or INVALID_SPAN_CONTEXT
    shown: dict[str, object] = {
        "traceId": f"{own.trace_id:032x}",
        "spanId": f"{own.span_id:016x}",
        "flags": int(own.trace_flags),
        "name": span.name,
        # The protocol's enumeration begins with "unspecified".
        "kind": span.kind.value + 1,
        "startTimeUnixNano": str(span.start_time or 0),
        "endTimeUnixNano": str(span.end_time or 0),
        "attributes": _attributes(span.attributes or {}),
        "events": [
            {
                "timeUnixNano": str(event.timestamp),
                "name": event.name,
                "attributes": _attributes(event.attributes or {}),
            }
            for event in span.events
        ],
        "status": {"code": span.status.status_code.value}
        | ({"message": span.status.description} if span.status.description else {}),
    }
    if span.parent is not None:
        shown["parentSpanId"] = f"{span.parent.span_id:016x}"
    if own.trace_state:
        shown["traceState"] = own.trace_state.to_header()
    return shown


def _attributes(attributes: Mapping[str, Any]) -> list[object]:
    return [{"key": key, "value": _value(value)} for key, value in attributes.items()]


def _value(value: object) -> dict[str, object]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return {"arrayValue": {"values": [_value(item) for item in value]}}
    return {"stringValue": str(value)}
