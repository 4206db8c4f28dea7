from __future__ import annotations

import numpy as np
import pytest
from scipy.fft import dct

from affectscope.speech.logmel import log_mel
from affectscope.speech.logmel import spoken as spoken_part
from affectscope.speech.timbre import COEFFICIENTS, FIGURES, timbre
from tests.speech.signals import spoken, tone


def test_the_transform_is_the_orthonormal_cosine_transform() -> None:
    found = timbre(spoken())
    whole = dct(spoken_part(log_mel(spoken())), axis=1, norm="ortho")

    assert tuple(found) == FIGURES
    for number in range(1, COEFFICIENTS):
        wanted = whole[:, number]
        assert found[f"cepstrum_{number}_mean"] == pytest.approx(wanted.mean(), abs=1e-3)
        assert found[f"cepstrum_{number}_deviation"] == pytest.approx(wanted.std(), abs=1e-3)


def test_how_loud_a_recording_is_makes_no_difference() -> None:
    loud, soft = timbre(spoken()), timbre(spoken() * np.float32(0.1))

    assert soft == pytest.approx(loud, abs=0.02)


def test_what_stays_the_same_changes_less() -> None:
    assert timbre(tone(1.0))["cepstrum_0_change"] < timbre(spoken())["cepstrum_0_change"]


@pytest.mark.parametrize("samples", [0, 1, 399, 400, 1000])
def test_what_is_too_short_to_change_has_no_timbre(samples: int) -> None:
    assert timbre(np.zeros(samples, np.float32)) == {}
