"""What must outlive a restart: alerts, their history, silences, acknowledgements, and counts."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from affectscope.observatory.alerts.silences import Silence
from affectscope.observatory.database import Database

SCHEMA = """
CREATE TABLE IF NOT EXISTS alerts (
    fingerprint TEXT PRIMARY KEY,
    rule TEXT NOT NULL,
    name TEXT NOT NULL,
    severity TEXT NOT NULL,
    labels TEXT NOT NULL,
    since REAL NOT NULL,
    value REAL NOT NULL,
    peak REAL NOT NULL,
    summary TEXT NOT NULL,
    description TEXT NOT NULL,
    notified REAL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS alert_history (
    id INTEGER PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    name TEXT NOT NULL,
    severity TEXT NOT NULL,
    labels TEXT NOT NULL,
    started REAL NOT NULL,
    ended REAL,
    peak REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS alert_history_by_start ON alert_history (started);
CREATE INDEX IF NOT EXISTS alert_history_open ON alert_history (fingerprint) WHERE ended IS NULL;
CREATE TABLE IF NOT EXISTS alert_acknowledgements (
    fingerprint TEXT PRIMARY KEY,
    by TEXT NOT NULL,
    at REAL NOT NULL,
    note TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS alert_silences (
    id INTEGER PRIMARY KEY,
    matchers TEXT NOT NULL,
    start REAL NOT NULL,
    end REAL NOT NULL,
    by TEXT NOT NULL,
    comment TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS objective_counts (
    objective TEXT NOT NULL,
    start REAL NOT NULL,
    bad REAL NOT NULL,
    total REAL NOT NULL,
    PRIMARY KEY (objective, start)
) WITHOUT ROWID;
"""

State = Literal["pending", "firing"]
MOST_SILENCES = 1_000


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Somebody has taken an alert on: it is not sent again until it ends."""

    by: str
    at: float
    note: str


@dataclass(frozen=True, slots=True)
class ActiveAlert:
    """One alert that is pending or firing.

    Attributes:
        fingerprint: Of its labels.
        rule: Key of its rule.
        name: Label `alertname`.
        severity: Label `severity`.
        labels: All of its labels.
        state: Whether it has held for long enough.
        since: Seconds since the epoch: first seen while pending, began to fire when firing.
        value: Of its expression, when it was last evaluated.
        peak: The largest value since it fires.
        summary: Rendered.
        description: Rendered.
        notified: When it was last sent, in seconds since the epoch; None if it was not.
        acknowledged: By whom it was taken on.
    """

    fingerprint: str
    rule: str
    name: str
    severity: str
    labels: Mapping[str, str]
    state: State
    since: float
    value: float
    peak: float
    summary: str = ""
    description: str = ""
    notified: float | None = None
    acknowledged: Acknowledgement | None = field(default=None)


class AlertStore:
    """Keeps alerts in the observatory's database. Every method blocks or returns a future.

    Args:
        database: Has the tables of `SCHEMA`.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def firing(self) -> list[ActiveAlert]:
        """Return the alerts that fired when the observatory last ran."""
        with self._database.read() as connection:
            taken = {
                fingerprint: Acknowledgement(by, at, note)
                for fingerprint, by, at, note in connection.execute(
                    "SELECT fingerprint, by, at, note FROM alert_acknowledgements"
                )
            }
            rows = connection.execute(
                "SELECT fingerprint, rule, name, severity, labels, since, value, peak, summary,"
                " description, notified FROM alerts"
            ).fetchall()
        return [
            ActiveAlert(
                fingerprint=row[0],
                rule=row[1],
                name=row[2],
                severity=row[3],
                labels=json.loads(row[4]),
                state="firing",
                since=row[5],
                value=row[6],
                peak=row[7],
                summary=row[8],
                description=row[9],
                notified=row[10],
                acknowledged=taken.get(row[0]),
            )
            for row in rows
        ]

    def save(self, alerts: Iterable[ActiveAlert]) -> Future[None]:
        """Keep alerts that fire, and their line in the history."""
        kept = [alert for alert in alerts if alert.state == "firing"]
        return self._database.write(lambda connection: _save(connection, kept))

    def end(self, alerts: Iterable[ActiveAlert], at: float) -> Future[None]:
        """Close alerts that fire no more.

        Args:
            alerts: Which.
            at: Seconds since the epoch.
        """
        ended = list(alerts)

        def job(connection: sqlite3.Connection) -> None:
            for alert in ended:
                for table in ("alerts", "alert_acknowledgements"):
                    connection.execute(
                        f"DELETE FROM {table} WHERE fingerprint = ?",  # noqa: S608 - two names
                        (alert.fingerprint,),
                    )
                connection.execute(
                    "UPDATE alert_history SET ended = ?, peak = ?"
                    " WHERE fingerprint = ? AND ended IS NULL",
                    (at, alert.peak, alert.fingerprint),
                )

        return self._database.write(job)

    def notified(self, fingerprints: Iterable[str], at: float) -> Future[None]:
        """Remember that alerts were sent at a time in seconds since the epoch."""
        rows = [(at, fingerprint) for fingerprint in fingerprints]

        def job(connection: sqlite3.Connection) -> None:
            connection.executemany("UPDATE alerts SET notified = ? WHERE fingerprint = ?", rows)

        return self._database.write(job)

    def acknowledge(self, fingerprint: str, taken: Acknowledgement) -> Future[None]:
        """Keep who has taken an alert on."""

        def job(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT OR REPLACE INTO alert_acknowledgements VALUES (?, ?, ?, ?)",
                (fingerprint, taken.by, taken.at, taken.note),
            )

        return self._database.write(job)

    def history(self, start: float, end: float, limit: int) -> list[dict[str, Any]]:
        """Return the alerts that fired between two times, the newest first.

        Args:
            start: Seconds since the epoch; an alert that ended before is left out.
            end: Seconds since the epoch; an alert that began after is left out.
            limit: Most alerts.
        """
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT fingerprint, name, labels, severity, started, ended, peak"
                " FROM alert_history WHERE started <= ? AND (ended IS NULL OR ended >= ?)"
                " ORDER BY started DESC, id DESC LIMIT ?",
                (end, start, limit),
            ).fetchall()
        names = ("fingerprint", "name", "labels", "severity", "started", "ended", "peak")
        return [
            {**dict(zip(names, row, strict=True)), "labels": json.loads(row[2])} for row in rows
        ]

    def silences(self) -> list[Silence]:
        """Return all silences, the newest first; those that ended too, while they are kept."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT id, matchers, start, end, by, comment FROM alert_silences ORDER BY id DESC"
            ).fetchall()
        return [Silence(row[0], json.loads(row[1]), *row[2:]) for row in rows]

    def add_silence(self, silence: Silence) -> Future[Silence | None]:
        """Keep a silence; its id is given here.

        Returns:
            The silence with its id; None if there are 1,000 already.
        """

        def job(connection: sqlite3.Connection) -> Silence | None:
            # Room is made by silences that were over before this one was wished for.
            connection.execute(
                "DELETE FROM alert_silences WHERE end < ? AND id NOT IN"
                " (SELECT id FROM alert_silences ORDER BY id DESC LIMIT ?)",
                (silence.start, MOST_SILENCES - 1),
            )
            (count,) = connection.execute("SELECT count(*) FROM alert_silences").fetchone()
            if count >= MOST_SILENCES:
                return None
            cursor = connection.execute(
                "INSERT INTO alert_silences (matchers, start, end, by, comment)"
                " VALUES (?, ?, ?, ?, ?)",
                (
                    json.dumps(dict(silence.matchers)),
                    *(silence.start, silence.end, silence.by, silence.comment),
                ),
            )
            return replace(silence, id=int(cursor.lastrowid or 0))

        return self._database.write(job)

    def remove_silence(self, identifier: int) -> Future[bool]:
        """Remove a silence; the future says whether there was one."""

        def job(connection: sqlite3.Connection) -> bool:
            cursor = connection.execute("DELETE FROM alert_silences WHERE id = ?", (identifier,))
            return cursor.rowcount > 0

        return self._database.write(job)

    def delete_before(
        self, connection: sqlite3.Connection, seconds_since_epoch: float, limit: int
    ) -> int:
        """Delete what ended long ago, oldest first; what still holds stays.

        Args:
            connection: The writing one.
            seconds_since_epoch: What ended before this goes.
            limit: Most rows.

        Returns:
            How many rows went.
        """
        deleted = 0
        for table, key, ended in (
            ("alert_history", "id", "ended"),
            ("alert_silences", "id", "end"),
        ):
            cursor = connection.execute(
                f"DELETE FROM {table} WHERE {key} IN (SELECT {key} FROM {table}"  # noqa: S608 - ours
                f" WHERE {ended} < ? ORDER BY {ended} LIMIT ?)",
                (seconds_since_epoch, limit - deleted),
            )
            deleted += cursor.rowcount
        return deleted


def _save(connection: sqlite3.Connection, alerts: list[ActiveAlert]) -> None:
    for alert in alerts:
        labels = json.dumps(dict(alert.labels), sort_keys=True)
        connection.execute(
            "INSERT INTO alerts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (fingerprint) DO UPDATE SET value = excluded.value,"
            " peak = excluded.peak, summary = excluded.summary,"
            " description = excluded.description",
            (
                *(alert.fingerprint, alert.rule, alert.name, alert.severity, labels),
                *(alert.since, alert.value, alert.peak, alert.summary, alert.description),
                alert.notified,
            ),
        )
        cursor = connection.execute(
            "UPDATE alert_history SET peak = ? WHERE fingerprint = ? AND ended IS NULL",
            (alert.peak, alert.fingerprint),
        )
        if cursor.rowcount == 0:
            connection.execute(
                "INSERT INTO alert_history (fingerprint, name, severity, labels, started, peak)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (
                    *(alert.fingerprint, alert.name, alert.severity, labels),
                    *(alert.since, alert.peak),
                ),
            )
