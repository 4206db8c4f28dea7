"""A finished request as OpenTelemetry spans: one for the request, one for each of its stages."""

from __future__ import annotations

import random
import traceback
from dataclasses import dataclass, field
from types import TracebackType

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from affectscope.telemetry.context import RequestContext
from affectscope.telemetry.profiling import Profile
from affectscope.telemetry.timings import Timings

_SCOPE = InstrumentationScope("affectscope.telemetry")
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)


@dataclass(frozen=True, slots=True)
class Failure:
    """What broke a request, without its message, which may quote what a person said.

    Attributes:
        type: Name of the exception's class.
        stacktrace: Where it was raised, outermost frame first.
        at: When it was noticed, on the clock of the requests.
    """

    type: str
    stacktrace: str
    at: float

    @classmethod
    def of(cls, error: BaseException, at: float) -> Failure:
        """Describe an exception that was caught."""
        frames: TracebackType | None = error.__traceback__
        return cls(type(error).__qualname__, "".join(traceback.format_tb(frames)), at)


@dataclass(frozen=True, slots=True)
class FinishedRequest:
    """What is known of a request when its answer is out; times are seconds on its clock.

    Attributes:
        context: Its ids.
        method: HTTP method.
        endpoint: Route template.
        status: Status of the answer.
        error_type: Kind of problem, or None.
        started: When it came in.
        ended: When the answer was out.
        epoch: What to add to a time to get seconds since the epoch.
        received: Bytes of its body.
        sent: Bytes of the answer's body.
        timings: Its stages.
        complete: Whether the whole answer went out.
        failure: The exception that broke it.
        profiles: What was profiled of it.
    """

    context: RequestContext
    method: str
    endpoint: str
    status: int
    error_type: str | None
    started: float
    ended: float
    epoch: float
    received: int
    sent: int
    timings: Timings
    complete: bool = True
    failure: Failure | None = None
    profiles: tuple[Profile, ...] = field(default=())

    def nanoseconds(self, at: float) -> int:
        """A time of the request's clock as nanoseconds since the epoch."""
        return int((at + self.epoch) * 1e9)


def request_spans(request: FinishedRequest, resource: Resource) -> list[ReadableSpan]:
    """Return the spans of a request, its own first.

    The spans are made here and not by a `Tracer` while the request runs: this way a request pays
    for one small record, and the same measurement feeds metrics, header, answer and spans. A stage
    that was entered many times is one span, from its first entry to its last end, whose attributes
    tell how often and how long. Names and attributes follow the HTTP semantic conventions.

    Source: https://opentelemetry.io/docs/specs/semconv/http/http-spans/
    """
    ids = request.context
    trace_id = int(ids.trace_id, 16)
    own = SpanContext(trace_id, int(ids.span_id, 16), is_remote=False, trace_flags=_SAMPLED)
    parent = None
    if ids.parent is not None:
        caller = int(ids.parent.span_id, 16)
        parent = SpanContext(trace_id, caller, is_remote=True, trace_flags=_SAMPLED)
    spans = [
        ReadableSpan(
            name=f"{request.method} {request.endpoint}",
            context=own,
            parent=parent,
            resource=resource,
            attributes=_attributes(request),
            events=_events(request),
            kind=SpanKind.SERVER,
            # A 4xx is the client's error and leaves the status of the server's span unset.
            status=Status(StatusCode.ERROR if _failed(request) else StatusCode.UNSET),
            start_time=request.nanoseconds(request.started),
            end_time=request.nanoseconds(request.ended),
            instrumentation_scope=_SCOPE,
        )
    ]
    for name, interval in request.timings.intervals.copy().items():
        spans.append(
            ReadableSpan(
                name=name,
                context=SpanContext(
                    trace_id, random.getrandbits(64) or 1, is_remote=False, trace_flags=_SAMPLED
                ),
                parent=own,
                resource=resource,
                attributes={
                    "affectscope.stage": name,
                    "affectscope.stage.seconds": request.timings.seconds[name],
                    "affectscope.stage.entries": interval.entries,
                },
                kind=SpanKind.INTERNAL,
                start_time=request.nanoseconds(interval.first),
                end_time=request.nanoseconds(interval.last),
                instrumentation_scope=_SCOPE,
            )
        )
    return spans


def _failed(request: FinishedRequest) -> bool:
    return request.status >= 500 or (request.error_type is not None and request.status < 400)


def _attributes(request: FinishedRequest) -> dict[str, str | int | bool]:
    attributes: dict[str, str | int | bool] = {
        "http.request.method": request.method,
        "http.route": request.endpoint,
        "http.response.status_code": request.status,
        "http.request.body.size": request.received,
        "http.response.body.size": request.sent,
        "affectscope.request_id": request.context.request_id,
    }
    if request.error_type is not None:
        attributes["error.type"] = request.error_type
    if not request.complete:
        attributes["affectscope.complete"] = False
    if request.profiles:
        attributes["affectscope.profiled"] = True
    return attributes


def _events(request: FinishedRequest) -> list[Event]:
    failure = request.failure
    if failure is None:
        return []
    attributes = {"exception.type": failure.type, "exception.stacktrace": failure.stacktrace}
    return [Event("exception", attributes, request.nanoseconds(failure.at))]
