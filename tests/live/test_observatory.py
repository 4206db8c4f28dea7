"""What one request leaves in the observatory, and what it costs when the observatory is gone."""

from __future__ import annotations

import os
import secrets
import signal
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from live_system import GATEWAY, OBSERVATORY, PORTS, all_pass, health, wait_until

SOON_SECONDS = 20.0
JSON = {"content-type": "application/json"}
TEXT = "the word kaleidoscope shall be found nowhere in the telemetry"


def get(path: str, **query: Any) -> Any:
    answer = httpx.get(f"{OBSERVATORY}{path}", params=query, trust_env=False, timeout=10)
    assert answer.status_code == 200, answer.text
    return answer.json()


def post(url: str, **options: Any) -> httpx.Response:
    return httpx.post(url, trust_env=False, timeout=100, **options)


def traced() -> tuple[str, dict[str, str]]:
    """A new trace's id, and the header that begins it."""
    trace_id = secrets.token_hex(16)
    return trace_id, {"traceparent": f"00-{trace_id}-{secrets.token_hex(8)}-01"}


def trace_of(trace_id: str, services: set[str]) -> dict[str, Any]:
    """The trace, once it holds spans and log lines of all services."""
    found: dict[str, Any] = {}

    def whole() -> bool:
        nonlocal found
        answer = httpx.get(f"{OBSERVATORY}/api/traces/{trace_id}", trust_env=False)
        if answer.status_code != 200:
            return False
        found = answer.json()
        seen = ({one["service"] for one in found[part]} for part in ("spans", "logs"))
        return all(services <= names for names in seen)

    wait_until(whole, SOON_SECONDS, f"the trace {trace_id} with {services}")
    return found


@pytest.fixture(scope="module")
def trace(inputs: Path) -> dict[str, Any]:
    """The trace of a request through the gateway to two services."""
    trace_id, headers = traced()
    answer = post(
        f"{GATEWAY}/analyze",
        files={
            "audio_file": (inputs / "your_audio.wav").read_bytes(),
            "chat": (None, f'{{"text": "{TEXT}"}}'),
        },
        headers=headers,
    )
    assert answer.status_code == 200, answer.text
    return trace_of(trace_id, {"integrated", "speech", "chat"})


class TestOneRequest:
    """A request through the gateway to several services."""

    def test_it_is_one_trace_without_orphans(self, trace):
        ids = {span["span_id"] for span in trace["spans"]}
        tops = [span for span in trace["spans"] if span["parent_id"] not in ids]

        assert [(top["service"], top["name"]) for top in tops] == [("integrated", "POST /analyze")]
        assert len(ids) == len(trace["spans"])

    def test_it_has_all_stages(self, trace):
        stages = {
            service: {
                span["attributes"]["affectscope.stage"]
                for span in trace["spans"]
                if span["service"] == service and "affectscope.stage" in span["attributes"]
            }
            for service in ("integrated", "speech", "chat")
        }

        assert stages["integrated"] >= {"upload", "queue", "fuse"}
        assert stages["speech"] >= {"upload", "queue", "decode", "detect", "transcribe", "infer"}
        assert stages["chat"] >= {"upload", "queue", "infer"}

    def test_children_lie_within_their_parents(self, trace):
        spans = {span["span_id"]: span for span in trace["spans"]}
        for span in spans.values():
            parent = spans.get(span["parent_id"])
            if parent is not None:
                assert span["start"] >= parent["start"] - 0.05
                end = parent["start"] + parent["seconds"]
                assert span["start"] + span["seconds"] <= end + 0.05

    def test_its_log_lines_are_with_it(self, trace):
        endpoints = {line["service"]: line["fields"].get("endpoint") for line in trace["logs"]}

        assert endpoints == {
            "integrated": "/analyze",
            "speech": "/analyze-speech",
            "chat": "/analyze-chat",
        }

    def test_nothing_of_the_person_is_kept(self, trace):
        found = get("/api/logs", query="kaleidoscope")

        assert found["logs"] == []
        assert "kaleidoscope" not in str(trace)


def test_a_failed_request_is_found_by_its_error():
    trace_id, headers = traced()
    post(
        f"{GATEWAY}/analyze-survey", json={"instrument": "no-such", "answers": [1]}, headers=headers
    )

    trace = trace_of(trace_id, {"integrated", "survey"})
    types = {span["attributes"].get("error.type") for span in trace["spans"]} - {None}
    assert types == {"invalid-value"}


