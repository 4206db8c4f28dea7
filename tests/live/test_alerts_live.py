"""Real Prometheus, Alertmanager and observatory watch real services, one of which is killed."""

from __future__ import annotations

import json
import re
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import httpx
import pytest
from live_system import PORTS, ROOT, clean_environment, free_port, health, pictures, wait_until
from real_prometheus import Prometheus, prometheus
from webhook_receiver import Received, WebhookReceiver, webhook_receiver
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from affectscope.observatory.alerts.objectives import dashboards
from affectscope.observatory.definitions import load, substituted
from affectscope.observatory.generate.prometheus import alertmanager, configuration

DEFINITIONS = load()
TOLD_SECONDS = 30.0
DATA_SECONDS = 60.0
ALERTMANAGER, EMBEDDED = "/alertmanager", "/embedded"
OWN = ("chat", "observatory")
"""Services that are started here: no supervisor starts them again when they are killed."""


@contextmanager
def process(command: list[str], log: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("ab") as out:
        started = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**clean_environment(), **environment},
            stdout=out,
            stderr=subprocess.STDOUT,
        )
        try:
            yield started
        finally:
            started.terminate()
            started.wait(30)


@dataclass
class Watch:
    """Everything that runs here."""

    prometheus: Prometheus
    webhook: WebhookReceiver
    ports: dict[str, int]
    chat: subprocess.Popen[bytes]
    restart_chat: Callable[[], object]


