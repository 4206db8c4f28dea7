"""Deletes what is too old, and the oldest of what is too much."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial

from affectscope.observatory.database import Database
from affectscope.telemetry import get_logger

_log = get_logger()

DeleteBefore = Callable[[sqlite3.Connection, float, int], int]
"""Deletes rows from before a time, at most so many, oldest first; returns how many."""

_ROWS = 500
"""Rows deleted in one transaction: others wait for it some 20 ms."""

_PAGES = 500
"""Pages given back to the file system in one transaction."""

_ROOM_BYTES = 48 << 20
"""Room that is kept free: for SQLite's own log, and for what comes between two sweeps."""

_MOST_ROOM = 0.2
"""Share of the limit that this room is at most."""

_SOON_SECONDS = 1.0
"""Pause between sweeps while that room, once more, is all that is left: a burst fills it soon."""

_STEP = 0.02
"""Share of the time kept that is given up in one round."""

_NEWEST_SECONDS = 60.0
"""What is younger is not deleted for want of room."""


class Retention:
    """Keeps the file within an age and a size.

    Args:
        database: Whose file.
        stores: What deletes, by name.
        keep_seconds: Longest that anything is kept.
        most_bytes: Largest that the file may be.
        pause_seconds: Between two sweeps.
        wall: Seconds since the epoch.

    Attributes:
        deleted: Rows deleted so far, by store.
    """

    def __init__(
        self,
        database: Database,
        stores: Mapping[str, DeleteBefore],
        keep_seconds: float,
        most_bytes: int,
        *,
        pause_seconds: float = 10.0,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._stores = dict(stores)
        self._keep = keep_seconds
        self._most = most_bytes
        self._room = min(_ROOM_BYTES, round(most_bytes * _MOST_ROOM))
        self._pause = pause_seconds
        self._wall = wall
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="retention", daemon=True)
        self.deleted = dict.fromkeys(self._stores, 0)

    def start(self) -> None:
        """Start the thread that sweeps."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread; blocks until what it does is done. To be called before the database's."""
        self._stopping.set()
        self._thread.join()

    def sizes(self) -> dict[str, int]:
        """Return bytes: `file` and `log` on disk, `used` (without free pages), and the `limit`."""
        return {**self.file_bytes(), "used": self._database.size_bytes(), "limit": self._most}

    def file_bytes(self) -> dict[str, int]:
        """Return bytes on disk: of the `file` and of its `log`; asks the database nothing."""
        path = self._database.path
        log = path.with_name(path.name + "-wal")
        return {
            "file": path.stat().st_size if path.exists() else 0,
            "log": log.stat().st_size if log.exists() else 0,
        }

    def sweep(self) -> None:
        """Delete what is to go, and shrink the file; blocks.

        Raises:
            sqlite3.Error: The file cannot be written.
        """
        now = self._wall()
        before = now - self._keep
        self._delete(before)
        full = self._most - self._room
        if self._database.size_bytes() > full:
            # Somewhat further than it must, so that it does not begin again at once.
            goal = full - self._room / 3
            while self._database.size_bytes() > goal and not self._stopping.is_set():
                before += (now - before) * _STEP
                if now - before < _NEWEST_SECONDS:
                    _log.warning("the telemetry file is above its limit", **self.sizes())
                    break
                self._delete(before)
        self._shrink()

    def _delete(self, before: float) -> None:
        for name, delete in self._stores.items():
            while not self._stopping.is_set():
                job = partial(_deleting, delete=delete, before=before)
                rows = self._database.write(job).result()
                self.deleted[name] += rows
                if rows < _ROWS:
                    break

    def _shrink(self) -> None:
        """Give free pages back to the file system, and empty the database's log."""
        while not self._stopping.is_set() and self._database.write(_vacuum).result() >= _PAGES:
            pass
        connection = sqlite3.connect(self._database.path, timeout=1.0, isolation_level=None)
        with contextlib.closing(connection):
            # Moves what the log holds into the file, which only then becomes shorter.
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def _until_next(self) -> float:
        near = self._database.size_bytes() > self._most - 2 * self._room
        return min(self._pause, _SOON_SECONDS) if near else self._pause

    def _run(self) -> None:
        pause = self._pause
        while not self._stopping.wait(pause):
            pause = self._pause
            try:
                self.sweep()
                pause = self._until_next()
            except Exception:
                # A full disk ends a sweep; the next one may find room.
                _log.exception("telemetry is not deleted")


def _deleting(connection: sqlite3.Connection, delete: DeleteBefore, before: float) -> int:
    return delete(connection, before, _ROWS)


def _vacuum(connection: sqlite3.Connection) -> int:
    """Free some pages at the end of the file; return how many were free."""
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    for _ in range(min(free, _PAGES)):
        # One at a time: the statement pauses after each page, in a row without columns, which
        # Python takes for its end.
        connection.execute("PRAGMA incremental_vacuum(1)")
    return int(free)
