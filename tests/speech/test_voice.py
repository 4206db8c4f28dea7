"""The voice model answers a distribution for a clip of any length."""

import numpy as np
import pytest

from affectscope.speech import VoiceModel
from affectscope.speech.logmel import log_mel
from affectscope.speech.sound import Sound
from tests.speech.signals import spoken


@pytest.mark.parametrize("seconds", [0.001, 0.3, 1.0, 3.0, 5.0, 21.0])
def test_any_length_gives_a_distribution(seconds: float) -> None:
    samples = np.resize(spoken(), max(1, round(seconds * 16_000)))

    shares = VoiceModel().predict(Sound(samples).mels)

    assert shares.shape == (8,)
    assert shares.sum() == pytest.approx(1.0, abs=1e-5)


def test_the_level_of_the_recording_changes_little() -> None:
    model, voice = VoiceModel(), spoken()[: 3 * 16_000]

    loud, soft = (model.predict(log_mel(voice * np.float32(gain))) for gain in (1.0, 0.5))

    assert np.abs(loud - soft).max() < 0.25
