"""Thresholds follow from calibrated probabilities, and are good on texts that are not the fold's."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from affectscope.evaluation.metrics import macro_f1
from training.text.thresholds import (
    best_expected,
    best_observed,
    calibrated,
    sigmoid,
    thresholds_of,
)

LABELS = 6


def drawn(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Logits twice as sure as they should be, of labels from frequent to rare, and gold labels."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(np.linspace(-1, -6, LABELS), 2.0, (n, LABELS))
    return 2 * truth + 1, rng.random((n, LABELS)) < sigmoid(truth)


class TestCalibration:
    def test_slope_and_offset_are_found(self) -> None:
        lines = calibrated(*drawn(40_000, 0))

        assert np.allclose(lines, [0.5, -0.5], atol=0.1)

    def test_a_label_without_examples_leans_on_the_others(self) -> None:
        logits, gold = drawn(3000, 1)
        gold[:, -1] = False

        lines = calibrated(logits, gold)

        assert np.isfinite(lines).all()
        assert lines[-1, 0] == pytest.approx(0.5, abs=0.2)


class TestThresholds:
    def test_no_other_threshold_has_a_better_expected_f1(self) -> None:
        shares = np.random.default_rng(2).random((9, 1)) ** 2

        def expected(marks: np.ndarray) -> float:
            return float(2 * shares[marks].sum() / (marks.sum() + shares.sum()))

        best = max(
            expected(np.array(choice))
            for choice in itertools.product([False, True], repeat=9)
            if any(choice)
        )

        assert expected(shares[:, 0] >= best_expected(shares)[0]) == pytest.approx(best)

    def test_the_best_observed_threshold_parts_what_can_be_parted(self) -> None:
        shares = np.repeat([[0.2], [0.6]], 50, axis=0)

        (found,) = best_observed(shares, shares > 0.4)

        assert 0.2 < found <= 0.6

    def test_thresholds_follow_the_calibration_of_the_card(self) -> None:
        logits, gold = drawn(3000, 3)
        plain = sigmoid(logits) >= thresholds_of(logits, gold, 1.0, 0.0)

        scaled = sigmoid(logits / 1.4 - 0.2) >= thresholds_of(logits, gold, 1.4, 0.2)

        assert np.mean(scaled == plain) > 0.97

    def test_on_other_texts_they_come_near_the_best_of_all(self) -> None:
        logits, gold = drawn(20_000, 4)
        found = thresholds_of(*drawn(3000, 5), 1.0, 0.0)

        best = thresholds_of(logits, gold, 1.0, 0.0)

        scores = [macro_f1(gold, sigmoid(logits) >= one) for one in (found, best)]
        assert scores[0] >= scores[1] - 0.01
        assert scores[0] >= macro_f1(gold, sigmoid(logits) >= 0.5) + 0.02
