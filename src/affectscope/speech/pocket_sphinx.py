"""The embedded engine: pocketsphinx with the models that come with it."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affectscope.affect import Word
from affectscope.speech.activity import Speech
from affectscope.speech.transcript import Transcript, mean_confidence

_FILLER = re.compile(r"^(<.*>|\[.*\]|\+\+.*\+\+)$")
_VARIANT = re.compile(r"\(\d+\)$")
_FRAMES_A_SECOND = 100


class PocketSphinx:
    """The embedded engine: small, offline, American English, weak on noise and accents.

    Decoders cannot be shared between threads, so each thread has one of its own, which lives as
    long as the thread.
    """

    name = "pocketsphinx"

    def __init__(self) -> None:
        self._local = threading.local()

    def load(self) -> None:
        """Load the acoustic and the language model for this thread."""
        self._decoder()

    def _decoder(self) -> Any:
        if not hasattr(self._local, "decoder"):
            import pocketsphinx

            # The default normalises by what was heard before; "batch" takes each phrase by itself.
            self._local.decoder = pocketsphinx.Decoder(
                samprate=16000, cmn="batch", loglevel="FATAL"
            )
        return self._local.decoder

    def transcribe(self, speech: Speech) -> Transcript:
        """Return what was said; text is lower case without punctuation."""
        if not len(speech.samples):
            return Transcript("", (), 0.0)
        decoder = self._decoder()
        # Without this, features carry over from the phrase before, and the same file would be
        # answered differently the second time.
        decoder.reinit_feat()
        pcm = (np.clip(_levelled(speech.samples), -1.0, 1.0) * 32767).astype("<i2").tobytes()
        decoder.start_utt()
        decoder.process_raw(pcm, full_utt=True)
        decoder.end_utt()
        words = tuple(self._words(decoder, speech))
        return Transcript(
            text=" ".join(word.text for word in words),
            words=words,
            confidence=mean_confidence(words),
        )

    def _words(self, decoder: Any, speech: Speech) -> Iterator[Word]:
        for segment in decoder.seg() or ():
            if _FILLER.match(segment.word):
                continue
            # The end frame still belongs to the word.
            start = speech.start + segment.start_frame / _FRAMES_A_SECOND
            end = speech.start + (segment.end_frame + 1) / _FRAMES_A_SECOND
            yield Word(
                text=_VARIANT.sub("", segment.word),
                start=start,
                end=min(end, speech.end),
                confidence=min(1.0, max(0.0, segment.prob)),
            )


def _levelled(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Bring the peak to 0.7: the acoustic model expects close speech of ordinary level."""
    peak = float(np.max(np.abs(samples))) if len(samples) else 0.0
    return samples * np.float32(min(0.7 / peak, 30.0)) if peak > 0 else samples
