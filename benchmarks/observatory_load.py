"""Spans and lines of logs as the services send them, made fast enough to load the observatory."""

from __future__ import annotations

import random

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1 import trace_pb2

SPANS_EACH = 510
"""Spans of one request: 102 traces of five."""

LINES_EACH = 512
"""Lines of one request."""

SERVICES = ("video", "speech", "chat", "survey", "integrated")
_STAGES = ("receive", "decode", "inference", "answer")


def trace_body(number: int, now: float) -> bytes:
    """Return a request with 102 traces: a request, and its four stages.

    Args:
        number: Of the request, which decides the service.
        now: Seconds since the epoch.
    """
    service = SERVICES[number % len(SERVICES)]
    message = ExportTraceServiceRequest()
    group = message.resource_spans.add()
    group.resource.attributes.append(_text("service.name", service))
    spans = group.scope_spans.add().spans
    end = int(now * 1e9)
    for _ in range(SPANS_EACH // (len(_STAGES) + 1)):
        trace_id, root = random.randbytes(16), random.randbytes(8)
        took = random.randrange(10_000_000, 200_000_000)
        spans.append(
            trace_pb2.Span(
                trace_id=trace_id,
                span_id=root,
                name=f"POST /analyze-{service}",
                kind=trace_pb2.Span.SPAN_KIND_SERVER,
                start_time_unix_nano=end - took,
                end_time_unix_nano=end,
                attributes=[
                    _text("http.request.method", "POST"),
                    _text("http.route", f"/analyze-{service}"),
                    _whole("http.response.status_code", 200),
                    _whole("http.request.body.size", took % 100_000),
                    _whole("http.response.body.size", took % 10_000),
                    _text("affectscope.request_id", random.randbytes(16).hex()),
                ],
            )
        )
        for place, stage in enumerate(_STAGES):
            start = end - took + place * took // 4
            spans.append(
                trace_pb2.Span(
                    trace_id=trace_id,
                    span_id=random.randbytes(8),
                    parent_span_id=root,
                    name=stage,
                    kind=trace_pb2.Span.SPAN_KIND_INTERNAL,
                    start_time_unix_nano=start,
                    end_time_unix_nano=start + took // 4,
                    attributes=[
                        _text("affectscope.stage", stage),
                        KeyValue(
                            key="affectscope.stage.seconds",
                            value=AnyValue(double_value=took / 4e9),
                        ),
                        _whole("affectscope.stage.entries", 1),
                    ],
                )
            )
    return message.SerializeToString()


def log_body(number: int, now: float) -> bytes:
    """Return a request with 512 lines, as the services write one for each request.

    Args:
        number: Of the request, which decides the service.
        now: Seconds since the epoch.
    """
    service = SERVICES[number % len(SERVICES)]
    message = ExportLogsServiceRequest()
    group = message.resource_logs.add()
    group.resource.attributes.append(_text("service.name", service))
    records = group.scope_logs.add().log_records
    end = int(now * 1e9)
    for line in range(LINES_EACH):
        records.add(
            time_unix_nano=end - (LINES_EACH - line) * 200_000,
            severity_number=9,  # type: ignore[arg-type]
            severity_text="info",
            body=AnyValue(string_value="request finished"),
            trace_id=random.randbytes(16),
            span_id=random.randbytes(8),
            attributes=[
                _text("endpoint", f"/analyze-{service}"),
                _text("method", "POST"),
                _whole("status", 200),
                KeyValue(key="seconds", value=AnyValue(double_value=line / 1e4)),
                _text("request_id", random.randbytes(16).hex()),
            ],
        )
    return message.SerializeToString()


def _text(key: str, value: str) -> KeyValue:
    return KeyValue(key=key, value=AnyValue(string_value=value))


def _whole(key: str, value: int) -> KeyValue:
    return KeyValue(key=key, value=AnyValue(int_value=value))
