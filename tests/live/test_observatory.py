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


class TestOneRequest:
    """A request through the gateway to several services."""

    @pytest.fixture(scope="class")
    def trace(self, inputs: Path) -> dict[str, Any]:
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
    post(f"{GATEWAY}/analyze-survey", json={"instrument": "no-such"}, headers=headers)

    trace = trace_of(trace_id, {"integrated", "survey"})
    types = {span["attributes"].get("error.type") for span in trace["spans"]} - {None}
    assert types == {"invalid-value"}


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
        assert "parse_messages" in whole["stacks"]
        assert whole["tree"]["children"]


def test_metrics_of_all_services_are_scraped():
    def scraped() -> bool:
        answer = get("/api/v1/query", query="up")
        up = {one["metric"]["service"]: one["value"][1] for one in answer["data"]["result"]}
        return up == dict.fromkeys(PORTS, "1")

    wait_until(scraped, SOON_SECONDS, "all services are scraped")
    services = {one["name"]: one["state"] for one in get("/api/services")["services"]}
    assert services == dict.fromkeys(PORTS, "pass")


def test_a_killed_observatory_hurts_nobody():
    wait_until(all_pass, 30, "all services pass")
    text = {"text": "Thank you so much, this made my day."}

    def ask() -> float:
        began = time.monotonic()
        assert post(f"{GATEWAY}/analyze-chat", json=text).status_code == 200
        return time.monotonic() - began

    before = statistics.median(ask() for _ in range(30))
    found = health(PORTS["observatory"])
    assert found is not None
    os.kill(int(found["process"]["pid"]), signal.SIGSTOP)
    try:
        hung = statistics.median(ask() for _ in range(60))
    finally:
        os.kill(int(found["process"]["pid"]), signal.SIGKILL)
    gone = statistics.median(ask() for _ in range(60))

    # Far more than noise makes of a few milliseconds, far less than waiting for a time-out.
    assert max(hung, gone) < 3 * before + 0.05
    wait_until(all_pass, 30, "the observatory is back")
    trace_id, headers = traced()
    assert post(f"{GATEWAY}/analyze-chat", json=text, headers=headers).status_code == 200
    trace_of(trace_id, {"integrated", "chat"})
