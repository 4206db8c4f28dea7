"""The embedded engine hears words with times; the other one fails clearly where it is not there."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import jiwer
import pytest

from affectscope.errors import ModelUnavailable
from affectscope.samples import SPOKEN
from affectscope.speech import FasterWhisper, PocketSphinx, default_engine
from affectscope.speech.activity import Speech
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


class TestFasterWhisper:
    def test_a_folder_that_is_none_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(ModelUnavailable, match="no folder"):
            FasterWhisper(tmp_path / "whisper-small.en")

    def test_a_folder_without_a_model_names_what_it_lacks(self, tmp_path: Path) -> None:
        (tmp_path / "config.json").write_text("{}")

        with pytest.raises(ModelUnavailable, match=r"lacks model\.bin"):
            FasterWhisper(tmp_path)

    def test_the_package_must_be_installed(self, tmp_path: Path) -> None:
        for name in ("config.json", "model.bin"):
            (tmp_path / name).write_text("{}")

        with pytest.raises(ModelUnavailable, match="pip install faster-whisper"):
            FasterWhisper(tmp_path).load()

    def test_the_setting_chooses_it(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        assert isinstance(default_engine(), PocketSphinx)
        for name in ("config.json", "model.bin"):
            (tmp_path / name).write_text("{}")
        monkeypatch.setenv("AFFECTSCOPE_WHISPER_PATH", str(tmp_path))

        assert default_engine().name == f"faster-whisper:{tmp_path.name}"
