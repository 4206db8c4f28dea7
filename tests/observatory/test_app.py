"""The whole application: it scrapes, takes, keeps at the end, and says what is wrong with it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from affectscope.errors import InvalidValue
from affectscope.observatory import app as application
from affectscope.observatory.app import FILE, SCHEMAS, Observatory, create
from affectscope.observatory.database import Database
from affectscope.observatory.logs import LogQuery, LogStore
from affectscope.observatory.settings import ObservatorySettings
from affectscope.observatory.traces import TraceQuery, TraceStore
from tests.observatory.store_parts import PROTOBUF, log_request, trace_request
from tests.service.apps import client, make, running

pytestmark = pytest.mark.anyio

TRACE = "0" * 31 + "1"


@pytest.fixture(autouse=True)
def _nobody_to_scrape(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("VIDEO", "SPEECH", "CHAT", "SURVEY", "GATEWAY"):
        monkeypatch.setenv(f"AFFECTSCOPE_{name}_URL", "http://127.0.0.1:9")


def observatory(folder: Path, **settings: Any) -> Observatory:
    made = create(
        ObservatorySettings.model_validate(
            {
                "AFFECTSCOPE_OBSERVATORY_FOLDER": folder,
                "AFFECTSCOPE_OBSERVATORY_SCRAPE_SECONDS": 1,
                "AFFECTSCOPE_OBSERVATORY_KEEP_SHARE": 1,
                "observatory_url": None,
                **settings,
            }
        )
    )
    assert isinstance(made, Observatory)
    return made


@asynccontextmanager
async def served(one: Observatory) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        running(one) as (host, port),
        httpx.AsyncClient(base_url=f"http://{host}:{port}", trust_env=False) as api,
    ):
        yield api


async def ask_until(api: httpx.AsyncClient, path: str, holds: Any) -> dict[str, Any]:
    ends = time.monotonic() + 60
    while True:
        document: dict[str, Any] = (await api.get(path)).json()
        if holds(document):
            return document
        assert time.monotonic() < ends, document
        await asyncio.sleep(0.1)


async def test_it_scrapes_what_its_settings_name(tmp_path, monkeypatch):
    service, _ = make()
    async with running(service) as (host, port):
        monkeypatch.setenv("AFFECTSCOPE_CHAT_URL", f"http://{host}:{port}/")
        async with served(observatory(tmp_path)) as api:
            found = await ask_until(
                api,
                "/api/v1/query?query=up%20%3D%3D%201",
                lambda answer: answer["data"]["result"],
            )
            states = (await api.get("/api/services")).json()["services"]

    assert [one["metric"]["service"] for one in found["data"]["result"]] == ["chat"]
    assert {one["name"]: one["state"] for one in states} == {
        "video": "unreachable",
        "speech": "unreachable",
        "chat": "pass",
        "survey": "unreachable",
        "integrated": "unreachable",
        "observatory": "unreachable",
    }


async def test_what_was_not_decided_is_kept_at_the_end_and_there_after_a_start(tmp_path):
    async with served(observatory(tmp_path)) as api:
        body = trace_request("chat").SerializeToString()
        assert (await api.post("/v1/traces", content=body, headers=PROTOBUF)).is_success
        lines = log_request("chat", "model loaded").SerializeToString()
        assert (await api.post("/v1/logs", content=lines, headers=PROTOBUF)).is_success
        # Its root has just come: the decision waits for what may follow.
        assert (await api.get("/api/traces")).json()["traces"] == []

    async with served(observatory(tmp_path)) as api:
        assert (await api.get(f"/api/traces/{TRACE}")).status_code == 200
        logs = (await api.get("/api/logs", params={"query": "loaded"})).json()["logs"]
        assert [line["event"] for line in logs] == ["model loaded"]


async def test_a_job_that_failed_keeps_nothing_from_being_written(tmp_path, monkeypatch):
    one = observatory(tmp_path)

    async def fails() -> None:
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr(one.scraper, "run", fails)
    async with served(one) as api:
        body = trace_request("chat").SerializeToString()
        assert (await api.post("/v1/traces", content=body, headers=PROTOBUF)).is_success

    database = Database(tmp_path / FILE, SCHEMAS)
    assert len(TraceStore(database).find(TraceQuery())) == 1
    database.close()


async def test_its_own_requests_for_telemetry_leave_no_lines(tmp_path):
    async with served(observatory(tmp_path)) as api:
        for path in ("/api/logs", "/api/traces", "/api/charts", "/api/alerts", "/api/objectives"):
            assert (await api.get(path)).status_code == 200

    database = Database(tmp_path / FILE, SCHEMAS)
    assert LogStore(database).find(LogQuery(words="request")) == []
    database.close()


async def test_a_disk_that_does_not_keep_up_makes_it_warn(tmp_path, monkeypatch):
    one = observatory(tmp_path)
    async with client(one) as api:
        calm = (await api.get("/health")).json()
        monkeypatch.setattr(application, "_MOST_JOBS", -1)
        behind = (await api.get("/health")).json()
    one.database.close()

    assert [check["status"] for check in calm["checks"]["storage"]] == ["pass"]
    assert behind["status"] == "warn"
    assert behind["checks"]["storage"][0]["output"] == "the disk does not keep up"


class TestDefinitions:
    def test_a_file_of_ones_own_is_used(self, tmp_path):
        shipped = application.SHIPPED.read_text()
        own = tmp_path / "own.toml"
        own.write_text(shipped.replace('title = "Chat Analysis"', 'title = "Parlance"'))
        one = observatory(tmp_path, AFFECTSCOPE_OBSERVATORY_DEFINITIONS=own)
        one.database.close()

        assert one.alerts.definitions.service("chat").title == "Parlance"

    @pytest.mark.parametrize(
        "text", ["[[services", "", "services = 3", "\0", "[[services]]\nx = 1"]
    )
    def test_one_that_is_wrong_is_named_and_nothing_is_begun(self, tmp_path, text):
        own = tmp_path / "own.toml"
        own.write_text(text)
        with pytest.raises(InvalidValue, match=r"own\.toml"):
            observatory(tmp_path, AFFECTSCOPE_OBSERVATORY_DEFINITIONS=own)

        assert not (tmp_path / FILE).exists()

    def test_one_that_is_missing_is_named(self, tmp_path):
        with pytest.raises(InvalidValue, match=r"nowhere\.toml"):
            observatory(tmp_path, AFFECTSCOPE_OBSERVATORY_DEFINITIONS=tmp_path / "nowhere.toml")
