"""The endpoints for traces: one trace with all that belongs to it, and lists of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from affectscope.observatory.clock_skew import SKEW
from affectscope.observatory.otlp_logs import LogLine
from affectscope.observatory.profiles import Profile
from affectscope.observatory.tail_sampling import KeptTrace
from tests.observatory.store_parts import NOW, Stores, span, stores_with_client

pytestmark = pytest.mark.anyio

TRACE = f"{1:032x}"


@pytest.fixture
async def both(tmp_path: Path) -> AsyncIterator[tuple[Stores, httpx.AsyncClient]]:
    async with stores_with_client(tmp_path) as found:
        yield found


@pytest.fixture
def stores(both: tuple[Stores, httpx.AsyncClient]) -> Stores:
    return both[0]


@pytest.fixture
def api(both: tuple[Stores, httpx.AsyncClient]) -> httpx.AsyncClient:
    return both[1]


def keep(stores: Stores, trace: int = 1, start: float = NOW, seconds: float = 1.0) -> None:
    spans = [
        span(trace, 1, start=start, seconds=seconds, service="integrated", endpoint="/analyze"),
        # This clock is an hour behind.
        span(trace, 2, 1, start=start - 3_600, seconds=seconds / 2, service="chat"),
    ]
    stores.traces.add([KeptTrace(spans[0].trace_id, "share", spans)]).result()


class TestOne:
    async def test_it_comes_with_its_lines_and_profiles_on_one_clock(self, stores, api):
        keep(stores)
        own, other = bytes.fromhex(TRACE), b"\7" * 16
        stores.logs.add(
            [
                LogLine(NOW + 1, "chat", 1, "later", own, None, "{}"),
                LogLine(NOW, "chat", 1, "sooner", own, None, "{}"),
                LogLine(NOW, "chat", 1, "of another", other, None, "{}"),
            ]
        ).result()
        profile = Profile("chat", "request", NOW, 1.0, TRACE, None, "microseconds", {"a": 1})
        stores.profiles.add(profile).result()
        shown = (await api.get(f"/api/traces/{TRACE.upper()}")).json()

        assert [one["service"] for one in shown["spans"]] == ["integrated", "chat"]
        assert shown["spans"][1]["start"] == pytest.approx(NOW + 0.25)
        assert shown["spans"][1]["attributes"][SKEW] == pytest.approx(3_600.25)
        assert (shown["start"], shown["seconds"]) == (NOW, pytest.approx(1.0))
        assert [line["event"] for line in shown["logs"]] == ["sooner", "later"]
        assert [one["kind"] for one in shown["profiles"]] == ["request"]

    async def test_one_that_was_not_kept_is_told_apart_from_one_that_cannot_be(self, api):
        missing = await api.get(f"/api/traces/{'f' * 32}")

        assert missing.status_code == 404
        assert "may not have been kept" in missing.json()["detail"]
        for wrong in ("5", "g" * 32, "0" * 33, "%00"):
            assert (await api.get(f"/api/traces/{wrong}")).status_code == 422


class TestList:
    async def test_pages_lead_from_the_newest_to_the_oldest(self, stores, api):
        for trace in range(1, 8):
            keep(stores, trace, NOW + trace)
        seen: list[float] = []
        before: float | None = None
        while True:
            query = {"limit": 3} | ({} if before is None else {"before": before})
            page = (await api.get("/api/traces", params=query)).json()
            seen += [one["start"] - NOW for one in page["traces"]]
            before = page["next"]
            if before is None:
                break

        # A call that seems to begin an hour before its caller does not move its trace.
        assert seen == [7, 6, 5, 4, 3, 2, 1]

    async def test_filters(self, stores, api):
        keep(stores, 1, NOW, seconds=0.1)
        keep(stores, 2, NOW + 1, seconds=9)

        async def found(**query: object) -> list[int]:
            answer = await api.get("/api/traces", params=query)  # type: ignore[arg-type]
            return [int(one["trace_id"], 16) for one in answer.json()["traces"]]

        assert await found(min_seconds=5) == [2]
        assert await found(service="chat") == [2, 1]
        assert await found(endpoint="/analyze", start=NOW + 1) == [2]
        assert await found(errors="true") == []
        assert await found(service="nobody") == []

    @pytest.mark.parametrize(
        "query",
        ["min_seconds=-1", "min_seconds=NaN", "errors=perhaps", "limit=9999", "start=9&end=1"],
    )
    async def test_what_cannot_be_asked(self, api, query):
        assert (await api.get(f"/api/traces?{query}")).status_code == 422

    async def test_strangers_may_not(self, api):
        headers = {"x-forwarded-for": "203.0.113.9"}

        assert (await api.get("/api/traces", headers=headers)).status_code == 403
        assert (await api.get(f"/api/traces/{TRACE}", headers=headers)).status_code == 403
