"""The endpoints for profiles: what services send, and what nobody should."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.observatory.store_parts import NOW, Stores, span, stores_with_client

pytestmark = pytest.mark.anyio

TRACE = "ab" * 16


@pytest.fixture
async def both(tmp_path: Path) -> AsyncIterator[tuple[Stores, httpx.AsyncClient]]:
    async with stores_with_client(tmp_path, share=0.0) as found:
        yield found


@pytest.fixture
def stores(both: tuple[Stores, httpx.AsyncClient]) -> Stores:
    return both[0]


@pytest.fixture
def api(both: tuple[Stores, httpx.AsyncClient]) -> httpx.AsyncClient:
    return both[1]


def document(**fields: Any) -> dict[str, Any]:
    return {
        "service": "chat",
        "kind": "sampled",
        "start": NOW - 60,
        "seconds": 60.0,
        "unit": "samples",
        "stacks": "main;work 3\nmain 1\n",
        **fields,
    }


class TestTaking:
    async def test_a_profile_is_shown_as_it_was_sent(self, api):
        sent = await api.post("/api/profiles", json=document(kind="stall"))
        shown = (await api.get(f"/api/profiles/{sent.json()['id']}")).json()

        assert sent.status_code == 202
        assert shown["stacks"] == "main;work 3\nmain 1\n"
        assert shown["tree"]["children"][0]["value"] == 4
        assert (shown["kind"], shown["total"]) == ("stall", 4)

    async def test_its_trace_is_kept_for_it_and_names_it(self, api, stores):
        ordinary, profiled = span(trace=7), span(trace=8)
        for one in (ordinary, profiled):
            stores.sampler.add([one], NOW)
        body = document(kind="request", trace_id=profiled.trace_id, unit="microseconds")
        await api.post("/api/profiles", json=body)
        await asyncio.to_thread(stores.settle)

        listed = (await api.get("/api/traces")).json()["traces"]
        assert [(one["trace_id"], one["kept"]) for one in listed] == [
            (profiled.trace_id, "profile")
        ]
        assert listed[0]["profiles"] == 1
        shown = (await api.get(f"/api/traces/{profiled.trace_id}")).json()
        assert [one["kind"] for one in shown["profiles"]] == ["request"]

    async def test_a_clock_that_is_ahead_is_set_to_now(self, api):
        sent = await api.post("/api/profiles", json=document(start=NOW + 1e8))

        assert (await api.get(f"/api/profiles/{sent.json()['id']}")).json()["start"] == NOW

    @pytest.mark.parametrize(
        "fields",
        [
            {"kind": "other"},
            {"unit": "bytes"},
            {"start": -1},
            {"start": "now"},
            {"seconds": 1e30},
            {"service": ""},
            {"service": "x" * 1_000},
            {"stacks": "no weight"},
            {"stacks": 5},
            {"trace_id": "xyz"},
            {"endpoint": "/" * 1_000},
        ],
    )
    async def test_what_cannot_be_is_named(self, api, fields):
        answer = await api.post("/api/profiles", json=document(**fields))

        assert answer.status_code == 422
        (name,) = fields
        assert name in answer.text
        assert (await api.get("/api/profiles")).json()["profiles"] == []

    @pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"start": NaN}', b"\xff", b"[" * 100_000])
    async def test_what_is_no_object_is_refused(self, api, body):
        headers = {"content-type": "application/json"}
        answer = await api.post("/api/profiles", content=body, headers=headers)

        assert answer.status_code in (400, 422)

    async def test_more_than_eight_megabytes_are_too_many(self, api):
        answer = await api.post("/api/profiles", json=document(stacks="a" * (8 << 20) + " 1"))

        assert answer.status_code == 413

    async def test_a_full_disk_is_told_with_a_time_to_come_again(self, api, stores):
        def limit(connection) -> None:
            (pages,) = connection.execute("PRAGMA page_count").fetchone()
            connection.execute(f"PRAGMA max_page_count = {pages}").fetchall()

        stores.database.write(limit).result()
        stacks = "".join(f"f{number};g{number * 7919} 1\n" for number in range(20_000))
        answer = await api.post("/api/profiles", json=document(stacks=stacks))

        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")

    async def test_strangers_may_neither_send_nor_see(self, api):
        headers = {"x-forwarded-for": "203.0.113.9"}

        assert (await api.post("/api/profiles", json={}, headers=headers)).status_code == 403
        for path in ("/api/profiles", "/api/profiles/1", "/api/flame?service=chat"):
            assert (await api.get(path, headers=headers)).status_code == 403


class TestAsking:
    @pytest.mark.parametrize("number", ["0", "-1", "x", str(2**63)])
    async def test_a_number_that_is_none(self, api, number):
        assert (await api.get(f"/api/profiles/{number}")).status_code == 422

    async def test_one_that_is_not_there(self, api):
        answer = await api.get("/api/profiles/7")

        assert answer.status_code == 404
        assert "there is no profile 7" in answer.json()["detail"]

    @pytest.mark.parametrize(
        "query", ["kind=x", "start=nan", "start=5&end=1", "trace_id=5", "limit=0", "end=1e99"]
    )
    async def test_what_cannot_be_asked(self, api, query):
        assert (await api.get(f"/api/profiles?{query}")).status_code == 422


class TestFlame:
    async def test_the_last_hour_where_no_time_is_given(self, api):
        for age in (7_300, 1_800, 60):
            await api.post("/api/profiles", json=document(start=NOW - age))
        found = (await api.get("/api/flame?service=chat")).json()

        assert (found["start"], found["end"], found["unit"]) == (NOW - 3_600, NOW, "samples")
        assert found["total"] == 8
        assert found["tree"]["children"][0]["children"] == [
            {"name": "work", "value": 6, "children": []}
        ]

    async def test_a_service_that_nobody_knows_has_an_empty_one(self, api):
        found = (await api.get("/api/flame?service=nobody")).json()

        assert (found["total"], found["tree"]["children"]) == (0, [])

    @pytest.mark.parametrize(
        "query", ["", "service=chat&start=9&end=1", "service=chat&end=NaN", f"service={'x' * 300}"]
    )
    async def test_what_cannot_be_asked(self, api, query):
        assert (await api.get(f"/api/flame?{query}")).status_code == 422
