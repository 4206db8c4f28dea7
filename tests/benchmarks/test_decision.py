"""The rule by which the gate fails, on noise whose truth is known."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from benchmarks.gate.catalogue import TIMED
from benchmarks.gate.decision import (
    FIRST_PAIRS,
    JUDGED_PAIRS,
    LEAST_PAIRS,
    LEVEL,
    SUSPICIOUS,
    TOLERATED,
    holm,
    judge,
    signed_rank,
    suspects,
)

THRESHOLDS = {one.name: one.threshold for one in TIMED}


def gate(random: np.random.Generator, ratios: dict[str, float], spread: float) -> list[str]:
    """Run the three rounds on synthetic pairs; returns what is found slower.

    Now and then a pair is far off, as on a machine that others use.
    """

    def pairs(names: list[str], count: int) -> dict[str, list[float]]:
        return {
            name: [
                math.log(ratios[name])
                + random.normal(0, spread)
                + (random.normal(0, 0.3) if random.random() < 0.05 else 0.0)
                for _ in range(count)
            ]
            for name in names
        }

    found = suspects(pairs(list(ratios), FIRST_PAIRS))
    for _ in range(2):
        verdicts = judge(pairs(found, JUDGED_PAIRS), THRESHOLDS)
        found = [name for name, verdict in verdicts.items() if verdict.slower]
    return found


class TestSignedRank:
    @pytest.mark.parametrize("count", [1, 5, 9])
    def test_gives_the_share_of_signs_whose_rank_sum_is_as_large(self, count: int) -> None:
        random = np.random.default_rng(count)
        differences = random.normal(0.2, 1, count).tolist()
        ranks = np.argsort(np.argsort(np.abs(differences))) + 1
        observed = sum(rank for rank, one in zip(ranks, differences, strict=True) if one > 0)
        sums = [
            sum(rank for rank, sign in zip(ranks, signs, strict=True) if sign)
            for signs in itertools.product((False, True), repeat=count)
        ]

        assert signed_rank(differences) == pytest.approx(np.mean(np.array(sums) >= observed))

    def test_agrees_with_scipy(self) -> None:
        from scipy.stats import wilcoxon

        differences = np.random.default_rng(1).normal(0.3, 1, 12)
        expected = wilcoxon(differences, alternative="greater", method="exact").pvalue

        assert signed_rank(differences.tolist()) == pytest.approx(expected)

    def test_ties_share_their_rank(self) -> None:
        # Ranks 1.5, 1.5 and 3: of eight sign patterns four have a sum of at least 4.5 or 3.
        assert signed_rank([1.0, -1.0, 2.0]) == pytest.approx(3 / 8)

    def test_zeros_say_nothing(self) -> None:
        assert signed_rank([0.0, 0.0]) == 1.0
        assert signed_rank([0.0, 1.0, 2.0]) == signed_rank([1.0, 2.0])

    def test_all_slower_is_as_rare_as_so_many_heads(self) -> None:
        assert signed_rank([0.1] * JUDGED_PAIRS) == 2.0**-JUDGED_PAIRS


class TestHolm:
    def test_multiplies_by_what_is_left_and_never_falls(self) -> None:
        corrected = holm({"a": 0.01, "b": 0.04, "c": 0.03})

        assert corrected == pytest.approx({"a": 0.03, "c": 0.06, "b": 0.06})

    def test_stays_below_one(self) -> None:
        assert holm({"a": 0.9, "b": 0.8}) == {"a": 1.0, "b": 1.0}


class TestJudge:
    def test_a_sure_but_small_slowdown_passes(self) -> None:
        verdict = judge({"chat.analyze": [math.log(1.06)] * JUDGED_PAIRS}, THRESHOLDS)

        assert verdict["chat.analyze"].p < LEVEL
        assert not verdict["chat.analyze"].slower

    def test_a_large_but_unsure_slowdown_passes(self) -> None:
        logs = [math.log(1.2), math.log(0.6)] * (JUDGED_PAIRS // 2) + [math.log(1.2)]
        verdict = judge({"chat.analyze": logs}, THRESHOLDS)

        assert verdict["chat.analyze"].ratio > 1.08
        assert not verdict["chat.analyze"].slower

    def test_too_few_pairs_judge_nothing(self) -> None:
        logs = [math.log(2)] * (LEAST_PAIRS - 1)

        assert not judge({"chat.analyze": logs}, THRESHOLDS)["chat.analyze"].slower

    def test_no_pairs_at_all_are_no_verdict(self) -> None:
        verdict = judge({"chat.analyze": []}, THRESHOLDS)["chat.analyze"]

        assert math.isnan(verdict.ratio)
        assert not verdict.slower

    def test_nothing_within_the_tolerance_becomes_suspect(self) -> None:
        assert suspects({"chat.analyze": [math.log(TOLERATED)] * 6, "import": []}) == []
        assert suspects({"chat.analyze": [math.log(SUSPICIOUS + 0.01)] * 6}) == ["chat.analyze"]


class TestRule:
    """Simulated; a pair's spread on a machine that others use is three to six percent."""

    @pytest.mark.parametrize("spread", [0.02, 0.05, 0.15])
    def test_four_hundred_unchanged_runs_stay_silent(self, spread: float) -> None:
        random = np.random.default_rng(int(1000 * spread))
        unchanged = dict.fromkeys(THRESHOLDS, 1.0)

        assert sum(bool(gate(random, unchanged, spread)) for _ in range(400)) == 0

    @pytest.mark.parametrize(("spread", "power"), [(0.02, 0.98), (0.04, 0.98), (0.06, 0.95)])
    def test_finds_one_slowdown_of_15_percent(self, spread: float, power: float) -> None:
        random = np.random.default_rng(int(1000 * spread))
        planted = {**dict.fromkeys(THRESHOLDS, 1.0), "survey.score": 1.15}
        found = [gate(random, planted, spread) for _ in range(300)]

        assert np.mean(["survey.score" in one for one in found]) >= power
        assert sum(bool(set(one) - {"survey.score"}) for one in found) <= 1

    def test_a_slowdown_within_the_tolerance_is_no_alarm(self) -> None:
        random = np.random.default_rng(7)
        slight = dict.fromkeys(THRESHOLDS, TOLERATED)

        assert sum(bool(gate(random, slight, 0.05)) for _ in range(300)) <= 1
