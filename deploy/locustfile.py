"""Load from many machines at once, with Locust: one kind of user for each service.

    locust -f deploy/locustfile.py                                  # all, with Locust's page
    locust -f deploy/locustfile.py --headless -u 20 -t 1m Chat      # one kind alone
    locust -f deploy/locustfile.py --master                         # and on each other machine:
    locust -f deploy/locustfile.py --worker --master-host MASTER

Each machine needs Locust and this repository, whose samples are sent. Users ask the service itself,
at `AFFECTSCOPE_<NAME>_URL` or its usual port; `--host http://HOST:9000` sends all by way of a gateway.

Each user begins one request a second where the last one has been answered, so `-u` is the rate, as
long as answers take less than a second. Beyond that users wait for the services and the rate sinks
with them: then believe the rate that Locust shows, not its percentiles. `run_load_test.py --mode` has
no such limit, on one machine.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from locust import HttpUser, constant_throughput, task

SAMPLES = Path(__file__).resolve().parents[1] / "src" / "affectscope" / "samples"
VIDEO, SPEECH = SAMPLES / "portrait.mp4", SAMPLES / "sentence.wav"
CHAT, SURVEY = SAMPLES / "conversation.json", SAMPLES / "phq-9.json"


def address(name: str, port: int) -> str:
    """Return where a service is: what its variable says, or its port on this machine."""
    return os.environ.get(f"AFFECTSCOPE_{name}_URL") or f"http://localhost:{port}"


class Sender(HttpUser):
    """A user that sends one sample a second."""

    abstract = True
    wait_time = constant_throughput(1)

    def send(self, endpoint: str, **content: Any) -> None:
        """Send a request; what fails is counted by the type of its problem."""
        with self.client.post(endpoint, catch_response=True, timeout=60, **content) as answer:
            if answer.status_code >= 400:
                try:
                    kind = str(answer.json()["type"]).rpartition(":")[2]
                except (ValueError, KeyError, TypeError):
                    kind = ""
                answer.failure(f"{answer.status_code} {kind}".strip())


class Video(Sender):
    """Sends a short video of a face."""

    host = address("VIDEO", 8001)

    @task
    def analyze(self) -> None:
        """Send it."""
        content = VIDEO.read_bytes()
        self.send("/analyze-video", files={"video_file": (VIDEO.name, content)})


class Speech(Sender):
    """Sends a spoken sentence."""

    host = address("SPEECH", 8002)

    @task
    def analyze(self) -> None:
        """Send it."""
        content = SPEECH.read_bytes()
        self.send("/analyze-speech", files={"audio_file": (SPEECH.name, content)})


class Chat(Sender):
    """Sends a conversation."""

    host = address("CHAT", 8003)

    @task
    def analyze(self) -> None:
        """Send it."""
        self.send("/analyze-chat", json=json.loads(CHAT.read_bytes()))


class Survey(Sender):
    """Sends a filled questionnaire."""

    host = address("SURVEY", 8004)

    @task
    def analyze(self) -> None:
        """Send it."""
        self.send("/analyze-survey", json=json.loads(SURVEY.read_bytes()))


class Integrated(Sender):
    """Sends a voice, a conversation and a questionnaire of one occasion to the gateway."""

    host = address("GATEWAY", 9000)

    @task
    def analyze(self) -> None:
        """Send it."""
        self.send(
            "/analyze",
            files={
                "audio_file": (SPEECH.name, SPEECH.read_bytes()),
                "chat": (None, CHAT.read_text(encoding="utf-8")),
                "survey": (None, SURVEY.read_text(encoding="utf-8")),
            },
        )
