"""Phrases are judged beside those that the same speaker said before."""

from __future__ import annotations

import numpy as np
import pytest

from affectscope.affect import Affect, SegmentFound
from affectscope.speech import VoiceModel
from affectscope.speech.activity import Speech
from affectscope.speech.hearing import Hearing
from affectscope.speech.logmel import RATE
from tests.speech.signals import spoken


def phrase(part: int, gain: float = 1.0) -> Speech:
    """Return one of four parts of the sample sentence, louder or softer."""
    size = len(spoken()) // 4
    return Speech(0.0, spoken()[part * size : (part + 1) * size] * np.float32(gain))


def told(hearing: Hearing, some: Speech) -> Affect:
    [record] = hearing.hear(some)
    assert isinstance(record, SegmentFound)
    assert record.segment.affect is not None
    return record.segment.affect


@pytest.fixture
def hearing() -> Hearing:
    return Hearing(VoiceModel(), None)


def test_the_first_phrase_is_judged_by_its_sound_alone(hearing: Hearing) -> None:
    alone = VoiceModel().predict(phrase(0).samples)

    assert told(hearing, phrase(0)).confidence == pytest.approx(float(alone.max()), abs=1e-4)


def test_a_phrase_after_softer_ones_resembles_anger_more(hearing: Hearing) -> None:
    other = Hearing(VoiceModel(), None)
    for part in (0, 1, 2, 3) * 4:
        list(hearing.hear(phrase(part, 0.1)))
        list(other.hear(phrase(part)))

    after_softer, after_equal = told(hearing, phrase(0)), told(other, phrase(0))

    assert after_softer.scores["angry"] > after_equal.scores["angry"]


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
