"""Analyses are answered whole or line by line, profiled on request, and stopped when unwanted."""

from __future__ import annotations

import asyncio
import base64
import json
import marshal
import time

import pytest

from tests.service.apps import client, make, running, until

pytestmark = pytest.mark.anyio
NDJSON = {"accept": "application/x-ndjson"}


class TestDocument:
    async def test_it_holds_session_timing_and_warnings(self) -> None:
        service, _ = make()
        async with client(service) as web:
            answer = await web.post("/analyze-test", json={})

        body = answer.json()
        assert set(body) == {"session", "timing", "warnings"}
        assert len(body["session"]["tracks"][0]["segments"]) == 3
        assert body["session"]["quality"] == {"text": ["odd"]}
        assert body["warnings"][0]["code"] == "odd"
        assert {"upload", "queue", "infer", "total"} <= set(body["timing"])
        assert "infer;dur=" in answer.headers["server-timing"]

    async def test_the_total_holds_all_stages(self) -> None:
        service, _ = make()

        async def slowly() -> object:
            yield b"{"
            await asyncio.sleep(0.2)
            yield b"}"

        async with client(service) as web:
            answer = await web.post(
                "/analyze-test?pause=0.05",
                content=slowly(),  # type: ignore[arg-type]
                headers={"content-type": "application/json"},
            )

        timing = answer.json()["timing"]
        total = timing.pop("total")
        assert timing["upload"] > 0.15
        assert timing["infer"] > 0.14
        assert sum(timing.values()) <= total < sum(timing.values()) + 1

    async def test_more_segments_than_fit_name_the_stream(self) -> None:
        service, slow = make()
        async with client(service) as web:
            answer = await web.post("/analyze-test?count=10001", json={})

        assert answer.status_code == 413
        assert "application/x-ndjson" in answer.json()["detail"]
        assert slow.closed.wait(5)

    async def test_what_the_analyzer_refuses_is_a_problem(self) -> None:
        service, _ = make()
        async with client(service) as web:
            answer = await web.post("/analyze-test?fail_at=1", json={})
            metrics = (await web.get("/metrics")).text

        assert answer.status_code == 422
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["request_id"] == answer.headers["x-request-id"]
        wanted = 'test_errors_total{endpoint="/analyze-test",error_type="undecodable-media"} 1.0'
        assert wanted in metrics

    async def test_the_purpose_is_checked_first(self) -> None:
        service, slow = make()
        async with client(service) as web:
            refused = await web.post("/analyze-test?purpose=workplace", json={})
            lacking = await web.post("/analyze-test?purpose=medical", json={})
            allowed = await web.post(
                "/analyze-test?purpose=medical&justification=follow-up", json={}
            )

        assert (refused.status_code, lacking.status_code) == (403, 422)
        assert allowed.json()["session"]["justification"] == "follow-up"
        assert slow.yielded == 3


class TestProfile:
    async def test_functions_come_with_calls_and_times(self) -> None:
        service, _ = make()
        async with client(service) as web:
            answer = await web.post("/analyze-test?profile=true&pause=0.02", json={})

        profile = answer.json()["profile"]
        stream = next(f for f in profile["functions"] if f["name"].endswith("stream"))
        assert profile["wall_seconds"] >= 0.06
        assert stream["calls"] >= 3
        assert {"name", "file", "line", "calls", "own_seconds", "cumulative_seconds"} <= set(stream)

    async def test_other_requests_do_not_leak_in(self) -> None:
        service, _ = make()
        async with client(service) as web:
            profiled, *others = await asyncio.gather(
                web.post("/analyze-test?profile=true&count=2&pause=0.1", json={}),
                *(web.post("/analyze-test?count=40&pause=0.004", json={}) for _ in range(2)),
            )

        functions = profiled.json()["profile"]["functions"]
        sleeps = next(f for f in functions if "sleep" in f["name"])
        assert sleeps["calls"] == 2
        assert all(answer.status_code == 200 for answer in others)

    async def test_there_is_one_at_a_time(self) -> None:
        service, _ = make(workers=4)
        path = "/analyze-test?profile=true&count=5&pause=0.04"
        began = time.perf_counter()
        async with client(service) as web:
            answers = await asyncio.gather(*(web.post(path, json={}) for _ in range(3)))

        assert time.perf_counter() - began > 3 * 5 * 0.04
        for answer in answers:
            functions = answer.json()["profile"]["functions"]
            assert next(f for f in functions if "sleep" in f["name"])["calls"] == 5

    async def test_who_leaves_while_waiting_for_it_is_forgotten(self) -> None:
        service, slow = make()
        head = (
            b"POST /analyze-test?profile=true&count=%d&pause=0.05 HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
        )
        async with running(service) as (host, port), client(service) as web:
            for count in (1000, 999):
                _, writer = await asyncio.open_connection(host, port)
                writer.write(head % count)
                assert await until(slow.began.is_set)
                await asyncio.sleep(0.1)
                writer.close()
            after = await web.post("/analyze-test?profile=true", json={})

        assert after.status_code == 200
        assert slow.yielded < 100

    @pytest.mark.parametrize("form", ["pstats", "collapsed", "speedscope"])
    async def test_other_programs_can_read_it(self, form: str) -> None:
        service, _ = make()
        async with client(service) as web:
            answer = await web.post(f"/analyze-test?profile=1&profile_format={form}", json={})

        profile = answer.json()["profile"]
        assert profile["format"] == form
        if form == "pstats":
            assert marshal.loads(base64.b64decode(profile["data"]))
        elif form == "speedscope":
            assert profile["data"]["$schema"].startswith("https://www.speedscope.app")
        else:
            assert profile["data"].splitlines()[0].rsplit(" ", 1)[1].isdigit()

    async def test_only_an_operator_may_ask(self) -> None:
        service, _ = make(admin_token="open sesame")
        path = "/analyze-test?profile=true"
        async with client(service, client=("10.0.0.7", 1)) as web:
            refused = await web.post(path, json={})
            wrong = await web.post(path, json={}, headers={"authorization": "Bearer x"})
            allowed = await web.post(path, json={}, headers={"authorization": "Bearer open sesame"})

        assert [refused.status_code, wrong.status_code, allowed.status_code] == [403, 403, 200]

    @pytest.mark.parametrize(
        "query", ["profile=maybe", "profile=true&profile_format=svg", "purpose=fun"]
    )
    async def test_bad_wishes_are_named(self, query: str) -> None:
        service, _ = make()
        async with client(service) as web:
            answer = await web.post(f"/analyze-test?{query}", json={})

        assert answer.status_code == 422
        assert "valid:" in answer.json()["detail"]

    async def test_a_stream_has_no_profile(self) -> None:
        service, _ = make()
        async with client(service) as web:
            answer = await web.post("/analyze-test?profile=true", json={}, headers=NDJSON)

        assert answer.status_code == 422


