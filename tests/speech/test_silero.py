"""The detector of speech judges each chunk by what came before, however the signal is cut."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from affectscope.errors import ModelUnavailable
from affectscope.speech import silero
from affectscope.speech.silero import CHUNK, SileroDetector
from tests.speech.neighbours import steps_of_others
from tests.speech.signals import silence, spoken, tone


def whole(seconds: float = 2.0) -> NDArray[np.float32]:
    signal = np.concatenate([silence(0.5), spoken()[: int(seconds * 16_000)]])
    return signal[: len(signal) // CHUNK * CHUNK]


def test_a_voice_is_likely_and_a_tone_is_not() -> None:
    odds = SileroDetector().probabilities(whole())
    quiet, voiced = odds[:10], odds[30:]

    assert odds.dtype == np.float32
    assert quiet.max() < 0.1
    assert np.median(voiced) > 0.9
    assert SileroDetector().probabilities(tone(CHUNK * 60 / 16_000)).max() < 0.5


@pytest.mark.parametrize("chunks", [1, 7, 31])
def test_pieces_are_judged_as_the_whole_is(chunks: int) -> None:
    signal, detector = whole(), SileroDetector()

    pieces = [
        detector.probabilities(signal[at : at + chunks * CHUNK])
        for at in range(0, len(signal), chunks * CHUNK)
    ]

    wanted = SileroDetector().probabilities(signal)
    assert np.concatenate(pieces) == pytest.approx(wanted, abs=1e-6)


def test_a_long_signal_is_judged_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = SileroDetector().probabilities(whole())
    monkeypatch.setattr(silero, "MOST_CHUNKS", 10)

    assert SileroDetector().probabilities(whole()) == pytest.approx(wanted, abs=1e-6)


def test_nothing_gives_nothing() -> None:
    assert SileroDetector().probabilities(silence(0)).shape == (0,)


def test_others_run_meanwhile() -> None:
    detector, signal = SileroDetector(), np.tile(whole(), 20)[: silero.MOST_CHUNKS * CHUNK]

    # Copying an array lets go of the lock for a moment too; what counts is the long call.
    assert any(steps_of_others(lambda: detector.probabilities(signal)) > 200 for _ in range(20))


def test_altered_weights_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silero, "_SHA256", "0" * 64)

    with pytest.raises(ModelUnavailable, match=r"silero_vad\.onnx is not the file"):
        silero.session.__wrapped__()
