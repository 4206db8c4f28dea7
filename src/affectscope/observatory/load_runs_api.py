"""The endpoints for load tests that have ended."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import Annotated, Any, Literal

from fastapi import Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.responses import JSONResponse, Response

from affectscope.errors import InvalidValue, NotFound, Overloaded
from affectscope.observatory.load_compare import compare
from affectscope.observatory.load_runs import LoadStore
from affectscope.observatory.parameters import NOT_FOUND, End, Limit, Start, check_span
from affectscope.service import Service, problem_responses
from affectscope.service.problems import from_validation

_MOST_BYTES = 16 << 20
_ID = r"^[0-9A-Za-z_-]{1,64}$"
Id = Annotated[
    str, Path(pattern=_ID, description="The `id` of a load test.", examples=["9f2c51d0c7a94b1e"])
]
Other = Annotated[
    str, Path(pattern=_ID, description="Another one's `id`.", examples=["b7e0aa41d2c3964f"])
]
Seconds = Annotated[float, Field(ge=0, le=1e11)]


class LoadFigures(BaseModel):
    """Counts, rates and times of some requests."""

    model_config = ConfigDict(strict=True, extra="allow", allow_inf_nan=False)

    errors: dict[str, int] = {}
    corrected: dict[str, float | None] | None = None
    raw: dict[str, float | None] | None = None
    scheduled_rate: float | None = None
    offered_rate: float | None = None
    completed_rate: float | None = None
    achieved_rate: float | None = None


class LoadFlag(BaseModel):
    """Something to know before believing the figures."""

    code: str = Field(max_length=64)
    text: str = Field(max_length=1000)


class LoadHistograms(BaseModel):
    """HdrHistograms (V2, compressed, base64); `blocks` are of equal parts of the run."""

    corrected: str
    raw: str
    blocks: list[str] = Field(max_length=100)


class LoadRun(BaseModel):
    """A load test as the gateway sends it."""

    model_config = ConfigDict(strict=True, extra="allow", allow_inf_nan=False)

    id: str = Field(pattern=_ID)
    state: Literal["finished", "stopped", "failed"]
    partial: bool
    mode: str = Field(max_length=32)
    test_type: str = Field(max_length=32)
    start: Seconds
    end: Seconds
    detail: str | None = None
    plan: dict[str, Any]
    summary: LoadFigures | None = None
    services: dict[str, LoadFigures] = {}
    points: list[dict[str, float | None]] = Field(default=[], max_length=5000)
    flags: list[LoadFlag] = []
    histograms: dict[str, LoadHistograms] = {}
    search: dict[str, Any] | None = None


_EMPTY: dict[str, Any] = {"services": {}, "points": [], "flags": []}

_PLAN = {"mode": "constant", "test_type": "chat", "rate": 20.0, "duration": 30.0}
_TIMES = {
    "mean_seconds": 0.012,
    "p50_seconds": 0.011,
    "p95_seconds": 0.019,
    "p99_seconds": 0.031,
    "max_seconds": 0.044,
}
_FIGURES = {
    "scheduled": 600,
    "requests": 600,
    "succeeded": 600,
    "unsent": 0,
    "censored": 0,
    "errors": {},
    "scheduled_rate": 20.0,
    "offered_rate": 20.0,
    "completed_rate": 20.0,
    "achieved_rate": 20.0,
    "corrected": _TIMES,
    "raw": _TIMES,
}
_HEAD = {
    "id": "9f2c51d0c7a94b1e",
    "state": "finished",
    "partial": False,
    "detail": None,
    "mode": "constant",
    "test_type": "chat",
    "start": 1760000000.0,
    "end": 1760000031.5,
    "plan": _PLAN,
}
_ENTRY = {**_HEAD, **_FIGURES, "found_rate": None, "flags": ["few-requests"]}
_POINT = {
    "start": 0.0,
    "scheduled_rate": 20.0,
    "offered_rate": 20.0,
    "achieved_rate": 19.0,
    "error_rate": 0.0,
    "p50_seconds": 0.011,
    "p99_seconds": 0.031,
    "max_seconds": 0.033,
}
_LINE = {"corrected": [{"percentile": 99, "seconds": 0.031}], "raw": []}
_RUN = {
    **_HEAD,
    "seconds": 30.0,
    "step_seconds": 1.0,
    "summary": _FIGURES,
    "services": {"chat": _FIGURES},
    "points": [_POINT],
    "curves": {"all": _LINE, "chat": _LINE},
    "resources": {"chat": [{"start": 0.0, "memory_bytes": 2.1e8, "cpu_percent": 12.0}]},
    "flags": [{"code": "few-requests", "text": "of 600 requests, 6.0 lie beyond the p99"}],
    "search": None,
}
_COMPARED = {
    "base": _ENTRY,
    "other": _ENTRY | {"id": "b7e0aa41d2c3964f"},
    "comparable": True,
    "differences": [],
    "ratios": {
        "all": {
            "corrected": {
                "p99_seconds": {
                    "base": 0.031,
                    "other": 0.062,
                    "ratio": 2.0,
                    "low": 1.6,
                    "high": 2.5,
                    "sure": True,
                }
            },
            "raw": {"p99_seconds": {"base": 0.031, "other": 0.031, "ratio": 1.0}},
            "achieved_rate": {"base": 20.0, "other": 20.0, "ratio": 1.0},
        }
    },
}


def _answer(example: Any, description: str) -> dict[int | str, dict[str, Any]]:
    content = {"application/json": {"example": example}}
    return {200: {"description": description, "content": content}}


def add_load_routes(service: Service, store: LoadStore) -> None:
    """Add `/api/load-tests`, `/api/load-tests/{id}` and the comparison of two.

    Args:
        service: Gets the endpoints.
        store: What is kept.
    """
    app = service.app

    def keep(document: dict[str, object]) -> str:
        try:
            run = LoadRun.model_validate(document)
        except ValidationError as error:
            raise from_validation(error.errors()) from None
        if run.end < run.start:
            raise InvalidValue(f"end is {run.end}, which is before start, {run.start}", field="end")
        try:
            store.add(_EMPTY | run.model_dump(exclude_unset=True)).result()
        except sqlite3.Error as error:
            raise Overloaded(f"the run cannot be written: {error}", retry_after=5.0) from error
        return run.id

    async def whole(id: str) -> dict[str, Any]:
        found = await asyncio.to_thread(store.get, id)
        if found is None:
            raise NotFound(f"there is no load test {id!r}; it may be too old")
        return found

    @app.post(
        "/api/load-tests",
        tags=["load tests"],
        status_code=202,
        responses=problem_responses(400, 403, 413, 415, 422, 503),
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {
                    "application/json": {
                        "schema": {"$ref": "#/components/schemas/LoadRun"},
                        "example": _RUN,
                    }
                },
            }
        },
    )
    async def take_run(request: Request) -> Response:
        """Keep a load test that has ended, as the gateway sends it; the same id replaces."""
        service.require_operator(request)
        document = await service.read_json(request, _MOST_BYTES)
        return JSONResponse({"id": await asyncio.to_thread(keep, dict(document))}, 202)

    @app.get(
        "/api/load-tests",
        tags=["load tests"],
        responses=_answer({"runs": [_ENTRY]}, "Newest first") | problem_responses(403, 422),
    )
    async def list_runs(
        request: Request, start: Start = None, end: End = None, limit: Limit = 50
    ) -> dict[str, Any]:
        """List load tests that ran within a time, newest first, with what a band over a chart needs.

        `start` and `end` of each are seconds since the epoch.
        """
        service.require_operator(request)
        check_span(start, end)
        return {"runs": await asyncio.to_thread(store.find, start, end, limit)}

    @app.get(
        "/api/load-tests/{id}",
        tags=["load tests"],
        responses={
            200: {**_answer(_RUN, "All of it")[200], "model": LoadRun},
            **problem_responses(403, 422),
            **NOT_FOUND,
        },
    )
    async def one_run(
        request: Request,
        id: Id,
        histograms: Annotated[
            bool, Query(description="Add the HdrHistograms, for tools that read them.")
        ] = False,
    ) -> Response:
        """Show a load test: figures, time line, percentile curves, resources and flags.

        `points` begin `start` seconds after the run's `start`.
        """
        service.require_operator(request)
        found = await whole(id)
        if not histograms:
            found.pop("histograms", None)
        return JSONResponse(found)

    @app.get(
        "/api/load-tests/{id}/compare/{other}",
        tags=["load tests"],
        responses=_answer(_COMPARED, "Ratios of `other` to `id`")
        | problem_responses(403, 422)
        | NOT_FOUND,
    )
    async def compare_runs(request: Request, id: Id, other: Other) -> Response:
        """Compare two load tests: each ratio is `other` divided by `id`.

        `low` and `high` hold 95 % of what the ratio would be if the parts of both runs were drawn
        anew; where 1 lies outside, `sure` says so. `comparable` is false where the two were not
        asked for the same, and `differences` names what differs.
        """
        service.require_operator(request)
        one, two = await whole(id), await whole(other)
        return JSONResponse(await asyncio.to_thread(compare, one, two))

    @app.delete(
        "/api/load-tests/{id}",
        tags=["load tests"],
        status_code=204,
        responses=problem_responses(403, 422, 503) | NOT_FOUND,
    )
    async def delete_run(request: Request, id: Id) -> Response:
        """Delete a load test."""
        service.require_operator(request)
        try:
            there = await asyncio.wrap_future(store.delete(id))
        except sqlite3.Error as error:
            raise Overloaded(f"the run cannot be deleted: {error}", retry_after=5.0) from error
        if not there:
            raise NotFound(f"there is no load test {id!r}; it may be too old")
        return Response(status_code=204)
