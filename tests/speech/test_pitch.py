"""The pitch of voices whose pitch is known, and none of what has none."""

import numpy as np
import pytest
from numpy.typing import NDArray

from affectscope.speech.pitch import Pitch, contour, pitch
from affectscope.speech.spectra import spectra
from tests.speech.signals import silence, tone
from tests.speech.voices import noisy, pulses, vowel


def pitch_of(samples: NDArray[np.float32]) -> Pitch:
    return pitch(spectra(samples))


class TestSteadyVoices:
    @pytest.mark.parametrize("hertz", [62, 80, 100, 137.3, 200, 290, 400, 480])
    def test_every_frame_has_the_pitch_of_the_pulses(self, hertz: float) -> None:
        path = pitch_of(vowel(pulses(hertz, 1).samples))

        assert path.voiced.all()
        assert path.hertz == pytest.approx(hertz, rel=2e-3)

    @pytest.mark.parametrize("hertz", [62, 137.3, 480])
    def test_a_flat_spectrum_is_not_taken_for_an_octave_below(self, hertz: float) -> None:
        path = pitch_of((0.3 * pulses(hertz, 1).samples).astype(np.float32))

        assert path.hertz == pytest.approx(hertz, rel=2e-3)

    @pytest.mark.parametrize("decibels", [20, 10, 3])
    def test_noise_does_not_hide_it(self, decibels: float) -> None:
        path = pitch_of(noisy(vowel(pulses(140, 2).samples), decibels))

        assert path.voiced.mean() > 0.97
        assert path.hertz[path.voiced] == pytest.approx(140, rel=0.02)

    def test_a_pure_tone_has_a_pitch(self) -> None:
        assert pitch_of(tone(1, 220)).hertz == pytest.approx(220, rel=1e-3)

    def test_clipping_does_not_change_it(self) -> None:
        samples = np.clip(vowel(pulses(140, 1).samples) * 6, -1, 1).astype(np.float32)

        assert pitch_of(samples).hertz == pytest.approx(140, rel=2e-3)

    def test_a_voice_that_breaks_off_is_unvoiced_from_there(self) -> None:
        path = pitch_of(np.concatenate([vowel(pulses(200, 0.5).samples), silence(0.5)]))

        assert path.voiced[:40].all()
        assert not path.voiced[52:].any()


class TestNoVoice:
    @pytest.mark.parametrize(
        "samples",
        [
            silence(1),
            np.full(16_000, 0.4, np.float32),
            np.random.default_rng(0).normal(0, 0.1, 32_000).astype(np.float32),
            np.bincount([400, 9_000, 15_000], minlength=16_000).astype(np.float32),
            (vowel(pulses(140, 1).samples) * 1e-4).astype(np.float32),
        ],
        ids=["silence", "constant", "noise", "clicks", "faint"],
    )
    def test_is_unvoiced(self, samples: NDArray[np.float32]) -> None:
        path = pitch_of(samples)

        assert not path.voiced.any()
        assert np.isnan(path.hertz).all()
        assert contour(path) == {"voiced_share": 0.0}

    def test_of_nothing_nothing_is_said(self) -> None:
        assert contour(pitch_of(silence(0))) == {}


class TestContour:
    @pytest.mark.parametrize("slope", [-12.0, -4.0, 6.0, 12.0])
    def test_a_glide_has_its_slope_and_range(self, slope: float) -> None:
        samples = vowel(pulses(lambda time: 180 * 2 ** (slope * (time - 0.5) / 12), 1).samples)

        measures = contour(pitch_of(samples))

        assert measures["pitch_slope"] == pytest.approx(slope, abs=0.1)
        assert measures["pitch_hz_median"] == pytest.approx(180, rel=0.01)
        # 90 % of 0.95 s, which is how far apart the middles of the first and last frame are.
        assert measures["pitch_semitones_range"] == pytest.approx(abs(slope) * 0.855, rel=0.03)
        assert measures["pitch_semitones_deviation"] == pytest.approx(
            abs(slope) * 0.95 / np.sqrt(12), rel=0.03
        )

    def test_vibrato_has_its_depth_and_no_slope(self) -> None:
        samples = vowel(pulses(lambda t: 200 * 2 ** (np.sin(10 * np.pi * t) / 12), 2).samples)

        measures = contour(pitch_of(samples))

        assert measures["pitch_semitones_deviation"] == pytest.approx(np.sqrt(0.5), rel=0.05)
        assert measures["pitch_semitones_range"] == pytest.approx(2, rel=0.06)
        assert measures["pitch_slope"] == pytest.approx(0, abs=0.2)

    def test_jumps_by_an_octave_do_not_make_the_range(self) -> None:
        hertz = np.full(200, 200.0)
        hertz[50:62], hertz[120:132] = 100.0, 400.0

        measures = contour(Pitch(hertz, np.ones(200)))

        assert measures["pitch_semitones_range"] == 0
        assert measures["voiced_share"] == 1

    def test_too_little_voice_has_a_median_and_no_contour(self) -> None:
        hertz = np.full(100, np.nan)
        hertz[10:20] = 150

        measures = contour(Pitch(hertz, np.isfinite(hertz).astype(float)))

        assert measures == {"voiced_share": 0.1, "pitch_hz_median": 150}
