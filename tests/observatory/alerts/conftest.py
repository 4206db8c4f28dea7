"""What the tests of alerts share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from affectscope.observatory.alerts.center import AlertCenter
from affectscope.observatory.alerts.store import SCHEMA
from affectscope.observatory.database import Database
from affectscope.observatory.definitions import Definitions, load
from tests.observatory.alerts.alert_parts import FILE, Answers, Clock


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "observatory.db", (SCHEMA,))
    yield database
    database.close()


@pytest.fixture
def definitions(tmp_path: Path) -> Definitions:
    (tmp_path / "definitions.toml").write_text(FILE)
    return load(tmp_path / "definitions.toml")


@pytest.fixture
def answers() -> Answers:
    return Answers({"broken": ValueError("broken")})


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def center(
    definitions: Definitions, answers: Answers, clock: Clock, database: Database
) -> AlertCenter:
    return AlertCenter(definitions, answers, database, [], repeat=3600.0, clock=clock)
