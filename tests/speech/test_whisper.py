"""Whisper transcribes from a folder, says how much to trust it, and is refused where it is none."""

from __future__ import annotations

import json
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from affectscope.affect import UtteranceFound
from affectscope.errors import InvalidValue, ModelUnavailable, NotFound
from affectscope.models.local import add_folder
from affectscope.samples import sample
from affectscope.speech import FasterWhisper, PocketSphinx, SpeechAnalyzer, default_engine
from affectscope.speech.activity import Speech
from affectscope.speech.app import create
from affectscope.speech.whisper import trusted
from affectscope.speech.whisper_folder import FILES, check_folder
from tests.speech.signals import silence, spoken
from tests.speech.whisper_model import UNSURE, write_model

SENTENCE = ["The", "child", "almost", "hurt", "the", "small", "dog."]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("models") / "whisper-test.en", SENTENCE)


def phrase(start: float = 12.5) -> Speech:
    return Speech(start, spoken()[:48000])


class TestWords:
    def test_what_the_model_says_is_the_transcript(self, folder: Path) -> None:
        said = FasterWhisper(folder).transcribe(phrase())

        assert said.text == "The child almost hurt the small dog."
        assert [word.text for word in said.words] == SENTENCE
        assert all(word.confidence == pytest.approx(1, abs=0.01) for word in said.words)
        assert said.confidence == pytest.approx(1, abs=0.01)

    def test_words_lie_where_the_model_listened(self, folder: Path) -> None:
        words = FasterWhisper(folder).transcribe(phrase()).words

        # Each word of this model listens to its own fifth of a second.
        assert [word.start for word in words[1:]] == pytest.approx(
            [12.9, 13.1, 13.3, 13.5, 13.7, 13.9], abs=0.021
        )
        assert words[0].start == 12.5
        assert words[-1].end <= phrase().end
        assert all(a.start < a.end <= b.start + 1e-6 for a, b in pairwise(words))

    def test_the_same_phrase_is_heard_the_same_every_time(self, folder: Path) -> None:
        engine = FasterWhisper(folder)

        assert engine.transcribe(phrase()) == engine.transcribe(phrase())

    def test_other_languages_are_detected(self, tmp_path: Path) -> None:
        said = ["Das", "Kind", "lacht."]
        engine = FasterWhisper(write_model(tmp_path, said, language="de"))
        engine.load()

        assert engine._model.model.is_multilingual
        assert engine._model.detect_language(phrase().samples)[0] == "de"
        assert engine.transcribe(phrase()).text == "Das Kind lacht."

    def test_a_phrase_without_a_sample_says_nothing(self, folder: Path) -> None:
        assert FasterWhisper(folder).transcribe(Speech(0.0, silence(0))).text == ""

    def test_the_answer_names_the_engine_and_its_trust(self, folder: Path) -> None:
        found = [
            record.utterance
            for record in SpeechAnalyzer(FasterWhisper(folder)).stream(sample("speech"))
            if isinstance(record, UtteranceFound)
        ]

        assert {one.engine for one in found} == {"faster-whisper:whisper-test.en"}
        assert all(one.confidence is not None and one.confidence > 0.9 for one in found)
        assert found[0].text == "The child almost hurt the small dog."


class TestTrust:
    """What Whisper doubts itself is no transcript."""

    @pytest.mark.parametrize(
        ("log_probability", "no_speech", "compression", "expected"),
        [
            (-0.2, 0.1, 1.2, True),
            (-0.99, 0.1, 1.2, True),
            (-1.01, 0.1, 1.2, False),
            (-0.2, 0.1, 2.5, False),
            (-0.2, 0.9, 1.2, True),
            (-0.7, 0.9, 1.2, False),
            (float("nan"), 0.1, 1.2, False),
        ],
    )
    def test_limits(
        self, log_probability: float, no_speech: float, compression: float, expected: bool
    ) -> None:
        assert trusted(log_probability, no_speech, compression) is expected

    def test_a_guess_is_left_out_at_once(self, tmp_path: Path) -> None:
        engine = FasterWhisper(write_model(tmp_path, SENTENCE, sure=UNSURE))
        engine.load()
        decode = engine._model.generate_with_fallback
        passes = []
        engine._model.generate_with_fallback = lambda *given: passes.append(1) or decode(*given)

        said = engine.transcribe(phrase())

        assert (said.text, said.words, said.confidence) == ("", (), 0.0)
        assert len(passes) == 1

    def test_a_text_that_repeats_itself_is_left_out(self, tmp_path: Path) -> None:
        said = FasterWhisper(write_model(tmp_path, ["thanks"] * 40)).transcribe(phrase())

        assert said.text == ""

    def test_doubt_whether_there_is_speech_lowers_the_trust(self, tmp_path: Path) -> None:
        engine = FasterWhisper(write_model(tmp_path, SENTENCE, no_speech=True))

        assert engine.transcribe(phrase()).confidence < 0.01


