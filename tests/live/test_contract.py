"""Every command line of the contract, run as a process on real inputs."""

from __future__ import annotations

import base64
import json
import marshal
import re
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from live_system import GATEWAY, PORTS, ROOT

from affectscope.affect import Session

ANALYSES = {
    "video": ["-F", "video_file=@video.mp4"],
    "speech": ["-F", "audio_file=@your_audio.wav"],
    "chat": ["-H", "Content-Type: application/json", "-d", "@chat.json"],
    "survey": ["-H", "Content-Type: application/json", "-d", "@survey.json"],
}
EVERYTHING = [
    *("-F", "video_file=@video.mp4", "-F", "audio_file=@your_audio.wav"),
    *("-F", "chat=<chat.json", "-F", "survey=<survey.json", "-F", "purpose=research"),
]
FUNCTION = {"name", "file", "line", "calls", "own_seconds", "cumulative_seconds"}


def has_profile(profile) -> None:
    assert profile["wall_seconds"] > 0
    assert all(function.keys() >= FUNCTION for function in profile["functions"])
    times = [function["cumulative_seconds"] for function in profile["functions"]]
    assert times
    assert times == sorted(times, reverse=True)


class TestLetter:
    """The lines that the contract spells out."""

    def test_metrics(self, shell):
        done = shell("curl http://localhost:9000/metrics")

        assert done.returncode == 0
        assert "# TYPE integrated_requests_total counter" in done.stdout

    def test_health(self, shell):
        done = shell("curl http://localhost:9000/health")

        assert json.loads(done.stdout)["status"] == "pass"

    def test_profile_of_a_request(self, shell):
        done = shell(
            'curl -X POST "http://localhost:8002/analyze-speech?profile=true" '
            '-F "audio_file=@your_audio.wav"'
        )

        found = json.loads(done.stdout)
        has_profile(found["profile"])
        assert found["session"]["transcript"]

    def test_profile_report(self, shell):
        done = shell("curl http://localhost:8002/profile-report")

        assert json.loads(done.stdout)["window_seconds"] > 0

    def test_load_test(self, shell):
        done = shell(
            "curl -X POST http://localhost:9000/load-test "
            '-H "Content-Type: application/json" '
            '-d \'{"test_type": "all", "iterations": 5}\''
        )

        found = json.loads(done.stdout)
        assert (found["test_type"], found["iterations"]) == ("all", 5)
        assert list(found["services"]) == ["video", "speech", "chat", "survey"]
        for result in found["services"].values():
            assert (result["requests"], result["errors"]) == (5, {})
            assert 0 < result["p50_seconds"] <= result["p95_seconds"] <= result["p99_seconds"]
            assert result["mean_seconds"] > 0
            assert result["throughput"] > 0
        assert found["summary"]["requests"] == 20

    def test_check_health(self, shell):
        done = shell(f"cd {ROOT} && python check_health.py")

        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.count(" pass ") == 5

    def test_run_load_test(self, shell):
        done = shell(f"cd {ROOT} && python run_load_test.py --type all --iterations 5")

        assert (done.returncode, done.stderr) == (0, "")
        assert "20 requests, no errors" in done.stdout


@pytest.mark.parametrize("service", PORTS)
class TestEveryService:
    """What all five have."""

    def test_metrics(self, curl, service):
        answer = curl(f"localhost:{PORTS[service]}/metrics")

        assert answer.headers["content-type"].startswith("text/plain")
        text = answer.body.decode()
        for name, kind in (
            ("requests_total", "counter"),
            ("processing_seconds", "histogram"),
            ("errors_total", "counter"),
            ("memory_usage_bytes", "gauge"),
            ("cpu_usage_percent", "gauge"),
        ):
            assert f"# TYPE {service}_{name} {kind}" in text
        assert re.search(rf"^{service}_memory_usage_bytes [1-9]", text, re.MULTILINE)
        assert re.search(rf'^{service}_requests_total{{endpoint="/', text, re.MULTILINE)

    def test_health(self, curl, service):
        found = curl(f"localhost:{PORTS[service]}/health").json

        assert found["status"] == "pass"
        assert found["service"] == service
        assert found["version"]
        assert found["uptime_seconds"] > 0
        assert found["process"].keys() >= {"pid", "threads", "open_files"}
        assert found["memory_bytes"] > 10_000_000
        assert found["cpu_percent"] >= 0
        assert found["checks"]

    def test_profile_report(self, curl, service):
        members = {"window_seconds", "process", "stages", "sampled_functions", "requests_profiled"}
        address = f"localhost:{PORTS[service]}/profile-report"
        assert curl(address).json.keys() >= members

        # A service that had nothing to do was never seen at work. These requests are work, without a
        # pause: single short ones would mostly fall between two looks of the sampler.
        with httpx.Client(trust_env=False) as client, ThreadPoolExecutor(4) as askers:
            for _ in range(50):
                found = list(askers.map(client.get, [f"http://{address}"] * 100))[-1].json()
                if found["sampled_functions"]:
                    break
        assert found["sampled_functions"]

    def test_documents_need_no_network(self, curl, service):
        page = curl(f"localhost:{PORTS[service]}/docs").body.decode()

        assert "https://" not in page
        assert curl(f"localhost:{PORTS[service]}/openapi.json").json["paths"]
        for path in re.findall(r'(?:src|href)="(/[^"]+)"', page):
            assert curl(f"localhost:{PORTS[service]}{path}").status == 200

    def test_alive_and_ready(self, curl, service):
        assert curl(f"localhost:{PORTS[service]}/livez").status == 200
        assert curl(f"localhost:{PORTS[service]}/readyz").status == 200


