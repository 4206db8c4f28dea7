"""A session as a file: the whole of it as JSON, or one row per segment as CSV or NDJSON."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

from affectscope.affect import Segment, Session
from affectscope.errors import InvalidValue

COLUMNS = (
    "track",
    "subject",
    "modality",
    "start",
    "end",
    "label",
    "confidence",
    "valence",
    "arousal",
    "abstained",
    "quality",
    "text",
    "model",
)
"""Columns of the long table; times in seconds of the session's clock."""


def rows(session: Session) -> Iterator[dict[str, object]]:
    """Yield one row per segment of every track, the fused ones last, with the keys of `COLUMNS`.

    ``label`` is the highest native label of the track's own vocabulary, None where the analyzer
    abstained. A data frame is ``pandas.DataFrame(rows(session))``.
    """
    for track in session.tracks:
        model = f"{track.model.name}@{track.model.version}" if track.model else None
        for segment in track.segments:
            yield _row(track.id, track.subject, track.modality, segment, model)
    for fused in session.fused:
        for segment in fused.segments:
            yield _row(fused.id, fused.subject, "fused", segment, fused.method)


def _row(
    track: str, subject: str, modality: str, segment: Segment, model: str | None
) -> dict[str, object]:
    affect = segment.affect
    values: tuple[object, ...] = (
        track,
        subject,
        modality,
        segment.start,
        segment.end,
        affect.label if affect else None,
        affect.confidence if affect else None,
        affect.valence if affect else None,
        affect.arousal if affect else None,
        segment.abstained,
        " ".join(segment.quality),
        segment.text,
        model,
    )
    return dict(zip(COLUMNS, values, strict=True))


def write(session: Session, path: str | Path) -> None:
    """Write a session in the form that the file's name asks for.

    Args:
        session: What to write.
        path: Ends with ``.json`` (the whole session, by its published schema), ``.csv`` or
            ``.ndjson`` (one row per segment).

    Raises:
        InvalidValue: Another ending.
    """
    path = Path(path)
    match path.suffix.lower():
        case ".json":
            path.write_text(session.model_dump_json(indent=2) + "\n", encoding="utf-8")
        case ".csv":
            with path.open("w", newline="", encoding="utf-8") as file:
                table = csv.DictWriter(file, COLUMNS)
                table.writeheader()
                table.writerows(rows(session))
        case ".ndjson":
            with path.open("w", encoding="utf-8") as file:
                file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows(session))
        case other:
            raise InvalidValue(
                f"cannot write a session as {other or path.name!r}; valid: .json, .csv, .ndjson"
            )
