"""Real load on real services, sent by a process of its own."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import time
from contextlib import suppress

import httpx
import psutil
import pytest
from starlette.responses import Response

import affectscope.survey.app
from affectscope.errors import AffectscopeError, BackendTimeout
from affectscope.gateway import load
from affectscope.gateway.backends import BACKENDS, CHAT, SPEECH, SURVEY
from affectscope.gateway.load_test import Loader, LoadTest
from affectscope.survey.app import SurveySettings

COMMAND = [sys.executable, "-m", "affectscope.gateway.load"]


@pytest.fixture
def survey_url(serve) -> str:
    return serve(affectscope.survey.app.create(SurveySettings()).app)


def load_processes() -> list[psutil.Process]:
    found = []
    for child in psutil.Process().children(recursive=True):
        # One that has just ended has no command line any more.
        with suppress(psutil.Error):
            if "affectscope.gateway.load" in child.cmdline():
                found.append(child)
    return found


class TestFigures:
    """The figures of a load test are what they say."""

    @pytest.mark.parametrize(
        ("percent", "value"), [(50, 2.0), (95, 4.0), (99, 4.0), (25, 1.0), (26, 2.0)]
    )
    def test_percentiles_are_observed_values(self, percent, value):
        assert load.percentile([1.0, 2.0, 3.0, 4.0], percent) == value

    def test_no_success_has_no_times(self):
        sent = load.Sent()
        sent.errors["overloaded"] += 2
        sent.elapsed = 1.0

        report = sent.report()

        assert report == {
            "requests": 2,
            "errors": {"overloaded": 2},
            "mean_seconds": None,
            "p50_seconds": None,
            "p95_seconds": None,
            "p99_seconds": None,
            "throughput": 0.0,
        }

    @pytest.mark.parametrize(
        ("status", "body", "kind"),
        [
            (200, b"{}", None),
            (503, b'{"type": "urn:affectscope:problem:overloaded"}', "overloaded"),
            (503, b"gone", "unavailable"),
            (500, b'{"type": "about:blank"}', "internal"),
        ],
    )
    def test_errors_have_the_slug_of_their_problem(self, status, body, kind):
        assert load.error_type(status, body) == kind

    @pytest.mark.parametrize("backend", BACKENDS)
    def test_every_service_has_a_sample(self, backend):
        body, content_type = load.sample_body(backend)

        assert len(body) > 50
        assert content_type.startswith("multipart/" if backend.field else "application/json")

    def test_a_real_service(self, survey_url):
        result = load.run([(SURVEY, survey_url)], iterations=3, timeout=10)

        found = result["services"]["survey"]
        assert (found["requests"], found["errors"]) == (3, {})
        assert 0 < found["p50_seconds"] <= found["p95_seconds"] <= found["p99_seconds"] < 5
        assert result["summary"]["warm_up_requests"] == 1
        assert result["summary"]["errors"] == 0

    def test_a_service_that_is_gone(self, refused):
        sent = load.load(CHAT, refused, iterations=2, timeout=1)

        assert sent.errors == {"backend-unavailable": 2}

    def test_a_service_that_hangs(self, small_service, serve):
        service = small_service("speech")

        @service.app.post("/analyze-speech")
        async def analyze_speech() -> Response:
            await asyncio.sleep(0.6)
            return Response()

        sent = load.load(SPEECH, serve(service.app), iterations=1, timeout=0.2)

        assert sent.errors == {"backend-timeout": 1}


class TestProcess:
    """The load generator as a process."""

    def test_it_prints_json(self, survey_url):
        with subprocess.Popen(
            [*COMMAND, f"--target=survey={survey_url}", "--iterations=2"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as process:
            assert process.stdout is not None
            found = json.loads(process.stdout.read())

        assert found["services"]["survey"]["requests"] == 2
        assert process.returncode == 0

    def test_it_ends_with_its_parent(self, small_service, serve):
        service = small_service("chat")

        @service.app.post("/analyze-chat")
        async def analyze_chat() -> Response:
            await asyncio.sleep(3)
            return Response()

        process = subprocess.Popen(
            [*COMMAND, f"--target=chat={serve(service.app)}", "--iterations=1000"],
            stdin=subprocess.PIPE,
        )
        time.sleep(0.5)
        assert process.stdin is not None
        process.stdin.close()

        assert process.wait(5) == 1


class TestEndpoint:
    """POST /load-test."""

    def test_one_service(self, survey_url, make_gateway, client):
        url, _ = make_gateway(survey_url=survey_url)

        answer = client.post(f"{url}/load-test", json={"test_type": "survey", "iterations": 3})

        found = answer.json()
        assert (found["test_type"], found["iterations"]) == ("survey", 3)
        assert list(found["services"]) == ["survey"]
        assert found["services"]["survey"]["requests"] == 3
        assert found["summary"]["requests"] == 3

    def test_all_services_with_some_gone(self, survey_url, make_gateway, client):
        url, _ = make_gateway(survey_url=survey_url)

        found = client.post(f"{url}/load-test", json={"test_type": "all", "iterations": 2}).json()

        assert list(found["services"]) == ["video", "speech", "chat", "survey"]
        assert found["services"]["video"]["errors"] == {"backend-unavailable": 2}
        assert found["summary"]["errors"] == 6

    @pytest.mark.parametrize(
        ("body", "named"),
        [
            ({"iterations": 0}, "1 to 1000"),
            ({"iterations": 1001}, "1001"),
            ({"iterations": True}, "True"),
            ({"iterations": 2.5}, "2.5"),
            ({"iterations": "5"}, "'5'"),
            ({"iterations": None}, "None"),
            ({"test_type": "face"}, "all, video, speech, chat, survey"),
            ({"test_type": ["all"]}, "['all']"),
            ({"type": "all"}, "test_type, iterations"),
        ],
    )
    def test_bad_values_are_named(self, make_gateway, client, body, named):
        url, _ = make_gateway()

        answer = client.post(f"{url}/load-test", json=body)

        assert answer.status_code == 422
        assert named in answer.json()["detail"]

    def test_only_for_operators(self, make_gateway, client):
        url, _ = make_gateway(admin_token="t0ken")
        strange = {"X-Forwarded-For": "1.2.3.4"}
        body = {"iterations": 0}

        refused = client.post(f"{url}/load-test", json=body, headers=strange)
        let_in = client.post(
            f"{url}/load-test", json=body, headers={**strange, "Authorization": "Bearer t0ken"}
        )

        assert refused.json()["type"] == "urn:affectscope:problem:not-permitted"
        assert let_in.status_code == 422

    def test_one_at_a_time_and_killed_when_nobody_waits(
        self, small_service, serve, make_gateway, client, until
    ):
        service, go = small_service("chat"), threading.Event()

        @service.app.post("/analyze-chat")
        async def analyze_chat() -> Response:
            await asyncio.to_thread(go.wait, 10)
            return Response()

        url, _ = make_gateway(chat_url=serve(service.app))
        body = {"test_type": "chat", "iterations": 1000}

        def ask_and_leave() -> None:
            with pytest.raises(httpx.ReadTimeout):
                httpx.post(f"{url}/load-test", json=body, timeout=1.5, trust_env=False)

        first = threading.Thread(target=ask_and_leave)
        first.start()
        until(lambda: bool(load_processes()))

        second = client.post(f"{url}/load-test", json=body)

        assert second.json()["type"] == "urn:affectscope:problem:overloaded"
        assert second.headers["retry-after"] == "10"
        first.join()
        until(lambda: not load_processes())
        go.set()

    def test_it_is_given_up_in_time(self, small_service, serve):
        service = small_service("chat")

        @service.app.post("/analyze-chat")
        async def analyze_chat() -> Response:
            await asyncio.sleep(5)
            return Response()

        loader = Loader({"chat": serve(service.app)}, longest=1.0)

        with pytest.raises(BackendTimeout, match="longer than 1 s"):
            asyncio.run(loader.run(LoadTest("chat", 1000)))
        assert load_processes() == []

    def test_a_generator_that_breaks_is_an_error(self):
        loader = Loader({"none": "http://127.0.0.1:1"}, longest=30)

        with pytest.raises(AffectscopeError, match="load generator failed: KeyError"):
            asyncio.run(loader.run(LoadTest("all", 1)))
