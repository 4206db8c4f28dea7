"""Tables with a header line: CSV with any of the usual delimiters."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass

from affectscope.chat.formats.dates import TimeColumn
from affectscope.chat.formats.drafts import Draft, Tally
from affectscope.chat.formats.text import Text

TEXTS = ("text", "message", "body", "content", "msg", "utterance", "comment", "transcript")
SPEAKERS = (
    "speaker", "from", "author", "user", "sender", "username", "name", "from_name", "participant",
    "nickname",
)  # fmt: skip
TIMES = (
    "time", "timestamp", "datetime", "date_time", "created_at", "sent_at", "sent", "start", "ts",
    "when",
)  # fmt: skip
_DELIMITERS = ",;\t"


@dataclass(frozen=True)
class _Columns:
    text: int
    speaker: int | None
    time: int | None
    date: int | None
    count: int


def delimiter_of(head: str) -> str | None:
    """Return the delimiter of a table with a column of text and one more that is known, or None."""
    for delimiter in _DELIMITERS:
        columns = _columns(_header(head, delimiter))
        if columns and (columns.speaker, columns.time, columns.date) != (None, None, None):
            return delimiter
    return None


def read_table(text: Text, tally: Tally) -> Iterator[Draft]:
    """Yield a message a row; rows without any cell are none.

    Args:
        text: Its first line names the columns; see `TEXTS`, `SPEAKERS` and `TIMES`.
        tally: Told what is assumed of times.

    Raises:
        InvalidValue: No column of text, a row with other cells than the header, a bad quote, or a
            time that is none.
    """
    delimiter = delimiter_of(text.head) or max(
        _DELIMITERS, key=lambda one: (_columns(_header(text.head, one)) is not None, one == ",")
    )
    found = _columns(_header(text.head, delimiter))
    if found is None:
        raise text.refusal(
            1,
            text.head.partition("\n")[0],
            f"names of columns, one of them {', '.join(TEXTS[:4])}",
        )
    times = TimeColumn()
    for _, row in _rows(text, delimiter, found):
        times.note(_time(row, found))
    if times.assumed_order is not None:
        tally.assume("date-order-assumed", times.assumed_order)
    if times.epoch is not None:
        unit = {1.0: "seconds", 1e3: "milliseconds"}.get(times.epoch, "microseconds")
        tally.assume("epoch-times", unit)
    for number, row in _rows(text, delimiter, found):
        cell = _time(row, found)
        try:
            moment = times.read(cell)
        except (ValueError, OverflowError):
            raise text.refusal(
                number, cell, "seconds, 0:01:02, 2026-01-31 10:00:00, or 31/01/2026 10:00"
            ) from None
        speaker = row[found.speaker].strip() if found.speaker is not None else ""
        yield Draft(speaker or None, moment, row[found.text], text.where(number))


def _header(head: str, delimiter: str) -> list[str]:
    lines = [line for line in head.split("\n")[:3] if line.strip()]
    if lines and lines[0].strip().lower().startswith("sep="):
        lines = lines[1:]
    return next(csv.reader(lines, delimiter=delimiter), [])


def _columns(header: list[str]) -> _Columns | None:
    names = [name.strip().lower().replace(" ", "_") for name in header]

    def place(known: tuple[str, ...]) -> int | None:
        return next((names.index(name) for name in known if name in names), None)

    text, time, date = place(TEXTS), place(TIMES), place(("date", "day"))
    if text is None:
        return None
    if time is not None and names[time] != "time":
        date = None  # the other is a whole date by itself
    return _Columns(text, place(SPEAKERS), time, date, len(names))


def _time(row: list[str], columns: _Columns) -> str:
    """Return the cell of the time; of a date and a time of day, both together."""
    cells = [row[place].strip() for place in (columns.date, columns.time) if place is not None]
    return " ".join(cell for cell in cells if cell)


def _rows(text: Text, delimiter: str, columns: _Columns) -> Iterator[tuple[int, list[str]]]:
    lines = (f"{line}\n" for _, line in text.lines())
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    header = False
    number = 1
    while True:
        number = reader.line_num + 1
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise text.refusal(
                number, str(error), "cells of which quotes are doubled and closed"
            ) from None
        if row is None:
            return
        if not any(cell.strip() for cell in row):
            continue
        if not header:
            header = not row[0].strip().lower().startswith("sep=")
            continue
        if len(row) != columns.count:
            raise text.refusal(
                number,
                delimiter.join(row),
                f"{columns.count} cells as in the header, not {len(row)}; a cell that holds "
                f"{delimiter!r} needs quotes",
            )
        yield number, row
