"""Fit what the manner of a phrase says of its emotion, beside how its speaker usually speaks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from affectscope.speech.manner import MOST, MannerModel
from affectscope.speech.timbre import FIGURES as TIMBRE
from training.voice.prepare import LABELS, Clip

LOGARITHMIC = (
    "pitch_hz_median",
    "speech_rate_sps",
    "articulation_rate_sps",
    "jitter_local_percent",
    "shimmer_local_percent",
)

FIGURES = (
    *LOGARITHMIC,
    "pitch_semitones_range",
    "pitch_semitones_deviation",
    "pitch_slope",
    "loudness_db",
    "loudness_range_db",
    "spectral_tilt_db_per_octave",
    "harmonics_to_noise_db",
    *TIMBRE,
)
"""Those that a phrase of any length has, and that are no count."""

PATIENCE = 5.0
DECAY = 5e-3
"""On the sum of squared weights, where the mean loss of a clip is 1."""

STRENGTH = 0.7
SOUND = 0.6
"""How much manners and the sound count beside each other: each knows part of what the other says.
Chosen by looking at likelihood and calibration on unheard speakers of both corpora, which two numbers
cannot learn by heart."""

Floats = NDArray[np.float64]


def fit(clips: Sequence[Clip], recordings: Sequence[str]) -> MannerModel:
    """Fit a model of manners by multinomial regression on departures and their squares.

    Args:
        clips: Of several speakers.
        recordings: Of each clip the name of what has one usual manner: a speaker by one way of
            recording.
    """
    gold = np.array([clip.label for clip in clips])
    names, who = np.unique(recordings, return_inverse=True)
    plain = MannerModel(
        figures=FIGURES,
        logarithmic=LOGARITHMIC,
        mean=(0.0,) * len(FIGURES),
        deviation=(1.0,) * len(FIGURES),
        persistence=(1.0,) * len(FIGURES),
        expected=(),
        constant=(),
        linear=(),
        squared=(),
        sound=SOUND,
        patience=PATIENCE,
    )
    read = np.stack([plain.values(clip.manner) for clip in clips])
    deviation = np.nanstd(read, 0)
    read /= deviation
    mean, own, expected = _effects(read, gold, who, len(names))
    departures = read - mean - own[who]
    rest = departures - expected[gold]
    departures = np.nan_to_num(np.clip(departures, -MOST, MOST))
    constant, linear, squared = _weights(departures, gold, _evenly(clips))
    return plain.model_copy(
        update={
            "mean": _plain(mean * deviation),
            "deviation": _plain(deviation),
            "persistence": _plain(np.nanvar(rest, 0) / np.var(own, 0)),
            "expected": _plain(expected),
            "constant": _plain(STRENGTH * constant),
            "linear": _plain(STRENGTH * linear),
            "squared": _plain(STRENGTH * squared),
        }
    )


def _effects(
    read: Floats, gold: NDArray[np.int64], who: NDArray[np.int64], speakers: int
) -> tuple[Floats, Floats, Floats]:
    """Return the mean [m], and what speakers [speakers, m] and emotions [labels, m] add to it."""
    mean = np.nanmean(read, 0)
    own = np.zeros((speakers, read.shape[1]))
    expected = np.zeros((len(LABELS), read.shape[1]))
    for _ in range(20):
        rest = read - mean - own[who]
        expected = np.stack([np.nanmean(rest[gold == one], 0) for one in range(len(LABELS))])
        mean, expected = mean + expected.mean(0), expected - expected.mean(0)
        rest = read - mean - expected[gold]
        own = np.stack([np.nanmean(rest[who == one], 0) for one in range(speakers)])
        own -= own.mean(0)
    return mean, own, expected


def _weights(
    departures: Floats, gold: NDArray[np.int64], weight: Floats
) -> tuple[Floats, Floats, Floats]:
    """Return constants [labels] and weights [labels, m] of departures and of their squares."""
    x = torch.from_numpy(np.concatenate([departures, departures**2], 1))
    y, each = torch.from_numpy(gold), torch.from_numpy(weight)
    matrix = torch.zeros(len(LABELS), x.shape[1], dtype=torch.float64, requires_grad=True)
    constant = torch.zeros(len(LABELS), dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([matrix, constant], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        losses = F.cross_entropy(x @ matrix.T + constant, y, reduction="none")
        value = (each * losses).sum() + DECAY * (matrix**2).sum()
        value.backward()
        return value

    optimiser.step(loss)  # type: ignore[arg-type]
    found, size = matrix.detach().numpy(), departures.shape[1]
    return constant.detach().numpy(), found[:, :size], found[:, size:]


def _evenly(clips: Sequence[Clip]) -> Floats:
    """Return weights that give both corpora the same, and 1 in sum."""
    corpora = np.array([clip.corpus for clip in clips])
    kinds = np.unique(corpora)
    return np.sum([(corpora == one) / (corpora == one).sum() for one in kinds], 0) / len(kinds)


def _plain(values: Floats) -> object:
    """Return an array as rounded tuples."""
    if values.ndim == 1:
        return tuple(round(float(value), 4) for value in values)
    return tuple(_plain(row) for row in values)
