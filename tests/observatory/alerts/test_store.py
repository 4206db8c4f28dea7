"""What must outlive a restart does, within bounds."""

from __future__ import annotations

import sqlite3

import pytest

from affectscope.observatory.alerts import store as stores
from affectscope.observatory.alerts.silences import Silence
from affectscope.observatory.alerts.store import ActiveAlert, AlertStore
from affectscope.observatory.database import Database


def alert(number: int, since: float) -> ActiveAlert:
    return ActiveAlert(
        f"{number:016x}", "rule", "Down", "page", {"service": "chat"}, "firing", since, 1.0, 1.0
    )


def silence(start: float, end: float) -> Silence:
    return Silence(0, {"service": "chat"}, start, end, "Ada", "")


def test_retention_takes_what_ended_and_leaves_what_holds(database: Database) -> None:
    store = AlertStore(database)
    store.save([alert(1, 10.0), alert(2, 20.0), alert(3, 30.0)])
    store.end([alert(1, 10.0)], 15.0)
    store.end([alert(2, 20.0)], 25.0)
    store.add_silence(silence(0.0, 5.0))
    store.add_silence(silence(0.0, 500.0)).result()

    def delete(connection: sqlite3.Connection, before: float, limit: int) -> int:
        return store.delete_before(connection, before, limit)

    assert database.write(lambda connection: delete(connection, 100.0, 1)).result() == 1
    assert [line["started"] for line in store.history(0, 100, 10)] == [30.0, 20.0]
    assert database.write(lambda connection: delete(connection, 100.0, 10)).result() == 2
    assert [line["started"] for line in store.history(0, 100, 10)] == [30.0]
    assert [one.end for one in store.silences()] == [500.0]


def test_silences_are_bounded(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "MOST_SILENCES", 1)
    store = AlertStore(database)

    first = store.add_silence(silence(0.0, 1.0)).result()
    assert first is not None
    assert store.add_silence(silence(0.0, 1.0)).result() is None
    assert store.remove_silence(first.id).result()
    assert not store.remove_silence(first.id).result()


def test_silences_that_are_over_make_room(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores, "MOST_SILENCES", 2)
    store = AlertStore(database)
    for start in (0.0, 10.0, 20.0):
        assert store.add_silence(silence(start, start + 5.0)).result() is not None

    assert [one.start for one in store.silences()] == [20.0, 10.0]