class TestFolder:
    """What is no model is named where the engine is made, not at the first request."""

    def test_no_folder(self, tmp_path: Path) -> None:
        with pytest.raises(ModelUnavailable, match=r"no folder .*whisper-small\.en"):
            FasterWhisper(tmp_path / "whisper-small.en")

    @pytest.mark.parametrize("name", ["model.bin", "config.json", "tokenizer.json"])
    def test_a_missing_file(self, name: str, folder: Path, tmp_path: Path) -> None:
        with pytest.raises(ModelUnavailable, match=f"lacks {name};"):
            FasterWhisper(copied(folder, tmp_path, without=name))

    def test_a_missing_vocabulary(self, folder: Path, tmp_path: Path) -> None:
        with pytest.raises(ModelUnavailable, match=r"lacks vocabulary\.json or"):
            FasterWhisper(copied(folder, tmp_path, without="vocabulary.json"))

    @pytest.mark.parametrize(
        ("name", "content", "named"),
        [
            ("config.json", b"{", "no readable JSON"),
            ("config.json", b"[]", "no JSON object"),
            ("tokenizer.json", b"\xff\xfe", "no readable JSON"),
            ("model.bin", b"", "no such model"),
            ("model.bin", b"PK\x03\x04\0\0", "checkpoint of PyTorch"),
            ("model.bin", b"version https://git-lfs.github.com/spec/v1", "git lfs pull"),
            ("model.bin", b"\6\0\0\0\x10\0TransformerSpec\0", "no such model"),
        ],
    )
    def test_a_file_of_another_kind(
        self, name: str, content: bytes, named: str, folder: Path, tmp_path: Path
    ) -> None:
        copied(folder, tmp_path)
        (tmp_path / name).write_bytes(content)

        with pytest.raises(ModelUnavailable, match=named):
            FasterWhisper(tmp_path)

    def test_a_file_that_is_a_folder(self, folder: Path, tmp_path: Path) -> None:
        copied(folder, tmp_path, without="model.bin")
        (tmp_path / "model.bin").mkdir()

        with pytest.raises(ModelUnavailable, match=r"lacks model\.bin"):
            check_folder(tmp_path)

    @pytest.mark.parametrize(
        ("name", "damage"),
        [
            ("model.bin", lambda data: data[: len(data) // 2]),
            ("tokenizer.json", lambda _: b'{"version": "1.0"}'),
            ("vocabulary.json", lambda _: b"[1, 2]"),
        ],
    )
    def test_a_damaged_file_is_found_by_loading(
        self, name: str, damage: object, folder: Path, tmp_path: Path
    ) -> None:
        copied(folder, tmp_path)
        path = tmp_path / name
        path.write_bytes(damage(path.read_bytes()))  # type: ignore[operator]

        with pytest.raises(ModelUnavailable, match="not a readable model"):
            FasterWhisper(tmp_path).load()

    def test_the_package_must_be_installed(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "faster_whisper", None)

        with pytest.raises(ModelUnavailable, match="pip install faster-whisper"):
            FasterWhisper(folder)


class TestChoice:
    """Which engine the settings choose."""

    @pytest.fixture(autouse=True)
    def _models(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AFFECTSCOPE_MODELS_FOLDER", str(tmp_path / "models"))

    def test_the_embedded_one_by_itself(self) -> None:
        assert isinstance(default_engine(), PocketSphinx)

    def test_a_folder(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AFFECTSCOPE_WHISPER_PATH", str(folder))

        assert default_engine().name == "faster-whisper:whisper-test.en"

    @pytest.mark.parametrize("name", ["test.en", "whisper-test.en"])
    def test_an_added_model(self, name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        add_folder(folder, FILES, check_folder)
        monkeypatch.setenv("AFFECTSCOPE_WHISPER", name)

        assert default_engine().name == "faster-whisper:whisper-test.en"

    def test_one_that_was_not_added(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AFFECTSCOPE_WHISPER", "small.en")

        with pytest.raises(NotFound, match=r"small\.en.*models add"):
            default_engine()

    def test_both_settings(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AFFECTSCOPE_WHISPER", "small.en")
        monkeypatch.setenv("AFFECTSCOPE_WHISPER_PATH", str(folder))

        with pytest.raises(InvalidValue, match="set one of them"):
            default_engine()

    def test_an_added_model_is_compared_with_its_manifest(self, folder: Path) -> None:
        added = add_folder(folder, FILES, check_folder).folder
        config = json.loads((added / "config.json").read_text())
        (added / "config.json").write_text(json.dumps({**config, "lang_ids": [1]}))

        with pytest.raises(ModelUnavailable, match=r"config\.json .*not the file that was added"):
            FasterWhisper(added).load()

    def test_the_service_does_not_start_without_its_model(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AFFECTSCOPE_WHISPER_PATH", "/no/such/folder")

        with pytest.raises(ModelUnavailable, match="no folder"):
            create()


def copied(folder: Path, target: Path, without: str = "") -> Path:
    """Copy a model, less one of its files."""
    for path in folder.iterdir():
        if path.name != without:
            (target / path.name).write_bytes(path.read_bytes())
    return target
