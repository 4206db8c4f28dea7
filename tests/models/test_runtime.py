"""Weights are loaded once, checked, run from many threads, and kept to the licence policy."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from affectscope.errors import InvalidValue, ModelNotPermitted, ModelUnavailable
from affectscope.models import LicensePolicy, Model, card, load, read_card
from affectscope.models.card import WEIGHTS


class TestModel:
    def test_it_runs_and_is_loaded_once(self) -> None:
        model = load("face-expression")

        logits = model.run(image=np.zeros((3, 1, 48, 48), np.float32))["logits"]

        assert logits.shape == (3, 8)
        assert load("face-expression") is model

    def test_many_threads_get_the_same_answers(self) -> None:
        model = load("face-expression")
        images = np.random.default_rng(0).uniform(0, 255, (16, 1, 1, 48, 48)).astype(np.float32)
        wanted = [model.run(image=image)["logits"] for image in images]

        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda image: model.run(image=image)["logits"], images))

        assert all(np.array_equal(a, b) for a, b in zip(found, wanted, strict=True))

    def test_an_answer_that_is_no_number_is_refused(self) -> None:
        # A network whose convolutions compute in integers takes a NaN for some number.
        logmel = np.full((1, 60, 64), np.nan, np.float32)

        with pytest.raises(InvalidValue, match=r"voice-emotion has no finite logits.*: logmel"):
            load("voice-emotion").run(logmel=logmel)

    def test_altered_weights_are_refused(self, tmp_path: Path) -> None:
        shutil.copy(WEIGHTS / "face-expression.toml", tmp_path)
        data = bytearray((WEIGHTS / "face-expression.onnx").read_bytes())
        data[1000] ^= 1
        (tmp_path / "face-expression.onnx").write_bytes(data)

        with pytest.raises(ModelUnavailable, match="not the file that was shipped"):
            Model(read_card(tmp_path / "face-expression.toml"))

    def test_missing_weights_are_named(self, tmp_path: Path) -> None:
        shutil.copy(WEIGHTS / "face-expression.toml", tmp_path)

        with pytest.raises(ModelUnavailable, match=r"face-expression\.onnx cannot be read"):
            Model(read_card(tmp_path / "face-expression.toml"))

    def test_what_is_no_model_is_refused(self, tmp_path: Path) -> None:
        import hashlib

        (tmp_path / "face-expression.onnx").write_bytes(b"hello")
        digest = hashlib.sha256(b"hello").hexdigest()
        bad = card("face-expression").model_copy(update={"folder": tmp_path, "sha256": digest})

        with pytest.raises(ModelUnavailable, match="not a readable model"):
            Model(bad)


class TestPolicy:
    def test_any_allows_all_and_permissive_some(self) -> None:
        assert LicensePolicy.ANY.allows(card("voice-emotion"))
        assert LicensePolicy.PERMISSIVE.allows(card("text-emotion"))
        assert not LicensePolicy.PERMISSIVE.allows(card("voice-emotion"))
        assert not LicensePolicy.PERMISSIVE.allows(card("face-expression"))

    def test_a_refusal_names_the_class(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AFFECTSCOPE_LICENSE", "permissive")

        with pytest.raises(ModelNotPermitted, match=r"'non-commercial'.* leaves: text-emotion"):
            load("voice-emotion")

    def test_an_unknown_policy_lists_the_known(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AFFECTSCOPE_LICENSE", "open")

        with pytest.raises(InvalidValue, match="'open'; valid: any, permissive"):
            LicensePolicy.from_environment()

    @pytest.mark.parametrize("value", ["", None])
    def test_unset_means_any(self, monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
        if value is not None:
            monkeypatch.setenv("AFFECTSCOPE_LICENSE", value)

        assert LicensePolicy.from_environment() is LicensePolicy.ANY