class TestStream:
    async def test_every_record_is_a_line(self) -> None:
        service, _ = make()
        async with client(service) as web:
            answer = await web.post("/analyze-test?count=12000", json={}, headers=NDJSON)

        lines = [json.loads(line) for line in answer.text.splitlines()]
        assert answer.headers["content-type"] == "application/x-ndjson"
        assert [line["type"] for line in lines[:2]] == ["track", "segment"]
        assert len(lines) == 1 + 12_000 + 1 + 1
        assert lines[-1]["type"] == "end"
        assert lines[-1]["warnings"][0]["code"] == "odd"

    async def test_an_early_error_has_its_status(self) -> None:
        service, _ = make()
        async with client(service) as web:
            answer = await web.post("/analyze-test?fail_at=0", json={}, headers=NDJSON)

        assert answer.status_code == 422

    @pytest.mark.parametrize(
        ("fail_at", "slug"), [(5000, "undecodable-media"), (-5000, "internal")]
    )
    async def test_a_late_error_is_the_last_line(self, fail_at: int, slug: str) -> None:
        service, _ = make()
        path = f"/analyze-test?count=9000&fail_at={fail_at}"
        async with client(service) as web:
            answer = await web.post(path, json={}, headers=NDJSON)

        last = json.loads(answer.text.splitlines()[-1])
        assert last["type"] == "error"
        assert last["problem"]["type"].endswith(slug)
        assert "Traceback" not in answer.text

    async def test_a_client_that_leaves_stops_the_analyzer(self) -> None:
        service, slow = make()
        async with running(service) as (host, port):
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(
                b"POST /analyze-test?count=5000&pause=0.01 HTTP/1.1\r\nHost: localhost\r\n"
                b"Content-Type: application/json\r\nAccept: application/x-ndjson\r\n"
                b"Content-Length: 2\r\n\r\n{}"
            )
            await reader.readuntil(b"track")
            writer.close()

            assert await until(slow.closed.is_set)
            assert slow.yielded < 4000


class TestLeaving:
    async def test_a_client_that_leaves_frees_its_worker(self) -> None:
        service, slow = make()
        async with running(service) as (host, port):
            _, writer = await asyncio.open_connection(host, port)
            writer.write(
                b"POST /analyze-test?count=500&pause=0.02 HTTP/1.1\r\nHost: localhost\r\n"
                b"Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
            )
            await writer.drain()
            assert await until(slow.began.is_set)
            writer.close()

            assert await until(slow.closed.is_set)
            assert slow.yielded < 400


class TestOverload:
    async def test_beyond_the_queue_requests_are_told_when_to_come_back(self) -> None:
        service, _ = make(workers=1, queue_limit=1)
        async with client(service) as web:
            answers = await asyncio.gather(
                *(web.post("/analyze-test?pause=0.1", json={}) for _ in range(5))
            )
            after = await web.post("/analyze-test", json={})

        statuses = sorted(answer.status_code for answer in answers)
        assert statuses == [200, 200, 503, 503, 503]
        refused = next(answer for answer in answers if answer.status_code == 503)
        assert int(refused.headers["retry-after"]) >= 1
        assert refused.json()["type"].endswith("overloaded")
        assert after.status_code == 200
