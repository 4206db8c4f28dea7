"""What the process that finds words does, done in this process so that every step can be seen."""

from __future__ import annotations

import json
import os

import pytest

from affectscope.media.confined import read_message, writer
from affectscope.speech import recognizer
from affectscope.speech.pocket_sphinx import pcm
from affectscope.speech.recognizer import Recognizer, serve
from tests.speech.signals import silence, spoken


class TestRecognizer:
    def test_words_are_plain_and_in_order(self) -> None:
        words = Recognizer().words(pcm(spoken()))

        assert "happy" in [word.text for word in words]
        assert not any(c in word.text for word in words for c in "<>[]()+")
        assert [word.first for word in words] == sorted(word.first for word in words)
        assert all(0 <= word.posterior <= 1 for word in words)

    def test_nothing_is_kept_of_the_phrase_before(self) -> None:
        one = Recognizer()
        first = one.words(pcm(spoken()))
        one.words(pcm(spoken()[::-1].copy()))

        assert one.words(pcm(spoken())) == first

    def test_no_samples_hold_no_words(self) -> None:
        assert Recognizer().words(b"") == []
        assert Recognizer().words(pcm(silence(0.01))) == []


class TestServe:
    def test_it_says_that_it_is_ready_and_answers(self) -> None:
        samples = pcm(spoken()[16_000:30_000])

        kinds, bodies = answers(samples, samples)

        assert kinds == [b"R", b"W", b"W"]
        assert bodies[1] == bodies[2]
        assert {*json.loads(bodies[1])[0]} == {"text", "first", "last", "posterior"}

    def test_it_says_why_it_cannot(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(recognizer.CONFIG, "hmm", "/nowhere")

        kinds, bodies = answers()

        assert kinds == [b"X"]
        assert b"RuntimeError" in bodies[0]


def answers(*phrases: bytes) -> tuple[list[bytes], list[bytes]]:
    """Return what is answered to phrases, which a pipe holds all at once (64 KB)."""
    (from_us, to_it), (from_it, to_us) = os.pipe(), os.pipe()
    for phrase in phrases:
        writer(to_it)(b"T", phrase)
    os.close(to_it)
    serve(from_us, to_us)
    os.close(to_us)
    os.close(from_us)
    found = list(iter(lambda: read_message(from_it), None))
    os.close(from_it)
    return [kind for kind, _ in found], [bytes(body) for _, body in found]
