"""A live microphone is heard sample by sample, however it sends, and answered while it speaks."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
import pytest
from numpy.typing import NDArray
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import InvalidStatus

from affectscope.affect import Word
from affectscope.service import Service
from affectscope.service.live import MOST_BAD
from affectscope.speech.activity import Speech
from affectscope.speech.app import SpeechSettings, create
from affectscope.speech.live import LIVE_SPEECH, PIECE_BYTES, WAITING_PHRASES, Inbox, Piece
from affectscope.speech.transcript import Transcriber, Transcript
from tests.media.growing import cut, growing
from tests.service.apps import until
from tests.service.live_parts import client, ended, heard, metric, serving, slug
from tests.speech.signals import RATE, silence, spoken

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).parents[2]
END = '{"type": "end"}'
MUTE = json.dumps({"transcribe": False})


def pcm(signal: NDArray[np.float32]) -> bytes:
    return (signal * 32767).astype("<i2").tobytes()


def phrases(count: int) -> NDArray[np.float32]:
    """Return so many phrases of about a second."""
    one = np.concatenate([spoken()[int(0.2 * RATE) : int(1.6 * RATE)], silence(0.8)])
    return np.tile(one, count)


class Scribe:
    """An engine that answers once it may, so that a test decides how slow it is."""

    name = "scribe"

    def __init__(self) -> None:
        self.may = threading.Event()
        self.asked = 0

    def load(self) -> None:
        """Nothing is loaded."""

    def transcribe(self, speech: Speech) -> Transcript:
        """Tell when the phrase began."""
        self.asked += 1
        assert self.may.wait(60)
        text = f"at {speech.start:.1f}"
        return Transcript(text, (Word(text=text, start=speech.start, end=speech.end),), 0.5)


@asynccontextmanager
async def microphone(
    engine: Transcriber | None = None, **settings: object
) -> AsyncIterator[tuple[ClientConnection, Service]]:
    """Serve the speech service and connect to it; it has said that it is ready."""
    found = SpeechSettings.model_validate({"observatory_url": "", **settings})
    service = create(found, engine)
    async with serving(service) as (address, _), client(address, LIVE_SPEECH) as web:
        assert await heard(web) == {
            "type": "ready",
            "most_bytes": found.live_message_bytes,
            "formats": ["s16le", "webm"],
        }
        yield web, service


def of_type(said: list[dict[str, Any]], *kinds: str) -> list[dict[str, Any]]:
    return [one for one in said if one["type"] in kinds]


def bare(segments: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one["segment"] for one in of_type(segments, "segment")]


async def conversation(
    data: bytes, options: str = MUTE, size: int = 8000, engine: Transcriber | None = None
) -> tuple[list[dict[str, Any]], int | None]:
    """Send everything at once, in pieces; returns what is said and how it ends."""
    async with microphone(engine) as (web, _):
        await web.send(options)
        for piece in cut(data, size):
            await web.send(piece)
        await web.send(END)
        said, code, _ = await ended(web)
    return said, code


class TestAnswers:
    async def test_a_sentence_between_silences(self) -> None:
        signal = np.concatenate([silence(1.5), spoken(), silence(1)])
        async with microphone() as (web, service):
            for piece in cut(pcm(signal), 3200):
                await web.send(piece)
            await web.send(END)
            said, code, _ = await ended(web)

        assert code == 1000
        assert said[0]["type"] == "track"
        assert said[0]["track"]["id"] == "voice-1"
        assert said[-1] == {
            "type": "end",
            "heard": len(signal) / RATE,
            "spoken": pytest.approx(5.0, abs=0.8),
            "segments": 2,
        }
        first, second = of_type(said, "segment")
        assert first["segment"]["start"] == pytest.approx(1.5, abs=0.2)
        assert {"level_dbfs", "pitch_hz_median"} <= first["segment"]["measures"].keys()
        assert first["transcript"] == second["transcript"] == "coming"
        assert first["segment"]["text"] is None
        words = [one["utterance"] for one in of_type(said, "utterance")]
        assert [one["start"] for one in words] == [
            one["segment"]["start"] for one in (first, second)
        ]
        assert "happy" in words[0]["text"]
        assert words[0]["engine"] == "pocketsphinx"
        for one in said[1:-1]:
            assert 0 < one["heard"] <= len(signal) / RATE
            assert one["latency_ms"] > 0

        labels = {"endpoint": LIVE_SPEECH}
        pieces = -(-len(signal) // 1600)
        assert metric(service, "affectscope_live_answer_seconds_count", **labels) == pieces
        fate = {**labels, "fate": "answered"}
        assert metric(service, "affectscope_live_messages_total", **fate) == pieces
        for stage in ("decode", "detect", "prosody", "infer", "transcribe"):
            assert metric(service, "affectscope_stage_seconds_count", stage=stage)
        confidence = "affectscope_prediction_confidence_count"
        assert metric(service, confidence, modality="voice") == 2

    async def test_how_it_is_sent_makes_no_difference(self) -> None:
        data = pcm(np.concatenate([silence(0.5), spoken(), silence(0.5)]))

        wanted, _ = await conversation(data, size=len(data))
        assert len(bare(wanted)) == 2
        for size in (98, 1024, 50_000):
            got, code = await conversation(data, size=size)
            assert code == 1000
            assert bare(got) == bare(wanted)

    @pytest.mark.parametrize("form", ["webm", "ogg"])
    async def test_what_a_browser_records(self, form: str) -> None:
        data = growing(np.concatenate([silence(0.5), spoken(), silence(0.5)]), form)
        options = json.dumps({"format": "webm", "transcribe": False})

        wanted, code = await conversation(data, options, len(data))
        got, _ = await conversation(data, options, 777)

        assert code == 1000
        assert len(bare(wanted)) == 2
        assert bare(got) == bare(wanted)
        assert wanted[-1]["heard"] == pytest.approx(6.62, abs=0.03)

    async def test_other_rates(self) -> None:
        signal = np.concatenate([silence(0.5), spoken(), silence(0.5)])
        doubled = np.interp(np.arange(0, len(signal), 0.5), np.arange(len(signal)), signal)
        said, _ = await conversation(
            pcm(doubled.astype(np.float32)), '{"rate": 32000, "transcribe": false}'
        )

        assert said[-1]["heard"] == pytest.approx(len(signal) / RATE, abs=0.01)
        assert len(bare(said)) == 2

    async def test_answers_come_before_the_end(self) -> None:
        async with microphone() as (web, _):
            await web.send(MUTE)
            for piece in cut(pcm(spoken()[: 3 * RATE]), 3200):
                await web.send(piece)
            while (one := await heard(web)).get("state") != "going-on":
                pass
            assert one["partial"] is True
            assert one["segment"]["end"] <= one["heard"]

    async def test_silence(self) -> None:
        said, code = await conversation(pcm(silence(2.5)))

        assert [one["flag"] for one in of_type(said, "quality")] == ["silent"]
        assert (said[-1]["segments"], code) == (0, 1000)
        assert {one["level_dbfs"] for one in of_type(said, "quiet")} == {-120.0}

    async def test_extremes_are_numbers(self) -> None:
        noise = np.random.default_rng(1).integers(0, 2, 3 * RATE) * 65535 - 32768
        said, code = await conversation(noise.astype("<i2").tobytes())

        assert code == 1000
        assert "NaN" not in json.dumps(said)

    async def test_clients_at_once_do_not_share_what_they_hear(self) -> None:
        service = create(SpeechSettings.model_validate({"observatory_url": ""}))
        early, late = (pcm(np.concatenate([silence(s), spoken(), silence(1)])) for s in (1, 3))

        async def talk(address: str, data: bytes) -> list[dict[str, Any]]:
            async with client(address, LIVE_SPEECH) as web:
                await web.send(MUTE)
                for piece in cut(data, 3200):
                    await web.send(piece)
                    await asyncio.sleep(0)
                await web.send(END)
                return (await ended(web))[0]

        async with serving(service) as (address, _):
            both = await asyncio.gather(talk(address, early), talk(address, late))

        starts = [[one["start"] for one in bare(said)] for said in both]
        assert [len(one) for one in starts] == [2, 2]
        assert starts[1] == pytest.approx([one + 2 for one in starts[0]], abs=0.1)


class TestWords:
    """Words take their time, and nothing else waits for them."""

    async def test_segments_do_not_wait(self) -> None:
        scribe = Scribe()
        async with microphone(scribe) as (web, _):
            for piece in cut(pcm(phrases(2)), 3200):
                await web.send(piece)
            said: list[dict[str, Any]] = []
            while len(bare(said)) < 2:
                said.append(await heard(web))
            assert of_type(said, "utterance") == []
            scribe.may.set()
            await web.send(END)
            rest, code, _ = await ended(web)

        starts = [one["start"] for one in bare(said)]
        assert [one["utterance"]["text"] for one in of_type(rest, "utterance")] == [
            f"at {start:.1f}" for start in starts
        ]
        assert (rest[-1]["type"], code) == ("end", 1000)

    async def test_a_voice_does_not_wait_for_too_many(self) -> None:
        scribe, count = Scribe(), WAITING_PHRASES + 3
        async with microphone(scribe) as (web, _):
            said: list[dict[str, Any]] = []
            for number in range(1, count + 1):
                for piece in cut(pcm(phrases(1)), 3200):
                    await web.send(piece)
                while len(bare(said)) < number:
                    said.append(await heard(web))
            scribe.may.set()
            await web.send(END)
            said += (await ended(web))[0]

        fates = [one["transcript"] for one in of_type(said, "segment")]
        # One more is with the engine.
        assert fates == ["coming"] * (WAITING_PHRASES + 1) + ["left-out"] * 2
        assert len(of_type(said, "utterance")) == WAITING_PHRASES + 1

    async def test_a_file_waits(self) -> None:
        scribe, count = Scribe(), WAITING_PHRASES + 3
        async with microphone(scribe) as (web, _):
            await web.send(pcm(phrases(count)))
            await web.send(END)
            said: list[dict[str, Any]] = []
            while len(bare(said)) < WAITING_PHRASES + 1:
                said.append(await heard(web))
            assert scribe.asked == 1
            scribe.may.set()
            said += (await ended(web))[0]

        assert {one["transcript"] for one in of_type(said, "segment")} == {"coming"}
        assert len(of_type(said, "utterance")) == count

    async def test_without(self) -> None:
        scribe = Scribe()
        said, _ = await conversation(pcm(phrases(1)), MUTE, engine=scribe)

        assert [one["transcript"] for one in of_type(said, "segment")] == ["off"]
        assert scribe.asked == 0

    async def test_nothing_was_said(self) -> None:
        class Deaf(Scribe):
            def transcribe(self, speech: Speech) -> Transcript:
                return Transcript("", (), 0.0)

        said, code = await conversation(pcm(phrases(1)), "{}", engine=Deaf())

        assert of_type(said, "utterance") == []
        assert (len(bare(said)), code) == (1, 1000)

    async def test_an_engine_that_fails_ends_it(self) -> None:
        class Broken(Scribe):
            def transcribe(self, speech: Speech) -> Transcript:
                raise ZeroDivisionError("a defect")

        said, code = await conversation(pcm(phrases(1)), "{}", engine=Broken())

        assert (slug(said[-1]), code) == ("internal", 1011)


class TestHaste:
    """Nothing is dropped, and no more is taken in than fits."""

    async def test_a_client_waits_for_room(self) -> None:
        inbox = Inbox(2 * PIECE_BYTES + 10)
        await inbox.put(Piece(b"12345", 0.0))
        assert inbox.patient
        await inbox.put(Piece(b"123456789", 0.0))
        late = asyncio.ensure_future(inbox.put(Piece(b"", 0.0)))
        first = await inbox.take()
        assert first is not None
        await asyncio.sleep(0.01)
        # What is being heard takes up room until it is done.
        assert not late.done()
        assert inbox.bytes == 2 * PIECE_BYTES + 14
        await inbox.done(first)
        await late
        assert inbox.bytes == 2 * PIECE_BYTES + 9
        for data in (b"123456789", b""):
            piece = await inbox.take()
            assert piece is not None
            assert piece.data == data
            await inbox.done(piece)
        assert (inbox.bytes, inbox.patient) == (0, False)
        last = asyncio.ensure_future(inbox.take())
        await inbox.end()
        assert await last is None
        assert inbox.patient

    async def test_a_long_file_is_heard_to_its_end(self) -> None:
        data = pcm(np.concatenate([np.tile(phrases(1), 12), silence(60)]))
        said, code = await conversation(data, size=16_000)

        assert said[-1]["heard"] == len(data) / 2 / RATE
        assert (said[-1]["segments"], code) == (12, 1000)

    async def test_a_client_that_leaves_takes_its_thread_and_its_process_along(self) -> None:
        def threads() -> int:
            return sum(one.name.startswith("speech-live") for one in threading.enumerate())

        def decoders() -> int:
            found = 0
            for one in psutil.Process().children():
                with contextlib.suppress(psutil.Error):
                    found += "affectscope.media.decoder" in one.cmdline()
            return found

        assert await until(lambda: threads() == 0)
        async with microphone() as (web, _):
            await web.send('{"format": "webm", "transcribe": false}')
            await web.send(growing(spoken()))
            while (await heard(web))["type"] != "speech":
                pass
            assert threads() == 1
            # One is kept ready, beside the one that listens.
            assert await until(lambda: decoders() == 2)
            web.transport.abort()
            assert await until(lambda: threads() == 0)
            assert await until(lambda: decoders() == 1)


class TestBadMessages:
    @pytest.mark.parametrize(
        ("bad", "kind", "words"),
        [
            ("later text", "malformed-request", "'later text'; valid after the first message"),
            ('{"rate": 8000}', "malformed-request", "valid after the first message"),
            (b"123", "malformed-request", "3 bytes; valid: an even number"),
            (bytes(100_002), "payload-too-large", "100002 bytes; valid: at most 100000"),
        ],
    )
    async def test_one_is_told_and_forgiven(self, bad: Any, kind: str, words: str) -> None:
        async with microphone(live_message_bytes=100_000) as (web, service):
            await web.send(MUTE)
            await web.send(pcm(silence(0.5)))
            await web.send(bad)
            await web.send(b"")
            await web.send(pcm(silence(0.5)))
            await web.send(END)
            said, code, _ = await ended(web)

        (error,) = of_type(said, "error")
        assert slug(error) == kind
        assert words in error["problem"]["detail"]
        assert (said[-1]["heard"], code) == (1.0, 1000)
        fate = {"endpoint": LIVE_SPEECH, "fate": "refused"}
        assert metric(service, "affectscope_live_messages_total", **fate) == 1

    async def test_many_end_the_connection(self) -> None:
        async with microphone() as (web, _):
            for _ in range(MOST_BAD + 1):
                await web.send(b"123" if _ else b"")
            said, code, reason = await ended(web)

        assert len(of_type(said, "error")) == MOST_BAD
        assert (code, reason) == (4400, "Malformed request")

    @pytest.mark.parametrize("late", [b"12", END, "x"])
    async def test_more_after_the_end(self, late: Any) -> None:
        scribe = Scribe()
        async with microphone(scribe) as (web, _):
            await web.send(pcm(phrases(1)))
            await web.send(END)
            await web.send(late)
            while (one := await heard(web))["type"] != "error":
                pass
            scribe.may.set()
            said, code, _ = await ended(web)

        assert one["problem"]["detail"].startswith("a message after the end")
        assert (said[-1]["type"], code) == ("end", 1000)

    @pytest.mark.parametrize(
        ("options", "kind", "code"),
        [
            ('{"format": "mp3"}', "invalid-value", 4422),
            ('{"speaker": 1}', "invalid-value", 4422),
            ("hello", "malformed-request", 4400),
            ('{"purpose": "workplace"}', "purpose-refused", 4403),
            ('{"purpose": "education"}', "purpose-refused", 4403),
            ('{"purpose": "medical"}', "missing-field", 4422),
            ('{"justification": "' + "x" * 20_000 + '"}', "payload-too-large", 4413),
        ],
    )
    async def test_options_that_are_refused(self, options: str, kind: str, code: int) -> None:
        async with microphone() as (web, _):
            await web.send(options)
            said, closed, _ = await ended(web)

        assert [slug(one) for one in said] == [kind]
        assert closed == code

    @pytest.mark.parametrize(
        ("options", "data", "kind", "code", "words"),
        [
            (MUTE, [], "empty-input", 4422, "no sound came before the end"),
            (MUTE, [b"", b""], "empty-input", 4422, "no sound came before the end"),
            (None, [], "empty-input", 4422, "no sound came before the end"),
            ("webm", [], "empty-input", 4422, "no bytes; valid: WebM or Ogg"),
            ("webm", [b"RIFF"], "unsupported-media-type", 4415, "bytes of another kind"),
            ("webm", [b"\x89PNG\r\n\x1a\n" + bytes(80)], "unsupported-media-type", 4415, "png"),
            ("webm", [bytes(1), bytes(99)], "unsupported-media-type", 4415, "another kind"),
            ("webm", [b"\x1a\x45\xdf\xa3" + bytes(99)], "undecodable-media", 4422, "readable mkv"),
        ],
    )
    async def test_sound_that_is_none(
        self, options: str | None, data: list[bytes], kind: str, code: int, words: str
    ) -> None:
        async with microphone() as (web, _):
            if options is not None:
                await web.send('{"format": "webm"}' if options == "webm" else options)
            for piece in data:
                await web.send(piece)
            if kind != "unsupported-media-type" or data == [b"RIFF"]:
                await web.send(END)
            said, closed, _ = await ended(web)

        assert slug(said[-1]) == kind
        assert words in said[-1]["problem"]["detail"]
        assert closed == code

    async def test_too_many_clients(self) -> None:
        settings = SpeechSettings.model_validate({"observatory_url": "", "live_connections": 1})
        async with (
            serving(create(settings)) as (address, _),
            client(address, LIVE_SPEECH),
        ):
            with pytest.raises(InvalidStatus) as refusal:
                await client(address, LIVE_SPEECH)

        answer = refusal.value.response
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")

    async def test_pages_of_strangers(self) -> None:
        settings = SpeechSettings.model_validate({"observatory_url": ""})
        async with serving(create(settings)) as (address, _):
            with pytest.raises(InvalidStatus) as refusal:
                await client(address, LIVE_SPEECH, origin="https://evil.example")

        assert refusal.value.response.status_code == 403

    async def test_a_client_that_says_nothing(self) -> None:
        async with microphone(live_idle_seconds=0.2) as (web, _):
            said, code, _ = await ended(web)

        assert (slug(said[-1]), code) == ("request-timeout", 4408)


async def test_whoever_waits_for_words_may_be_silent() -> None:
    scribe = Scribe()
    async with microphone(scribe, live_idle_seconds=3) as (web, _):
        await web.send(pcm(phrases(1)))
        await web.send(END)
        assert await until(lambda: scribe.asked == 1)
        await asyncio.sleep(3.2)
        scribe.may.set()
        said, code, _ = await ended(web)

    assert (said[-1]["type"], code) == ("end", 1000)


async def test_a_service_that_stops_says_so() -> None:
    service = create(SpeechSettings.model_validate({"observatory_url": ""}))
    async with serving(service) as (address, server), client(address, LIVE_SPEECH) as web:
        await heard(web)
        await web.send(pcm(silence(0.5)))
        server.should_exit = True
        assert (await ended(web))[1] == 1001


async def test_the_interface_tells_of_it() -> None:
    transport = httpx.ASGITransport(create(SpeechSettings()).app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as web:
        document = (await web.get("/openapi.json")).json()

    assert LIVE_SPEECH in document["info"]["description"]


async def test_the_client_of_the_documents_runs(capsys: pytest.CaptureFixture[str]) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "live.md").read_text(), re.DOTALL)
    (block,) = (one for one in blocks if LIVE_SPEECH in one)
    settings = SpeechSettings.model_validate({"observatory_url": ""})
    async with serving(create(settings)) as (address, _):
        code = compile(block.replace("localhost:8002", address), "live.md", "exec")
        await asyncio.to_thread(exec, code, {"__name__": "live"})

    lines = capsys.readouterr().out.splitlines()
    assert any("i am so happy today we did it" in line for line in lines)
    assert sum("until" in line for line in lines) == 2
