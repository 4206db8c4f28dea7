"""Smoothing without inventing."""

from __future__ import annotations

import numpy as np
import pytest

from affectscope.video.smoothing import FORGET, SPAN, Smoothing

CALM = np.array([0.9, 0.05, 0.05], np.float32)
GLAD = np.array([0.05, 0.9, 0.05], np.float32)


def test_what_does_not_change_stays() -> None:
    smoothing = Smoothing()

    for step in range(5):
        assert smoothing.next(CALM, 0.1 * step) == pytest.approx(CALM)


def test_one_odd_frame_does_not_turn_the_label() -> None:
    smoothing = Smoothing()
    for step in range(20):
        smoothing.next(CALM, 0.04 * step)

    assert smoothing.next(GLAD, 0.8).argmax() == 0


def test_a_change_that_lasts_comes_through_at_the_same_time_whatever_the_rate() -> None:
    for rate in (10, 50):
        smoothing = Smoothing()
        for step in range(rate):
            smoothing.next(CALM, step / rate)
        after = [smoothing.next(GLAD, 1 + step / rate).argmax() for step in range(rate)]
        turned = after.index(1) / rate
        assert turned == pytest.approx(SPAN * np.log(2), abs=1.5 / rate)
        assert set(after[after.index(1) :]) == {1}


def test_no_third_label_between_two() -> None:
    """The mean of these two has the last label as its highest."""
    first = np.array([0.55, 0.0, 0.45], np.float32)
    second = np.array([0.0, 0.55, 0.45], np.float32)
    smoothing = Smoothing()
    seen = [smoothing.next(first, 0.0).argmax()]
    seen += [smoothing.next(second, 0.05 * step).argmax() for step in range(1, 20)]

    assert set(seen) == {0, 1}
    assert seen == sorted(seen)


def test_labels_are_always_of_this_frame_or_of_what_was_said_before() -> None:
    random = np.random.default_rng(0)
    smoothing, before, time = Smoothing(), None, 0.0
    for _ in range(500):
        shares = random.dirichlet(np.full(8, 0.7)).astype(np.float32)
        time += float(random.uniform(0.01, 0.4))
        smoothed = smoothing.next(shares, time)
        assert smoothed.sum() == pytest.approx(1, abs=1e-5)
        assert smoothed.argmax() in (shares.argmax(), before)
        before = smoothed.argmax()


def test_after_a_pause_a_frame_stands_for_itself() -> None:
    smoothing = Smoothing()
    smoothing.next(CALM, 0.0)

    assert smoothing.next(GLAD, FORGET + 0.1) == pytest.approx(GLAD)
