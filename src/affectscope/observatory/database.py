"""The one SQLite file of the observatory: one thread writes, any thread reads."""

from __future__ import annotations

import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from affectscope.telemetry import get_logger

T = TypeVar("T")
_log = get_logger()

_BATCH = 500
"""Most jobs that share one transaction."""

_READERS = 8
_BUSY_SECONDS = 5.0


class Database:
    """A SQLite file in WAL mode.

    Jobs that write run on one thread, in the order in which they were given; those that wait at the
    same moment share a transaction. A job that raises takes nothing of the others with it.

    A damaged file is set aside under another name, and a new one is begun.

    Args:
        path: The file; made when it is missing.
        schema: SQL scripts that make tables which are missing (`CREATE ... IF NOT EXISTS`).
    """

    def __init__(self, path: Path, schema: tuple[str, ...] = ()) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._jobs: queue.SimpleQueue[tuple[Callable[[sqlite3.Connection], object], Future[object]]]
        self._jobs = queue.SimpleQueue()
        self._closed = False
        self._idle: queue.LifoQueue[sqlite3.Connection] = queue.LifoQueue()
        self._readers = threading.BoundedSemaphore(_READERS)
        try:
            self._writer = self._open(schema)
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode not in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
                raise
            self._set_aside()
            self._writer = self._open(schema)
        self._thread = threading.Thread(target=self._write, name="observatory-writer", daemon=True)
        self._thread.start()

    def write(self, job: Callable[[sqlite3.Connection], T]) -> Future[T]:
        """Have a job run on the writing thread, inside a transaction.

        Args:
            job: Takes the connection; must neither commit nor roll back.

        Returns:
            A future of what the job returns; done when it is committed.

        Raises:
            RuntimeError: The database is closed.
        """
        if self._closed:
            raise RuntimeError("the database is closed")
        future: Future[T] = Future()
        self._jobs.put((job, future))  # type: ignore[arg-type]
        return future

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection that only reads; blocks, so not to be used on an event loop."""
        with self._readers:
            try:
                connection = self._idle.get_nowait()
            except queue.Empty:
                connection = self._connect()
                connection.execute("PRAGMA query_only = ON")
            try:
                yield connection
            finally:
                self._idle.put(connection)

    @property
    def backlog(self) -> int:
        """Jobs that wait to be written."""
        return self._jobs.qsize()

    def size_bytes(self) -> int:
        """Bytes that the file holds in use, without pages that are free, and without the log."""
        with self.read() as connection:
            (pages,) = connection.execute("PRAGMA page_count").fetchone()
            (free,) = connection.execute("PRAGMA freelist_count").fetchone()
            (size,) = connection.execute("PRAGMA page_size").fetchone()
        return int((pages - free) * size)

    def close(self) -> None:
        """Write what waits, then close."""
        if self._closed:
            return
        self._closed = True
        self._jobs.put((_end, Future()))
        self._thread.join()
        while not self._idle.empty():
            self._idle.get_nowait().close()

    def _open(self, schema: tuple[str, ...]) -> sqlite3.Connection:
        connection = self._connect()
        try:
            # Pages that retention frees go back to the file system a few at a time.
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            for script in schema:
                connection.executescript(script)
        except BaseException:
            connection.close()
            raise
        return connection

    def _set_aside(self) -> None:
        """Make room for a new file: what watches others must not stay down for a damaged one."""
        aside = self.path.with_name(f"{self.path.name}.damaged")
        self.path.replace(aside)
        for ending in ("-wal", "-shm"):
            self.path.with_name(self.path.name + ending).unlink(missing_ok=True)
        _log.error("the telemetry file is damaged; a new one is begun", kept_as=aside.name)

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(
            self.path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )

    def _write(self) -> None:
        ended = False
        while not ended:
            batch = [self._jobs.get()]
            while len(batch) < _BATCH and not self._jobs.empty():
                batch.append(self._jobs.get_nowait())
            ended = any(job is _end for job, _ in batch)
            self._transact(batch)
        self._writer.close()

    def _transact(
        self, batch: list[tuple[Callable[[sqlite3.Connection], object], Future[object]]]
    ) -> None:
        outcomes: list[tuple[Future[object], object, BaseException | None]] = []
        connection = self._writer
        try:
            connection.execute("BEGIN IMMEDIATE")
            for job, future in batch:
                connection.execute("SAVEPOINT job")
                try:
                    outcomes.append((future, job(connection), None))
                except Exception as error:
                    if not connection.in_transaction:
                        # A full disk ends the whole transaction, not only the statement.
                        raise
                    connection.execute("ROLLBACK TO job")
                    outcomes.append((future, None, error))
                connection.execute("RELEASE job")
            connection.execute("COMMIT")
        except Exception as error:
            # The disk is full, or the file is gone: all of the batch is lost, and says so.
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            outcomes = [(future, None, error) for _, future in batch]
        for future, result, failure in outcomes:
            if failure is None:
                future.set_result(result)
            else:
                future.set_exception(failure)


def _end(connection: sqlite3.Connection) -> None:
    """Last job of a database that closes."""
