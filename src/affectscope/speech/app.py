"""The speech service."""

from __future__ import annotations

from typing import Annotated, ClassVar

from fastapi import Query, Request
from starlette.responses import Response
from starlette.websockets import WebSocket

from affectscope.media import warm_up
from affectscope.service import (
    LiveConnection,
    LiveDoor,
    LiveSettings,
    Service,
    analysis_responses,
    multipart_schema,
    own_port,
    read_settings,
)
from affectscope.speech.analyzer import SpeechAnalyzer
from affectscope.speech.channels import Channels
from affectscope.speech.engine import default_engine
from affectscope.speech.live import LIVE_SPEECH, LiveSpeech
from affectscope.speech.live_words import LiveWords
from affectscope.speech.transcript import Transcriber


class SpeechSettings(LiveSettings):
    """Settings of the speech service."""

    service: ClassVar[str] = "speech"
    port: int = own_port("speech", 8002)


def create(settings: SpeechSettings | None = None, engine: Transcriber | None = None) -> Service:
    """Make the service.

    Args:
        settings: From the environment where none are given.
        engine: What transcribes; `default_engine` where none is given.

    Raises:
        ModelUnavailable, NotFound, InvalidValue: ``AFFECTSCOPE_WHISPER`` names no model that was
            added, or ``AFFECTSCOPE_WHISPER_PATH`` no usable folder, or both are set.
    """
    engine = engine or default_engine()
    analyzer = SpeechAnalyzer(engine)
    found = settings or read_settings(SpeechSettings)

    def load() -> None:
        analyzer.load()
        warm_up()

    service = Service(
        "speech",
        settings=found,
        title="Affectscope: Speech Analysis",
        description="Where somebody speaks, what is said, and which emotion the voice resembles. A "
        f"live microphone is heard by the WebSocket at `{LIVE_SPEECH}`, of which `docs/live.md` "
        "tells.",
        endpoints=["/analyze-speech"],
        warm_up=load,
    )

    @service.app.post(
        "/analyze-speech",
        tags=["analysis"],
        responses=analysis_responses(),
        openapi_extra=multipart_schema(
            {"audio_file": "Any audio file, or a video with sound."}, required=("audio_file",)
        ),
    )
    async def analyze_speech(
        request: Request,
        transcribe: Annotated[
            bool, Query(description="Whether to find the words; without, it is much faster.")
        ] = True,
        channels: Annotated[
            Channels,
            Query(
                description="`auto`: two channels with different voices are two speakers; `mix`: "
                "all channels are one; `split`: each of at most 8 channels is a speaker."
            ),
        ] = "auto",
    ) -> Response:
        """Analyse one recording: a track per speaker, a segment per phrase."""
        async with service.upload(request, "audio_file", modalities=("voice",)) as upload:
            return await service.answer(
                request,
                lambda: analyzer.stream(upload.path, transcribe=transcribe, channels=channels),
                modalities=("voice",),
            )

    door = LiveDoor(service, found, LIVE_SPEECH)
    words = LiveWords(engine, found.workers)
    service.before_stop.append(words.close)

    @service.app.websocket(LIVE_SPEECH)
    async def live_speech(websocket: WebSocket) -> None:
        async def listen(connection: LiveConnection) -> None:
            await LiveSpeech(service, analyzer, words, connection).run()

        await door.serve(websocket, listen)

    return service
