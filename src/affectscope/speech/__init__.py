"""Voices: where somebody speaks, what they say, and which emotion the voice resembles."""

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
