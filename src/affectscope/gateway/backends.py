"""The four services behind the gateway: what they are called, and what they take."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from affectscope.affect import Modality

BackendName = Literal["video", "speech", "chat", "survey"]


@dataclass(frozen=True)
class Backend:
    """One service behind the gateway.

    Attributes:
        name: Its name in settings, metrics and answers.
        title: What people call it.
        endpoint: Path of its analysis.
        field: Name of the multipart field that it takes; None where it takes a JSON body.
        modality: Which modality its analysis gives.
        port: Where it listens unless told otherwise.
    """

    name: BackendName
    title: str
    endpoint: str
    field: str | None
    modality: Modality
    port: int

    @property
    def variable(self) -> str:
        """Environment variable that holds its address."""
        return f"AFFECTSCOPE_{self.name.upper()}_URL"


VIDEO = Backend("video", "Video Analysis", "/analyze-video", "video_file", "face", 8001)
SPEECH = Backend("speech", "Speech Analysis", "/analyze-speech", "audio_file", "voice", 8002)
CHAT = Backend("chat", "Chat Analysis", "/analyze-chat", None, "text", 8003)
SURVEY = Backend("survey", "Survey Analysis", "/analyze-survey", None, "survey", 8004)

CHAT_BATCH = replace(
    CHAT, title="Chat Analysis, long conversations", endpoint="/analyze-chat-batch"
)
"""The same service's way for conversations of any length."""

VIDEO_LIVE = replace(VIDEO, title="Video Analysis, live", endpoint="/live-video")
"""The same service's way for live cameras, a WebSocket."""

SPEECH_LIVE = replace(SPEECH, title="Speech Analysis, live", endpoint="/live-speech")
"""The same service's way for live microphones, a WebSocket."""

BACKENDS = (VIDEO, SPEECH, CHAT, SURVEY)
"""All of them, in the order in which they are shown."""
