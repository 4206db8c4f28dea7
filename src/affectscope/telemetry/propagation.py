"""The current request's identity: read it anywhere in its context, and hand it on."""

from __future__ import annotations

from affectscope.telemetry.context import RequestContext
from affectscope.telemetry.timings import current_timings


def current_request() -> RequestContext | None:
    """The request that this code runs for, or None; also in a worker thread with its context."""
    timings = current_timings()
    return None if timings is None else timings.request


def outgoing_headers() -> dict[str, str]:
    """Headers that carry the current request's id and trace to another service; {} outside one."""
    request = current_request()
    if request is None:
        return {}
    return {"x-request-id": request.request_id, "traceparent": request.traceparent}
