"""Noise, tilt, jitter and shimmer of voices of which they are known."""

import numpy as np
import pytest
from numpy.typing import NDArray

from affectscope.speech.pitch import pitch
from affectscope.speech.spectra import spectra
from affectscope.speech.voice_quality import cycles, spectral_tilt, voice_quality
from tests.speech.signals import silence, tone
from tests.speech.voices import noisy, pulses, tilted, vowel


def quality_of(samples: NDArray[np.float32]) -> dict[str, float]:
    frames = spectra(samples)
    return voice_quality(frames, pitch(frames))


class TestHarmonicsToNoise:
    @pytest.mark.parametrize("hertz", [100, 140, 300])
    @pytest.mark.parametrize("decibels", [5, 10, 20])
    def test_it_is_the_level_of_the_noise(self, hertz: float, decibels: float) -> None:
        measures = quality_of(noisy(vowel(pulses(hertz, 2).samples), decibels))

        assert measures["harmonics_to_noise_db"] == pytest.approx(decibels, abs=1)

    def test_a_pure_voice_is_far_above_any_real_one(self) -> None:
        assert 35 < quality_of(vowel(pulses(140, 1).samples))["harmonics_to_noise_db"] <= 60


class TestTilt:
    @pytest.mark.parametrize("hertz", [80, 150, 250, 400])
    @pytest.mark.parametrize("decibels", [0, -6, -12])
    def test_it_is_the_slope_of_the_source(self, hertz: float, decibels: float) -> None:
        measures = quality_of(tilted(pulses(hertz, 1).samples, decibels))

        assert measures["spectral_tilt_db_per_octave"] == pytest.approx(decibels, abs=0.05)

    def test_one_partial_has_no_slope(self) -> None:
        measures = quality_of(tone(1, 300))

        assert "harmonics_to_noise_db" in measures
        assert "spectral_tilt_db_per_octave" not in measures

    def test_a_spectrum_without_power_has_no_slope(self) -> None:
        assert spectral_tilt(np.zeros((3, 513), np.float32), np.full(3, 200.0)) is None


class TestCycles:
    @pytest.mark.parametrize("hertz", [70, 120, 210, 390])
    def test_periods_of_a_steady_voice(self, hertz: float) -> None:
        frames = spectra(vowel(pulses(hertz, 1).samples))

        found = cycles(frames.samples, pitch(frames))

        periods = found.periods[np.isfinite(found.periods)]
        assert periods == pytest.approx(1 / hertz, rel=2e-3)
        assert len(periods) > 0.7 * hertz

    @pytest.mark.parametrize("hertz", [80, 120, 150])
    @pytest.mark.parametrize("jitter", [0.005, 0.01])
    def test_jitter_is_found(self, hertz: float, jitter: float) -> None:
        source = pulses(hertz, 3, jitter=jitter)

        measures = quality_of(vowel(source.samples))

        assert measures["jitter_local_percent"] == pytest.approx(source.jitter, rel=0.25)

    @pytest.mark.parametrize("hertz", [80, 120, 200])
    @pytest.mark.parametrize("shimmer", [0.03, 0.08])
    def test_shimmer_is_found(self, hertz: float, shimmer: float) -> None:
        source = pulses(hertz, 3, shimmer=shimmer)

        measures = quality_of(vowel(source.samples))

        assert measures["shimmer_local_percent"] == pytest.approx(source.shimmer, rel=0.2)

    @pytest.mark.parametrize("hertz", [80, 200, 400])
    def test_a_regular_voice_has_next_to_none(self, hertz: float) -> None:
        measures = quality_of(vowel(pulses(hertz, 1).samples))

        assert measures["jitter_local_percent"] < 0.05
        assert measures["shimmer_local_percent"] < 0.1

    def test_noise_is_not_taken_for_much_jitter(self) -> None:
        measures = quality_of(noisy(vowel(pulses(120, 2).samples), 20))

        assert measures["jitter_local_percent"] < 0.15
        assert measures["shimmer_local_percent"] < 1.5

    def test_where_the_pitch_moves_fast_nothing_is_told(self) -> None:
        measures = quality_of(vowel(pulses(lambda t: 100 * 2 ** (1.5 * t), 1).samples))

        assert "harmonics_to_noise_db" in measures
        assert not {"jitter_local_percent", "shimmer_local_percent"} & set(measures)

    def test_few_cycles_tell_nothing(self) -> None:
        measures = quality_of(vowel(pulses(80, 0.2).samples))

        assert not {"jitter_local_percent", "shimmer_local_percent"} & set(measures)


@pytest.mark.parametrize(
    "samples",
    [silence(1), np.random.default_rng(0).normal(0, 0.1, 16_000).astype(np.float32), silence(0.05)],
    ids=["silence", "noise", "one frame"],
)
def test_without_voice_nothing_is_told(samples: NDArray[np.float32]) -> None:
    assert quality_of(samples) == {}
