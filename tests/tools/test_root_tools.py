"""`check_health.py` and `run_load_test.py` against servers that answer what a test says."""

from __future__ import annotations

import ast
import json
import re
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ("check_health", "run_load_test")
FILES = ("check_health.py", "run_load_test.py", "src/affectscope/cli/load_tool.py")

HEALTH = {
    "status": "pass",
    "service": "chat",
    "version": "1.2",
    "uptime_seconds": 93_784.0,
    "memory_bytes": 100 * 2**20,
    "cpu_percent": 12.34,
    "checks": {"ready": [{"status": "pass"}]},
}
METRICS = """\
# TYPE {0}_requests counter
{0}_requests_total{{endpoint="/analyze-x"}} 7
{0}_requests_total{{endpoint="/health"}} 100
# TYPE {0}_errors counter
{0}_errors_total{{endpoint="/analyze-x",error_type="overloaded"}} 2
# TYPE {0}_processing_seconds histogram
{0}_processing_seconds_bucket{{endpoint="/analyze-x",le="+Inf"}} 4
{0}_processing_seconds_count{{endpoint="/analyze-x"}} 4
{0}_processing_seconds_sum{{endpoint="/analyze-x"}} 1
"""

Answers = dict[str, tuple[int, str]]
Serve = Callable[[Answers], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serve fixed answers by path; everything else is 404."""
    servers = []

    def start(answers: Answers) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.rfile.read(int(self.headers.get("content-length", 0)))
                status, body = answers.get(self.path, (404, "no"))
                self.send_response(status)
                self.send_header("content-length", str(len(body.encode())))
                self.end_headers()
                self.wfile.write(body.encode())

            do_POST = do_GET

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server, thread in servers:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def refused() -> Iterator[str]:
    """An address at which nothing listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}"


def service(name: str, code: int = 200, **changes: object) -> Answers:
    health = json.dumps({**HEALTH, "service": name, **changes})
    return {"/health": (code, health), "/metrics": (200, METRICS.format(name))}


class TestNeeds:
    """The tools need what monitoring_requirements.txt names, and nothing else."""

    @pytest.mark.parametrize("tool", FILES)
    def test_imports(self, tool):
        lines = (ROOT / "monitoring_requirements.txt").read_text().split()
        named = {re.split("[<>=]", line)[0] for line in lines}
        tree = ast.parse((ROOT / tool).read_text())

        imported = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(str(node.module).split(".")[0])

        assert imported - set(sys.stdlib_module_names) <= named

    @pytest.mark.parametrize("tool", TOOLS)
    def test_help_names_the_exit_status(self, run_tool, tool):
        done = run_tool(f"{tool}.py", "--help")

        assert done.returncode == 0
        assert "Exit status" in done.stdout
        assert "--json" in done.stdout


class TestCheckHealth:
    """State of all services as a table."""

    @pytest.fixture
    def urls(self, check_health, serve) -> list[str]:
        pairs = [(name, serve(service(name))) for name in check_health.SERVICES]
        return [f"--url={name}={url}" for name, url in pairs]

    def test_all_is_well(self, run_tool, urls):
        done = run_tool("check_health.py", *urls)

        assert done.returncode == 0
        assert done.stderr == ""
        chat = next(line for line in done.stdout.splitlines() if "Chat" in line)
        for text in ("pass", "1d 2h", "100 MiB", "12.3 %", "250.0 ms"):
            assert text in chat
        assert re.search(r" 7 +2 ", chat)
        assert "\x1b" not in done.stdout
        assert "This machine" in done.stdout

    def test_one_fails(self, check_health, serve, urls, capsys):
        checks = {"ready": [{"status": "fail", "output": "no weights"}]}
        failing = serve(service("video", 503, status="fail", checks=checks))

        assert check_health.main([*urls, f"--url=video={failing}"]) == 1
        assert "Video Analysis: ready: fail (no weights)" in capsys.readouterr().out

    def test_a_warning_is_healthy(self, check_health, serve, urls, capsys):
        backends = {"chat": {"state": "unreachable", "detail": "gone"}, "video": {"state": "pass"}}
        warning = serve(service("integrated", status="warn", backends=backends))

        assert check_health.main([*urls, f"--url=integrated={warning}"]) == 0
        assert "Integrated Backend: chat: unreachable (gone)" in capsys.readouterr().out

    def test_one_is_gone(self, check_health, refused, urls, capsys):
        assert check_health.main([*urls, f"--url=survey={refused}", "--json"]) == 1

        found = json.loads(capsys.readouterr().out)
        survey = next(one for one in found["services"] if one["service"] == "survey")
        assert found["healthy"] is False
        assert survey["status"] == "unreachable"
        assert survey["notes"] == ["nothing listens there, or the connection broke"]
        assert found["machine"]["cpu_count"] >= 1

    def test_json_has_every_figure(self, check_health, urls, capsys):
        assert check_health.main([*urls, "--json"]) == 0

        one = json.loads(capsys.readouterr().out)["services"][0]
        assert (one["requests"], one["errors"], one["mean_seconds"]) == (7, 2, 0.25)
        assert one["version"] == "1.2"

    def test_one_hangs(self, check_health):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"http://127.0.0.1:{silent.getsockname()[1]}"

            state = check_health.ask("chat", url, 0.2)

        assert state.status == "unreachable"
        assert state.notes == ["no answer within 0.2 s"]

    @pytest.mark.parametrize(
        ("answers", "note"),
        [
            ({"/health": (200, "<html>")}, "without JSON"),
            ({"/health": (200, "[]")}, "without a status"),
            ({"/health": (200, '{"status": "fine"}')}, "without a status"),
            ({"/health": service("chat")["/health"]}, "no metrics: 404"),
            ({**service("chat"), "/metrics": (200, "{{{")}, "no metrics: "),
        ],
    )
    def test_a_strange_answer(self, check_health, serve, answers, note):
        state = check_health.ask("chat", serve(answers), 2)

        assert note in state.notes[0]

    @pytest.mark.parametrize(
        ("seconds", "text"),
        [(None, "-"), (0, "0s"), (61, "1m 1s"), (3600, "1h 0m"), (90_000, "1d 1h")],
    )
    def test_durations(self, check_health, seconds, text):
        assert check_health.duration(seconds) == text

    @pytest.mark.parametrize(
        ("url", "loopback"),
        [
            ("http://localhost:1", True),
            ("http://127.3.2.1", True),
            ("http://[::1]:1", True),
            ("http://10.0.0.1", False),
            ("http://example.org", False),
        ],
    )
    def test_proxies_are_left_out_on_this_machine(self, check_health, run_load_test, url, loopback):
        assert check_health.is_loopback(url) is loopback
        assert run_load_test.is_loopback(url) is loopback

    @pytest.mark.parametrize(
        "arguments",
        [
            ["--url=face=http://x"],
            ["--url=chat=x"],
            ["--timeout=0"],
            ["--timeout=soon"],
            ["--timeout=inf"],
        ],
    )
    def test_a_wrong_command_line(self, check_health, capsys, arguments):
        with pytest.raises(SystemExit) as ended:
            check_health.main(arguments)

        assert ended.value.code == 2
        assert arguments[0].split("=")[-1] in capsys.readouterr().err or "face" in arguments[0]

    def test_colours(self, check_health):
        state = check_health.State("chat", "http://x", status="fail")

        assert "\x1b[31m" in check_health.table([state], colour=True)
        assert "\x1b" not in check_health.table([state], colour=False)


