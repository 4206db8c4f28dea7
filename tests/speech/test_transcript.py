"""The embedded engine hears words with times."""

from __future__ import annotations

from itertools import pairwise

import jiwer
import pytest

from affectscope.samples import SPOKEN
from affectscope.speech import PocketSphinx
from affectscope.speech.activity import Speech
from affectscope.speech.pocket_sphinx import confidence, pcm
from affectscope.speech.recognizer import Recognizer
from tests.speech.signals import silence, spoken


class TestPocketSphinx:
    def test_it_hears_most_of_a_clear_sentence(self) -> None:
        said = PocketSphinx().transcribe(Speech(0.0, spoken()))

        wanted = "".join(c for c in SPOKEN.lower() if c.isalpha() or c == " ")
        assert jiwer.wer(wanted, said.text) < 0.5
        assert 0 < said.confidence <= 1

    def test_words_lie_in_order_within_the_phrase(self) -> None:
        phrase = Speech(12.5, spoken())

        words = PocketSphinx().transcribe(phrase).words

        assert words[0].start >= 12.5
        assert words[-1].end <= phrase.end
        assert all(a.start < a.end <= b.start + 1e-6 for a, b in pairwise(words))
        assert not any(c in word.text for word in words for c in "<>[]()")

    def test_the_same_phrase_is_heard_the_same_every_time(self) -> None:
        engine = PocketSphinx()
        first = engine.transcribe(Speech(0.0, spoken()))
        engine.transcribe(Speech(0.0, spoken()[::-1].copy()))

        assert engine.transcribe(Speech(0.0, spoken())) == first

    @pytest.mark.parametrize("seconds", [0.0, 0.01, 1.0])
    def test_silence_says_nothing(self, seconds: float) -> None:
        said = PocketSphinx().transcribe(Speech(0.0, silence(seconds)))

        assert said.confidence <= 1
        assert len(said.words) <= 1


class TestConfidence:
    """The posterior of the search, bent to how often words of that posterior are right."""

    def test_it_rises_with_the_posterior_and_is_never_sure(self) -> None:
        made = [confidence(posterior) for posterior in (0.0, 0.2, 0.5, 0.9, 1.0)]

        assert made == sorted(set(made))
        assert 0 < made[0] < made[-1] < 1

    def test_words_bear_it(self) -> None:
        found = Recognizer().words(pcm(spoken()))

        words = PocketSphinx().transcribe(Speech(0.0, spoken())).words

        assert [word.confidence for word in words] == [confidence(one.posterior) for one in found]
