"""What is unusual for a speaker counts, and what is usual for one does not."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from affectscope.errors import ModelUnavailable
from affectscope.speech import VoiceModel
from affectscope.speech.manner import MannerModel, UsualManner, heard_in_turn, read_manner

EVEN = np.full(2, 0.5, np.float32)

LOUD = MannerModel(
    figures=("loudness_db",),
    logarithmic=(),
    mean=(-30.0,),
    deviation=(5.0,),
    persistence=(1.0,),
    expected=((-0.5,), (0.5,)),
    constant=(0.0, 0.0),
    linear=((-1.5,), (1.5,)),
    squared=((0.0,), (0.0,)),
    sound=1.0,
    patience=5.0,
)
"""Two emotions, a soft one and a loud one."""


def of(loudness: float) -> dict[str, float]:
    return {"loudness_db": loudness}


def after(*phrases: tuple[float, NDArray[np.float32]]) -> UsualManner:
    usual = UsualManner(LOUD)
    for loudness, shares in phrases:
        usual.add(shares, of(loudness))
    return usual


def test_the_first_phrase_is_judged_by_its_sound() -> None:
    shares = np.array([0.3, 0.7], np.float32)

    assert UsualManner(LOUD).weighed(shares, of(-10)) == pytest.approx(shares)


@pytest.mark.parametrize("level", [-50.0, -30.0, -10.0])
def test_a_phrase_is_loud_for_its_speaker(level: float) -> None:
    usual = after(*[(level - 5.0, EVEN), (level + 5.0, EVEN)] * 20)

    assert usual.weighed(EVEN, of(level + 5))[1] > 0.9
    assert usual.weighed(EVEN, of(level))[1] == pytest.approx(0.5, abs=0.15)
    assert usual.weighed(EVEN, of(level - 5))[0] > 0.9


def test_what_an_emotion_explains_is_not_the_speakers_own() -> None:
    soft = np.array([0.99, 0.01], np.float32)
    gentle = after(*[(-32.5, soft)] * 40)
    unknown = after(*[(-32.5, EVEN)] * 40)

    assert gentle.weighed(EVEN, of(-32.5))[0] > 0.75
    assert unknown.weighed(EVEN, of(-32.5))[0] == pytest.approx(0.5, abs=0.05)


def test_what_was_long_ago_is_forgotten() -> None:
    moved = after(*[(-10.0, EVEN)] * 300, *[(-50.0, EVEN)] * 300)

    assert moved.weighed(EVEN, of(-50))[0] == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("figure", [math.nan, math.inf, -math.inf, 1e300, None])
def test_what_is_missing_or_absurd_does_no_harm(figure: float | None) -> None:
    manner = {} if figure is None else of(figure)
    usual = after(*[(-30.0, EVEN)] * 40)

    assert np.isfinite(usual.weighed(EVEN, manner)).all()
    usual.add(EVEN, manner)
    assert usual.weighed(EVEN, of(-30)) == pytest.approx(EVEN, abs=0.2)


def test_each_speaker_is_heard_by_themselves() -> None:
    levels = [-50.0, -40.0, -20.0, -10.0] * 10
    speakers = ["far", "far", "near", "near"] * 10
    shares = np.tile(EVEN, (40, 1))

    found = heard_in_turn(LOUD, speakers, [of(level) for level in levels], shares)

    assert (found[20:].argmax(1) == [0, 1, 0, 1] * 5).all()
    assert (found == heard_in_turn(LOUD, speakers, [of(one) for one in levels], shares)).all()


def test_the_shipped_model_fits_the_voice_model() -> None:
    model = VoiceModel()
    labels, figures = len(model.predict(np.zeros(16_000, np.float32))), len(model.manner.figures)

    assert np.shape(model.manner.linear) == np.shape(model.manner.squared) == (labels, figures)
    assert np.shape(model.manner.expected) == (labels, figures)
    assert np.shape(model.manner.constant) == (labels,)
    assert min(model.manner.persistence) > 0
    assert 0 < model.manner.sound <= 1
    assert set(model.manner.logarithmic) <= set(model.manner.figures)


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}")

    with pytest.raises(ModelUnavailable, match=r"a\.json is not a readable model"):
        read_manner(tmp_path / "a.json")
    with pytest.raises(ModelUnavailable, match=r"b\.json is not a readable model"):
        read_manner(tmp_path / "b.json")
