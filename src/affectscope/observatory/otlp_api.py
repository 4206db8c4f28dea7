"""The endpoints of OTLP over HTTP.

Source: https://opentelemetry.io/docs/specs/otlp/#otlphttp
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import Request
from google.protobuf.message import Message
from starlette.responses import Response

from affectscope.errors import AffectscopeError
from affectscope.observatory.otlp import MOST_BYTES, Form, status_of, write
from affectscope.observatory.otlp_intake import Intake
from affectscope.service import Service, check_length, chunks, problem_response

_Take = Callable[[bytes, str, Form], Awaitable[Message]]

_STATUS = {
    form.value: {"schema": {"type": "object"}, "example": {"code": 3, "message": "what is wrong"}}
    for form in Form
}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Taken; `partialSuccess` tells what was not.",
        "content": {form.value: {"schema": {"type": "object"}, "example": {}} for form in Form},
    },
    400: {"description": "The body cannot be read; a google.rpc.Status.", "content": _STATUS},
    403: {"description": "The sender may not.", "content": _STATUS},
    413: {"description": f"The body has more than {MOST_BYTES} bytes.", "content": _STATUS},
    415: {"description": "Another Content-Type or Content-Encoding.", "content": _STATUS},
    503: {"description": "Not now: again after `Retry-After` seconds.", "content": _STATUS},
}


def add_otlp_routes(service: Service, intake: Intake) -> None:
    """Add `/v1/traces`, `/v1/logs` and `/v1/metrics`.

    Args:
        service: Gets the endpoints.
        intake: Takes what arrives.
    """
    app = service.app

    async def answer(request: Request, take: _Take) -> Response:
        form = Form.JSON
        try:
            service.require_operator(request)
            form = Form.of(request.headers.get("content-type", ""))
            intake.admit()
            check_length(request, MOST_BYTES)
            body = bytearray()
            async for chunk in chunks(request, MOST_BYTES, service.settings.body_idle_seconds):
                body += chunk
            encoding = request.headers.get("content-encoding", "")
            message = await take(bytes(body), encoding, form)
        except AffectscopeError as error:
            # The status, the headers and what metrics hear are those of any other endpoint.
            problem = problem_response(error, request.scope)
            headers = {
                name: value
                for name, value in problem.headers.items()
                if name not in ("content-type", "content-length")
            }
            content = write(status_of(error), form)
            return Response(content, problem.status_code, headers, form.value)
        return Response(write(message, form), media_type=form.value)

    def body_of(name: str, field: str) -> dict[str, Any]:
        schema = {"type": "object", "description": f"An {name}."}
        content = {form.value: {"schema": schema, "example": {field: []}} for form in Form}
        return {"requestBody": {"required": True, "content": content}}

    @app.post(
        "/v1/traces",
        tags=["ingest"],
        responses=_ANSWERS,
        openapi_extra=body_of("ExportTraceServiceRequest", "resourceSpans"),
    )
    async def take_traces(request: Request) -> Response:
        """Take spans; which traces are kept is decided when they are over."""
        return await answer(request, intake.traces)

    @app.post(
        "/v1/logs",
        tags=["ingest"],
        responses=_ANSWERS,
        openapi_extra=body_of("ExportLogsServiceRequest", "resourceLogs"),
    )
    async def take_logs(request: Request) -> Response:
        """Take lines of logs; they are written when the answer comes."""
        return await answer(request, intake.logs)

    @app.post(
        "/v1/metrics",
        tags=["ingest"],
        responses=_ANSWERS,
        openapi_extra=body_of("ExportMetricsServiceRequest", "resourceMetrics"),
    )
    async def take_metrics(request: Request) -> Response:
        """Take metrics under the names that Prometheus would give them."""
        return await answer(request, intake.metrics)
