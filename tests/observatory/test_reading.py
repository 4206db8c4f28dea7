"""Searches that would never end are ended."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator

import pytest

from affectscope.errors import InvalidValue
from affectscope.observatory.reading import deadline

FOR_EVER = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n"


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:")
    yield connection
    connection.close()


def test_a_statement_that_goes_on_is_ended_and_the_message_says_what_helps(connection):
    began = time.monotonic()
    with (
        pytest.raises(InvalidValue, match=r"longer than 0.1 s .* shorten the time"),
        deadline(connection, 0.1),
    ):
        connection.execute(FOR_EVER).fetchone()

    assert time.monotonic() - began < 20


def test_the_connection_serves_on_without_a_limit(connection):
    with pytest.raises(InvalidValue), deadline(connection, 0.0):
        connection.execute(FOR_EVER).fetchone()

    limited = FOR_EVER.replace("FROM n)", "FROM n WHERE x < 200000)")
    assert connection.execute(limited).fetchone() == (200_000,)


def test_what_is_soon_done_is_answered(connection):
    with deadline(connection, 60.0):
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_other_failures_stay_what_they_are(connection):
    with pytest.raises(sqlite3.OperationalError, match="no such table"), deadline(connection, 60.0):
        connection.execute("SELECT * FROM nowhere")
