"""Syllables and pauses of "da-da-da" are counted."""

import numpy as np
import pytest
from numpy.typing import NDArray

from affectscope.speech.loudness import levels
from affectscope.speech.pitch import pitch
from affectscope.speech.rate import nuclei, speech_rate
from affectscope.speech.spectra import spectra
from tests.speech.signals import silence
from tests.speech.voices import noisy, pulses, syllables, vowel


def rate_of(samples: NDArray[np.float32]) -> dict[str, float]:
    frames = spectra(samples)
    return speech_rate(frames, levels(frames), pitch(frames).voiced)


class TestRate:
    @pytest.mark.parametrize("count", [5, 8, 20])
    @pytest.mark.parametrize("seconds", [0.12, 0.2, 0.3])
    @pytest.mark.parametrize("hertz", [100, 230])
    def test_syllables_are_counted(self, count: int, seconds: float, hertz: float) -> None:
        measures = rate_of(syllables(count, seconds, hertz))

        # The first and the last syllable begin and end below the level that counts as sound.
        assert measures["speech_rate_sps"] * (count * seconds) == pytest.approx(count, abs=0.7)
        assert measures["articulation_rate_sps"] == measures["speech_rate_sps"]
        assert (measures["pauses"], measures["pause_share"]) == (0, 0)

    def test_noise_adds_no_syllables(self) -> None:
        assert rate_of(noisy(syllables(10), 20))["speech_rate_sps"] == pytest.approx(5, rel=0.1)

    def test_pauses_slow_the_speech_but_not_the_articulation(self) -> None:
        plain = rate_of(syllables(10))
        paused = rate_of(syllables(10, pauses={3: 0.5, 6: 0.5}))

        assert paused["pauses"] == 2
        assert paused["pause_share"] == pytest.approx(1 / 3, abs=0.02)
        assert paused["speech_rate_sps"] == pytest.approx(10 / 3, rel=0.05)
        assert paused["articulation_rate_sps"] == pytest.approx(
            plain["articulation_rate_sps"], rel=0.05
        )

    def test_a_short_gap_is_no_pause(self) -> None:
        assert rate_of(syllables(10, pauses={5: 0.15}))["pauses"] == 0

    def test_silence_around_a_phrase_is_not_part_of_it(self) -> None:
        within = np.concatenate([silence(1), syllables(10), silence(2)])

        assert rate_of(within) == pytest.approx(rate_of(syllables(10)), rel=0.02)

    @pytest.mark.parametrize(
        "samples",
        [
            silence(1),
            np.random.default_rng(0).normal(0, 0.1, 32_000).astype(np.float32),
            vowel(pulses(140, 0.3).samples),
        ],
        ids=["silence", "noise", "too short"],
    )
    def test_without_enough_voice_there_is_no_rate(self, samples: NDArray[np.float32]) -> None:
        assert rate_of(samples) == {}


class TestNuclei:
    def test_a_small_dip_is_no_boundary_and_the_higher_peak_stays(self) -> None:
        levels = np.array([0, 10, 8, 11, 2, 9, 0.0])

        assert nuclei(levels, np.ones(7, bool)) == [3, 5]

    def test_a_lower_neighbour_is_taken_in(self) -> None:
        assert nuclei(np.array([0, 12, 8, 9, 0.0]), np.ones(5, bool)) == [1]

    def test_a_peak_without_voice_is_no_syllable(self) -> None:
        levels = np.array([0, 10, 0, 10, 0.0])

        assert nuclei(levels, np.array([0, 1, 0, 0, 0], bool)) == [1]
