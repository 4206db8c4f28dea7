"""The process that finds words: ``python -m affectscope.speech.recognizer``.

pocketsphinx holds the interpreter's lock for as long as it takes to decode a phrase, seconds during
which nothing else of a service would run; so it has a process of its own. That says ``R`` once the
models are loaded, or ``X`` with the reason why they are not, and answers each ``T``, the samples of
a phrase, with ``W``, its words as JSON. It can be killed at any moment, and dies with its parent.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from dataclasses import asdict, dataclass
from typing import Any, Final

from affectscope.media.confined import (
    confine,
    die_with_parent,
    read_message,
    take_output,
    writer,
)

FRAMES_A_SECOND = 100

MEMORY_BYTES = 1024**3
"""Address space of the process; the models and a search take a quarter of it."""

CONFIG: Final[dict[str, Any]] = {
    # The default normalises by what was heard before; "batch" takes each phrase by itself.
    "cmn": "batch",
    "samprate": 16_000,
    "loglevel": "FATAL",
    # Half of the default's time, and as few errors (`python -m training.word_confidence`): fewer
    # states a frame, fewer words that end in one, three of four Gaussians, and a second pass that
    # looks less far.
    "maxhmmpf": 2500,
    "maxwpf": 20,
    "topn": 3,
    "fwdflatbeam": 1e-56,
    "fwdflatwbeam": 1e-25,
}

_FILLER = re.compile(r"^(<.*>|\[.*\]|\+\+.*\+\+)$")
_VARIANT = re.compile(r"\(\d+\)$")


@dataclass(frozen=True)
class Found:
    """A word that was found.

    Attributes:
        text: Lower case.
        first: Its first frame, of 10 ms each.
        last: Its last frame, which still belongs to it.
        posterior: Probability of the word at that place among those that the search considered.
    """

    text: str
    first: int
    last: int
    posterior: float


class Recognizer:
    """pocketsphinx with the models that come with it; for one thread, and holds its lock."""

    def __init__(self) -> None:
        import pocketsphinx

        self._decoder = pocketsphinx.Decoder(**CONFIG)

    def words(self, samples: bytes) -> list[Found]:
        """Return the words of one phrase; nothing is kept for the next.

        Args:
            samples: Mono, 16 kHz, 16 bits, little endian; none at all is no phrase.
        """
        if not samples:
            return []
        # Without this, features carry over from the phrase before, and the same file would be
        # answered differently the second time.
        self._decoder.reinit_feat()
        self._decoder.start_utt()
        self._decoder.process_raw(samples, full_utt=True)
        self._decoder.end_utt()
        return [
            Found(
                text=_VARIANT.sub("", segment.word),
                first=segment.start_frame,
                last=segment.end_frame,
                posterior=min(1.0, max(0.0, segment.prob)),
            )
            for segment in self._decoder.seg() or ()
            if not _FILLER.match(segment.word)
        ]


def serve(source: int, target: int) -> None:
    """Answer the messages of one pipe on another until it ends."""
    send = writer(target)
    try:
        recognizer = Recognizer()
    except Exception as error:
        send(b"X", f"{type(error).__name__}: {error}".encode())
        return
    send(b"R")
    while (message := read_message(source)) is not None:
        words = recognizer.words(bytes(message[1]))
        send(b"W", json.dumps([asdict(word) for word in words]).encode())


def main() -> None:
    """Serve the parent and end without tidying up: the system does that faster."""
    die_with_parent()
    pipe = take_output()
    confine(MEMORY_BYTES)
    with contextlib.suppress(BrokenPipeError):
        serve(0, pipe)
    os._exit(0)


if __name__ == "__main__":
    main()
