"""Lines of logs as they arrive."""

from __future__ import annotations

import re
from typing import NamedTuple

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from affectscope.observatory.otlp_spans import service_of, time_of
from affectscope.observatory.otlp_values import attributes_of, encode, truncate, value_of

LEVELS = ("debug", "info", "warning", "error", "critical")
"""Names of levels, the least severe first; rows hold the place in it."""

# Severity numbers 1 to 24: four each for trace, debug, info, warn, error and fatal.
_BY_NUMBER = (1, *(0,) * 8, *(1,) * 4, *(2,) * 4, *(3,) * 4, *(4,) * 4)
_BY_TEXT = {
    "trace": 0,
    "debug": 0,
    "info": 1,
    "notice": 1,
    "warn": 2,
    "warning": 2,
    "error": 3,
    "err": 3,
    "critical": 4,
    "fatal": 4,
    "alert": 4,
    "emergency": 4,
}
_ESCAPE = re.compile(r"\\([\\ntr])")
_PLAIN = {"\\": r"\\", "n": "\n", "t": "\t", "r": "\r"}


class LogLine(NamedTuple):
    """One line of a log.

    Attributes:
        time: Seconds since the epoch.
        service: Whose it is.
        level: Place in `LEVELS`.
        event: What happened.
        trace_id: 16 bytes of the trace that it belongs to, or None.
        span_id: 8 bytes of the span that it belongs to, or None.
        fields: JSON object with everything else, in which line ends and tabs inside of texts stand
            as they are, so that full-text search finds words beside them; read with
            `json.loads(..., strict=False)`.
    """

    time: float
    service: str
    level: int
    event: str
    trace_id: bytes | None
    span_id: bytes | None
    fields: str


def lines_of(request: ExportLogsServiceRequest, now: float) -> list[LogLine]:
    """Return the lines of a request.

    Args:
        request: As it was sent.
        now: Seconds since the epoch, for lines whose times cannot be.
    """
    lines: list[LogLine] = []
    for group in request.resource_logs:
        service = service_of(group.resource)
        for scope in group.scope_logs:
            lines += [_line(record, service, now) for record in scope.log_records]
    return lines


def _line(record: LogRecord, service: str, now: float) -> LogLine:
    trace_id, span_id = record.trace_id, record.span_id
    traced = len(trace_id) == 16 and any(trace_id)
    body = record.body
    if body.WhichOneof("value") == "string_value":
        event = body.string_value
    else:
        value = value_of(body)
        event = record.event_name if value is None else encode(value)
    number = record.severity_number
    if number:
        level = _BY_NUMBER[number] if 0 < number < len(_BY_NUMBER) else 1
    else:
        level = _BY_TEXT.get(record.severity_text.lower(), 1)
    fields = encode(attributes_of(record.attributes))
    if "\\" in fields:
        fields = _ESCAPE.sub(lambda found: _PLAIN[found[1]], fields)
    return LogLine(
        time_of(record.time_unix_nano or record.observed_time_unix_nano, now),
        service,
        level,
        # SQLite's text functions stop at a zero.
        truncate(event).replace("\0", "\N{REPLACEMENT CHARACTER}"),
        trace_id if traced else None,
        span_id if traced and len(span_id) == 8 else None,
        fields,
    )
