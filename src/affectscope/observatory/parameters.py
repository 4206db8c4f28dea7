"""Parameters that several endpoints of the observatory share."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Query

from affectscope.errors import InvalidValue
from affectscope.service import problem_responses

_HEX = frozenset("0123456789abcdef")
_LATEST = 1e11

Start = Annotated[
    float | None,
    Query(
        ge=0,
        le=_LATEST,
        allow_inf_nan=False,
        description="From then on, in seconds since the epoch.",
        examples=[1760000000],
    ),
]
End = Annotated[
    float | None,
    Query(
        ge=0,
        le=_LATEST,
        allow_inf_nan=False,
        description="Before then, in seconds since the epoch.",
        examples=[1760003600],
    ),
]
Before = Annotated[
    float | None,
    Query(
        ge=0,
        le=_LATEST,
        allow_inf_nan=False,
        description="For the next page: `next` of the answer before.",
        examples=[1760001800],
    ),
]
ServiceName = Annotated[
    str | None, Query(max_length=256, description="Name of a service.", examples=["chat"])
]
TraceId = Annotated[
    str | None,
    Query(
        description="Id of a trace: 32 hexadecimal digits.",
        examples=["4bf92f3577b34da6a3ce929d0e0e4736"],
    ),
]
TraceInPath = Annotated[
    str,
    Path(
        description="Id of a trace: 32 hexadecimal digits.",
        examples=["4bf92f3577b34da6a3ce929d0e0e4736"],
    ),
]
Limit = Annotated[int, Query(ge=1, le=500, description="Most to return.", examples=[50])]

NOT_FOUND: dict[int | str, dict[str, Any]] = {
    404: problem_responses(403)[403] | {"description": "There is none, or it is not kept"}
}
"""The documented answer for what is not there."""


def trace_id_of(text: str) -> str:
    """Return the id of a trace as it is stored.

    Raises:
        InvalidValue: It is none.
    """
    found = text.strip().lower()
    if len(found) != 32 or not _HEX.issuperset(found):
        raise InvalidValue(f"trace_id is {text!r:.80}; valid: 32 hexadecimal digits")
    return found


def earliest(*times: float | None) -> float | None:
    """Return the earliest of the times that are given, or None."""
    given = [time for time in times if time is not None]
    return min(given) if given else None


def check_span(start: float | None, end: float | None) -> None:
    """Check that a range of time has its beginning first.

    Raises:
        InvalidValue: It has not.
    """
    if start is not None and end is not None and end < start:
        raise InvalidValue(f"end is {end}, which is before start, {start}; valid: a later time")
