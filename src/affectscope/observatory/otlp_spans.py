"""Spans as they arrive: what sampling and search need, and the JSON that is kept."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1 import trace_pb2

from affectscope.observatory.otlp_values import LONGEST_NAME, Value, attributes_of, encode, truncate

_KINDS = ("internal", "internal", "server", "client", "producer", "consumer")
_ERROR = trace_pb2.Status.STATUS_CODE_ERROR
_KNOWS_REMOTE = 0x100
_IS_REMOTE = 0x200
_MOST_EVENTS = 64
_DAY = 86_400.0


class Span(NamedTuple):
    """One span; times are seconds since the epoch.

    Attributes:
        trace_id: 32 hexadecimal digits.
        span_id: 16 hexadecimal digits.
        parent_id: Of the span above it; None for that of a whole trace.
        entry: Whether it is the first in its process: it has no parent, or one elsewhere.
        service: Whose it is.
        name: What was done.
        start: When it began.
        end: When it ended, never before it began.
        error: Whether it failed.
        endpoint: Route of the HTTP request, if it is one.
        status: HTTP status, if it is one.
        error_type: Kind of error, if it says so.
        profiled: Whether there is a profile of it.
        body: JSON of the span as `/api/traces/{trace_id}` shows it.
    """

    trace_id: str
    span_id: str
    parent_id: str | None
    entry: bool
    service: str
    name: str
    start: float
    end: float
    error: bool
    endpoint: str | None
    status: int | None
    error_type: str | None
    profiled: bool
    body: str

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.end - self.start

    @property
    def document(self) -> dict[str, Any]:
        """What the body says."""
        document: dict[str, Any] = json.loads(self.body)
        return document


def spans_of(request: ExportTraceServiceRequest, now: float) -> tuple[list[Span], int]:
    """Return the spans of a request.

    Args:
        request: As it was sent.
        now: Seconds since the epoch, for spans whose times cannot be.

    Returns:
        The spans, and how many were refused because their ids are none.
    """
    spans: list[Span] = []
    refused = 0
    for group in request.resource_spans:
        service = service_of(group.resource)
        for scope in group.scope_spans:
            for one in scope.spans:
                span = _span(one, service, now)
                if span is None:
                    refused += 1
                else:
                    spans.append(span)
    return spans, refused


def service_of(resource: Resource) -> str:
    """Return the name of the service that a resource describes."""
    for pair in resource.attributes:
        if pair.key == "service.name" and pair.value.string_value:
            return pair.value.string_value[:LONGEST_NAME]
    return "unknown_service"


def time_of(nanoseconds: int, now: float) -> float:
    """Return a time in seconds since the epoch; now where there is none, or none that can be.

    A clock may be hours off and is believed; what lies days ahead would stay the newest for ever.
    """
    seconds = nanoseconds / 1e9
    return seconds if 0 < seconds < now + _DAY else now


def _span(span: trace_pb2.Span, service: str, now: float) -> Span | None:
    trace_id, span_id = span.trace_id.hex(), span.span_id.hex()
    if len(trace_id) != 32 or len(span_id) != 16:
        return None
    if not trace_id.strip("0") or not span_id.strip("0"):
        return None
    parent = span.parent_span_id.hex()
    parent_id = parent if len(parent) == 16 and parent.strip("0") else None
    flags = span.flags
    end_time = span.end_time_unix_nano
    end = time_of(end_time, now)
    start = time_of(span.start_time_unix_nano or end_time, now)
    end = max(start, end)
    attributes = attributes_of(span.attributes)
    name = span.name[:LONGEST_NAME]
    failed, message = False, ""
    if span.HasField("status"):
        failed = span.status.code == _ERROR
        message = truncate(span.status.message)
    kind = _KINDS[span.kind] if 0 <= span.kind < len(_KINDS) else _KINDS[0]
    if parent_id is None:
        entry = True
    elif flags & _KNOWS_REMOTE:
        entry = bool(flags & _IS_REMOTE)
    else:
        entry = kind in ("server", "consumer")
    events = [
        {
            "name": event.name[:LONGEST_NAME],
            "time": time_of(event.time_unix_nano, end),
            "attributes": attributes_of(event.attributes),
        }
        for event in span.events[:_MOST_EVENTS]
    ]
    body = encode(
        {
            "span_id": span_id,
            "parent_id": parent_id,
            "service": service,
            "name": name,
            "kind": kind,
            "start": start,
            "seconds": end - start,
            "error": failed,
            "status_message": message,
            "attributes": attributes,
            "events": events,
        }
    )
    get = attributes.get
    return Span(
        trace_id,
        span_id,
        parent_id,
        entry,
        service,
        name,
        start,
        end,
        failed,
        _text(get("http.route")),
        _status(get("http.response.status_code", get("http.status_code"))),
        _text(get("error.type")),
        get("affectscope.profiled") is True,
        body,
    )


def _text(value: Value) -> str | None:
    return None if value is None else str(value)[:LONGEST_NAME]


def _status(value: Value) -> int | None:
    # True is an int, too.
    return value if type(value) is int and 0 < value < 1000 else None
