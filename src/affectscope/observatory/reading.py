"""Queries that end."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager

from affectscope.errors import InvalidValue

_STEPS = 10_000
"""Instructions of SQLite's machine between two looks at the clock: below a millisecond."""


@contextmanager
def deadline(connection: sqlite3.Connection, seconds: float) -> Iterator[None]:
    """End the statements of a connection that go on for too long.

    Args:
        connection: Used by this thread alone.
        seconds: From now on.

    Raises:
        InvalidValue: They did.
    """
    ends = time.monotonic() + seconds
    connection.set_progress_handler(lambda: time.monotonic() > ends, _STEPS)
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
            raise
        raise InvalidValue(
            f"the search took longer than {seconds:g} s and was ended; shorten the time that it "
            "covers, or look for rarer words"
        ) from error
    finally:
        connection.set_progress_handler(None, 0)
