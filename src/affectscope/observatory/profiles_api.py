"""The endpoints for profiles."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable
from typing import Annotated, Any, Literal, get_args

from fastapi import Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.responses import JSONResponse, Response

from affectscope.errors import InvalidValue, NotFound, Overloaded
from affectscope.observatory import flame
from affectscope.observatory.parameters import (
    NOT_FOUND,
    End,
    Limit,
    ServiceName,
    Start,
    TraceId,
    check_span,
    trace_id_of,
)
from affectscope.observatory.profiles import Kind, Profile, ProfileQuery, ProfileStore
from affectscope.service import Service, problem_responses
from affectscope.service.problems import from_validation

_MOST_BYTES = 8 << 20
_HOUR = 3600.0
_EXAMPLE = {
    "service": "chat",
    "kind": "sampled",
    "start": 1760000000.0,
    "seconds": 60.0,
    "unit": "samples",
    "stacks": "main (chat.py);analyze (analyzer.py) 12\n",
}


class ProfileBody(BaseModel):
    """A profile as a service sends it."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False)

    service: str = Field(min_length=1, max_length=256)
    kind: Kind
    start: float = Field(ge=0, le=1e11)
    seconds: float = Field(ge=0, le=1e9)
    trace_id: str | None = None
    endpoint: str | None = Field(default=None, max_length=256)
    unit: Literal["microseconds", "samples"]
    stacks: str


_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": ProfileBody.model_json_schema(), "example": _EXAMPLE}
        },
    }
}


def add_profile_routes(
    service: Service,
    profiles: ProfileStore,
    profiled: Callable[[str], None],
    wall: Callable[[], float] = time.time,
) -> None:
    """Add `/api/profiles`, `/api/profiles/{id}` and `/api/flame`.

    Args:
        service: Gets the endpoints.
        profiles: What is kept.
        profiled: Hears the id of each trace with a profile, so that it is kept; called in a thread.
        wall: Seconds since the epoch.
    """
    app = service.app

    def keep(document: dict[str, object]) -> int:
        try:
            body = ProfileBody.model_validate(document)
        except ValidationError as error:
            raise from_validation(error.errors()) from None
        trace_id = None if body.trace_id is None else trace_id_of(body.trace_id)
        profile = Profile(
            body.service,
            body.kind,
            min(body.start, wall()),
            body.seconds,
            trace_id,
            body.endpoint,
            body.unit,
            flame.parse(body.stacks),
        )
        if trace_id is not None:
            profiled(trace_id)
        try:
            return profiles.add(profile).result()
        except sqlite3.Error as error:
            raise Overloaded(f"the profile cannot be written: {error}", retry_after=5.0) from error

    @app.post(
        "/api/profiles",
        tags=["profiles"],
        status_code=202,
        responses=problem_responses(400, 403, 413, 415, 422, 503),
        openapi_extra=_BODY,
    )
    async def take_profile(request: Request) -> Response:
        """Keep a profile: collapsed stacks, one on each line, outermost frame first."""
        service.require_operator(request)
        document = await service.read_json(request, _MOST_BYTES)
        return JSONResponse({"id": await asyncio.to_thread(keep, dict(document))}, 202)

    @app.get("/api/profiles", tags=["profiles"], responses=problem_responses(403, 422))
    async def list_profiles(
        request: Request,
        service_name: Annotated[ServiceName, Query(alias="service")] = None,
        kind: Annotated[
            Kind | None,
            Query(description=f"One of {', '.join(get_args(Kind))}.", examples=["stall"]),
        ] = None,
        start: Start = None,
        end: End = None,
        trace_id: TraceId = None,
        limit: Limit = 50,
    ) -> dict[str, Any]:
        """List profiles, newest first, without their stacks."""
        service.require_operator(request)
        check_span(start, end)
        wanted = None if trace_id is None else trace_id_of(trace_id)
        query = ProfileQuery(service_name, kind, start, end, wanted, limit)
        return {"profiles": await asyncio.to_thread(profiles.find, query)}

    @app.get(
        "/api/profiles/{number}",
        tags=["profiles"],
        responses=problem_responses(403, 422) | NOT_FOUND,
    )
    async def one_profile(
        request: Request,
        number: Annotated[
            int, Path(ge=1, lt=2**63, description="The `id` of a profile.", examples=[1])
        ],
    ) -> dict[str, Any]:
        """Show a profile with its stacks, and these as a tree."""
        service.require_operator(request)
        found = await asyncio.to_thread(profiles.get, number)
        if found is None:
            raise NotFound(f"there is no profile {number}; it may be too old")
        return found

    @app.get(
        "/api/flame",
        tags=["profiles"],
        response_model=dict[str, Any],
        responses=problem_responses(403, 422),
    )
    async def merged(
        request: Request,
        service_name: Annotated[
            str,
            Query(
                alias="service",
                max_length=256,
                description="Name of a service.",
                examples=["chat"],
            ),
        ],
        start: Start = None,
        end: End = None,
    ) -> Response:
        """Show where a service spent its time: what the low-rate sampler saw, added up.

        Covers the last hour where no time is given.
        """
        service.require_operator(request)
        until = wall() if end is None else end
        since = until - _HOUR if start is None else start
        if until < since:
            raise InvalidValue(f"end is {until}, which is before start, {since}")

        def draw() -> Response:
            tree = flame.tree(profiles.merged(service_name, since, until))
            # Written here, in a thread: a tree of a day has tens of thousands of nodes.
            return JSONResponse(
                {
                    "service": service_name,
                    "start": since,
                    "end": until,
                    "unit": "samples",
                    "total": tree["value"],
                    "tree": tree,
                }
            )

        return await asyncio.to_thread(draw)
