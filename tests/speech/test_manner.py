"""What is unusual for a speaker counts, and what is usual for one does not."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from affectscope.errors import ModelUnavailable
from affectscope.speech import VoiceModel
from affectscope.speech.figures import FIGURES
from affectscope.speech.manner import Floats, MannerModel, OwnManner, heard_in_turn, read_manner

EVEN = np.full(2, 0.5, np.float32)

LOUD = MannerModel(
    figures=("loudness_db",),
    logarithmic=(),
    mean=(-30.0, 0.0, 0.0),
    deviation=(5.0, 1.0, 1.0),
    directions=((1.0, 0.0), (0.0, -1.0), (0.0, 1.0)),
    expected=((-1.5, -2.0), (1.5, 2.0)),
    speakers=(4.0, 2.0),
    ways=(0.2, 0.2),
    by_figures=1,
    weight=(1.0, 0.0),
    sound=1.0,
    credence=1.0,
)
"""Two emotions, a soft one and a loud one; the sound counts by itself only."""

BIASED = LOUD.model_copy(update={"weight": (0.0, 1.0), "sound": 0.0})
"""The sound counts only beside how the same speaker sounds otherwise."""


def at(loudness: float) -> Floats | None:
    return LOUD.place({"loudness_db": loudness})


def after(*phrases: tuple[float, NDArray[np.float32]]) -> OwnManner:
    """Return what is known after phrases of a loudness, whose sound says so much."""
    own = OwnManner(LOUD)
    for loudness, shares in phrases:
        own.add(own.weighed(shares, at(loudness)), shares, at(loudness))
    return own


def test_the_manner_of_a_stranger_says_little() -> None:
    [_, loud] = OwnManner(LOUD).weighed(EVEN, at(-30 + 7.5))
    [_, loud_for_known] = after(*[(-37.5, EVEN), (-22.5, EVEN)] * 20).weighed(EVEN, at(-22.5))

    assert 0.6 < loud < 0.8
    assert loud_for_known > 0.9


@pytest.mark.parametrize("level", [-40.0, -30.0, -20.0])
def test_a_phrase_is_loud_for_its_speaker(level: float) -> None:
    own = after(*[(level - 7.5, EVEN), (level + 7.5, EVEN)] * 20)

    assert own.weighed(EVEN, at(level + 7.5))[1] > 0.9
    assert own.weighed(EVEN, at(level))[1] == pytest.approx(0.5, abs=0.1)
    assert own.weighed(EVEN, at(level - 7.5))[0] > 0.9


def test_what_an_emotion_explains_is_not_the_speakers_own() -> None:
    soft = np.array([0.99, 0.01], np.float32)
    gentle = after(*[(-44.0, soft), (-31.0, soft)] * 20)
    unknown = after(*[(-44.0, EVEN), (-31.0, EVEN)] * 20)

    assert gentle.weighed(EVEN, at(-37.5))[0] > 0.9
    assert unknown.weighed(EVEN, at(-37.5))[0] == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("level", [-37.5, -22.5, -10.0])
def test_phrases_of_one_kind_are_judged_as_a_strangers(level: float) -> None:
    always = after(*[(level - 3, EVEN), (level + 3, EVEN)] * 20)

    assert always.weighed(EVEN, at(level)) == pytest.approx(
        OwnManner(LOUD).weighed(EVEN, at(level))
    )


def test_the_sound_of_a_speaker_is_heard_beside_how_they_sound_otherwise() -> None:
    """Who always sounds loud is soft where they sound less so."""
    own = OwnManner(BIASED)
    less, more = (np.array([1 - share, share], np.float32) for share in (0.6, 0.995))
    for _ in range(40):
        for shares, level in ((less, -45.0), (more, -15.0)):
            own.add(own.weighed(shares, at(level)), shares, at(level))

    assert own.weighed(less, at(-30))[0] > 0.6
    assert own.weighed(more, at(-30))[1] > 0.9


def test_what_was_long_ago_is_forgotten() -> None:
    soft, loud = np.array([0.8, 0.2], np.float32), np.array([0.2, 0.8], np.float32)
    now = [(-47.5, soft), (-32.5, loud)] * 500
    moved = after(*[(-27.5, soft), (-12.5, loud)] * 150, *now)

    assert moved.weighed(EVEN, at(-40))[0] == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("figure", [math.nan, math.inf, -math.inf, 1e300, None])
def test_what_is_missing_or_absurd_does_no_harm(figure: float | None) -> None:
    place = LOUD.place({} if figure is None else {"loudness_db": figure})
    own = after(*[(-37.5, EVEN), (-22.5, EVEN)] * 20)

    assert np.isfinite(own.weighed(EVEN, place)).all()
    own.add(EVEN, EVEN, place)
    assert own.weighed(EVEN, at(-30)) == pytest.approx(EVEN, abs=0.3)


def test_of_too_few_figures_nothing_is_said() -> None:
    shares = np.array([0.3, 0.7], np.float32)
    three = MannerModel(
        **LOUD.model_dump()
        | {
            "figures": ("a", "b", "c"),
            "mean": (0.0,) * 5,
            "deviation": (1.0,) * 5,
            "directions": ((1.0, 0.0),) * 5,
        }
    )

    assert three.place({"a": 1.0, "b": math.nan}) is None
    assert three.place({"a": 1.0, "b": 2.0}) == pytest.approx([3.0, 0.0])
    assert OwnManner(three).weighed(shares, None) is shares


def test_each_speaker_is_heard_by_themselves() -> None:
    levels = [-52.5, -37.5, -22.5, -7.5] * 10
    speakers = ["far", "far", "near", "near"] * 10
    shares = np.tile(EVEN, (40, 1))

    found = heard_in_turn(LOUD, speakers, [at(level) for level in levels], shares)

    assert (found[20:].argmax(1) == [0, 1, 0, 1] * 5).all()
    assert (found == heard_in_turn(LOUD, speakers, [at(one) for one in levels], shares)).all()


def test_the_shipped_model_fits_the_voice_model() -> None:
    model = VoiceModel()
    labels = len(model.predict(np.zeros((98, 64), np.float32)))
    figures, directions = np.shape(model.manner.directions)

    assert model.manner.figures == FIGURES
    assert figures == len(FIGURES) + labels
    assert np.shape(model.manner.expected) == (labels, directions)
    assert len(model.manner.mean) == len(model.manner.deviation) == figures
    for name in ("speakers", "ways", "weight"):
        assert len(getattr(model.manner, name)) == directions
    assert min(*model.manner.speakers, *model.manner.ways, *model.manner.deviation) > 0
    assert 0 < model.manner.credence <= 1


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}")

    with pytest.raises(ModelUnavailable, match=r"a\.json is not a readable model"):
        read_manner(tmp_path / "a.json")
    with pytest.raises(ModelUnavailable, match=r"b\.json is not a readable model"):
        read_manner(tmp_path / "b.json")