def test_a_request_that_a_lost_service_fails_is_kept_for_its_error():
    wait_until(all_pass, 60, "all services pass")
    found = health(PORTS["chat"])
    assert found is not None
    trace_id, headers = traced()
    os.kill(int(found["process"]["pid"]), signal.SIGKILL)
    answer = post(f"{GATEWAY}/analyze-chat", json={"text": "hello"}, headers=headers)
    assert answer.status_code >= 500
    wait_until(all_pass, 60, "all services pass")

    trace = trace_of(trace_id, {"integrated"})
    (root,) = [span for span in trace["spans"] if span["name"] == "POST /analyze-chat"]
    assert root["error"]
    assert root["attributes"]["error.type"] in ("backend-unavailable", "backend-timeout")
    listed = get("/api/traces", errors=True, limit=500)["traces"]
    assert {one["kept"] for one in listed if one["trace_id"] == trace_id} == {"error"}


def test_nothing_that_a_person_said_or_is_called_is_kept(inputs: Path):
    """In no line, span or profile, whether the request succeeds, fails, or is profiled."""
    began = time.time() - 1
    words = ("quokkawort", "axolotlname", "narwhaldatei")
    said, speaker, file = words
    message = {"speaker": speaker, "text": f"{said} I love {said}"}
    sound = (inputs / "your_audio.wav").read_bytes()
    ids = []
    for path, options in (
        ("/analyze-chat", {"json": {"messages": [message]}}),
        ("/analyze-chat?profile=true", {"json": {"messages": [message]}}),
        ("/analyze-chat", {"json": {"messages": [{**message, "text": [said]}]}}),
        (f"/analyze-chat?language={said}", {"content": f"{{{said}", "headers": JSON}),
        (f"/analyze-{said}", {"json": {}}),
        ("/analyze-speech", {"files": {"audio_file": (f"{file}.wav", sound)}}),
        ("/analyze-speech", {"files": {"audio_file": (f"{file}.wav", said.encode() * 100)}}),
        ("/analyze-video", {"files": {"video_file": (f"{file}.mp4", said.encode() * 100)}}),
        ("/analyze-survey", {"json": {"instrument": said, "answers": [said]}}),
    ):
        trace_id, headers = traced()
        ids.append(trace_id)
        post(f"{GATEWAY}{path}", **{**options, "headers": headers | options.get("headers", {})})
    traces = [trace_of(trace_id, {"integrated"}) for trace_id in ids]
    # Lines and profiles that come later than the spans of their requests.
    time.sleep(3)

    for word in words:
        assert get("/api/logs", query=word, start=began)["logs"] == []
    kept = [str(traces), str(get("/api/logs", start=began, limit=500))]
    for one in get("/api/profiles", start=began, limit=500)["profiles"]:
        kept.append(str(get(f"/api/profiles/{one['id']}")))
    assert len(kept) > 2
    assert [word for word in words for text in kept if word in text.lower()] == []


class TestProfiles:
    """Profiles are kept with their traces, and hold nothing of other requests."""

    def test_a_profile_among_nine_other_requests(self):
        stop = threading.Event()

        def others() -> int:
            sent = 0
            while not stop.is_set():
                json = {"text": "What a lovely day, thank you."}
                assert post(f"{GATEWAY}/analyze-chat", json=json).status_code in (200, 503)
                sent += 1
            return sent

        trace_id, headers = traced()
        with ThreadPoolExecutor(9) as pool:
            busy = [pool.submit(others) for _ in range(9)]
            try:
                answer = post(
                    f"http://localhost:{PORTS['chat']}/analyze-chat?profile=true",
                    json={"messages": [{"text": f"message {i}"} for i in range(20)]},
                    headers=headers,
                )
            finally:
                stop.set()
            assert min(one.result() for one in busy) > 0

        assert answer.status_code == 200
        profile = answer.json()["profile"]
        calls = {
            one["name"]: one["calls"]
            for one in profile["functions"]
            if one["file"].endswith("messages.py")
        }
        # One body was read under the profiler, however many were read beside it.
        assert calls["parse_messages"] == 1

        def kept() -> bool:
            return bool(get("/api/profiles", trace_id=trace_id)["profiles"])

        wait_until(kept, SOON_SECONDS, "the profile is kept")
        (summary,) = get("/api/profiles", trace_id=trace_id)["profiles"]
        assert (summary["service"], summary["kind"]) == ("chat", "request")
        whole = get(f"/api/profiles/{summary['id']}")
        assert "answers.py" in whole["stacks"]
        assert whole["tree"]["children"]


