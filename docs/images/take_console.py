"""Take the picture of the console from a running system, after a while of real requests.

Run it with `make screenshot` while `make run` runs; it needs Chromium.
"""

from __future__ import annotations

import argparse
import shutil
import time
from pathlib import Path

import httpx
from playwright.sync_api import sync_playwright

from affectscope.samples import sample

PICTURE = Path(__file__).with_name("console.png")
JSON = {"content-type": "application/json"}


def send_requests(gateway: str, seconds: float) -> None:
    """Send the shipped samples, and now and then a request that is refused."""
    speech, video = sample("speech").read_bytes(), sample("video").read_bytes()
    chat, survey = sample("chat").read_bytes(), sample("survey").read_bytes()
    ended = time.monotonic() + seconds
    turn = 0
    with httpx.Client(base_url=gateway, trust_env=False, timeout=120) as client:
        while time.monotonic() < ended:
            turn += 1
            client.post("/analyze-chat", content=chat, headers=JSON)
            client.post("/analyze-survey", content=survey, headers=JSON)
            if turn % 4 == 0:
                client.post("/analyze-video", files={"video_file": video})
            if turn % 8 == 0:
                client.post("/analyze-speech", files={"audio_file": speech})
            if turn % 60 == 0:
                client.post("/analyze-chat", json={"message": "no such field"})
            time.sleep(0.5)


def take_picture(observatory: str) -> None:
    """Take the overview as it is seen at first."""
    program = shutil.which("chromium")
    if program is None:
        raise SystemExit("there is no chromium: 'sudo apt-get install chromium'")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page(
            viewport={"width": 1440, "height": 1080}, reduced_motion="reduce", color_scheme="light"
        )
        page.goto(observatory)
        page.get_by_role("heading", level=1).wait_for()
        page.wait_for_load_state("networkidle")
        page.screenshot(path=PICTURE)
        browser.close()


def main() -> None:
    """Send requests, then take the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gateway", default="http://localhost:9000")
    parser.add_argument("--observatory", default="http://localhost:9001")
    parser.add_argument("--seconds", type=float, default=300, help="of requests before")
    arguments = parser.parse_args()
    send_requests(arguments.gateway, arguments.seconds)
    take_picture(arguments.observatory)


if __name__ == "__main__":
    main()
