"""The HTTP endpoints for alerts, silences, objectives and charts."""

from __future__ import annotations

import asyncio
import math
from dataclasses import asdict
from typing import Annotated, Any, TypeVar

from fastapi import Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from affectscope.errors import InvalidValue, NotFound, Overloaded
from affectscope.observatory.alerts import silences as matching
from affectscope.observatory.alerts.center import AlertCenter
from affectscope.observatory.alerts.objectives import dashboards
from affectscope.observatory.alerts.silences import Silence
from affectscope.observatory.alerts.store import MOST_SILENCES
from affectscope.service import Service, problem_responses

MOST_HISTORY = 500
LONGEST_SILENCE = 366 * 86_400.0
_MOST_BODY_BYTES = 64 << 10
_SILENCE = {
    "matchers": {"service": "chat", "alertname": "re:Latency.*"},
    "end": 1_760_003_600,
    "by": "Ada",
    "comment": "moving it",
}
B = TypeVar("B", bound=BaseModel)

_Name = Annotated[str, Field(min_length=1, max_length=100)]
_Text = Annotated[str, Field(max_length=1_000)]
_Time = Annotated[float, Field(ge=0, le=1e11, allow_inf_nan=False)]


class AcknowledgementBody(BaseModel):
    """Who takes an alert on."""

    model_config = ConfigDict(extra="forbid")

    by: _Name
    note: _Text = ""


class SilenceBody(BaseModel):
    """What shall not be sent, and for how long."""

    model_config = ConfigDict(extra="forbid")

    matchers: dict[str, str] = Field(
        description="By label: the whole value, or `re:` and a regular expression."
    )
    start: Annotated[_Time | None, Field(description="Now if none is given.")] = None
    end: Annotated[_Time, Field(description="Seconds since the epoch.")]
    by: _Name
    comment: _Text = ""


