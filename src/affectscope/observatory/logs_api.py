"""The endpoint for logs."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

from fastapi import Query, Request

from affectscope.observatory.logs import LogQuery, LogStore
from affectscope.observatory.parameters import (
    Before,
    End,
    Limit,
    ServiceName,
    Start,
    TraceId,
    check_span,
    earliest,
    trace_id_of,
)
from affectscope.service import Service, problem_responses


def add_log_routes(service: Service, logs: LogStore) -> None:
    """Add `/api/logs`.

    Args:
        service: Gets the endpoint.
        logs: What is searched.
    """

    @service.app.get("/api/logs", tags=["logs"], responses=problem_responses(403, 422))
    async def list_lines(
        request: Request,
        query: Annotated[
            str,
            Query(
                max_length=500,
                description="Words that all occur, in any order, the last one also as the beginning "
                "of a word; text in double quotes is a phrase. Other marks mean nothing.",
                examples=["request analyze"],
            ),
        ] = "",
        start: Start = None,
        end: End = None,
        service_name: Annotated[ServiceName, Query(alias="service")] = None,
        level: Annotated[
            Literal["debug", "info", "warning", "error"],
            Query(description="Least severe lines.", examples=["warning"]),
        ] = "debug",
        trace_id: TraceId = None,
        limit: Limit = 100,
        before: Before = None,
    ) -> dict[str, Any]:
        """List lines of logs, newest first."""
        service.require_operator(request)
        check_span(start, end)
        wanted = LogQuery(
            query,
            start,
            earliest(end, before),
            service_name,
            level,
            None if trace_id is None else trace_id_of(trace_id),
            limit,
        )
        lines = await asyncio.to_thread(logs.find, wanted)
        return {"logs": lines, "next": lines[-1]["time"] if len(lines) >= limit else None}
