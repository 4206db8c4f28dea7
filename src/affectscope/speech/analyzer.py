"""Speech: what was said, how it sounded, and when."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from affectscope.affect import MediaNoted, Record, Utterance
from affectscope.errors import ModelNotPermitted
from affectscope.speech.engine import default_engine
from affectscope.speech.hearing import Hearing, utterance
from affectscope.speech.phrases import Phrases
from affectscope.speech.transcript import Transcriber
from affectscope.speech.voice import VoiceModel

SPEAKER = "speaker-1"


class SpeechAnalyzer:
    """Finds speech, transcribes it, and judges the voice; one speaker a file.

    Constructing one is cheap; models are loaded on first use or by `load`.

    Args:
        engine: What transcribes; where absent, `default_engine`.
    """

    def __init__(self, engine: Transcriber | None = None) -> None:
        self._engine = engine or default_engine()
        self._voice = VoiceModel()

    def load(self) -> None:
        """Load the models now instead of on first use."""
        self._engine.load()
        self._permitted()

    def _permitted(self) -> VoiceModel | None:
        """Return the model, loaded; None where the licence policy excludes it."""
        try:
            return self._voice if self._voice.model is not None else None
        except ModelNotPermitted:
            return None

    def hearing(self, *, transcribe: bool = True) -> Hearing:
        """Return what turns the phrases of one speaker into records.

        Args:
            transcribe: Whether to find the words; without, everything else is much faster.

        Raises:
            ModelUnavailable: The weights are missing or altered.
        """
        return Hearing(self._permitted(), self._engine if transcribe else None)

    def stream(self, path: str | Path, *, transcribe: bool = True) -> Iterator[Record]:
        """Yield one track with a segment per spoken phrase, and the transcript.

        Args:
            path: Any audio file, or a video with sound.
            transcribe: Whether to find the words; without, everything else is much faster.

        Raises:
            EmptyInput, UnsupportedMedia, UndecodableMedia: As `read_audio` says; a file without
                sound is unsupported.
        """
        hearing = self.hearing(transcribe=transcribe)
        with Phrases(path) as phrases:
            yield MediaNoted(modality="voice", duration=phrases.duration)
            yield hearing.opened()
            for phrase in phrases:
                yield from hearing.hear(phrase)
            yield from phrases.notices()


def transcribe(path: str | Path, engine: Transcriber | None = None) -> list[Utterance]:
    """Return what is said in a file, phrase by phrase.

    Raises:
        UndecodableMedia, EmptyInput, UnsupportedMedia: As `SpeechAnalyzer.stream` says.
    """
    engine = engine or default_engine()
    with Phrases(path) as phrases:
        heard = ((phrase, engine.transcribe(phrase)) for phrase in phrases)
        return [
            utterance(phrase, said, engine.name, SPEAKER) for phrase, said in heard if said.text
        ]
