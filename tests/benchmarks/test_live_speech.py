"""The benchmark of live microphones finds the end of a phrase, and judges its figures by the bars."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.live_speech import (
    RATE,
    Burden,
    Latencies,
    last_voiced,
    pieces,
    results,
    sentence,
    table,
)


def test_the_last_voiced_sample_is_the_last_loud_one() -> None:
    signal = np.zeros(4 * RATE, np.float32)
    signal[RATE : 2 * RATE] = 0.3
    signal[2 * RATE : 3 * RATE] = 0.003  # 40 dB below: a noise of the room

    assert last_voiced(signal, 0.5, 3.5) == pytest.approx(2.0)
    # The sound comes again and again; the times go on.
    assert last_voiced(signal, 8.5, 11.5) == pytest.approx(10.0)


def test_the_sound_is_whole_pieces_with_a_silence_at_the_end() -> None:
    signal = sentence()

    assert {len(piece) for piece in pieces(signal)} == {1600}
    assert len(signal) / RATE == pytest.approx(7.15, abs=0.1)
    assert not signal[-RATE:].any()


def burden(*memory: int) -> Burden:
    return Burden(memory=list(memory), given_up=2, speed=12.0)


def test_figures_and_bars() -> None:
    found = Latencies([0.1, 0.2, 0.3], [0.5, 0.6, 0.7], [], left_out=1)
    figures = results(
        {1: found}, {"hasty": burden(10, 20, 30, 25), "lazy": burden(10, 20, 10_000_031, 25)}
    )

    assert figures["microphones"][1]["first"] == {
        "p50": pytest.approx(0.2),
        "p95": pytest.approx(0.29),
        "most": 0.3,
    }
    assert "words" not in figures["microphones"][1]
    assert figures["within"] == {
        "hasty_growth_bytes": True,
        "lazy_growth_bytes": False,
        "first_p95_seconds": True,
    }
    text = table(figures)
    assert "1 microphone(s), 3 phrases, words of 1 left out: first 0.20 0.29 0.30" in text
    assert "hasty: 12 times real time" in text


def test_late_answers_miss_the_bar() -> None:
    late = Latencies([0.1, 0.2, 0.9], [0.5, 0.6, 0.9], [1.0, 2.0])
    figures = results({1: late, 2: late}, {})

    assert figures["within"] == {"first_p95_seconds": False}
