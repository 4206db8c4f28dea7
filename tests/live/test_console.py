"""Somebody walks through every page of the console while one service does not answer."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from console_browser import Console, chromium
from live_system import (
    GATEWAY,
    OBSERVATORY,
    PORTS,
    ROOT,
    all_pass,
    clean_environment,
    free_port,
    health,
    wait_until,
)
from playwright.sync_api import Browser, expect

TITLES = (
    "Video Analysis",
    "Speech Analysis",
    "Chat Analysis",
    "Survey Analysis",
    "Integrated Backend",
    "Observatory",
)
PAGES = ("Overview", "Services", "Traces", "Logs", "Profiles", "Alerts", "Load tests")
WHOLE = "4bf92f3577b34da6a3ce929d0e0e4736"
PROFILED = "5cf03e3577b34da6a3ce929d0e0e4737"
ALERT_SECONDS = 45.0
KEPT_SECONDS = 30.0


def get(path: str, **query: Any) -> Any:
    answer = httpx.get(f"{OBSERVATORY}{path}", params=query, trust_env=False, timeout=10)
    assert answer.status_code == 200, answer.text
    return answer.json()


def trace_is_whole(trace_id: str, services: set[str]) -> bool:
    answer = httpx.get(f"{OBSERVATORY}/api/traces/{trace_id}", trust_env=False, timeout=10)
    if answer.status_code != 200:
        return False
    trace = answer.json()
    return services <= {s["service"] for s in trace["spans"]} & {
        s["service"] for s in trace["logs"]
    }


@pytest.fixture(scope="module", autouse=True)
def story(inputs: Path) -> Iterator[None]:
    """Requests of all kinds, then the survey service hangs and its alert fires."""
    audio = (inputs / "your_audio.wav").read_bytes()
    chat, survey = (inputs / "chat.json").read_bytes(), (inputs / "survey.json").read_bytes()
    json = {"content-type": "application/json"}
    with httpx.Client(base_url=GATEWAY, trust_env=False, timeout=100) as client:
        for _ in range(3):
            assert client.post("/analyze-chat", content=chat, headers=json).status_code == 200
            assert client.post("/analyze-survey", content=survey, headers=json).status_code == 200
        assert client.post("/analyze-chat", json={"wrong": 1}).status_code == 422
        parts = {"audio_file": audio, "chat": (None, '{"text": "We did it!"}')}
        headers = {"traceparent": f"00-{WHOLE}-00f067aa0ba902b7-01"}
        assert client.post("/analyze", files=parts, headers=headers).status_code == 200
        with hanging("survey"):
            headers = {"traceparent": f"00-{PROFILED}-00f067aa0ba902b8-01"}
            url = "/analyze-chat?profile=true"
            done = client.post(url, content=chat, headers={**headers, **json})
            assert done.status_code == 200
            services = {"integrated", "speech", "chat"}
            wait_until(lambda: trace_is_whole(WHOLE, services), KEPT_SECONDS, "the trace is kept")
            profiled = lambda: bool(get("/api/profiles", trace_id=PROFILED)["profiles"])  # noqa: E731
            wait_until(profiled, KEPT_SECONDS, "the profile is kept")
            wait_until(survey_is_down, ALERT_SECONDS, "the alert fires")
            yield
    wait_until(all_pass, 60, "all services pass")


@contextmanager
def hanging(service: str) -> Iterator[None]:
    """Let a service not answer; the supervisor ends it after a minute, and its next one hangs too."""
    ended = threading.Event()
    stopped: list[psutil.Process] = []

    def stop() -> None:
        while True:
            for process in psutil.Process().children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    if process.cmdline()[-2:] == ["serve", service] and process not in stopped:
                        process.suspend()
                        stopped.append(process)
            if ended.wait(0.5):
                return

    thread = threading.Thread(target=stop)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        for process in stopped:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()


def survey_is_down() -> bool:
    return any(
        (alert["name"], alert["state"], alert["labels"].get("service"))
        == ("ServiceDown", "firing", "survey")
        for alert in get("/api/alerts")["alerts"]
    )


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def screenshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("screenshots")


@pytest.fixture(scope="module", params=["light", "dark"])
def console(
    request: pytest.FixtureRequest, browser: Browser, screenshots: Path
) -> Iterator[Console]:
    console = Console(browser, OBSERVATORY, request.param, screenshots)
    console.open()
    yield console
    console.close()


class TestWalk:
    """By clicking, in light and dark."""

    def test_the_overview_says_what_does_not_work(self, console: Console):
        console.heading("Survey Analysis does not answer")
        main = console.page.get_by_role("main")
        for title in TITLES:
            expect(main.get_by_role("link", name=title).first).to_be_visible()
        expect(main.get_by_text("survey is down")).to_be_visible()
        console.look("overview")

    def test_the_alert_of_the_failing_service_leads_to_it(self, console: Console):
        console.go("Alerts")
        console.heading("Alerts")
        alert = console.page.get_by_role("listitem").filter(has_text="ServiceDown")
        expect(alert).to_contain_text("survey is down")
        expect(alert).to_contain_text("firing")
        console.look("alerts")

        alert.get_by_role("link", name="Service").click()
        console.heading("Survey Analysis")
        expect(console.page.get_by_text("not reachable").first).to_be_visible()
        console.look("failing-service")

    def test_services_lead_to_their_charts(self, console: Console):
        console.go("Services")
        console.heading("Services")
        console.look("services")

        main = console.page.get_by_role("main")
        main.get_by_role("link", name="Chat Analysis").first.click()
        console.heading("Chat Analysis")
        expect(console.page.locator("canvas").first).to_be_visible()
        expect(main.get_by_text("healthy").first).to_be_visible()
        console.look("service")

    def test_a_trace_shows_its_stages_and_lines(self, console: Console):
        console.go("Traces")
        console.heading("Traces")
        page = console.page
        page.get_by_label("Service").select_option("speech")
        link = page.get_by_role("row").filter(has_text="chat, integrated, speech")
        console.look("traces")

        link.get_by_role("link", name="POST /analyze", exact=True).first.click()
        console.heading("POST /analyze")
        tree = page.get_by_role("tree")
        for service in ("integrated", "speech", "chat"):
            expect(
                tree.get_by_role("treeitem").filter(has_text=f"{service} POST")
            ).not_to_have_count(0)
        for stage in ("upload", "queue", "decode", "detect", "transcribe", "infer", "fuse"):
            expect(
                tree.get_by_role("treeitem", name=re.compile(rf"^\W*{stage} "))
            ).not_to_have_count(0)
        tree.get_by_role("treeitem").filter(has_text="transcribe").click()
        expect(page.get_by_role("heading", name="transcribe")).to_be_visible()
        expect(page.get_by_text("stage of speech")).to_be_visible()
        lines = page.get_by_role("region", name="What the services logged")
        expect(lines.get_by_role("listitem").filter(has_text="/analyze-speech")).to_have_count(1)
        console.look("trace")

    def test_a_line_is_found_and_leads_to_its_trace(self, console: Console):
        console.go("Logs")
        console.heading("Logs")
        page = console.page
        page.get_by_label("Words in a line").fill("missing-field")
        lines = page.get_by_role("main").locator("ol > li")
        expect(lines.filter(has_text="missing-field").first).to_be_visible()
        expect(lines.filter(has_not_text="missing-field")).to_have_count(0)
        line = lines.filter(has_text="integrated").first
        line.locator("summary").click()
        expect(line.get_by_text("request_id")).to_be_visible()
        console.look("logs")

        line.get_by_role("link", name="Its trace", exact=True).click()
        console.heading("POST /analyze-chat")
        expect(page.get_by_text("422 missing-field").first).to_be_visible()

    def test_the_profile_of_a_request_is_a_flame_graph(self, console: Console):
        console.go("Profiles")
        console.heading("Profiles")
        page = console.page
        page.get_by_label("Kind").select_option("request")
        page.get_by_label("Service").select_option("chat")
        console.look("profiles")

        page.get_by_role("row").filter(has_text="/analyze-chat").first.get_by_role(
            "link"
        ).first.click()
        console.heading("Request profile of chat")
        functions = page.get_by_role("region", name="Functions")
        expect(functions.get_by_role("button", name="stream", exact=True)).to_be_visible()
        page.get_by_label("Find frames").fill("chat/analyzer.py")
        expect(page.get_by_text(re.compile(r"^[1-9].* % of all is in what fits"))).to_be_visible()
        page.locator("canvas").click(position={"x": 300, "y": 30})
        expect(page.get_by_role("button", name="All", exact=True)).to_be_enabled()
        console.look("profile")

        page.get_by_role("link", name="its trace").click()
        console.heading("POST /analyze-chat")
        expect(page.get_by_role("link", name="Request profile of chat")).to_be_visible()

    def test_load_tests_are_shown(self, console: Console):
        console.go("Load tests")
        console.heading("Load tests")
        console.look("load-tests")


class TestKeyboard:
    """Without a mouse."""

    @pytest.fixture
    def console(self, browser: Browser, screenshots: Path) -> Iterator[Console]:
        console = Console(browser, OBSERVATORY, "light", screenshots)
        console.open()
        console.heading(re.compile("."))
        yield console
        console.close()

    def press_until(self, console: Console, key: str, focused: str, most: int = 60) -> None:
        """Press a key until what has the focus says something."""
        for _ in range(most):
            console.page.keyboard.press(key)
            said = console.page.evaluate(
                "document.activeElement === document.body ? '' : "
                "(document.activeElement.getAttribute('aria-label') ?? '') + ' ' +"
                "(document.activeElement.labels?.[0]?.innerText ?? '') + ' ' +"
                "document.activeElement.innerText"
            )
            if focused in said:
                return
        raise AssertionError(f"{focused!r} is not reached by {most} times {key}")

    def test_every_page_is_reached(self, console: Console):
        console.page.keyboard.press("Tab")
        expect(console.page.get_by_role("link", name="Skip to the page")).to_be_focused()
        for title in PAGES[1:]:
            self.press_until(console, "Tab", title)
            console.page.keyboard.press("Enter")
            console.heading(title)
            expect(console.page.get_by_role("main")).to_be_focused()
            console.page.reload()

    def test_spans_are_walked_by_arrows(self, console: Console):
        console.open(f"#/traces/{WHOLE}")
        console.heading("POST /analyze")
        page = console.page
        rows = page.get_by_role("treeitem")
        self.press_until(console, "Tab", "POST /analyze\n")
        page.keyboard.press("ArrowDown")
        expect(rows.nth(1)).to_be_focused()
        expect(rows.nth(1)).to_have_attribute("aria-selected", "true")
        expect(page.get_by_role("heading", name="upload")).to_be_visible()
        page.keyboard.press("End")
        expect(rows.last).to_be_focused()
        page.keyboard.press("Home")
        count = rows.count()
        page.keyboard.press("ArrowLeft")
        expect(rows).to_have_count(1)
        page.keyboard.press("ArrowRight")
        expect(rows).to_have_count(count)

    def test_a_line_is_unfolded_and_followed(self, console: Console):
        console.open("#/logs")
        console.heading("Logs")
        self.press_until(console, "Tab", "Words in a line")
        console.page.keyboard.type("missing-field")
        lines = console.page.locator("ol > li")
        expect(lines.filter(has_text="422 missing-field").first).to_be_visible()
        expect(lines.filter(has_not_text="missing-field")).to_have_count(0)
        self.press_until(console, "Tab", "422 missing-field")
        console.page.keyboard.press("Enter")
        self.press_until(console, "Tab", "Its trace")
        console.page.keyboard.press("Enter")
        console.heading("POST /analyze-chat")

    def test_frames_are_walked_by_arrows(self, console: Console):
        (profile,) = get("/api/profiles", trace_id=PROFILED)["profiles"]
        console.open(f"#/profiles/{profile['id']}")
        console.heading("Request profile of chat")
        page = console.page
        self.press_until(console, "Tab", "Flame graph")
        told = page.locator(".told strong")
        expect(told).to_have_text("all")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowDown")
        expect(told).not_to_have_text("all")
        page.keyboard.press("Enter")
        expect(page.get_by_role("button", name="All", exact=True)).to_be_enabled()
        page.keyboard.press("Escape")
        expect(told).to_have_text("all")

    def test_the_theme_is_chosen_and_kept(self, console: Console):
        theme = console.page.locator("html")
        expect(theme).to_have_attribute("data-theme", "light")
        console.page.get_by_label("Colours").select_option("dark")
        expect(theme).to_have_attribute("data-theme", "dark")
        console.page.reload()
        expect(theme).to_have_attribute("data-theme", "dark")


class TestSampler:
    def test_what_a_service_did_is_one_flame_graph(self, browser: Browser, screenshots: Path):
        wait_until(lambda: get("/api/flame", service="speech")["total"] > 0, 70, "samples arrive")
        console = Console(browser, OBSERVATORY, "light", screenshots)
        console.open("#/profiles?service=speech")
        console.heading("Profiles")
        flame = console.page.get_by_role("region", name="Where speech spent its time")
        expect(flame.locator("canvas")).to_be_visible()
        expect(flame.get_by_role("row")).not_to_have_count(1)
        console.close()


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An observatory that has seen nothing yet, and whose services are not there."""
    folder = tmp_path_factory.mktemp("empty")
    ports = {name: free_port() for name in PORTS}
    names = {f"AFFECTSCOPE_{n.upper()}_PORT": str(port) for n, port in ports.items()}
    names["AFFECTSCOPE_GATEWAY_PORT"] = str(ports["integrated"])
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "affectscope", "serve", "observatory"],
            cwd=ROOT,
            env={
                **clean_environment(),
                **names,
                "AFFECTSCOPE_OBSERVATORY_FOLDER": str(folder / "telemetry"),
            },
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until(lambda: health(ports["observatory"]) is not None, 60, "it answers")
        yield f"http://localhost:{ports['observatory']}"
    finally:
        process.terminate()
        process.wait(30)


class TestEmpty:
    def test_every_page_says_that_there_is_nothing(
        self, empty: str, browser: Browser, screenshots: Path
    ):
        console = Console(browser, empty, "light", screenshots)
        console.open()
        for title in PAGES:
            console.go(title)
            console.heading(re.compile(".") if title == "Overview" else title)
            console.look(f"empty-{title.lower().replace(' ', '-')}")
        console.close()
