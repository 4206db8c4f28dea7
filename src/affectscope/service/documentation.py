"""OpenAPI documents that work without a network, and say what a multipart body holds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import fastapi_offline
from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from pydantic import BaseModel, Field
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from affectscope.affect import PURPOSES, Notice, Session
from affectscope.service.answers import PROFILE_FORMATS

ASSETS = Path(fastapi_offline.__file__).with_name("static")

PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "example": "urn:affectscope:problem:invalid-value"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "Names the bad value and what is valid."},
        "request_id": {"type": "string"},
    },
}

_STATUSES = {
    400: "Malformed request",
    403: "Refused: purpose, permission or origin",
    408: "The body stopped arriving",
    413: "Payload, or answer, too large",
    415: "Unsupported media type",
    422: "Invalid, missing or empty",
    500: "A defect; the log has it by the request id",
    503: "Overloaded or not ready; `Retry-After` says when to try again",
}

ANALYSIS_PARAMETERS: list[dict[str, Any]] = [
    {
        "name": "purpose",
        "in": "query",
        "description": "Why; `workplace` and `education` refuse face and voice.",
        "schema": {
            "type": "string",
            "default": "unspecified",
            "enum": list(PURPOSES),
        },
    },
    {
        "name": "justification",
        "in": "query",
        "description": "Recorded; needed for `medical` and `safety`.",
        "schema": {"type": "string"},
    },
    {
        "name": "profile",
        "in": "query",
        "description": "Add a profile of this request (from this machine, or with the token).",
        "schema": {"type": "boolean", "default": False},
    },
    {
        "name": "profile_format",
        "in": "query",
        "description": "`pstats` (in base64), `collapsed` and `speedscope` are files in `data`.",
        "schema": {
            "type": "string",
            "default": "json",
            "enum": list(PROFILE_FORMATS),
        },
    },
]


def add_documentation(app: FastAPI) -> None:
    """Serve ``/docs`` from files of this installation; FastAPI's own page needs a network."""
    app.mount("/docs/assets", StaticFiles(directory=ASSETS), name="assets")

    @app.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        page = get_swagger_ui_html(
            openapi_url="/openapi.json",
            title=app.title,
            swagger_js_url="/docs/assets/swagger-ui-bundle.js",
            swagger_css_url="/docs/assets/swagger-ui.css",
            swagger_favicon_url="/docs/assets/favicon.png",
        )
        page.headers["Content-Security-Policy"] = (
            "default-src 'self'; img-src 'self' data:; "
            "style-src 'self' 'unsafe-inline'; script-src 'self' 'unsafe-inline'"
        )
        return page


class AnalysisAnswer(BaseModel):
    """What every analysis answers; for the document only, the answer itself is made elsewhere."""

    session: Session
    timing: dict[str, float] = Field(
        description="Seconds of each stage, and `total`.",
        examples=[{"upload": 0.01, "queue": 0.0002, "infer": 0.05, "total": 0.06}],
    )
    warnings: list[Notice]
    profile: dict[str, Any] | None = Field(
        default=None,
        description="With `profile=true`: `wall_seconds` and `functions`, sorted by "
        "`cumulative_seconds`; in another `profile_format`: `format`, `wall_seconds` and `data`.",
    )


def analysis_responses() -> dict[int | str, dict[str, Any]]:
    """Return the documented answers of an analysis: the session, and every problem."""
    answer = {
        "model": AnalysisAnswer,
        "description": "The session; with `Accept: application/x-ndjson` one record a line.",
    }
    return {200: answer, **problem_responses(*_STATUSES)}


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the documented problems of an endpoint."""
    return {
        status: {
            "description": _STATUSES[status],
            "content": {"application/problem+json": {"schema": PROBLEM_SCHEMA}},
        }
        for status in statuses
    }


def multipart_schema(
    files: Mapping[str, str],
    texts: Mapping[str, str] | None = None,
    required: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Return the ``openapi_extra`` of a multipart endpoint.

    Args:
        files: Name of each file field to its description.
        texts: Name of each text field to its description.
        required: Names of the fields that must be there.
    """
    properties: dict[str, Any] = {
        name: {"type": "string", "format": "binary", "description": text}
        for name, text in files.items()
    }
    properties |= {
        name: {"type": "string", "description": text} for name, text in (texts or {}).items()
    }
    schema = {"type": "object", "properties": properties, "required": list(required)}
    return {
        "requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}},
        "parameters": ANALYSIS_PARAMETERS,
    }


def json_schema(schema: Mapping[str, Any], examples: Mapping[str, Any]) -> dict[str, Any]:
    """Return the ``openapi_extra`` of an endpoint with a JSON body.

    Args:
        schema: JSON schema of the body.
        examples: Name of each example to its value.
    """
    content = {
        "schema": dict(schema),
        "examples": {name: {"value": value} for name, value in examples.items()},
    }
    return {
        "requestBody": {"required": True, "content": {"application/json": content}},
        "parameters": ANALYSIS_PARAMETERS,
    }