def test_metrics_of_all_services_are_scraped():
    def scraped() -> bool:
        answer = get("/api/v1/query", query="up")
        up = {one["metric"]["service"]: one["value"][1] for one in answer["data"]["result"]}
        return up == dict.fromkeys(PORTS, "1")

    wait_until(scraped, SOON_SECONDS, "all services are scraped")
    services = {one["name"]: one["state"] for one in get("/api/services")["services"]}
    assert services == dict.fromkeys(PORTS, "pass")


class TestKilled:
    """What becomes of requests, and of telemetry, while the observatory hangs or is gone."""

    def test_it_hurts_nobody_and_what_it_kept_is_there_again(self):
        wait_until(all_pass, 60, "all services pass")
        before_id, headers = traced()
        assert post(f"{GATEWAY}/analyze-chat", json=CHAT, headers=headers).status_code == 200
        trace_of(before_id, {"integrated", "chat"})
        took: dict[str, list[float]] = {"there": [], "hangs": [], "gone": []}
        with Load() as load:
            # In turns, so that whatever else this machine does meanwhile hurts all alike.
            for _ in range(2):
                took["there"] += ask(10)
                victim = observatory_pid()
                os.kill(victim, signal.SIGSTOP)
                try:
                    took["hangs"] += ask(10)
                finally:
                    os.kill(victim, signal.SIGKILL)
                took["gone"] += ask(10)
                wait_until(all_pass, 60, "the observatory is back")
        medians = {state: statistics.median(seconds) for state, seconds in took.items()}

        # Far more than noise makes of a few milliseconds, far less than waiting for a time-out.
        assert medians["hangs"] < 3 * medians["there"] + 0.05, medians
        assert medians["gone"] < 3 * medians["there"] + 0.05, medians
        assert load.answered > 20
        assert load.failed == []
        after_id, headers = traced()
        assert post(f"{GATEWAY}/analyze-chat", json=CHAT, headers=headers).status_code == 200
        trace_of(after_id, {"integrated", "chat"})
        trace_of(before_id, {"integrated", "chat"})

    def test_what_is_not_delivered_is_counted_and_memory_stays(self):
        wait_until(all_pass, 60, "all services pass")
        dropped, memory = dropped_telemetry(), memory_of("integrated")
        stopped = observatory_pid()
        os.kill(stopped, signal.SIGSTOP)
        try:
            with Load() as load:
                wait_until(lambda: dropped_telemetry() > dropped, 60, "drops are counted")
        finally:
            os.kill(stopped, signal.SIGKILL)

        assert load.failed == []
        assert memory_of("integrated") < memory + (64 << 20)
        wait_until(all_pass, 60, "the observatory is back")


CHAT = {"text": "Thank you so much, this made my day."}


class Load:
    """Three clients that ask the gateway without a pause."""

    def __init__(self) -> None:
        self.answered = 0
        self.failed: list[str] = []
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(3)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        while not self._ended.is_set():
            try:
                answer = post(f"{GATEWAY}/analyze-chat", json=CHAT)
            except httpx.HTTPError as error:
                self.failed.append(repr(error))
                continue
            self.answered += 1
            if answer.status_code != 200:
                self.failed.append(answer.text)


def ask(times: int) -> list[float]:
    taken = []
    for _ in range(times):
        began = time.monotonic()
        assert post(f"{GATEWAY}/analyze-chat", json=CHAT).status_code == 200
        taken.append(time.monotonic() - began)
    return taken


def observatory_pid() -> int:
    found = health(PORTS["observatory"])
    assert found is not None
    return int(found["process"]["pid"])


def memory_of(service: str) -> int:
    found = health(PORTS[service])
    assert found is not None
    return int(found["memory_bytes"])


def dropped_telemetry() -> float:
    """What the gateway could not deliver so far."""
    text = httpx.get(f"{GATEWAY}/metrics", trust_env=False).text
    return sum(
        float(line.rpartition(" ")[2])
        for line in text.splitlines()
        if line.startswith("affectscope_dropped_telemetry_total")
    )
