"""The video service."""

from __future__ import annotations

from typing import Annotated, ClassVar

from fastapi import Query, Request
from starlette.responses import Response
from starlette.websockets import WebSocket

from affectscope.media import FORMATS, MOST_SEQUENCE_RATE, SEQUENCE_RATE
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
from affectscope.video.analyzer import VideoAnalyzer
from affectscope.video.live import LIVE_VIDEO, LiveVideo

MOST_FPS = 60.0


class VideoSettings(LiveSettings):
    """Settings of the video service."""

    service: ClassVar[str] = "video"
    port: int = own_port("video", 8001)


def create(settings: VideoSettings | None = None) -> Service:
    """Make the service; settings come from the environment where none are given."""
    analyzer = VideoAnalyzer()
    found = settings or read_settings(VideoSettings)
    service = Service(
        "video",
        settings=found,
        title="Affectscope: Video Analysis",
        description="Faces in videos and images, followed from frame to frame, and which expression "
        "each resembles. An expression is not a feeling. A live camera is watched by the WebSocket "
        f"at `{LIVE_VIDEO}`, of which `docs/live.md` tells.",
        endpoints=["/analyze-video"],
        warm_up=analyzer.load,
    )

    @service.app.post(
        "/analyze-video",
        tags=["analysis"],
        responses=analysis_responses(),
        openapi_extra=multipart_schema(
            {
                "video_file": f"A video or an image; one of {', '.join(FORMATS)}, with pictures. "
                "A zip is of numbered images."
            },
            required=("video_file",),
        ),
    )
    async def analyze_video(
        request: Request,
        fps: Annotated[
            float,
            Query(
                gt=0,
                le=MOST_FPS,
                description="Most frames a second that are looked at, chosen by their time stamps.",
                examples=[5, 25],
            ),
        ] = 5.0,
        sequence_rate: Annotated[
            float,
            Query(
                gt=0,
                le=MOST_SEQUENCE_RATE,
                description="Images a second of a zip of numbered images, or of bare motion JPEG.",
                examples=[25, 1],
            ),
        ] = SEQUENCE_RATE,
    ) -> Response:
        """Analyse one video or image: a track per face, a segment per face and frame."""
        async with service.upload(request, "video_file", modalities=("face",)) as upload:
            return await service.answer(
                request,
                lambda: analyzer.stream(upload.path, fps, sequence_rate),
                modalities=("face",),
            )

    door = LiveDoor(service, found, LIVE_VIDEO)

    @service.app.websocket(LIVE_VIDEO)
    async def live_video(websocket: WebSocket) -> None:
        async def watch(connection: LiveConnection) -> None:
            await LiveVideo(service, analyzer, connection).run()

        await door.serve(websocket, watch)

    return service
