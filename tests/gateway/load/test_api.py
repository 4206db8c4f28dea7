"""POST /load-test, and load tests as jobs, by way of a real gateway."""

from __future__ import annotations

import asyncio
import threading

import httpx
import pytest
from starlette.responses import Response

import affectscope.survey.app
from affectscope.survey.app import SurveySettings

RATE = {"mode": "constant", "test_type": "survey", "rate": 10, "duration": 60}


@pytest.fixture
def survey_url(serve) -> str:
    return serve(affectscope.survey.app.create(SurveySettings()).app)


@pytest.fixture
def gateway(survey_url, make_gateway) -> str:
    url, _ = make_gateway(survey_url=survey_url, observatory_url="")
    return str(url)


class TestContract:
    """The form that waits."""

    def test_one_service(self, gateway, client):
        answer = client.post(f"{gateway}/load-test", json={"test_type": "survey", "iterations": 3})

        found = answer.json()
        assert set(found) == {"test_type", "iterations", "services", "summary"}
        assert (found["test_type"], found["iterations"]) == ("survey", 3)
        assert list(found["services"]) == ["survey"]
        assert set(found["services"]["survey"]) == {
            *("requests", "errors", "mean_seconds", "p50_seconds", "p95_seconds", "p99_seconds"),
            "throughput",
        }
        assert found["services"]["survey"]["requests"] == 3
        assert found["summary"]["requests"] == 3

    def test_all_services_with_some_gone(self, gateway, client):
        found = client.post(
            f"{gateway}/load-test", json={"test_type": "all", "iterations": 2}
        ).json()

        assert list(found["services"]) == ["video", "speech", "chat", "survey"]
        assert found["services"]["video"]["errors"] == {"backend-unavailable": 2}
        assert found["summary"]["errors"] == 6

    @pytest.mark.parametrize(
        ("body", "named"),
        [
            ({"iterations": 0}, "1 to 1000"),
            ({"iterations": 1001}, "1001"),
            ({"iterations": "5"}, "'5'"),
            ({"test_type": "face"}, "all, video, speech, chat, survey"),
            ({"type": "all"}, "test_type, iterations"),
            ({"mode": "constant"}, "rate is missing"),
            ({"mode": "constant", "rate": 1e9}, "0.01 to 10000"),
        ],
    )
    def test_bad_values_are_named(self, make_gateway, client, body, named):
        url, _ = make_gateway()

        answer = client.post(f"{url}/load-test", json=body)

        assert answer.status_code == 422
        assert named in answer.json()["detail"]

    def test_one_at_a_time_and_killed_when_nobody_waits(
        self, small_service, serve, make_gateway, client, until, generators
    ):
        service, go = small_service("chat"), threading.Event()

        @service.app.post("/analyze-chat")
        async def analyze_chat() -> Response:
            await asyncio.to_thread(go.wait, 90)
            return Response()

        url, _ = make_gateway(chat_url=serve(service.app), observatory_url="")
        body = {"test_type": "chat", "iterations": 1000}

        def ask_and_leave() -> None:
            with pytest.raises(httpx.ReadTimeout):
                httpx.post(f"{url}/load-test", json=body, timeout=6, trust_env=False)

        first = threading.Thread(target=ask_and_leave)
        first.start()
        until(lambda: bool(generators()))

        second = client.post(f"{url}/load-test", json=body)

        assert second.json()["type"] == "urn:affectscope:problem:overloaded"
        assert second.headers["retry-after"] == "10"
        first.join()
        until(lambda: not generators())
        go.set()


class TestJobs:
    """The modes in which requests start at a rate."""

    def test_a_job_runs_beside_the_request_that_started_it(self, gateway, client, until):
        answer = client.post(f"{gateway}/load-test", json=RATE | {"duration": 2, "rate": 20})
        started = answer.json()

        assert answer.status_code == 202
        assert answer.headers["location"] == f"/load-tests/{started['id']}"
        assert started["state"] == "running"
        where = f"{gateway}/load-tests/{started['id']}"
        until(lambda: client.get(where).json()["state"] == "finished")
        found = client.get(where).json()
        assert found["progress"] == 1
        assert found["partial"] is False
        assert found["summary"]["scheduled"] == 40
        assert found["services"]["survey"]["corrected"]["p50_seconds"] > 0
        assert found["curves"]["all"]["raw"][0]["percentile"] == 0
        assert [point["start"] for point in found["points"]][:2] == [0, 1]
        assert found["resources"]["survey"][0]["memory_bytes"] > 1e6
        assert "histograms" not in found

    def test_it_is_listed_watched_and_stopped(self, gateway, client, until, generators):
        number = client.post(f"{gateway}/load-test", json=RATE).json()["id"]
        where = f"{gateway}/load-tests/{number}"
        until(lambda: bool(client.get(where).json()["points"]))

        running = client.get(where).json()
        refused = client.post(f"{gateway}/load-test", json=RATE)
        stopped = client.delete(where).json()

        assert 0 < running["progress"] < 1
        assert running["summary"]["requests"] > 3
        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) > 0
        assert (stopped["state"], stopped["partial"]) == ("stopped", True)
        assert stopped["summary"]["succeeded"] > 3
        assert "stopped" in [flag["code"] for flag in stopped["flags"]]
        assert [one["id"] for one in client.get(f"{gateway}/load-tests").json()["load_tests"]] == [
            number
        ]
        assert generators() == []
        assert client.delete(where).json() == stopped

    def test_one_that_is_not_there(self, gateway, client):
        for ask in (client.get, client.delete):
            answer = ask(f"{gateway}/load-tests/none")

            assert answer.status_code == 404
            assert "'none'" in answer.json()["detail"]

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("POST", "/load-test"),
            ("GET", "/load-tests"),
            ("GET", "/load-tests/x"),
            ("DELETE", "/load-tests/x"),
        ],
    )
    def test_only_for_operators(self, make_gateway, client, method, path):
        url, _ = make_gateway(admin_token="t0ken", observatory_url="")
        strange = {"X-Forwarded-For": "1.2.3.4"}
        token = {"Authorization": "Bearer t0ken"}
        body = {"iterations": 0}

        refused = client.request(method, url + path, json=body, headers=strange)
        let_in = client.request(method, url + path, json=body, headers=strange | token)

        assert refused.json()["type"] == "urn:affectscope:problem:not-permitted"
        assert let_in.status_code in (200, 404, 422)
