"""Speech: what was said, how it sounded, and when."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from affectscope.affect import MediaNoted, Record, TrackOpened, Utterance
from affectscope.errors import ModelNotPermitted
from affectscope.speech import silero
from affectscope.speech.channels import Channels
from affectscope.speech.engine import default_engine
from affectscope.speech.hearing import Hearing, speaker_name, utterance
from affectscope.speech.phrases import Phrases
from affectscope.speech.transcript import Transcriber
from affectscope.speech.turns import TurnStatistics
from affectscope.speech.voice import VoiceModel


class SpeechAnalyzer:
    """Finds speech, transcribes it, and judges the voice; one speaker a file, or one a channel.

    Constructing one is cheap; models are loaded on first use or by `load`.

    Args:
        engine: What transcribes; where absent, `default_engine`.
    """

    def __init__(self, engine: Transcriber | None = None) -> None:
        self._engine = engine or default_engine()
        self._voice = VoiceModel()

    def load(self) -> None:
        """Load the models now instead of on first use."""
        silero.session()
        self._engine.load()
        self._permitted()

    def _permitted(self) -> VoiceModel | None:
        """Return the model, loaded; None where the licence policy excludes it."""
        try:
            return self._voice if self._voice.manner is not None else None
        except ModelNotPermitted:
            return None

    def hearing(self, *, transcribe: bool = True, number: int = 1) -> Hearing:
        """Return what turns the phrases of one speaker into records.

        Args:
            transcribe: Whether to find the words; without, everything else is much faster.
            number: Which speaker, from 1.

        Raises:
            ModelUnavailable: The weights are missing or altered.
        """
        engine = self._engine if transcribe else None
        return Hearing(self._permitted(), engine, f"voice-{number}", speaker_name(number))

    def stream(
        self, path: str | Path, *, transcribe: bool = True, channels: Channels = "auto"
    ) -> Iterator[Record]:
        """Yield a track for each speaker, a segment per spoken phrase, and the transcript.

        One speaker, ``speaker-1``, where channels are mixed; else the number is that of the channel,
        and who never speaks has no track. Phrases come in order of their start; at the end it is
        told who spoke when.

        Args:
            path: Any audio file, or a video with sound.
            transcribe: Whether to find the words; without, everything else is much faster.
            channels: ``auto``: two channels are told apart where they hold different voices, and
                mixed otherwise, as more than two are; ``mix``: never; ``split``: each of at most 8
                channels is a speaker.

        Raises:
            InvalidValue: `channels` is something else, or there are too many to split.
            EmptyInput, UnsupportedMedia, UndecodableMedia: As `read_audio` says; a file without
                sound is unsupported.
        """
        speakers: dict[int, Hearing] = {}
        statistics = TurnStatistics()

        def opened(number: int) -> TrackOpened:
            speakers[number] = self.hearing(transcribe=transcribe, number=number)
            return speakers[number].opened()

        with Phrases(path, channels) as phrases:
            yield MediaNoted(modality="voice", duration=phrases.duration)
            if phrases.count == 1:
                yield opened(1)
            for phrase in phrases:
                if phrase.channel not in speakers:
                    yield opened(phrase.channel)
                statistics.add(speaker_name(phrase.channel), phrase.start, phrase.end)
                yield from speakers[phrase.channel].hear(phrase)
            if not speakers:
                yield opened(1)
            yield statistics.record(phrases.heard)
            yield from phrases.notices()


def transcribe(
    path: str | Path, engine: Transcriber | None = None, *, channels: Channels = "auto"
) -> list[Utterance]:
    """Return what is said in a file, phrase by phrase.

    Raises:
        InvalidValue, UndecodableMedia, EmptyInput, UnsupportedMedia: As `SpeechAnalyzer.stream`
            says.
    """
    engine = engine or default_engine()
    with Phrases(path, channels) as phrases:
        heard = ((phrase, engine.transcribe(phrase)) for phrase in phrases)
        return [
            utterance(phrase, said, engine.name, speaker_name(phrase.channel))
            for phrase, said in heard
            if said.text
        ]
