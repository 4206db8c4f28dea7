"""Schemas and examples of load tests, for the OpenAPI document."""

from __future__ import annotations

from typing import Any

from affectscope.gateway.load.plan import ARRIVALS, MODES, OBJECTIVE, PARAMETERS, TYPES, Number

EXAMPLES: dict[str, dict[str, Any]] = {
    "how long a request takes": {"test_type": "all", "iterations": 5},
    "a rate that stays": {
        "mode": "constant",
        "test_type": "chat",
        "rate": 20,
        "duration": 30,
        "arrivals": "poisson",
    },
    "a rate that grows": {"mode": "ramp", "test_type": "chat", "end_rate": 100, "duration": 60},
    "an hour": {"mode": "soak", "test_type": "all", "rate": 2, "duration": 3600},
    "the highest rate": {
        "mode": "search",
        "test_type": "chat",
        "start_rate": 5,
        "objective": {"percentile": 99, "seconds": 0.25, "error_ratio": 0.01},
    },
}
_RUNNING = {
    "id": "9f2c51d0c7a94b1e",
    "state": "running",
    "detail": None,
    "mode": "constant",
    "test_type": "chat",
    "start": 1760000000.0,
    "end": None,
    "progress": 0.4,
}


def _property(number: Number) -> dict[str, Any]:
    kind = "integer" if number.whole else "number"
    described: dict[str, Any] = {
        "type": kind,
        "minimum": number.low,
        "maximum": number.high,
        "description": number.text,
    }
    if number.default is not None:
        described["default"] = number.default
    return described


def plan_schema() -> dict[str, Any]:
    """Return the JSON schema of the body of ``POST /load-test``: one form for each mode."""
    forms = []
    for mode in MODES:
        numbers = PARAMETERS[mode]
        properties: dict[str, Any] = {
            "mode": {"const": mode},
            "test_type": {"type": "string", "enum": list(TYPES), "default": "all"},
            **{name: _property(number) for name, number in numbers.items()},
        }
        if mode != "closed":
            properties["arrivals"] = {"enum": list(ARRIVALS), "default": "constant"}
        if mode == "search":
            properties["objective"] = {
                "type": "object",
                "additionalProperties": False,
                "properties": {name: _property(one) for name, one in OBJECTIVE.items()},
            }
        needed = [name for name, number in numbers.items() if number.default is None]
        forms.append(
            {
                "type": "object",
                "title": mode,
                "additionalProperties": False,
                "properties": properties,
                "required": needed if mode == "closed" else ["mode", *needed],
            }
        )
    return {"oneOf": forms}


def plan_body() -> dict[str, Any]:
    """Return the ``openapi_extra`` of ``POST /load-test``."""
    examples = {name: {"value": value} for name, value in EXAMPLES.items()}
    content = {"schema": plan_schema(), "examples": examples}
    return {"requestBody": {"required": True, "content": {"application/json": content}}}


def started() -> dict[str, Any]:
    """Return the documented answer of a load test that runs on as a job."""
    return {
        "description": "It runs; `Location` is where it can be watched and stopped",
        "headers": {"Location": {"schema": {"type": "string"}}},
        "content": {"application/json": {"example": _RUNNING | {"progress": 0.0}}},
    }


def listed() -> dict[str, Any]:
    """Return the documented answer of the list of jobs."""
    return {
        "description": "Newest first",
        "content": {"application/json": {"example": {"load_tests": [_RUNNING]}}},
    }


def job() -> dict[str, Any]:
    """Return the documented answer of one job."""
    times = {"mean_seconds": 0.012, "p50_seconds": 0.011, "p99_seconds": 0.031}
    figures = {
        "scheduled": 240,
        "requests": 240,
        "unsent": 0,
        "succeeded": 240,
        "errors": {},
        "censored": 0,
        "scheduled_rate": 20.0,
        "offered_rate": 20.0,
        "completed_rate": 19.9,
        "achieved_rate": 19.9,
        "corrected": times,
        "raw": times,
    }
    point = {
        "start": 0.0,
        "scheduled_rate": 20.0,
        "offered_rate": 20.0,
        "achieved_rate": 19.0,
        "error_rate": 0.0,
        "p50_seconds": 0.011,
        "p99_seconds": 0.031,
        "max_seconds": 0.033,
    }
    example = {
        **_RUNNING,
        "plan": {**EXAMPLES["a rate that stays"], "seed": 1},
        "partial": True,
        "seconds": None,
        "summary": figures,
        "services": {},
        "points": [point],
        "flags": [],
    }
    return {
        "description": "Times in seconds; `points` begin `start` seconds after the run's `start`",
        "content": {"application/json": {"example": example}},
    }
