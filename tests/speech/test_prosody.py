"""A phrase has every measure, poor input those that it has evidence for, and no measure is odd."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from affectscope.speech.prosody import MEASURES, prosody
from tests.speech.signals import silence, spoken, tone
from tests.speech.voices import pulses, syllables, vowel


def test_a_sentence_has_every_measure_in_order() -> None:
    measures = prosody(spoken())

    assert list(measures) == list(MEASURES)
    assert 120 < measures["pitch_hz_median"] < 260
    assert 0.4 < measures["voiced_share"] < 0.9
    assert 3 < measures["articulation_rate_sps"] < 7
    assert -15 < measures["spectral_tilt_db_per_octave"] < 0
    assert 5 < measures["harmonics_to_noise_db"] < 25
    assert 0.2 < measures["jitter_local_percent"] < 3


def test_a_constant_and_a_gain_change_nothing_but_the_level() -> None:
    voice = syllables(8)
    plain, moved = prosody(voice), prosody(voice * np.float32(0.5) + np.float32(0.3))

    assert moved.pop("loudness_db") == pytest.approx(plain.pop("loudness_db") - 6.02, abs=0.01)
    assert moved == pytest.approx(plain, rel=0.02, abs=0.02)


def test_a_longer_phrase_has_the_same_measures() -> None:
    voice = vowel(pulses(140, 1).samples)

    once, often = prosody(voice), prosody(np.tile(voice, 12))

    for name in ("pitch_hz_median", "loudness_db", "spectral_tilt_db_per_octave"):
        assert often[name] == pytest.approx(once[name], rel=0.01)


def test_50_ms_have_a_level_and_say_whether_there_is_voice() -> None:
    assert set(prosody(vowel(pulses(200, 1).samples)[4000:4800])) == {
        "voiced_share",
        "loudness_db",
    }


@pytest.mark.parametrize(
    "samples",
    [silence(0), silence(2), np.full(16_000, 0.7, np.float32), tone(0.049, 200)],
    ids=["nothing", "silence", "constant", "shorter than a window"],
)
def test_what_holds_no_sound_has_no_measures(samples: NDArray[np.float32]) -> None:
    assert prosody(samples) == {}


def test_a_damaged_sample_makes_no_measure_infinite() -> None:
    samples = spoken()
    samples[40_000] = 1e30

    assert all(math.isfinite(value) for value in prosody(samples).values())


def test_noise_has_a_level_and_no_voice() -> None:
    measures = prosody(np.random.default_rng(0).normal(0, 0.1, 32_000).astype(np.float32))

    assert measures.pop("voiced_share") == 0
    assert set(measures) == {"loudness_db", "loudness_range_db"}


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(0, 12_000),
    kind=st.sampled_from(["steps", "square", "clicks", "walk", "clipped"]),
)
def test_whatever_the_signal_every_measure_is_a_number(seed: int, count: int, kind: str) -> None:
    rng = np.random.default_rng(seed)
    samples = {
        "steps": lambda: np.repeat(rng.uniform(-1, 1, count // 50 + 1), 50)[:count],
        "square": lambda: np.sign(np.sin(np.arange(count) * rng.uniform(0.01, 1.5))),
        "clicks": lambda: (rng.random(count) < rng.uniform(0, 0.02)).astype(float),
        "walk": lambda: np.clip(np.cumsum(rng.normal(0, 0.05, count)), -1, 1),
        "clipped": lambda: np.clip(rng.normal(0, 9, count), -1, 1),
    }[kind]()

    measures = prosody(samples.astype(np.float32))

    assert all(math.isfinite(value) for value in measures.values())
    assert 0 <= measures.get("voiced_share", 0) <= 1
    assert 60 <= measures.get("pitch_hz_median", 60) <= 520
    assert 0 <= measures.get("pause_share", 0) < 1


def test_every_measure_is_documented() -> None:
    document = Path(__file__).parents[2].joinpath("docs", "speech.md").read_text(encoding="utf-8")

    for name in ("level_dbfs", *MEASURES):
        assert f"| `{name}` |" in document
