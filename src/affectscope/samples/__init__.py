"""Small sample inputs of every kind, shipped with the package; `SOURCES.md` names their origin."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

from affectscope.errors import InvalidValue

__all__ = ["KINDS", "SPOKEN", "SampleKind", "sample"]

SampleKind = Literal["video", "speech", "chat", "survey"]
KINDS: tuple[SampleKind, ...] = get_args(SampleKind)
"""Every kind, one for each service that analyses."""

SPOKEN = "I am so happy today. We did it! This is the best day of my life."
"""What is said in the speech sample and in the video sample."""

_FILES: dict[str, str] = {
    "video": "portrait.mp4",
    "speech": "sentence.wav",
    "chat": "conversation.json",
    "survey": "phq-9.json",
}


def sample(kind: SampleKind) -> Path:
    """Return the path of a sample input.

    Args:
        kind: `video`: an MP4 of 5.6 seconds with one face and the spoken sentence as its sound.
            `speech`: that sentence as 16 kHz WAV. `chat`: the body of `/analyze-chat`, 12 messages
            of two people. `survey`: the body of `/analyze-survey`, a filled PHQ-9.

    Raises:
        InvalidValue: There is no sample of that kind.
    """
    if kind not in _FILES:
        raise InvalidValue(f"no sample of kind {kind!r}; valid: {', '.join(KINDS)}")
    return Path(__file__).with_name(_FILES[kind])