def start_alertmanager(stack: ExitStack, folder: Path, webhook: WebhookReceiver) -> int:
    port = free_port()
    document = alertmanager(DEFINITIONS)
    document["route"] |= {"group_wait": "0s", "group_interval": "1s"}
    document["receivers"][0]["webhook_configs"][0]["url"] = webhook.url(ALERTMANAGER)
    (folder / "alertmanager.yml").write_text(json.dumps(document))
    command = [
        "prometheus-alertmanager",
        f"--config.file={folder / 'alertmanager.yml'}",
        f"--storage.path={folder / 'alertmanager'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]
    stack.enter_context(process(command, folder / "alertmanager.log"))
    return port


def scrape_configuration(ports: dict[str, int], alertmanager_port: int) -> dict[str, Any]:
    """The generated one, with the ports of this test."""
    document = configuration(DEFINITIONS)
    document["rule_files"] = [str(ROOT / "deploy" / "prometheus" / "rules.yml")]
    document["alerting"]["alertmanagers"][0]["static_configs"] = [
        {"targets": [f"127.0.0.1:{alertmanager_port}"]}
    ]
    for entry in document["scrape_configs"][0]["static_configs"]:
        entry["targets"] = [f"127.0.0.1:{ports[entry['labels']['service']]}"]
    return document


@contextmanager
def traffic(ports: dict[str, int], inputs: Path) -> Iterator[None]:
    """A request to every service every other second, and wrong ones, until it ends."""
    ended = threading.Event()

    def upload(field: str, name: str) -> dict[str, Any]:
        return {"files": {field: (name, (inputs / name).read_bytes())}}

    requests: list[tuple[str, str, dict[str, Any]]] = [
        ("video", "/analyze-video", upload("video_file", "video.mp4")),
        ("speech", "/analyze-speech", upload("audio_file", "your_audio.wav")),
        ("chat", "/analyze-chat", {"json": json.loads((inputs / "chat.json").read_text())}),
        ("chat", "/analyze-chat", {"json": {}}),
        ("survey", "/analyze-survey", {"json": json.loads((inputs / "survey.json").read_text())}),
        ("integrated", "/analyze-chat", {"json": {"text": "I am glad"}}),
    ]

    image = pictures(inputs / "video.mp4", 1)[0]
    shot = struct.pack("<d", 0.0) + cv2.imencode(".jpg", image[:, :, ::-1])[1].tobytes()

    def show() -> None:
        """Show one picture to the video service, through the gateway."""
        address = f"ws://127.0.0.1:{ports['integrated']}/live-video"
        with connect(address, proxy=None) as web:
            web.send(shot)
            while json.loads(web.recv(30))["type"] != "frame":
                pass

    def go_on() -> None:
        with httpx.Client(trust_env=False, timeout=60) as client:
            while not ended.wait(1.0):
                for service, path, options in requests:
                    try:
                        client.post(f"http://127.0.0.1:{ports[service]}{path}", **options)
                        client.get(f"http://127.0.0.1:{ports['observatory']}/api/services")
                    except httpx.TransportError:
                        continue
                try:
                    show()
                except (OSError, WebSocketException):
                    continue

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@pytest.fixture(scope="module")
def watch(tmp_path_factory: pytest.TempPathFactory, inputs: Path) -> Iterator[Watch]:
    folder = tmp_path_factory.mktemp("alerts")
    ports = {**PORTS, **{name: free_port() for name in OWN}}
    variables = {f"AFFECTSCOPE_{name.upper()}_PORT": str(ports[name]) for name in OWN}
    serve = [sys.executable, "-m", "affectscope", "serve"]
    with ExitStack() as stack:
        webhook = stack.enter_context(webhook_receiver())

        def start_chat() -> subprocess.Popen[bytes]:
            return stack.enter_context(process([*serve, "chat"], folder / "chat.log", **variables))

        chat = start_chat()
        stack.enter_context(
            process(
                [*serve, "observatory"],
                folder / "observatory.log",
                **variables,
                AFFECTSCOPE_OBSERVATORY_FOLDER=str(folder / "observatory"),
                AFFECTSCOPE_OBSERVATORY_ALERT_WEBHOOKS=webhook.url(EMBEDDED),
            )
        )
        alertmanager_port = start_alertmanager(stack, folder, webhook)
        for name in OWN:
            wait_until(lambda name=name: health(ports[name]) is not None, 60, name)
        asked = stack.enter_context(
            prometheus(folder, scrape_configuration(ports, alertmanager_port))
        )
        with traffic(ports, inputs):
            yield Watch(asked, webhook, ports, chat, start_chat)


def has_data(asked: Prometheus, expr: str) -> set[str]:
    """The services for which a query has a number."""
    answer = asked.ask("query", query=expr)
    assert answer["status"] == "success", answer
    return {
        entry["metric"].get("service", "")
        for entry in answer["data"]["result"]
        if entry["value"][1] != "NaN"
    }


def observed(port: int, expr: str) -> set[str]:
    """The same of the observatory."""
    answer = httpx.get(
        f"http://127.0.0.1:{port}/api/v1/query", params={"query": expr}, trust_env=False
    ).json()
    assert answer["status"] == "success", answer
    return {
        entry["metric"].get("service", "")
        for entry in answer["data"]["result"]
        if entry["value"][1] != "NaN"
    }


def grafana_queries() -> list[Any]:
    """Every query of the dashboards as Grafana has them, with the services that must answer."""
    everyone = tuple(service.name for service in DEFINITIONS.services)
    services = {
        chart.title: chart.services or everyone
        for board in dashboards(DEFINITIONS)
        for row in board.rows
        for chart in row.charts
    }
    return [
        pytest.param(target["expr"], services[panel["title"]], id=f"{path.stem}: {panel['title']}")
        for path in sorted((ROOT / "deploy" / "grafana" / "dashboards").glob("*.json"))
        for panel in panels(json.loads(path.read_text()))
        for target in panel.get("targets", ())
    ]


def panels(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for panel in document.get("panels", ()):
        yield panel
        yield from panels(panel)


@pytest.mark.parametrize(("expr", "services"), grafana_queries())
def test_every_query_is_answered_with_data(
    watch: Watch, expr: str, services: tuple[str, ...]
) -> None:
    # Latency of analyses: the observatory has none.
    wanted = {name for name in services if name != "observatory" or "/analyze" not in expr}
    filled = substituted(expr, "|".join(sorted(wanted)), "1m")
    alone = re.search(r'service="(\w+)"', expr)
    if alone is not None:
        wanted = {alone[1]}

    def answered() -> bool:
        return wanted <= has_data(watch.prometheus, filled)

    def answered_here_too() -> bool:
        return wanted <= observed(watch.ports["observatory"], filled)

    wait_until(answered, DATA_SECONDS, filled)
    # It scrapes at other moments than Prometheus does.
    wait_until(answered_here_too, DATA_SECONDS, f"the observatory, {filled}")


def test_every_rule_can_be_evaluated(watch: Watch) -> None:
    def all_known() -> bool:
        found = [rule for group in groups() for rule in group["rules"]]
        return bool(found) and all(rule["health"] != "unknown" for rule in found)

    def groups() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = watch.prometheus.ask("rules")["data"]["groups"]
        # Groups of a slower pace come round later than a test can wait.
        return [group for group in found if group["interval"] <= 60]

    wait_until(all_known, 90, "all rules were evaluated")
    assert [
        (rule["name"], rule.get("lastError"))
        for group in groups()
        for rule in group["rules"]
        if rule["health"] != "ok"
    ] == []
    port = watch.ports["observatory"]
    embedded = httpx.get(f"http://127.0.0.1:{port}/api/alerts", trust_env=False).json()["rules"]
    assert [rule for rule in embedded if rule["state"] == "error"] == []


def test_a_killed_service_is_told_by_both_with_the_same_labels(watch: Watch) -> None:
    assert watch.webhook.find(EMBEDDED, "firing", alertname="ServiceDown") is None
    watch.chat.send_signal(signal.SIGKILL)
    watch.chat.wait()
    killed = time.monotonic()
    found: dict[str, Received] = {}

    def told(status: str) -> Callable[[], bool]:
        def both() -> bool:
            for path in (ALERTMANAGER, EMBEDDED):
                one = watch.webhook.find(path, status, alertname="ServiceDown", service="chat")
                if one is not None:
                    found[path] = one
            return len(found) == 2

        return both

    wait_until(told("firing"), 2 * TOLD_SECONDS, "both tell that the service is down")
    assert {
        path: one.at - killed for path, one in found.items() if one.at - killed > TOLD_SECONDS
    } == {}
    prometheus_alert, embedded_alert = found[ALERTMANAGER].alert, found[EMBEDDED].alert
    for part in ("labels", "annotations", "fingerprint"):
        assert prometheus_alert[part] == embedded_alert[part]
    assert embedded_alert["labels"] == {
        "alertname": "ServiceDown",
        "service": "chat",
        "severity": "page",
    }

    found.clear()
    watch.restart_chat()
    wait_until(told("resolved"), 60, "both tell that the service is back")
    assert found[ALERTMANAGER].alert["labels"] == found[EMBEDDED].alert["labels"]
