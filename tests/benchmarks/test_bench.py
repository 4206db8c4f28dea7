"""What `make bench` measures, on a small scale."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from benchmarks import metrics_cost, scrape_cost, service_speed
from benchmarks.asgi import call, file_body, file_headers, request_scope
from benchmarks.machine import facts, write_result
from benchmarks.metrics_cost import Figures
from benchmarks.references import REFERENCES
from benchmarks.service_speed import CASES, Case
from benchmarks.sink import collector
from benchmarks.telemetry_levels import LEVELS

BUDGETS = Path(__file__).parents[2] / "docs" / "benchmarks.md"


class TestCall:
    @pytest.mark.anyio
    async def test_gives_status_and_whole_body(self) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            body = (await receive())["body"]
            await send({"type": "http.response.start", "status": 201, "headers": []})
            await send({"type": "http.response.body", "body": body, "more_body": True})
            await send({"type": "http.response.body", "body": b"!"})

        assert await call(app, request_scope("/"), b"said") == (201, b"said!")

    def test_a_file_is_a_form_with_its_length(self, tmp_path: Path) -> None:
        file = tmp_path / "voice.wav"
        file.write_bytes(b"sound")
        body = file_body("audio_file", file)

        assert b'name="audio_file"; filename="voice.wav"' in body
        assert dict(file_headers(body))[b"content-length"] == str(len(body)).encode()


class TestTelemetryCost:
    def test_every_level_answers_and_sends_all_it_has(self) -> None:
        found = metrics_cost.measure(1, 5)

        assert list(found) == [level.name for level in LEVELS]
        assert all(len(one.medians) == 1 for one in found.values())

    def test_a_cost_is_what_comes_on_top_of_the_bare_application_beside_it(self) -> None:
        seconds = {
            "bare FastAPI": [10e-6, 30e-6, 20e-6],
            "affectscope: metrics": [18e-6, 39e-6, 28e-6],
        }
        found = {level.name: Figures([1.0, 1.0, 1.0], [0.0] * 3) for level in LEVELS}
        found |= {name: Figures(medians, [2e-6] * 3) for name, medians in seconds.items()}
        one = metrics_cost.results(found)["affectscope: metrics"]

        assert one["cost_microseconds"] == pytest.approx(8)
        assert one["background_microseconds"] == pytest.approx(2)
        assert one["within"]
        assert "kept" in metrics_cost.table(metrics_cost.results(found))

    def test_a_level_over_its_budget_or_dearer_than_its_peer_is_not_within(self) -> None:
        found = {level.name: Figures([10e-6], [0.0]) for level in LEVELS}
        found["affectscope: metrics"] = Figures([25e-6], [0.0])

        assert not metrics_cost.results(found)["affectscope: metrics"]["within"]
        assert "EXCEEDED" in metrics_cost.table(metrics_cost.results(found))


class TestSink:
    def test_takes_what_is_posted(self) -> None:
        with collector() as address, httpx.Client(trust_env=False) as client:
            answers = [client.post(f"{address}/v1/traces", content=b"x" * 9).status_code] * 2

        assert answers == [200, 200]


class TestScrapeCost:
    def test_a_flood_reaches_the_cap_and_not_the_budget(self, tmp_path: Path) -> None:
        one = scrape_cost.service("survey", tmp_path)
        _, fresh, _ = scrape_cost.exposed(one, 1)
        asyncio.run(scrape_cost.flood(one))
        _, series, size = scrape_cost.exposed(one, 1)

        assert fresh < 500
        assert 2000 < series <= scrape_cost.BUDGET_SERIES
        assert size > 100_000

    def test_the_table_names_what_is_over(self) -> None:
        one = {
            "fresh_series": 1,
            "fresh_seconds": 0.001,
            "series": 9,
            "seconds": 1,
            "within": False,
        }

        assert "EXCEEDED" in scrape_cost.table({"video": one})


class TestServiceSpeed:
    def test_measures_a_service_beside_the_references(self) -> None:
        case = Case("survey", "survey", "survey", repeats=2)
        found = asyncio.run(service_speed.measured(2, [case]))
        document = service_speed.results(found, [case])

        assert {name: len(seconds) for name, seconds in found.items()} == {
            "python": 2,
            "arrays": 2,
            "survey": 2,
        }
        assert 0 < document["survey"]["over_python"] < 1
        assert "survey" in service_speed.table(document)

    def test_a_ratio_is_taken_within_a_round(self) -> None:
        cases = [
            Case("a", "a", "chat"),
            Case("b", "b", "video", media_seconds=2.0),
            Case("c", "c", "chat"),
        ]
        found = {
            # Three cases, so three turns of the references a round: the machine gets busy between
            # the rounds, and once within one.
            "python": [1.0, 1.0, 9.0, 10.0, 10.0, 90.0],
            "arrays": [1.0] * 6,
            "a": [3.0, 30.0],
            "b": [8.0, 80.0],
            "c": [1.0, 1.0],
        }
        document = service_speed.results(found, cases)

        assert document["a"]["over_python"] == 3.0
        assert document["b"]["over_python"] == 8.0
        assert document["b"]["realtime_factor"] == 22.0

    def test_every_service_has_a_case(self) -> None:
        assert {case.service for case in CASES} == {"video", "speech", "chat", "survey", "gateway"}

    @pytest.mark.parametrize("name", REFERENCES)
    def test_references_do_the_same_every_time(self, name: str) -> None:
        assert REFERENCES[name]() == REFERENCES[name]()


class TestMachine:
    def test_facts_name_what_decides_the_speed(self) -> None:
        found = facts()

        assert found["python"].startswith("3.")
        assert found["cores"] >= 1
        assert found["packages"]["fastapi"]

    def test_results_lie_where_git_ignores_them(self, tmp_path: Path) -> None:
        file = write_result("bench", {"one": 1}, tmp_path / "results")

        assert file.name.startswith("bench-")
        assert json.loads(file.read_text()) == {"one": 1}
        ignored = (BUDGETS.parents[1] / ".gitignore").read_text()
        assert "benchmarks/results/" in ignored.splitlines()


class TestDocument:
    def test_names_every_budget_and_benchmark(self) -> None:
        from benchmarks.gate.catalogue import COUNTED, TIMED

        text = BUDGETS.read_text(encoding="utf-8")
        budgets = [f"{level.budget:g} µs" for level in LEVELS if level.budget is not None]
        names = [f"`{one.name}`" for one in (*TIMED, *COUNTED)]

        assert [one for one in (*budgets, *names) if one not in text] == []
