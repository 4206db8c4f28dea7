"""Voices: where somebody speaks, what they say, and which emotion the voice resembles.

Names are found on first use, so that the front end alone can be imported without the engines.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from affectscope.speech.analyzer import SpeechAnalyzer, default_engine, transcribe
    from affectscope.speech.transcript import FasterWhisper, PocketSphinx, Transcriber
    from affectscope.speech.voice import VoiceModel

__all__ = [
    "FasterWhisper",
    "PocketSphinx",
    "SpeechAnalyzer",
    "Transcriber",
    "VoiceModel",
    "default_engine",
    "transcribe",
]

_HOMES = {
    "FasterWhisper": "transcript",
    "PocketSphinx": "transcript",
    "SpeechAnalyzer": "analyzer",
    "Transcriber": "transcript",
    "VoiceModel": "voice",
    "default_engine": "analyzer",
    "transcribe": "analyzer",
}


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(f"affectscope.speech.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'affectscope.speech' has no attribute {name!r}")
