"""One occasion as one record: compose the modalities, put them on one clock, fuse, write files.

`analyze` is found on first use, so that who only combines need not load the analyzers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from affectscope.session.combine import PERSON, combine
from affectscope.session.exports import COLUMNS, TABLES, Table, check_export, rows, write
from affectscope.session.face_table import face_columns, face_rows, face_values
from affectscope.session.fusion import METHOD, fuse
from affectscope.session.voice_table import (
    phrase_columns,
    phrase_rows,
    window_columns,
    window_rows,
    word_rows,
)

if TYPE_CHECKING:
    from affectscope.session.compose import analyze

__all__ = [
    "COLUMNS",
    "METHOD",
    "PERSON",
    "TABLES",
    "Table",
    "analyze",
    "check_export",
    "combine",
    "face_columns",
    "face_rows",
    "face_values",
    "fuse",
    "phrase_columns",
    "phrase_rows",
    "rows",
    "window_columns",
    "window_rows",
    "word_rows",
    "write",
]


def __getattr__(name: str) -> object:
    if name == "analyze":
        from affectscope.session import compose

        return compose.analyze
    raise AttributeError(f"module 'affectscope.session' has no attribute {name!r}")
