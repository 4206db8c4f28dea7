"""A session as a file: the whole of it, one of its tables, or captions and tiers of its speech."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, get_args

from affectscope.affect import Segment, Session
from affectscope.errors import InvalidValue
from affectscope.session.captions import subrip, webvtt
from affectscope.session.face_table import LONG_COLUMNS, face_columns, face_rows, face_values
from affectscope.session.textgrid import textgrid
from affectscope.session.voice_table import (
    WORD_COLUMNS,
    phrase_columns,
    phrase_rows,
    window_columns,
    window_rows,
    word_rows,
)

Table = Literal["segments", "faces-wide", "faces-long", "phrases", "voice-windows", "words"]
TABLES: tuple[Table, ...] = get_args(Table)
"""`segments`: one row per segment of every track (`rows`); `faces-wide`: one per frame and face
(`face_rows`); `faces-long`: one per frame, face and measured value (`face_values`); `phrases`: one per
spoken phrase (`phrase_rows`); `voice-windows`: one per window of each (`window_rows`); `words`: one per
spoken word (`word_rows`)."""

ENDINGS = (".json", ".csv", ".ndjson", ".vtt", ".srt", ".textgrid")

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


def write(
    session: Session,
    path: str | Path,
    table: Table = "segments",
    *,
    source: str | None = None,
) -> None:
    """Write a session in the form that the file's name asks for.

    Args:
        session: What to write.
        path: Ends with ``.json`` (the whole session, by its published schema), ``.csv`` or
            ``.ndjson`` (a table), ``.vtt`` or ``.srt`` (captions), or ``.TextGrid`` (of Praat).
        table: Which of `TABLES`.
        source: Name of the file that was analysed, for the column ``input`` of ``faces-wide``.

    Raises:
        InvalidValue: Another ending or table, a table as what holds none, or a TextGrid of a session
            without a voice.
    """
    path = Path(path)
    check_export(path, table)
    if path.suffix.lower() == ".json":
        path.write_text(session.model_dump_json(indent=2) + "\n", encoding="utf-8")
        return
    text = {".vtt": webvtt, ".srt": subrip, ".textgrid": textgrid}.get(path.suffix.lower())
    if text is not None:
        parts = text(session)
        with path.open("w", newline="\n", encoding="utf-8") as file:
            file.writelines(parts)
        return
    columns, lines = _table(session, table, source)
    with path.open("w", newline="", encoding="utf-8") as file:
        if path.suffix.lower() == ".csv":
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(lines)
        else:
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in lines)


def check_export(path: Path, table: str) -> None:
    """Tell before a long analysis whether `write` will know what to do; see there."""
    if path.suffix.lower() not in ENDINGS:
        raise InvalidValue(
            f"cannot write a session as {path.suffix.lower() or path.name!r}; "
            f"valid: {', '.join(ENDINGS)}"
        )
    if table not in TABLES:
        raise InvalidValue(f"no table {table!r}; valid: {', '.join(TABLES)}")
    if path.suffix.lower() not in (".csv", ".ndjson") and table != "segments":
        raise InvalidValue(
            f"the table {table!r} is written as .csv or .ndjson, not as {path.suffix.lower()}"
        )


def _table(
    session: Session, table: Table, source: str | None
) -> tuple[tuple[str, ...], Iterator[dict[str, object]]]:
    """Return the columns and the rows of a table."""
    match table:
        case "segments":
            return COLUMNS, rows(session)
        case "faces-wide":
            return face_columns(session), face_rows(session, source)
        case "faces-long":
            return LONG_COLUMNS, face_values(session)
        case "phrases":
            return phrase_columns(session), phrase_rows(session)
        case "voice-windows":
            return window_columns(session), window_rows(session)
        case "words":
            return WORD_COLUMNS, word_rows(session)
