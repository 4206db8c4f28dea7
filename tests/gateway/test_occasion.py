"""Everything of one occasion in one request."""

from __future__ import annotations

import asyncio
import io
import math
import struct
import threading
import wave
from pathlib import Path

import av
import pytest
from fastapi import Request
from starlette.responses import JSONResponse, Response

import affectscope.chat.app
import affectscope.survey.app
from affectscope.affect import (
    Segment,
    Session,
    SessionBuilder,
    Subject,
    Track,
    Utterance,
    affect_from,
)
from affectscope.chat.app import ChatSettings
from affectscope.errors import AnswerTooLarge, UndecodableMedia
from affectscope.samples import sample
from affectscope.survey.app import SurveySettings
from affectscope.video import VideoAnalyzer

CHAT = sample("chat").read_text()
SURVEY = sample("survey").read_text()
FACE = affect_from("ferplus-8", [0.1, 0.8, 0.1, 0, 0, 0, 0, 0])


def tone(seconds: float = 0.5) -> bytes:
    """A WAV file with a tone."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        count = int(seconds * 16_000)
        values = [int(8000 * math.sin(i / 8)) for i in range(count)]
        file.writeframes(struct.pack(f"<{count}h", *values))
    return buffer.getvalue()


def picture(video: Path) -> bytes:
    """The first picture of a video, as PNG."""
    buffer = io.BytesIO()
    with av.open(str(video)) as container:
        frame = next(container.decode(video=0))
        frame.to_image().save(buffer, "PNG")
    return buffer.getvalue()


def session(modality: str, subject: str, count: int = 2) -> Session:
    segments = tuple(Segment(start=i, end=i + 1, affect=FACE) for i in range(count))
    track = Track(
        id=f"{modality}-1",
        subject=subject,
        modality=modality,
        vocabulary="ferplus-8",
        segments=segments,
    )
    return Session(
        duration=float(count), subjects=(Subject(id=subject, label=subject),), tracks=(track,)
    )


def document(found: Session, **more: object) -> dict[str, object]:
    timing = {"infer": 0.1, "total": 0.2}
    return {"session": found.model_dump(mode="json"), "timing": timing, "warnings": [], **more}


def fields(**texts: str) -> dict[str, tuple[None, str]]:
    """Fields of a multipart body without any file."""
    return {name: (None, text) for name, text in texts.items()}


class Stand:
    """Video and speech services that answer a given document and note what they were sent."""

    def __init__(self, small_service, serve) -> None:
        self.answers: dict[str, object] = {
            "video": document(session("face", "face-1")),
            "speech": document(
                session("voice", "speaker-1").model_copy(
                    update={
                        "transcript": (
                            Utterance(
                                subject="speaker-1",
                                start=0.5,
                                end=1.5,
                                text="I am so happy!",
                                engine="test",
                            ),
                        )
                    }
                )
            ),
        }
        self.asked: dict[str, dict[str, str]] = {}
        self.received: dict[str, bytes] = {}
        self.urls = {
            f"{name}_url": serve(self._app(small_service(name), name, field))
            for name, field in (("video", "video_file"), ("speech", "audio_file"))
        }

    def _app(self, service, name, field):
        @service.app.post(f"/analyze-{name}")
        async def analyze(request: Request) -> Response:
            self.asked[name] = dict(request.query_params)
            async with service.upload(request, field) as upload:
                self.received[name] = upload.path.read_bytes()
            answer = self.answers[name]
            if isinstance(answer, Exception):
                raise answer
            return JSONResponse(answer)

        return service.app


@pytest.fixture
def stand(small_service, serve) -> Stand:
    return Stand(small_service, serve)


@pytest.fixture
def texts(serve) -> dict[str, str]:
    """The real chat and survey services."""
    return {
        "chat_url": serve(affectscope.chat.app.create(ChatSettings()).app),
        "survey_url": serve(affectscope.survey.app.create(SurveySettings()).app),
    }


class TestMix:
    """Parts are analysed by their services and put together."""

    def test_all_four_at_once(self, stand, texts, make_gateway, client):
        url, _ = make_gateway(**stand.urls, **texts)
        voice = tone()

        answer = client.post(
            f"{url}/analyze",
            files={
                "video_file": ("a.mp4", sample("video").read_bytes()),
                "audio_file": ('b".wav', voice),
            },
            data={"chat": CHAT, "survey": SURVEY, "purpose": "medical", "justification": "because"},
        )

        found = answer.json()
        assert answer.status_code == 200
        assert Session.model_validate(found["session"]).purpose == "medical"
        assert found["session"]["justification"] == "because"
        assert {track["modality"] for track in found["session"]["tracks"]} == {
            "face",
            "voice",
            "text",
        }
        assert found["session"]["surveys"][0]["instrument"] == "phq-9"
        assert "fused-person-1" in [track["id"] for track in found["session"]["fused"]]
        parts = found["timing"]["parts"]
        assert set(parts) == {"video", "speech", "words", "chat", "survey"}
        assert parts["video"]["infer"] == 0.1
        assert {"upload", "fuse", "total"} <= set(found["timing"])
        assert stand.received["speech"] == voice
        assert stand.asked["video"] == {"purpose": "medical", "justification": "because"}

    def test_the_sound_of_a_video_is_a_voice_whose_words_are_text(
        self, stand, texts, make_gateway, client
    ):
        url, _ = make_gateway(**stand.urls, **texts)
        video = sample("video").read_bytes()

        found = client.post(f"{url}/analyze", files={"video_file": video}).json()

        assert stand.received["speech"] == video
        words = [track for track in found["session"]["tracks"] if track["modality"] == "text"]
        assert words[0]["subject"] == "speaker-1"
        assert words[0]["segments"][0]["text"] == "I am so happy!"
        assert (words[0]["segments"][0]["start"], words[0]["segments"][0]["end"]) == (0.5, 1.5)
        assert found["session"]["transcript"][0]["text"] == "I am so happy!"

    def test_a_silent_video_asks_no_speech_service(self, stand, texts, make_gateway, client):
        url, _ = make_gateway(**stand.urls, **texts)
        still = picture(sample("video"))

        found = client.post(f"{url}/analyze", files={"video_file": still}).json()

        assert set(found["timing"]["parts"]) == {"video"}
        assert found["warnings"] == []

    def test_what_each_face_showed_comes_through(self, stand, texts, make_gateway, client):
        url, _ = make_gateway(**stand.urls, **texts)
        video = SessionBuilder().extend(VideoAnalyzer().stream(sample("video"), 1.0)).build()
        stand.answers["video"] = document(video)

        answer = client.post(f"{url}/analyze", files={"video_file": picture(sample("video"))})

        found = Session.model_validate(answer.json()["session"])
        assert found.faces == video.faces
        assert found.faces[0].labels["happiness"] > 0.9

    def test_a_chat_as_a_file(self, texts, make_gateway, client):
        url, _ = make_gateway(**texts)
        part = ("chat.json", CHAT, "application/json")

        found = client.post(f"{url}/analyze", files={"chat": part}).json()

        assert {track["subject"] for track in found["session"]["tracks"]} == {"Ana", "Ben"}


class TestFailures:
    """A part that fails is a warning; the rest is answered."""

    def test_one_part_fails(self, stand, texts, make_gateway, client):
        url, _ = make_gateway(**texts, video_url=stand.urls["video_url"])
        stand.answers["video"] = UndecodableMedia("it is damaged")

        found = client.post(
            f"{url}/analyze", files={"video_file": b"junk"}, data={"survey": SURVEY}
        ).json()

        assert found["warnings"] == [
            {
                "code": "undecodable-media",
                "message": "video is missing from this answer: it is damaged",
                "modality": "face",
            }
        ]
        assert found["session"]["surveys"]

    def test_a_sound_that_nobody_has_time_to_look_for(
        self, stand, texts, make_gateway, client, until
    ):
        url, gateway = make_gateway(**stand.urls, **texts, workers=1, queue_limit=0)
        busy, go = threading.Event(), threading.Event()

        def work() -> None:
            busy.set()
            go.wait(5)

        original = gateway.pool.run

        async def run(job):
            # The first job is the look for sound; something else has just taken the only worker.
            gateway.pool.run = original
            taken = asyncio.ensure_future(original(work))
            await asyncio.sleep(0)
            try:
                return await original(job)
            finally:
                go.set()
                await taken

        gateway.pool.run = run

        found = client.post(
            f"{url}/analyze", files={"video_file": sample("video").read_bytes()}
        ).json()

        assert [one["code"] for one in found["warnings"]] == ["overloaded"]
        assert found["warnings"][0]["modality"] == "voice"

    def test_every_part_fails(self, make_gateway, client):
        url, _ = make_gateway()

        answer = client.post(f"{url}/analyze", files=fields(survey=SURVEY))

        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "5"
        assert answer.json()["type"] == "urn:affectscope:problem:backend-unavailable"
        assert answer.json()["part"] == "survey"

    def test_the_problem_of_the_only_part(self, texts, make_gateway, client):
        url, _ = make_gateway(**texts)

        answer = client.post(f"{url}/analyze", files=fields(chat="{"))

        assert answer.status_code == 400
        assert answer.json()["type"] == "urn:affectscope:problem:malformed-request"

    def test_an_answer_that_is_no_problem_document(self, serve, make_gateway, client):
        async def app(scope, receive, send):
            if scope["type"] == "http":
                await Response("<html>", status_code=500)(scope, receive, send)

        url, _ = make_gateway(chat_url=serve(app))

        answer = client.post(f"{url}/analyze", files=fields(chat=CHAT))

        assert answer.status_code == 500
        assert answer.json()["detail"] == "a service answered 500"

    def test_too_many_segments_together(self, stand, make_gateway, client):
        url, _ = make_gateway(**stand.urls)
        stand.answers["video"] = document(session("face", "face-1", 6000))
        stand.answers["speech"] = document(session("voice", "speaker-1", 6000))

        answer = client.post(f"{url}/analyze", files={"video_file": b"junk", "audio_file": b"junk"})

        assert answer.json()["type"] == "urn:affectscope:problem:answer-too-large"
        assert "application/x-ndjson" in answer.json()["detail"]
        assert answer.status_code == AnswerTooLarge.status

    def test_nothing_is_given(self, make_gateway, client):
        url, _ = make_gateway()

        answer = client.post(f"{url}/analyze", files={"video": b"x"})

        assert answer.json()["type"] == "urn:affectscope:problem:missing-field"
        for name in ("video_file", "audio_file", "chat", "survey"):
            assert name in answer.json()["detail"]
        assert "'video'" in answer.json()["detail"]


class TestPurpose:
    """The purpose is judged before anything is analysed."""

    @pytest.mark.parametrize("where", ["data", "params"])
    def test_a_workplace_refuses_faces(self, stand, texts, make_gateway, client, where):
        url, _ = make_gateway(**stand.urls, **texts)

        answer = client.post(
            f"{url}/analyze",
            files={"video_file": b"x", "chat": (None, CHAT)},
            **{where: {"purpose": "workplace"}},
        )

        assert answer.json()["type"] == "urn:affectscope:problem:purpose-refused"
        assert stand.asked == {}

    def test_a_workplace_may_ask(self, texts, make_gateway, client):
        url, _ = make_gateway(**texts)

        answer = client.post(f"{url}/analyze", files=fields(chat=CHAT, purpose="workplace"))

        assert answer.json()["session"]["purpose"] == "workplace"


class TestProfile:
    """Each part is profiled by its own service."""

    def test_profiles_of_all_parts(self, texts, make_gateway, client):
        url, _ = make_gateway(**texts)

        found = client.post(
            f"{url}/analyze?profile=true", files=fields(chat=CHAT, survey=SURVEY)
        ).json()["profile"]

        assert found["wall_seconds"] > 0
        assert set(found["parts"]) == {"chat", "survey"}
        assert found["functions"][0].keys() >= {"name", "calls", "cumulative_seconds", "part"}
        times = [function["cumulative_seconds"] for function in found["functions"]]
        assert times == sorted(times, reverse=True)

    def test_only_for_operators(self, texts, make_gateway, client):
        url, _ = make_gateway(**texts)

        answer = client.post(
            f"{url}/analyze?profile=true",
            files=fields(chat=CHAT),
            headers={"X-Forwarded-For": "1.2.3.4"},
        )

        assert answer.status_code == 403
