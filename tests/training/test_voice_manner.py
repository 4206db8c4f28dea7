"""A model of manners finds what tells emotions apart, and how much speakers differ."""

from __future__ import annotations

import numpy as np
import pytest

from affectscope.speech.figures import FIGURES
from affectscope.speech.manner import MannerModel
from training.voice.manner import DIRECTIONS, LABELS, Examples, fit

SPEAKERS, EACH = 30, 6
TELLING = FIGURES[-7:]
"""Each tells one emotion from the others, by 3 deviations; the others tell nothing."""


@pytest.fixture(scope="module")
def fitted() -> MannerModel:
    rng = np.random.default_rng(0)
    voices = rng.normal(0, 2.0, (SPEAKERS, len(FIGURES)))
    clips, gold, who = [], [], []
    for speaker, voice in enumerate(voices):
        for label in range(LABELS):
            # Speakers with an uneven mixture of emotions are no different for it.
            for _ in range(EACH if label < 4 or speaker % 2 else 2):
                values = voice + rng.normal(0, 1, len(FIGURES))
                if label:
                    values[-label] += 3.0
                if rng.random() < 0.1:
                    values[0] = np.nan
                clips.append(dict(zip(FIGURES, np.exp(0.1 * values), strict=True)))
                gold.append(label)
                who.append(str(speaker))
    shares = np.full((len(gold), LABELS), 0.05, np.float32)
    # The sound names the emotion seven times in ten.
    named = np.where(rng.random(len(gold)) < 0.7, gold, rng.integers(0, LABELS, len(gold)))
    shares[np.arange(len(gold)), named] = 0.65
    return fit(Examples(clips, shares, np.array(gold), who, np.ones(len(gold))))


def test_directions_are_those_of_the_telling_figures(fitted: MannerModel) -> None:
    by_figures = np.array(fitted.directions)[: len(FIGURES), :DIRECTIONS]
    weight = np.linalg.norm(by_figures, axis=1)

    assert set(np.argsort(weight)[-7:]) == {FIGURES.index(name) for name in TELLING}


def test_emotions_are_apart_and_speakers_differ(fitted: MannerModel) -> None:
    places = np.array(fitted.expected)[:, :DIRECTIONS]
    apart = np.linalg.norm(places[:, None] - places, axis=2) + 9 * np.eye(LABELS)

    assert apart.min() > 2.0
    # Voices scatter with twice the deviation of phrases, and no speaker has an own way.
    assert np.median(fitted.speakers[:DIRECTIONS]) == pytest.approx(4.0, rel=0.6)
    assert max(fitted.ways) < 0.5


def test_what_the_sound_says_is_no_different_from_speaker_to_speaker(fitted: MannerModel) -> None:
    by_logits = np.array(fitted.directions)[len(FIGURES) :]

    assert np.shape(by_logits) == (LABELS, 2 * DIRECTIONS)
    assert (by_logits[:, :DIRECTIONS] == 0).all()
    assert max(fitted.speakers[DIRECTIONS:]) < 0.5
    assert np.linalg.norm(np.array(fitted.expected)[:, DIRECTIONS:], axis=1).min() > 0.5
