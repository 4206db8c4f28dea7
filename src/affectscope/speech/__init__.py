"""Voices: where somebody speaks, what they say, and which emotion the voice resembles.

Names are found on first use, so that the front end alone can be imported without the engines.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from affectscope.speech.analyzer import SpeechAnalyzer, transcribe
    from affectscope.speech.channels import CHANNELS, Channels
    from affectscope.speech.engine import default_engine
    from affectscope.speech.pocket_sphinx import PocketSphinx
    from affectscope.speech.transcript import Transcriber
    from affectscope.speech.voice import VoiceModel
    from affectscope.speech.whisper import FasterWhisper

__all__ = [
    "CHANNELS",
    "Channels",
    "FasterWhisper",
    "PocketSphinx",
    "SpeechAnalyzer",
    "Transcriber",
    "VoiceModel",
    "default_engine",
    "transcribe",
]

_HOMES = {
    "CHANNELS": "channels",
    "Channels": "channels",
    "FasterWhisper": "whisper",
    "PocketSphinx": "pocket_sphinx",
    "SpeechAnalyzer": "analyzer",
    "Transcriber": "transcript",
    "VoiceModel": "voice",
    "default_engine": "engine",
    "transcribe": "analyzer",
}


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(f"affectscope.speech.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'affectscope.speech' has no attribute {name!r}")
