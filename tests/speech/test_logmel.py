"""The front end measures energy in mel bands."""

import numpy as np
import pytest

from affectscope.speech.logmel import BANDS, FLOOR, MARGIN, RANGE, log_mel, spoken
from tests.speech.signals import silence, tone


@pytest.mark.parametrize(
    ("samples", "frames"), [(0, 0), (399, 0), (400, 1), (560, 2), (16_000, 98)]
)
def test_the_number_of_frames(samples: int, frames: int) -> None:
    mels = log_mel(np.zeros(samples, np.float32))

    assert mels.shape == (frames, BANDS)
    assert mels.dtype == np.float32


def test_silence_is_the_floor() -> None:
    assert log_mel(silence(0.1)) == pytest.approx(np.log(FLOOR))


@pytest.mark.parametrize("hertz", [200.0, 1000.0, 4000.0])
def test_a_tone_peaks_in_its_band(hertz: float) -> None:
    def mel(f: float) -> float:
        return float(2595 * np.log10(1 + f / 700))

    band = int(log_mel(tone(0.5, hertz)).mean(0).argmax())

    expected = (mel(hertz) - mel(60)) / (mel(7600) - mel(60)) * (BANDS + 1) - 1
    assert abs(band - expected) <= 1.5


def test_ten_times_the_level_is_twenty_decibels() -> None:
    quiet, loud = log_mel(tone(0.2, level=0.05)), log_mel(tone(0.2, level=0.5))

    assert loud.max() - quiet.max() == pytest.approx(np.log(100), abs=0.01)


class TestSpoken:
    """Silence at both ends is no part of what somebody says."""

    @pytest.mark.parametrize("level", [0.5, 0.05])
    def test_the_ends_are_left_out_and_the_middle_stays(self, level: float) -> None:
        said = np.concatenate([tone(0.5, level=level), silence(0.4), tone(0.5, level=level)])
        whole = np.concatenate([silence(1.0), said, silence(2.0)])

        found, alone = spoken(log_mel(whole)), log_mel(said)

        assert len(found) == pytest.approx(len(alone) + 2 * MARGIN, abs=6)
        quiet = (found.max(1) < found.max() - 5)[MARGIN:-MARGIN]
        assert quiet.sum() == pytest.approx(40, abs=6)

    def test_noise_and_silence_stay_whole(self) -> None:
        noise = np.random.default_rng(0).normal(0, 0.1, 16_000).astype(np.float32)

        for samples in (noise, silence(1.0), silence(0.025)):
            mels = log_mel(samples)
            assert len(spoken(mels)) == len(mels)

    def test_how_loud_a_recording_is_does_not_matter(self) -> None:
        noise = np.random.default_rng(0).normal(0, 0.1, 16_000).astype(np.float32)

        loud, quiet = (
            spoken(log_mel(tone(0.5) * level + 0.001 * noise[:8000] * level)) for level in (1, 0.1)
        )

        assert quiet == pytest.approx(loud, abs=0.01)

    def test_what_is_far_below_the_usual_level_is_silence(self) -> None:
        mels = spoken(log_mel(np.concatenate([tone(1.0), silence(0.3), tone(1.0)])))

        assert mels.min() == pytest.approx(-RANGE, abs=0.01)
        assert np.percentile(np.logaddexp.reduce(mels, axis=1), 95) == pytest.approx(0, abs=0.01)
