"""Phrases are judged beside those that the same speaker said before."""

from __future__ import annotations

import numpy as np
import pytest

from affectscope.affect import Affect, SegmentFound
from affectscope.speech import VoiceModel
from affectscope.speech.activity import Speech
from affectscope.speech.hearing import Hearing
from affectscope.speech.known_voice import KnownVoice
from affectscope.speech.logmel import RATE
from affectscope.speech.prosody import prosody_of
from affectscope.speech.sound import Sound
from tests.speech.signals import spoken


def phrase(part: int, pitch: float = 1.0) -> Speech:
    """Return one of four parts of the sample sentence, slower and as much lower."""
    size = len(spoken()) // 4
    some = spoken()[part * size : (part + 1) * size]
    places = np.arange(0, size - 1, pitch)
    return Speech(0.0, np.interp(places, np.arange(size), some).astype(np.float32))


def told(hearing: Hearing, some: Speech) -> Affect:
    [record] = hearing.hear(some)
    assert isinstance(record, SegmentFound)
    assert record.segment.affect is not None
    return record.segment.affect


@pytest.fixture
def hearing() -> Hearing:
    return Hearing(VoiceModel(), None)


def test_the_first_phrase_is_judged_as_a_strangers(hearing: Hearing) -> None:
    sound = Sound(phrase(0).samples)
    alone = KnownVoice(VoiceModel()).judge(sound, prosody_of(sound)).shares

    assert told(hearing, phrase(0)).confidence == pytest.approx(float(alone.max()), abs=1e-4)


def test_a_phrase_is_judged_beside_those_before(hearing: Hearing) -> None:
    other = Hearing(VoiceModel(), None)
    for part in (1, 2, 3) * 4:
        list(hearing.hear(phrase(part)))
        list(other.hear(phrase(part, pitch=0.8)))

    after_equal, after_lower = told(hearing, phrase(0)), told(other, phrase(0))

    assert after_lower.scores != pytest.approx(after_equal.scores, abs=0.05)


def test_an_estimate_teaches_nothing(hearing: Hearing) -> None:
    for part in range(4):
        list(hearing.hear(phrase(part)))
    estimates = [hearing.estimate(phrase(1)) for _ in range(3)]

    assert estimates[0] == estimates[2]
    assert estimates[0].segment.affect == told(hearing, phrase(1))


def test_what_is_not_judged_teaches_nothing(hearing: Hearing) -> None:
    short = Speech(0.0, spoken()[: RATE // 2])
    silent = Speech(0.0, np.zeros(2 * RATE, np.float32))
    other = Hearing(VoiceModel(), None)
    for some in (short, silent, short, silent):
        [record] = other.hear(some)
        assert isinstance(record, SegmentFound)
        assert record.segment.affect is None

    assert told(other, phrase(2)) == told(hearing, phrase(2))
