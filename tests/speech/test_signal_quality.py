"""Recordings are described by what limits them, in measures that follow what was done to them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from affectscope.speech.signal_quality import (
    MEASURES,
    SignalQuality,
    level_dbfs,
    signal_quality,
)
from tests.speech.signals import silence, spoken, tone
from tests.speech.voices import noisy

Samples = NDArray[np.float32]
RATE = 16_000


def low_pass(samples: Samples, hertz: float) -> Samples:
    spectrum = np.fft.rfft(samples)
    spectrum[int(len(spectrum) * hertz / 8000) :] = 0
    return np.fft.irfft(spectrum, len(samples)).astype(np.float32)


def chords(seconds: float, level: float = 0.1) -> Samples:
    """Return three chords that are held for a second and a half each, with their harmonics."""
    times = np.arange(round(seconds * RATE)) / RATE
    total = np.zeros(len(times))
    for place, chord in enumerate(([220, 277, 330], [196, 247, 294], [175, 220, 262])):
        sounding = (times // 1.5).astype(int) % 3 == place
        for hertz in chord:
            for harmonic in range(1, 9):
                total += sounding * np.sin(2 * np.pi * hertz * harmonic * times) / harmonic
    return (level * total / np.abs(total).max()).astype(np.float32)


def measured(samples: Samples) -> dict[str, float]:
    return signal_quality(samples).measures


def quality_flags(samples: np.ndarray) -> tuple[str, ...]:
    return signal_quality(samples).flags


class TestFlags:
    def test_a_clean_sentence_has_no_flag(self) -> None:
        found = signal_quality(spoken())

        assert (found.flags, found.abstain) == ((), None)
        assert set(found.measures) == set(MEASURES)

    def test_clipping_is_seen(self) -> None:
        assert "clipped" in quality_flags(np.clip(spoken() * 20, -1, 1))

    def test_a_whisper_from_afar_is_quiet(self) -> None:
        assert "quiet" in quality_flags(spoken() * 0.01)
        assert signal_quality(spoken() * 0.01).abstain == "quiet"

    def test_a_telephone_is_narrow(self) -> None:
        found = signal_quality(low_pass(spoken(), 3400))

        assert found.flags == ("narrow-band",)
        assert found.abstain is None

    @given(arrays.arrays(np.float32, st.integers(0, 20000), elements=st.floats(-1, 1, width=32)))
    def test_any_samples_are_described(self, samples: Samples) -> None:
        found = signal_quality(samples)

        assert set(found.flags) <= {"clipped", "quiet", "noisy", "narrow-band", "music"}
        assert set(found.measures) <= set(MEASURES)
        assert all(np.isfinite(value) for value in found.measures.values())


class TestNoise:
    """The ratio of signal to noise is found without knowing the noise."""

    @pytest.mark.parametrize("decibels", [20, 15, 10, 5, 0])
    def test_noise_that_was_added_is_found(self, decibels: float) -> None:
        found = measured(noisy(spoken(), decibels))["snr_db"]

        assert found == pytest.approx(decibels, abs=2.5)

    def test_a_level_changes_nothing(self) -> None:
        samples = noisy(spoken(), 12)

        assert measured(samples * 0.1)["snr_db"] == pytest.approx(
            measured(samples)["snr_db"], abs=0.01
        )

    @pytest.mark.parametrize(
        ("decibels", "flagged", "abstain"), [(20, False, None), (8, True, None), (0, True, "noisy")]
    )
    def test_noise_is_flagged_and_much_of_it_keeps_the_voice_from_being_judged(
        self, decibels: float, flagged: bool, abstain: str | None
    ) -> None:
        found = signal_quality(noisy(spoken(), decibels))

        assert ("noisy" in found.flags) is flagged
        assert found.abstain == abstain

    def test_silence_between_the_words_is_the_most_that_is_told(self) -> None:
        samples = np.concatenate([spoken()[:32000], silence(2)])

        assert measured(samples)["snr_db"] == 60

    def test_noise_alone_is_the_least(self) -> None:
        assert measured(noisy(silence(2) + 1e-6, -80))["snr_db"] < -3

    def test_a_short_phrase_has_no_ratio(self) -> None:
        assert "snr_db" not in measured(spoken()[4000:11000])


class TestBandwidth:
    @pytest.mark.parametrize("hertz", [2700, 3400, 4000, 5500, 7000])
    def test_the_edge_is_found(self, hertz: float) -> None:
        assert measured(low_pass(spoken(), hertz))["bandwidth_hz"] == pytest.approx(hertz, abs=160)

    def test_a_sentence_reaches_nearly_the_end(self) -> None:
        assert measured(spoken())["bandwidth_hz"] > 7000


class TestClipping:
    @pytest.mark.parametrize("gain", [1.0, 0.3])
    def test_flat_tops_are_seen_below_full_scale_too(self, gain: float) -> None:
        samples = spoken()
        most = float(np.abs(samples).max()) * 0.3
        tops = np.clip(samples, -most, most) / most * np.float32(gain)
        share = float(np.mean(np.abs(samples) >= most))

        assert "clipped" in quality_flags(tops)
        assert measured(tops)["clipped_share"] == pytest.approx(share, rel=0.7)

    def test_one_polarity_is_enough(self) -> None:
        samples = spoken()
        most = float(samples.max()) * 0.25

        assert "clipped" in quality_flags(np.minimum(samples, most))

    def test_soft_clipping_is_seen(self) -> None:
        samples = spoken()
        most = float(np.abs(samples).max()) * 0.2

        assert "clipped" in quality_flags((most * np.tanh(samples / most)).astype(np.float32))

    def test_speech_as_it_was_recorded_has_few_tops(self) -> None:
        assert 0.001 <= measured(spoken())["clipped_share"] < 0.002


class TestMusic:
    """Peaks of the spectrum that stay are music; a voice glides."""

    def test_speech_has_few_steady_peaks(self) -> None:
        assert measured(spoken())["steady_peaks"] < 12

    @pytest.mark.parametrize("decibels", [15, 10, 5])
    def test_music_behind_speech_is_seen(self, decibels: float) -> None:
        samples = spoken()
        notes = chords(len(samples) / RATE)[: len(samples)]
        level = np.sqrt(np.mean(samples**2) / np.mean(notes**2)) * 10 ** (-decibels / 20)

        assert "music" in quality_flags((samples + level * notes).astype(np.float32))

    def test_music_alone_is_seen(self) -> None:
        assert "music" in quality_flags(chords(4))

    def test_noise_is_no_music(self) -> None:
        assert "music" not in quality_flags(noisy(silence(2), -60))


class TestLittle:
    """What there is no evidence for is left out."""

    def test_no_samples(self) -> None:
        assert signal_quality(silence(0)) == SignalQuality((), {}, None)

    def test_silence(self) -> None:
        assert signal_quality(silence(2)) == SignalQuality(("quiet",), {}, "quiet")

    def test_less_than_a_window(self) -> None:
        assert set(measured(spoken()[8000:8500])) == {"clipped_share"}

    def test_more_than_a_window_and_less_than_a_note(self) -> None:
        assert set(measured(spoken()[8000:12000])) == {"clipped_share", "bandwidth_hz"}


@pytest.mark.parametrize("level", [1.0, 0.1, 0.01])
def test_the_level_of_a_tone_is_known(level: float) -> None:
    expected = 20 * np.log10(level / np.sqrt(2))

    assert level_dbfs(tone(1, level=level)) == pytest.approx(expected, abs=0.01)


def test_silence_has_a_finite_level() -> None:
    assert level_dbfs(silence(1)) == -120
    assert level_dbfs(np.zeros(0, np.float32)) == -120
