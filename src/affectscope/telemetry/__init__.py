"""Observability of one ASGI service: metrics, stages, request identity, logs and profiles.

Knows nothing of what the service does and could be used with any other.

    telemetry = Telemetry("chat", "chat", "1.0", ["/analyze-chat"])
    app.add_middleware(telemetry.middleware)

Inside a request, also in a worker thread that runs in a copy of its context, `stage` times a step,
`note_media` counts media, `current_request` tells the ids and `get_logger` writes them.
"""

from affectscope.telemetry.context import (
    RequestContext,
    TraceParent,
    parse_traceparent,
)
from affectscope.telemetry.export import Destination
from affectscope.telemetry.live import LiveMetrics
from affectscope.telemetry.logs import configure_logging, get_logger
from affectscope.telemetry.memory_limit import memory_limit
from affectscope.telemetry.metrics import UNMATCHED
from affectscope.telemetry.middleware import (
    ERROR_TYPE_KEY,
    FAILURE_KEY,
    TIMINGS_KEY,
    TelemetryMiddleware,
    route_template,
)
from affectscope.telemetry.predictions import Predictions
from affectscope.telemetry.profiling import Profile, profile_call
from affectscope.telemetry.propagation import current_request, outgoing_headers
from affectscope.telemetry.telemetry import Telemetry
from affectscope.telemetry.timings import Timings, current_timings, drawn, note_media, stage

__all__ = [
    "ERROR_TYPE_KEY",
    "FAILURE_KEY",
    "TIMINGS_KEY",
    "UNMATCHED",
    "Destination",
    "LiveMetrics",
    "Predictions",
    "Profile",
    "RequestContext",
    "Telemetry",
    "TelemetryMiddleware",
    "Timings",
    "TraceParent",
    "configure_logging",
    "current_request",
    "current_timings",
    "drawn",
    "get_logger",
    "memory_limit",
    "note_media",
    "outgoing_headers",
    "parse_traceparent",
    "profile_call",
    "route_template",
    "stage",
]
