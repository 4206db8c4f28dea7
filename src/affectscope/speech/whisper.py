"""Whisper through faster-whisper, where a folder with a model is given.

Source: Radford, A. et al. (2022). Robust speech recognition via large-scale weak supervision.
arXiv:2212.04356; its section 4.5 gives the thresholds.
"""

from __future__ import annotations

import math
import os
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from affectscope.affect import Word
from affectscope.errors import ModelUnavailable
from affectscope.models.added import read_manifest
from affectscope.speech.activity import Speech
from affectscope.speech.transcript import Transcript
from affectscope.speech.whisper_folder import check_folder

LEAST_LOG_PROBABILITY = -1.0
"""Mean logarithm of the tokens' probabilities below which a decoded text is a guess."""

MOST_COMPRESSION = 2.4
"""Factor by which gzip shrinks a text, above which it repeats itself in a loop."""

NO_SPEECH, NO_SPEECH_LOG_PROBABILITY = 0.6, -0.5
"""Probability of the token for "no speech" above which a text is believed only where the mean
logarithm of its tokens is above the second: the text of noise is seldom both.

The source asks for -1.0, below which nothing is believed here at all; every phrase was found by a
detector of speech already, so what reaches Whisper and still is doubted by it is doubtful.
"""

MOST_PASSES = 3
"""Times that Whisper may begin anew within a phrase, which is shorter than what it hears at once."""

MOST_WORKERS = 4
"""Phrases that are transcribed at once, where there are that many processors."""


class FasterWhisper:
    """Whisper through faster-whisper, from a local folder; far better, and not shipped.

    Each phrase is decoded by itself, greedily and without chance: the same phrase gives the same
    words every time. A model that knows English alone is told English, any other one detects the
    language of each phrase.

    Text that Whisper itself doubts is left out, as `trusted` says; where nothing is left, the
    transcript is empty and its confidence 0.

    Args:
        folder: Holds a converted model: ``model.bin``, ``config.json``, ``tokenizer.json`` and a
            vocabulary. Where it has a manifest, as `affectscope.models.added` writes one, every file
            is compared with it by `load`.

    Raises:
        ModelUnavailable: It holds no such model, or the package is not installed.
    """

    def __init__(self, folder: Path) -> None:
        check_folder(folder)
        # Looked for, not imported: that takes a second, and belongs to `load`.
        if find_spec("faster_whisper") is None:
            raise ModelUnavailable(
                "a Whisper model needs the package faster-whisper: pip install faster-whisper"
            )
        self.name = f"faster-whisper:{folder.resolve().name}"
        self._folder = folder
        self._model: Any = None
        self._lock = threading.Lock()

    def load(self) -> None:
        """Check the files and load the model.

        Raises:
            ModelUnavailable: A file is not the one that its manifest states, or is not readable.
        """
        with self._lock:
            if self._model is not None:
                return
            manifest = read_manifest(self._folder)
            if manifest is not None:
                manifest.verify()
            from faster_whisper import WhisperModel

            try:
                self._model = WhisperModel(
                    str(self._folder),
                    device="cpu",
                    compute_type="int8",
                    cpu_threads=1,
                    num_workers=min(MOST_WORKERS, os.cpu_count() or 1),
                    local_files_only=True,
                )
            # The tokenizer raises a bare Exception for what it cannot read.
            except Exception as error:
                raise ModelUnavailable(
                    f"{str(self._folder)!r} is not a readable model: {error}"
                ) from error

    def transcribe(self, speech: Speech) -> Transcript:
        """Return what was said.

        The confidence is the geometric mean of the probabilities of all tokens, times the
        probability that there is speech at all. It orders phrases by how much to trust them; it is
        no calibrated share of right words.
        """
        if not len(speech.samples):
            return Transcript("", (), 0.0)
        self.load()
        segments, _ = self._model.transcribe(
            speech.samples,
            language=None if self._model.model.is_multilingual else "en",
            word_timestamps=True,
            beam_size=1,
            # Higher temperatures draw by chance, and what is decoded only then is a guess.
            temperature=0.0,
            condition_on_previous_text=False,
            # Judged below, from what each part says of itself.
            no_speech_threshold=None,
            compression_ratio_threshold=None,
            log_prob_threshold=None,
        )
        parts: list[Any] = []
        for part in segments:
            places = {one.seek for one in (*parts, part)}
            # Behind a guess Whisper begins anew a fiftieth of a second later, and so on: hundreds of
            # guesses about the same sound, each as long in coming as the first.
            if len(places) > MOST_PASSES or not trusted(
                part.avg_logprob, part.no_speech_prob, part.compression_ratio
            ):
                break
            parts.append(part)
        words = tuple(
            Word(
                text=word.word.strip(),
                start=min(speech.start + word.start, speech.end),
                end=min(speech.start + max(word.start, word.end), speech.end),
                confidence=min(1.0, max(0.0, word.probability)),
            )
            for part in parts
            for word in part.words or ()
        )
        return Transcript(
            text=" ".join(part.text.strip() for part in parts),
            words=words,
            confidence=_confidence(parts),
        )


def trusted(log_probability: float, no_speech: float, compression: float) -> bool:
    """Tell whether what was decoded is an answer to the sound, rather than invented.

    Args:
        log_probability: Mean natural logarithm of the probabilities of the tokens.
        no_speech: Probability of the token that stands for "no speech", 0 to 1.
        compression: Bytes of the text over its bytes when compressed.
    """
    if not log_probability >= LEAST_LOG_PROBABILITY or compression > MOST_COMPRESSION:
        return False
    return no_speech <= NO_SPEECH or log_probability >= NO_SPEECH_LOG_PROBABILITY


def _confidence(parts: list[Any]) -> float:
    """Return the mean trust of the parts, weighted by their tokens; 0 where there are none."""
    tokens = sum(len(part.tokens) for part in parts)
    if not tokens:
        return 0.0
    trust: float = sum(
        len(part.tokens) * math.exp(part.avg_logprob) * (1.0 - part.no_speech_prob)
        for part in parts
    )
    return min(1.0, max(0.0, trust / tokens))