RESULT = {
    "requests": 5,
    "errors": {},
    "mean_seconds": 0.01,
    "p50_seconds": 0.011,
    "p95_seconds": 0.012,
    "p99_seconds": 0.0134,
    "throughput": 99.5,
}


def outcome(**errors: int) -> dict[str, object]:
    chat = {**RESULT, "errors": errors}
    if errors:
        chat |= {name: None for name in RESULT if name.endswith("_seconds")}
    return {
        "test_type": "all",
        "iterations": 5,
        "services": {"survey": RESULT, "chat": chat},
        "summary": {
            "requests": 10,
            "errors": sum(errors.values()),
            "duration_seconds": 0.5,
            "throughput": 20.0,
            "warm_up_requests": 2,
        },
    }


class TestRunLoadTest:
    """Results of the gateway's load test as a table."""

    def test_all_is_well(self, run_tool, serve):
        url = serve({"/load-test": (200, json.dumps(outcome()))})

        done = run_tool("run_load_test.py", "--type", "all", "--iterations", "5", "--url", url)

        assert (done.returncode, done.stderr) == (0, "")
        chat = next(line for line in done.stdout.splitlines() if "chat" in line)
        assert chat.split() == ["chat", "5", "0", "10.0", "11.0", "12.0", "13.4", "99.50"]
        assert "10 requests, no errors; 0.5 s; 20.00 requests/s" in done.stdout
        assert "2 warm-up requests not counted" in done.stdout
        assert "\x1b" not in done.stdout

    def test_some_requests_failed(self, run_load_test, serve, capsys):
        url = serve({"/load-test": (200, json.dumps(outcome(overloaded=2, internal=1)))})

        assert run_load_test.main(["--url", url]) == 1
        out = capsys.readouterr().out
        assert "overloaded: 2, internal: 1" in out
        assert "3 failed" in out

    def test_json(self, run_load_test, serve, capsys):
        url = serve({"/load-test": (200, json.dumps(outcome()))})

        assert run_load_test.main(["--url", url + "/", "--json"]) == 0
        assert json.loads(capsys.readouterr().out) == outcome()

    def test_the_gateway_is_down(self, run_tool, refused):
        done = run_tool("run_load_test.py", "--url", refused)

        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.count("\n") == 1
        assert f"no gateway answers at {refused}" in done.stderr

    @pytest.mark.parametrize(
        ("answer", "said"),
        [
            ((403, '{"detail": "needs the admin token"}'), "403: needs the admin token"),
            ((503, '{"detail": "a load test is running"}'), "503: a load test is running"),
            ((200, "<html>"), "is it the gateway?"),
            ((200, "{}"), "200: no detail given"),
            ((500, "[]"), "answered 500"),
        ],
    )
    def test_the_gateway_answers_something_else(self, run_load_test, serve, capsys, answer, said):
        assert run_load_test.main(["--url", serve({"/load-test": answer})]) == 2
        assert said in capsys.readouterr().err

    def test_it_takes_too_long(self, run_load_test, capsys):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"http://127.0.0.1:{silent.getsockname()[1]}"

            assert run_load_test.main(["--url", url, "--timeout", "0.2", "--token", "t"]) == 2

        assert "within 0.2 s" in capsys.readouterr().err

    @pytest.mark.parametrize("value", ["0", "1001", "-1", "many", "²"])
    def test_iterations_out_of_range(self, run_load_test, capsys, value):
        with pytest.raises(SystemExit):
            run_load_test.main([f"--iterations={value}"])

        assert "from 1 to 1000" in capsys.readouterr().err

    def test_colours(self, run_load_test):
        found = outcome(overloaded=1)

        assert "\x1b[31m" in run_load_test.table(found["services"], colour=True)
        assert "\x1b[31m" in run_load_test.summary(found, colour=True)
        assert "\x1b[32m" in run_load_test.summary(outcome(), colour=True)
