"""Figures agree with their definitions and with scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score, recall_score

from affectscope.evaluation.metrics import (
    accuracy,
    bootstrap_interval,
    concordance,
    expected_calibration_error,
    macro_f1,
    micro_f1,
    one_hot,
    pearson,
    recalls,
    unweighted_average_recall,
)

pairs = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=60)


@given(pairs)
def test_single_labels_agree_with_scikit_learn(values: list[tuple[int, int]]) -> None:
    gold, predicted = (np.array(column) for column in zip(*values, strict=True))
    marks, found = one_hot(gold, 5), one_hot(predicted, 5)

    assert macro_f1(marks, found) == pytest.approx(f1_score(gold, predicted, average="macro"))
    assert micro_f1(marks, found) == pytest.approx(f1_score(gold, predicted, average="micro"))
    assert unweighted_average_recall(gold, predicted) == pytest.approx(
        recall_score(gold, predicted, average="macro", labels=np.unique(gold))
    )
    assert accuracy(gold, predicted) == pytest.approx(np.mean(gold == predicted))


@given(st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_several_labels_agree_with_scikit_learn(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    gold, predicted = rng.random((2, n, 4)) < 0.4
    scored = gold.any(0) | predicted.any(0)
    if not scored.any():
        return

    assert macro_f1(gold, predicted) == pytest.approx(
        f1_score(gold[:, scored], predicted[:, scored], average="macro", zero_division=0)
    )
    assert micro_f1(gold, predicted) == pytest.approx(
        f1_score(gold, predicted, average="micro", zero_division=0)
    )


def test_nothing_to_score_scores_zero() -> None:
    empty = np.zeros((3, 4), bool)

    assert (macro_f1(empty, empty), micro_f1(empty, empty)) == (0.0, 0.0)


def test_recalls_are_those_of_the_labels_that_occur() -> None:
    assert recalls(np.array([0, 0, 2]), np.array([0, 1, 2])) == {0: 0.5, 2: 1.0}


class TestCalibration:
    def test_sure_and_right_has_no_error(self) -> None:
        assert expected_calibration_error(np.ones(5), np.ones(5, bool)) == 0

    def test_sure_and_wrong_has_all(self) -> None:
        assert expected_calibration_error(np.ones(5), np.zeros(5, bool)) == 1

    def test_each_bin_weighs_by_its_samples(self) -> None:
        confidence = np.array([0.95, 0.95, 0.95, 0.15])
        right = np.array([True, True, False, False])

        expected = 0.75 * (0.95 - 2 / 3) + 0.25 * 0.15
        assert expected_calibration_error(confidence, right) == pytest.approx(expected)

    def test_honest_confidence_has_little(self) -> None:
        rng = np.random.default_rng(0)
        confidence = rng.random(50_000)

        assert expected_calibration_error(confidence, rng.random(50_000) < confidence) < 0.02


class TestAgreement:
    @given(st.integers(3, 40), st.integers(0, 2**32 - 1))
    def test_pearson_agrees_with_numpy(self, n: int, seed: int) -> None:
        gold, predicted = np.random.default_rng(seed).normal(size=(2, n))

        assert pearson(gold, predicted) == pytest.approx(np.corrcoef(gold, predicted)[0, 1])

    def test_concordance_is_one_only_for_the_same_values(self) -> None:
        gold = np.array([1.0, 2.0, 3.0])

        assert concordance(gold, gold) == pytest.approx(1)
        # By hand: 2 * 2/3 / (2/3 + 2/3 + 1), and 2 * 4/3 / (2/3 + 8/3 + 4).
        assert concordance(gold, gold + 1) == pytest.approx(4 / 7)
        assert concordance(gold, gold * 2) == pytest.approx(4 / 11)
        assert concordance(gold, -gold + 4) == pytest.approx(-1)

    def test_without_variance_there_is_no_figure(self) -> None:
        same, other = np.ones(4), np.arange(4.0)

        assert pearson(same, other) is None
        assert concordance(same, same) is None
        assert concordance(same, other) == 0
        assert bootstrap_interval(pearson, same, other) is None

    def test_the_interval_holds_the_figure_and_repeats(self) -> None:
        random = np.random.default_rng(1)
        gold = random.normal(size=300)
        predicted = gold + random.normal(size=300)
        interval = bootstrap_interval(pearson, gold, predicted)

        assert interval is not None
        # Fisher's z: tanh(atanh(r) -+ 1.96 / sqrt(n - 3)).
        around = np.tanh(
            np.arctanh(pearson(gold, predicted) or 0) + np.array([-1, 1]) * 1.96 / 297**0.5
        )
        assert interval == pytest.approx(around, abs=0.02)
        assert interval == bootstrap_interval(pearson, gold, predicted)