async def _read(service: Service, request: Request, form: type[B]) -> B:
    """Read a body of a form.

    Only for operators: FastAPI itself would take a body of any length from anybody first.

    Raises:
        RequestError: The body is not one that can be used.
    """
    document = await service.read_json(request, _MOST_BODY_BYTES)
    try:
        return form.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        raise InvalidValue(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error


def _body(form: type[BaseModel], example: dict[str, Any]) -> dict[str, Any]:
    content = {"schema": form.model_json_schema(), "example": example}
    return {"requestBody": {"required": True, "content": {"application/json": content}}}


def add_alert_routes(service: Service, center: AlertCenter) -> None:
    """Add `/api/alerts…`, `/api/silences`, `/api/objectives` and `/api/charts`.

    Args:
        service: Gets the endpoints.
        center: Knows the alerts.
    """
    app = service.app

    @app.get("/api/alerts", tags=["alerts"])
    async def alerts(request: Request) -> dict[str, list[dict[str, Any]]]:
        """List the alerts that are pending or firing, and all rules with their state."""
        service.require_operator(request)
        return await asyncio.to_thread(_alerts, center)

    @app.get("/api/alerts/history", tags=["alerts"])
    async def history(
        request: Request,
        start: Annotated[float, Query(description="Seconds since the epoch.", ge=0)] = 0.0,
        end: Annotated[
            float | None, Query(description="Seconds since the epoch; now if none is given.", ge=0)
        ] = None,
        limit: Annotated[int, Query(description="Most alerts.", ge=1, le=MOST_HISTORY)] = 100,
    ) -> dict[str, list[dict[str, Any]]]:
        """List the alerts that fired within a time, the newest first."""
        service.require_operator(request)
        until = center.clock() if end is None else end
        found = await asyncio.to_thread(center.store.history, start, until, limit)
        return {"history": found}

    @app.post(
        "/api/alerts/{fingerprint}/acknowledge",
        tags=["alerts"],
        responses=problem_responses(403, 422),
        openapi_extra=_body(AcknowledgementBody, {"by": "Ada", "note": "restarting it"}),
    )
    async def acknowledge(
        request: Request,
        fingerprint: Annotated[
            str, Path(description="Of the alert.", examples=["0c6f0d0a7b2f4c11"], max_length=64)
        ],
    ) -> dict[str, Any]:
        """Take an alert on: it is not sent again until it ends."""
        service.require_operator(request)
        body = await _read(service, request, AcknowledgementBody)
        taken = await asyncio.to_thread(center.acknowledge, fingerprint, body.by, body.note)
        return asdict(taken)

    @app.get("/api/silences", tags=["alerts"])
    async def silences(request: Request) -> dict[str, list[dict[str, Any]]]:
        """List the silences, the newest first."""
        service.require_operator(request)
        found = await asyncio.to_thread(center.store.silences)
        return {"silences": [asdict(silence) for silence in found]}

    @app.post(
        "/api/silences",
        tags=["alerts"],
        status_code=201,
        responses=problem_responses(403, 422),
        openapi_extra=_body(SilenceBody, _SILENCE),
    )
    async def silence(request: Request) -> dict[str, Any]:
        """Do not send alerts whose labels match, for a while; they are shown and kept all the same.

        A matcher is the whole value of a label, or `re:` and a regular expression.
        """
        service.require_operator(request)
        body = await _read(service, request, SilenceBody)
        return asdict(await asyncio.to_thread(_silence, center, body))

    @app.delete("/api/silences/{identifier}", tags=["alerts"], status_code=204)
    async def unsilence(
        request: Request,
        identifier: Annotated[
            int, Path(description="Of the silence.", examples=[1], ge=1, lt=2**63)
        ],
    ) -> None:
        """End a silence."""
        service.require_operator(request)
        if not await asyncio.to_thread(lambda: center.store.remove_silence(identifier).result()):
            raise NotFound(f"no silence has the id {identifier}")

    @app.get("/api/objectives", tags=["alerts"])
    async def objectives(request: Request) -> dict[str, list[dict[str, Any]]]:
        """Say of each objective how much of its budget is left, and how fast it burns."""
        service.require_operator(request)
        return {"objectives": await asyncio.to_thread(center.budgets.report, center.clock())}

    @app.get("/api/charts", tags=["alerts"])
    async def charts(request: Request) -> dict[str, Any]:
        """Describe the charts: PromQL with `$service` and `$window`, titles, units."""
        service.require_operator(request)
        return {"dashboards": _charts(center)}


def _alerts(center: AlertCenter) -> dict[str, list[dict[str, Any]]]:
    silences, now = center.store.silences(), center.clock()
    listed = [
        {
            "fingerprint": alert.fingerprint,
            "name": alert.name,
            "labels": dict(alert.labels),
            "severity": alert.severity,
            "state": alert.state,
            "since": alert.since,
            "value": alert.value if math.isfinite(alert.value) else None,
            "summary": alert.summary,
            "description": alert.description,
            "silenced_by": center.silenced_by(alert, silences, now),
            "acknowledged": None if alert.acknowledged is None else asdict(alert.acknowledged),
        }
        for alert in center.evaluator.alerts()
    ]
    statuses = [
        {
            "name": status.rule.name,
            "severity": status.rule.severity,
            "labels": dict(status.rule.labels),
            "expr": status.rule.expr,
            "for_seconds": status.rule.for_seconds,
            "state": status.state,
            "error": status.error,
            "summary": status.rule.summary,
        }
        for status in center.evaluator.statuses()
    ]
    return {"alerts": listed, "rules": statuses}


def _silence(center: AlertCenter, body: SilenceBody) -> Silence:
    matching.check(body.matchers)
    start = center.clock() if body.start is None else body.start
    if not start < body.end <= start + LONGEST_SILENCE:
        raise InvalidValue(
            f"end is {body.end:.0f}; valid: after start ({start:.0f}), by a year at most"
        )
    wanted = Silence(0, body.matchers, start, body.end, body.by, body.comment)
    kept = center.store.add_silence(wanted).result()
    if kept is None:
        raise Overloaded(f"there are {MOST_SILENCES} silences; delete one")
    return kept


def _charts(center: AlertCenter) -> list[dict[str, Any]]:
    labels = {"service": ("Service", "service"), "window": ("Window", "")}
    result = []
    for board in dashboards(center.definitions):
        document = board.model_dump(mode="json")
        document["variables"] = [
            {"name": name, "label": labels[name][0], "query_label": labels[name][1]}
            for name in board.variables
        ]
        result.append(document)
    return result
