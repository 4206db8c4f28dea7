"""A service that is killed or stopped hurts nobody else, and is soon back."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from live_system import GATEWAY, PORTS, all_pass, health, wait_until

SERVICES = ("video", "speech", "chat", "survey")
BACK_SECONDS = 10.0
PROMPT_SECONDS = 5.0
LOST = ("backend-unavailable", "backend-timeout")


def pid(service: str) -> int:
    found = health(PORTS[service])
    assert found is not None
    return int(found["process"]["pid"])


def long_request(service: str, inputs: Path, going: threading.Event) -> httpx.Response:
    """Send something to the gateway that keeps a service busy for a while."""
    url = f"{GATEWAY}/analyze-{service}"
    headers = {"content-type": "application/json"}
    with httpx.Client(trust_env=False, timeout=100) as client:
        match service:
            case "video":
                files = {"video_file": (inputs / "long.mp4").read_bytes()}
                return client.post(f"{url}?fps=30", files=files)
            case "speech":
                return client.post(url, files={"audio_file": (inputs / "long.wav").read_bytes()})
            case "chat":
                content = (inputs / "long.json").read_bytes()
                return client.post(url, content=content, headers=headers)
        whole = (inputs / "survey.json").read_bytes()

        def slowly():
            """A survey is scored at once; its upload is what takes long."""
            yield whole[:10]
            going.wait(8)
            yield whole[10:]

        return client.post(url, content=slowly(), headers=headers)


def slug(response: httpx.Response) -> str:
    return str(response.json()["type"]).removeprefix("urn:affectscope:problem:")


@pytest.mark.parametrize("victim", SERVICES)
def test_a_killed_service(victim, inputs):
    wait_until(all_pass, 30, "all services pass")
    before, go = pid(victim), threading.Event()
    with ThreadPoolExecutor(4) as pool:
        flying: dict[str, Future[httpx.Response]] = {
            name: pool.submit(long_request, name, inputs, go) for name in SERVICES
        }
        time.sleep(1.5)
        assert not flying[victim].done()

        os.kill(before, signal.SIGKILL)
        killed = time.monotonic()

        lost = flying[victim].result(PROMPT_SECONDS + 8)
        if victim != "survey":
            assert time.monotonic() - killed < PROMPT_SECONDS
        assert slug(lost) in LOST
        assert "retry-after" in lost.headers
        go.set()
        back = wait_until(
            lambda: httpx.get(f"{GATEWAY}/livez").is_success and is_back(victim, before),
            BACK_SECONDS - (time.monotonic() - killed),
            f"{victim} is back",
        )
        assert back < BACK_SECONDS
        for name, request in flying.items():
            if name != victim:
                answer = request.result(100)
                assert answer.status_code == 200, f"{name}: {answer.text[:300]}"


def is_back(service: str, before: int) -> bool:
    found = health(PORTS[service])
    if found is None or found["process"]["pid"] == before:
        return False
    ready = httpx.get(f"http://127.0.0.1:{PORTS[service]}/readyz", trust_env=False)
    return ready.is_success


def test_the_gateway_warns_while_a_service_is_gone():
    wait_until(all_pass, 30, "all services pass")
    os.kill(pid("chat"), signal.SIGKILL)

    def warned() -> bool:
        found = health(PORTS["integrated"])
        assert found is not None
        assert found["status"] in ("pass", "warn")
        return bool(found["status"] == "warn" and found["backends"]["chat"]["state"] != "pass")

    wait_until(warned, PROMPT_SECONDS, "the gateway warns")
    wait_until(all_pass, BACK_SECONDS + 2, "all services pass")


def test_a_killed_gateway():
    before = pid("integrated")
    os.kill(before, signal.SIGKILL)

    for service in SERVICES:
        assert health(PORTS[service]) is not None
    wait_until(lambda: is_back("integrated", before), BACK_SECONDS, "the gateway is back")
    wait_until(all_pass, BACK_SECONDS, "all services pass")


def test_a_stopped_service():
    wait_until(all_pass, 30, "all services pass")
    stopped = pid("chat")
    os.kill(stopped, signal.SIGSTOP)
    try:
        body = {"text": "I am glad"}
        begin = time.monotonic()
        with httpx.Client(trust_env=False, timeout=100) as client:
            answer = client.post(f"{GATEWAY}/analyze-chat", json=body)
            taken = time.monotonic() - begin
            other = client.post(
                f"{GATEWAY}/analyze-survey", json={"instrument": "who-5", "answers": [1] * 5}
            )
    finally:
        os.kill(stopped, signal.SIGCONT)

    assert slug(answer) in LOST
    assert taken < 60
    assert other.status_code == 200
    wait_until(all_pass, 30, "all services pass")


def test_clients_that_stall_or_leave_hurt_nobody():
    wait_until(all_pass, 30, "all services pass")
    head = (
        b"POST /analyze-video HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n"
        b"Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n"
    )
    stalled = [socket.create_connection(("127.0.0.1", PORTS["integrated"])) for _ in range(100)]
    for peer in stalled:
        peer.sendall(head)

    begin = time.monotonic()
    with httpx.Client(trust_env=False, timeout=30) as client:
        answer = client.post(f"{GATEWAY}/analyze-chat", json={"text": "still there"})
    taken = time.monotonic() - begin
    for peer in stalled:
        peer.close()

    assert answer.status_code == 200
    assert taken < PROMPT_SECONDS
    wait_until(all_pass, 30, "all services pass")