def test_the_gateway_knows_who_is_there(curl):
    backends = curl(f"{GATEWAY}/health").json["backends"]

    assert list(backends) == ["video", "speech", "chat", "survey"]
    for one in backends.values():
        assert one["state"] == "pass"
        assert 0 < one["latency_seconds"] < 2


@pytest.mark.parametrize("base", ["direct", "gateway"])
@pytest.mark.parametrize("service", ANALYSES)
class TestAnalyses:
    """Each analysis, from its service and through the gateway."""

    def url(self, base, service):
        port = PORTS["integrated" if base == "gateway" else service]
        return f"http://localhost:{port}/analyze-{service}"

    def test_answer(self, curl, base, service):
        answer = curl(self.url(base, service), *ANALYSES[service])

        found = answer.json
        assert answer.status == 200
        assert found.keys() == {"session", "timing", "warnings"}
        session = Session.model_validate(found["session"])
        assert session.tracks or session.surveys
        assert found["timing"]["total"] > 0
        assert "server-timing" in answer.headers

    def test_profile(self, curl, base, service):
        found = curl(self.url(base, service) + "?profile=true", *ANALYSES[service]).json

        has_profile(found["profile"])

    def test_other_forms_of_a_profile(self, curl, base, service):
        def data(form):
            url = f"{self.url(base, service)}?profile=true&profile_format={form}"
            return curl(url, *ANALYSES[service]).json["profile"]["data"]

        assert marshal.loads(base64.b64decode(data("pstats")))
        assert re.search(r"^\S.* \d+$", data("collapsed"), re.MULTILINE)
        assert data("speedscope")["profiles"]

    def test_lines(self, curl, base, service):
        answer = curl(
            self.url(base, service), "-H", "Accept: application/x-ndjson", *ANALYSES[service]
        )

        lines = [json.loads(line) for line in answer.body.splitlines()]
        assert answer.headers["content-type"].startswith("application/x-ndjson")
        assert lines[-1]["type"] == "end"
        assert len(lines) > 1


class TestEverything:
    """Any mix of modalities in one request."""

    def test_all(self, curl):
        answer = curl(f"{GATEWAY}/analyze", *EVERYTHING)

        session = Session.model_validate(answer.json["session"])
        assert {track.modality for track in session.tracks} == {"face", "voice", "text"}
        assert session.purpose == "research"
        assert session.transcript
        assert session.surveys
        assert session.fused
        assert answer.json["timing"]["parts"].keys() >= {"video", "speech", "chat", "survey"}

    def test_a_video_alone_speaks(self, curl):
        found = curl(f"{GATEWAY}/analyze", "-F", "video_file=@video.mp4").json

        session = Session.model_validate(found["session"])
        assert {track.modality for track in session.tracks} == {"face", "voice", "text"}
        assert "person-1" in [subject.id for subject in session.subjects]

    def test_profile(self, curl):
        found = curl(f"{GATEWAY}/analyze?profile=true", *EVERYTHING).json

        has_profile(found["profile"])
        assert found["profile"]["parts"].keys() >= {"video", "speech", "chat", "survey"}


def test_the_page(curl):
    answer = curl(f"{GATEWAY}/")

    assert answer.headers["content-type"].startswith("text/html")
    for port in PORTS.values():
        assert port == 9000 or f":{port}/docs" in answer.body.decode()
