"""Cards say what a model is; a bad one is refused by name."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest

from affectscope.affect import vocabulary
from affectscope.errors import InvalidValue, ModelUnavailable
from affectscope.models import Card, card, cards, read_card
from affectscope.models.card import WEIGHTS


class TestShipped:
    def test_there_is_one_for_each_modality_with_a_model(self) -> None:
        assert {one.modality for one in cards()} == {"face", "voice", "text"}

    @pytest.mark.parametrize("one", cards(), ids=lambda one: one.name)
    def test_each_is_whole(self, one: Card) -> None:
        assert one.limits
        assert one.data
        assert all(metric.protocol and metric.command for metric in one.metrics)
        assert all(0 <= metric.value <= 1 for metric in one.metrics)
        assert vocabulary(one.vocabulary)
        assert one.path(one.file).is_file()
        for file in one.files:
            assert one.path(file.file).is_file()

    def test_figures_hold_their_promises(self) -> None:
        figures = {f"{one.name} {m.name}": m.value for one in cards() for m in one.metrics}

        assert figures["face-expression accuracy"] >= 0.80
        assert figures["text-emotion macro_f1"] >= 0.54
        assert figures["text-emotion macro_f1_at_0_5"] >= 0.49
        assert figures["text-emotion ece"] <= 0.035
        assert figures["text-emotion valence_r"] >= 0.73
        assert figures["text-emotion arousal_r"] >= 0.52
        assert figures["voice-emotion uar_ravdess"] >= 0.45

    def test_weights_stay_small(self) -> None:
        sizes = {one.name: one.path(one.file).stat().st_size / 1e6 for one in cards()}

        assert sizes["face-expression"] <= 5
        assert sizes["voice-emotion"] <= 8
        assert sizes["text-emotion"] <= 25


class TestReading:
    def test_an_unknown_name_lists_the_known(self) -> None:
        with pytest.raises(InvalidValue, match="'mood'; valid: face-expression, text-emotion"):
            card("mood")

    def test_a_file_that_the_card_does_not_name_is_refused(self) -> None:
        with pytest.raises(InvalidValue, match=r"face-expression\.onnx"):
            card("face-expression").path("../../secrets")

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            ('license_class = "unlicensed-data"', 'license_class = "free"'),
            ("temperature = ", "temperature = -"),
            ("[limits]", "[limit]"),
            ("[model]", "[mode"),
            ('sha256 = "', 'sha256 = "no '),
            ('file = "', 'file = "../'),
            ('vocabulary = "ferplus-8"', 'vocabulary = "moods-3"'),
            ("[limits]", "[thresholds]\nbliss = 0.5\n\n[limits]"),
        ],
    )
    def test_a_bad_card_is_refused(self, tmp_path: Path, before: str, after: str) -> None:
        text = (WEIGHTS / "face-expression.toml").read_text()
        assert before in text
        path = tmp_path / "bad.toml"
        path.write_text(text.replace(before, after, 1))

        with pytest.raises(ModelUnavailable, match=r"bad\.toml"):
            read_card(path)

    def test_the_reason_names_field_and_value(self, tmp_path: Path) -> None:
        text = (WEIGHTS / "face-expression.toml").read_text()
        text = text.replace('license_class = "unlicensed-data"', 'license_class = "free"')
        (tmp_path / "bad.toml").write_text(text.replace("summary = ", "about = ", 1))

        with pytest.raises(ModelUnavailable) as caught:
            read_card(tmp_path / "bad.toml")

        assert "license_class" in caught.value.detail
        assert "found 'free'" in caught.value.detail
        assert "summary: Field required" in caught.value.detail

    def test_what_is_not_text_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "bad.toml").write_bytes(b"\xff\xfe\x00")

        with pytest.raises(ModelUnavailable, match=r"bad\.toml"):
            read_card(tmp_path / "bad.toml")

    def test_a_missing_card_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(ModelUnavailable, match=r"none\.toml"):
            read_card(tmp_path / "none.toml")


class TestProbabilities:
    def test_softmax_sums_to_one_and_temperature_softens(self) -> None:
        one = card("face-expression")
        logits = np.array([[3.0, 1.0, 0, 0, 0, 0, 0, 0], [1000.0, 0, 0, 0, 0, 0, 0, 0]], np.float32)

        shares = one.probabilities(logits)

        assert shares.sum(1) == pytest.approx([1.0, 1.0])
        ratio = np.log(shares[0, 0] / shares[0, 1]) * one.calibration.temperature
        assert ratio == pytest.approx(2.0, abs=1e-3)

    def test_sigmoid_judges_each_label_by_itself(self) -> None:
        one = card("text-emotion")
        logits = one.calibration.offset * one.calibration.temperature + np.zeros((1, 28))
        logits[0, 0] += one.calibration.temperature

        shares = one.probabilities(logits.astype(np.float32))

        assert shares[0, 1:] == pytest.approx(np.full(27, 0.5))
        assert shares[0, 0] == pytest.approx(1 / (1 + np.exp(-1)))


def test_cards_are_plain_toml() -> None:
    for path in WEIGHTS.glob("*.toml"):
        assert tomllib.loads(path.read_text())["model"]["file"] == f"{path.stem}.onnx"
