"""Times of spans from machines whose clocks differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

SKEW = "affectscope.clock_skew_seconds"
"""Attribute of a span that was moved: what was added to its times."""


def align(spans: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Move spans of other services that seem to begin before the span that called them.

    No call begins before its caller, so the clocks differ, and the call is set into the middle of
    its caller, or to its beginning where it is longer; all within the same service below it move
    along. Times within one service are never changed against each other.

    Args:
        spans: As stored, each once.

    Returns:
        The spans by their beginning; those that were moved have the attribute `SKEW`.

    Source: the adjuster of Jaeger, https://github.com/jaegertracing/jaeger (clockskew)
    """
    known = {span["span_id"] for span in spans}
    children: dict[str | None, list[dict[str, Any]]] = {}
    for span in spans:
        parent = span["parent_id"] if span["parent_id"] in known else None
        children.setdefault(parent, []).append(span)
    found: list[dict[str, Any]] = []
    waiting: list[tuple[dict[str, Any] | None, dict[str, Any], float]]
    waiting = [(None, span, 0.0) for span in children.get(None, [])]
    seen: set[str] = set()
    while waiting:
        parent, span, shift = waiting.pop()
        seen.add(span["span_id"])
        if parent is None or parent["service"] != span["service"]:
            shift = 0.0 if parent is None else _shift(parent, span)
        moved = _moved(span, shift)
        found.append(moved)
        waiting += [(moved, child, shift) for child in children.get(span["span_id"], [])]
    # Spans that are their own ancestors have no root; they stand as they are.
    found += [span for span in spans if span["span_id"] not in seen]
    return sorted(found, key=lambda span: float(span["start"]))


def _shift(parent: dict[str, Any], span: dict[str, Any]) -> float:
    early = float(parent["start"]) - float(span["start"])
    if early <= 0:
        return 0.0
    return early + max(0.0, float(parent["seconds"]) - float(span["seconds"])) / 2


def _moved(span: dict[str, Any], shift: float) -> dict[str, Any]:
    if shift == 0:
        return span
    return span | {
        "start": span["start"] + shift,
        "events": [event | {"time": event["time"] + shift} for event in span["events"]],
        "attributes": span["attributes"] | {SKEW: shift},
    }
