"""The endpoints for traces."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import Query, Request

from affectscope.errors import NotFound
from affectscope.observatory.clock_skew import align
from affectscope.observatory.logs import LogQuery, LogStore
from affectscope.observatory.parameters import (
    NOT_FOUND,
    Before,
    End,
    Limit,
    Start,
    TraceInPath,
    check_span,
    earliest,
    trace_id_of,
)
from affectscope.observatory.profiles import ProfileQuery, ProfileStore
from affectscope.observatory.traces import TraceQuery, TraceStore
from affectscope.service import Service, problem_responses

_MOST_LINES = 500


def add_trace_routes(
    service: Service, traces: TraceStore, logs: LogStore, profiles: ProfileStore
) -> None:
    """Add `/api/traces` and `/api/traces/{trace_id}`.

    Args:
        service: Gets the endpoints.
        traces: What is searched.
        logs: Lines of a trace.
        profiles: Profiles of a trace.
    """
    app = service.app

    @app.get("/api/traces", tags=["traces"], responses=problem_responses(403, 422))
    async def list_traces(
        request: Request,
        start: Start = None,
        end: End = None,
        service_name: Annotated[
            str | None,
            Query(
                alias="service",
                max_length=256,
                description="Any span of the trace is of this service.",
                examples=["chat"],
            ),
        ] = None,
        endpoint: Annotated[
            str | None,
            Query(max_length=256, description="Route of the root.", examples=["/analyze-chat"]),
        ] = None,
        min_seconds: Annotated[
            float | None,
            Query(
                ge=0, allow_inf_nan=False, description="How long they took at least.", examples=[1]
            ),
        ] = None,
        errors: Annotated[
            bool | None,
            Query(description="Only those with an error, or without.", examples=["true"]),
        ] = None,
        limit: Limit = 50,
        before: Before = None,
    ) -> dict[str, Any]:
        """List the kept traces, newest first.

        Errors, slow requests and those with a profile are kept, and a share of the others.
        """
        service.require_operator(request)
        check_span(start, end)
        query = TraceQuery(
            start, earliest(end, before), service_name, endpoint, min_seconds, errors, limit
        )
        found = await asyncio.to_thread(traces.find, query)
        return {
            "traces": found,
            "next": found[-1]["start"] if len(found) >= limit else None,
        }

    @app.get(
        "/api/traces/{trace_id}", tags=["traces"], responses=problem_responses(403, 422) | NOT_FOUND
    )
    async def one_trace(request: Request, trace_id: TraceInPath) -> dict[str, Any]:
        """Show a trace with its spans, lines of logs and profiles.

        Spans of another service that seem to begin before their caller were timed by another clock;
        they are moved, and their attribute `affectscope.clock_skew_seconds` says how far.
        """
        service.require_operator(request)
        wanted = trace_id_of(trace_id)

        def show() -> dict[str, Any]:
            stored = traces.spans(wanted)
            if stored is None:
                raise NotFound(f"there is no trace {wanted}; it may not have been kept")
            spans = align(stored)
            start = min(span["start"] for span in spans)
            lines = logs.find(LogQuery(trace_id=wanted, limit=_MOST_LINES))
            return {
                "trace_id": wanted,
                "start": start,
                "seconds": max(span["start"] + span["seconds"] for span in spans) - start,
                "spans": spans,
                "logs": lines[::-1],
                "profiles": profiles.find(ProfileQuery(trace_id=wanted)),
            }

        return await asyncio.to_thread(show)
