"""The model's path from crops to probabilities."""

from __future__ import annotations

import numpy as np
import pytest

from affectscope.errors import ModelNotPermitted
from affectscope.video import ExpressionModel
from affectscope.video.expression import BATCH


def test_probabilities_of_each_face() -> None:
    images = np.random.default_rng(0).integers(0, 256, (BATCH + 3, 48, 48)).astype(np.uint8)

    together = ExpressionModel().predict(images)

    assert together.shape == (BATCH + 3, 8)
    assert together.sum(1) == pytest.approx(np.ones(BATCH + 3), abs=1e-5)
    assert together[-1] == pytest.approx(ExpressionModel().predict(images[-1:])[0], abs=1e-4)


def test_no_faces() -> None:
    assert ExpressionModel().predict(np.empty((0, 48, 48), np.uint8)).shape == (0, 8)


def test_the_licence_policy_is_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFFECTSCOPE_LICENSE", "permissive")

    with pytest.raises(ModelNotPermitted):
        ExpressionModel().predict(np.zeros((1, 48, 48), np.uint8))
