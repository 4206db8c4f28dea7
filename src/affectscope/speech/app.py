"""The speech service."""

from __future__ import annotations

from typing import Annotated, ClassVar

from fastapi import Query, Request
from starlette.responses import Response

from affectscope.media import warm_up
from affectscope.service import (
    Service,
    ServiceSettings,
    analysis_responses,
    multipart_schema,
    own_port,
    read_settings,
)
from affectscope.speech.analyzer import SpeechAnalyzer
from affectscope.speech.channels import Channels


class SpeechSettings(ServiceSettings):
    """Settings of the speech service."""

    service: ClassVar[str] = "speech"
    port: int = own_port("speech", 8002)


def create(settings: SpeechSettings | None = None) -> Service:
    """Make the service; settings come from the environment where none are given.

    Raises:
        ModelUnavailable: ``AFFECTSCOPE_WHISPER_PATH`` names no usable folder.
    """
    analyzer = SpeechAnalyzer()

    def load() -> None:
        analyzer.load()
        warm_up()

    service = Service(
        "speech",
        settings=settings or read_settings(SpeechSettings),
        title="Affectscope: Speech Analysis",
        description="Where somebody speaks, what is said, and which emotion the voice resembles.",
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

    return service
