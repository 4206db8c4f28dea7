"""The HTTP endpoints for metrics, which Grafana can use as those of Prometheus, and for services."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any
from urllib.parse import parse_qs

from fastapi import Path, Query, Request
from starlette.responses import Response

from affectscope.errors import MalformedRequest, UnsupportedMedia
from affectscope.observatory.prometheus_form import Parameters, PrometheusQueries, answer
from affectscope.observatory.scrape import Scraper
from affectscope.service import Service, check_length, chunks

_MOST_FORM_BYTES = 64 << 10
_MOST_FIELDS = 1_000
_FORM = "application/x-www-form-urlencoded"
_AT_ONCE = 4
"""Queries that compute at the same moment; others wait their turn."""

_WHEN = "Seconds since the epoch, or a time in RFC 3339 form"
_PromQL = Annotated[
    str, Query(description="PromQL.", examples=["sum by (service) (rate(chat_requests_total[5m]))"])
]
_Start = Annotated[str, Query(description=f"{_WHEN}.", examples=["1760000000"])]
_End = Annotated[str, Query(description=f"{_WHEN}.", examples=["1760003600"])]
_Match = Annotated[
    list[str] | None,
    Query(alias="match[]", description="Selectors; any may match.", examples=[["up"]]),
]


def _error(text: str, kind: str) -> dict[str, Any]:
    example = {"status": "error", "errorType": kind, "error": "what is wrong"}
    return {"description": text, "content": {"application/json": {"example": example}}}


_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The answer in Prometheus' form.",
        "content": {"application/json": {"example": {"status": "success", "data": {}}}},
    },
    400: _error("A parameter that is missing or wrong.", "bad_data"),
    422: _error("A query that fails on the samples that it meets.", "execution"),
}
_FORM_BODY = {
    "requestBody": {
        "description": "The parameters of the GET request, as a form.",
        "content": {
            _FORM: {
                "schema": {"type": "object", "additionalProperties": {"type": "string"}},
                "example": {"query": "up", "match[]": "up"},
            }
        },
    }
}


def add_metrics_routes(service: Service, queries: PrometheusQueries, scraper: Scraper) -> None:
    """Add `/api/v1/…` and `/api/services`.

    Args:
        service: Gets the endpoints.
        queries: Answers them.
        scraper: Knows how the services are.
    """
    app = service.app
    turn = asyncio.Semaphore(_AT_ONCE)

    async def respond(job: Callable[[Parameters], Any], request: Request) -> Response:
        service.require_operator(request)
        parameters = {name: request.query_params.getlist(name) for name in request.query_params}
        if request.method == "POST":
            form = await _read_form(request, service.settings.body_idle_seconds)
            parameters = {**parameters, **form}
        async with turn:
            body, status = await asyncio.to_thread(answer, lambda: job(parameters))
        return Response(body, status, media_type="application/json")

    def add_form(path: str, job: Callable[[Parameters], Any]) -> None:
        @app.post(path, tags=["metrics"], responses=_ANSWERS, openapi_extra=_FORM_BODY)
        async def by_form(request: Request) -> Response:
            """Do as GET does, with the parameters in a form: for long queries."""
            return await respond(job, request)

    @app.get("/api/v1/query", tags=["metrics"], responses=_ANSWERS)
    async def query(
        request: Request,
        query: _PromQL = "",
        time: Annotated[
            str, Query(description=f"{_WHEN}; now if none is given.", examples=["1760000000"])
        ] = "",
    ) -> Response:
        """Evaluate PromQL at one time."""
        return await respond(queries.query, request)

    @app.get("/api/v1/query_range", tags=["metrics"], responses=_ANSWERS)
    async def query_range(
        request: Request,
        query: _PromQL = "",
        start: _Start = "",
        end: _End = "",
        step: Annotated[
            str, Query(description="Seconds, or a duration such as 15s.", examples=["15s"])
        ] = "",
    ) -> Response:
        """Evaluate PromQL at equal steps, at most 11,000 of them."""
        return await respond(queries.query_range, request)

    @app.get("/api/v1/series", tags=["metrics"], responses=_ANSWERS)
    async def series(
        request: Request, match: _Match = None, start: _Start = "", end: _End = ""
    ) -> Response:
        """List the series that selectors match, whenever they were seen."""
        return await respond(queries.series, request)

    @app.get("/api/v1/labels", tags=["metrics"], responses=_ANSWERS)
    async def labels(
        request: Request, match: _Match = None, start: _Start = "", end: _End = ""
    ) -> Response:
        """List the names of labels."""
        return await respond(queries.labels, request)

    @app.get("/api/v1/label/{name}/values", tags=["metrics"], responses=_ANSWERS)
    async def label_values(
        request: Request,
        name: Annotated[str, Path(description="A label.", examples=["service"])],
        match: _Match = None,
        start: _Start = "",
        end: _End = "",
    ) -> Response:
        """List the values of a label."""
        return await respond(lambda parameters: queries.label_values(name, parameters), request)

    @app.get("/api/v1/metadata", tags=["metrics"], responses=_ANSWERS)
    async def metadata(
        request: Request,
        metric: Annotated[str, Query(description="Only this metric.", examples=["up"])] = "",
        limit: Annotated[str, Query(description="Most metrics.", examples=["100"])] = "",
    ) -> Response:
        """Say of each metric what kind it is, and what it means."""
        return await respond(queries.metadata, request)

    add_form("/api/v1/query", queries.query)
    add_form("/api/v1/query_range", queries.query_range)
    add_form("/api/v1/series", queries.series)
    add_form("/api/v1/labels", queries.labels)

    @app.get("/api/services", tags=["metrics"])
    async def services(request: Request) -> dict[str, list[dict[str, Any]]]:
        """Say of each service how it was when it was last asked."""
        service.require_operator(request)
        return {"services": [asdict(status) for status in scraper.statuses()]}


async def _read_form(request: Request, idle_seconds: float) -> dict[str, list[str]]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != _FORM:
        raise UnsupportedMedia(f"Content-Type is {kind or 'nothing'!r:.80}; valid: {_FORM}")
    check_length(request, _MOST_FORM_BYTES)
    body = bytearray()
    async for chunk in chunks(request, _MOST_FORM_BYTES, idle_seconds):
        body += chunk
    try:
        return parse_qs(body.decode(), max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise MalformedRequest(f"the form cannot be read: {error}") from error
