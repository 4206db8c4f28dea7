"""What measures share of a sound is computed once, and frames of both front ends are the same."""

from __future__ import annotations

import numpy as np
import pytest

from affectscope.speech.logmel import log_mel
from affectscope.speech.logmel import spoken as spoken_part
from affectscope.speech.sound import Sound
from tests.speech.signals import silence, spoken, tone


def test_each_is_computed_once() -> None:
    sound = Sound(spoken())

    for name in (
        "mels",
        "spoken",
        "level",
        "cepstra",
        "spectra",
        "levels",
        "pitch",
        "spoken_pitch",
    ):
        assert getattr(sound, name) is getattr(sound, name)
    assert (sound.mels == log_mel(spoken())).all()
    assert (sound.spoken == spoken_part(sound.mels)).all()


def test_pitch_and_timbre_have_the_same_frames() -> None:
    sound = Sound(np.concatenate([silence(1.0), tone(0.5, 200), silence(0.2), tone(0.5, 300)]))

    assert len(sound.spoken_pitch.hertz) == len(sound.cepstra) == len(sound.level)
    loud = sound.level > -1
    assert sound.spoken_pitch.voiced[loud].mean() > 0.9
    assert sound.spoken_pitch.voiced[sound.level < -8].mean() < 0.3
    assert np.nanmedian(sound.spoken_pitch.hertz[loud]) == pytest.approx(250, abs=51)


@pytest.mark.parametrize("samples", [1, 399, 400, 799, 800, 1000])
def test_what_is_short_is_whole(samples: int) -> None:
    sound = Sound(tone(0.1, 200)[:samples])

    assert len(sound.mels) >= 1
    assert len(sound.spoken_pitch.hertz) == len(sound.spoken)
