"""A line of the log as an OpenTelemetry log record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.context import Context
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

_SCOPE = InstrumentationScope("affectscope.telemetry")
_SEVERITIES = {
    "debug": SeverityNumber.DEBUG,
    "info": SeverityNumber.INFO,
    "warning": SeverityNumber.WARN,
    "error": SeverityNumber.ERROR,
    "critical": SeverityNumber.FATAL,
}
_NOT_ATTRIBUTES = frozenset({"event", "level", "timestamp", "service", "trace_id", "span_id"})
_EMPTY = Context()


@dataclass(frozen=True, slots=True)
class LogLine:
    """One event of the log.

    Attributes:
        time: Nanoseconds since the epoch.
        fields: As structlog's processors leave them before they are rendered.
    """

    time: int
    fields: Mapping[str, Any]


def log_record(line: LogLine, resource: Resource) -> ReadableLogRecord:
    """Return a line as a log record; the ids of its request make it part of a trace.

    What an exception says is left out, for it may quote what a person said: its type and its stack
    stay.
    """
    fields = line.fields
    level = str(fields.get("level", "info"))
    context = _EMPTY
    if "trace_id" in fields:
        span = SpanContext(
            int(fields["trace_id"], 16),
            int(fields["span_id"], 16),
            is_remote=False,
            trace_flags=TraceFlags(TraceFlags.SAMPLED),
        )
        context = set_span_in_context(NonRecordingSpan(span), _EMPTY)
    record = LogRecord(
        timestamp=line.time,
        observed_timestamp=line.time,
        context=context,
        severity_text=level,
        severity_number=_SEVERITIES.get(level, SeverityNumber.INFO),
        body=str(fields.get("event", "")),
        attributes={
            name: _plain(value)
            for name, value in fields.items()
            if name not in _NOT_ATTRIBUTES and value is not None
        },
    )
    return ReadableLogRecord(record, resource, _SCOPE)


def _plain(value: Any) -> Any:
    if isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, Mapping):
        return {
            str(key): _plain(one)
            for key, one in value.items()
            if one is not None and key != "exc_value"
        }
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [_plain(one) for one in value]
    return str(value)
