"""What microphones, rooms, lines and speakers do to speech, done to log-mel energies.

Everything works on natural logarithms of band energies, a batch at once: that costs a tenth of doing
it to the sound, and energies of different sources add, as their phases are independent.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from affectscope.speech.logmel import BANDS, RANGE

_FLOOR = -RANGE
_TELEPHONE = (7, 45)
"""Bands of 300 to 3400 Hz."""


def batch_of(
    mels: Sequence[NDArray[np.float16]], frames: int, noise: float, rng: np.random.Generator
) -> Tensor:
    """Cut a stretch out of each clip at random, and change it.

    Tempo .85 to 1.18, formants and pitch by up to a tenth, gain, a tilted spectrum, and, for some,
    reverberation, noise, a telephone's or a codec's band; at last masks (Park, D. et al. (2019).
    SpecAugment. Interspeech 2019).

    Args:
        mels: Log-mel [any, 64] of each clip; a short clip is repeated.
        frames: Length of the stretches.
        noise: Share of the stretches with noise under them.
        rng: Source of chance.

    Returns:
        float32 [clips, frames, 64].
    """
    x = _warped(mels, frames, rng)
    n = len(x)
    if rng.random() < 0.15:
        x = _reverberated(x, rng)
    x = x + _chance(rng.normal(0, 1.5, (n, 1, 1)))
    x = x + torch.linspace(-1, 1, BANDS) * _chance(rng.normal(0, 0.7, (n, 1, 1)))
    level = x.amax((1, 2), keepdim=True) - _chance(rng.uniform(3.5, 9.0, (n, 1, 1)))
    colour = torch.linspace(1, -1, BANDS) * _chance(rng.normal(0.7, 0.8, (n, 1, 1)))
    grain = _chance(rng.normal(0, 0.5, tuple(x.shape)))
    under = torch.where(_chance(rng.random((n, 1, 1))) < noise, level + colour + grain, _FLOOR)
    x = torch.logaddexp(x, under)
    for index in range(n):
        line = rng.random()
        if line < 0.05:
            x[index, :, : _TELEPHONE[0]] = _FLOOR
            x[index, :, _TELEPHONE[1] :] = _FLOOR
        elif line < 0.1:
            x[index, :, int(rng.integers(42, 60)) :] = _FLOOR
        middle = x[index].mean()
        for _ in range(2):
            low, high = int(rng.integers(0, 58)), int(rng.integers(0, 7))
            x[index, :, low : low + high] = middle
            low, high = int(rng.integers(0, frames - 15)), int(rng.integers(0, 16))
            x[index, low : low + high] = middle
    return x


def _chance(values: NDArray[np.float64]) -> Tensor:
    return torch.from_numpy(np.asarray(values, np.float32))


def _warped(mels: Sequence[NDArray[np.float16]], frames: int, rng: np.random.Generator) -> Tensor:
    """Return stretches of another tempo and, as of a longer or shorter throat, other bands."""
    n = len(mels)
    lengths = np.round(frames * np.exp(rng.uniform(math.log(0.85), math.log(1.18), n))).astype(int)
    longest = int(lengths.max())
    cut = np.full((n, longest, BANDS), _FLOOR, np.float32)
    for row, mel, length in zip(cut, mels, lengths, strict=True):
        whole = mel if len(mel) >= length else np.tile(mel, (math.ceil(length / len(mel)), 1))
        start = int(rng.integers(0, len(whole) - length + 1))
        row[:length] = whole[start : start + length]
    along = torch.linspace(0, 1, frames)[None] * _chance((lengths - 1) / (longest - 1) * 2)[:, None]
    bands = torch.linspace(-1, 1, BANDS)[None] + 1
    stretch = _chance(np.exp(rng.uniform(-0.1, 0.1, (n, 1))))
    across = bands * stretch + _chance(rng.uniform(-0.05, 0.05, (n, 1)))
    grid = torch.stack(
        [
            (across - 1)[:, None, :].expand(n, frames, BANDS),
            (along - 1)[:, :, None].expand(n, frames, BANDS),
        ],
        -1,
    )
    warped = F.grid_sample(
        torch.from_numpy(cut)[:, None], grid, padding_mode="border", align_corners=True
    )
    return warped[:, 0]


def _reverberated(x: Tensor, rng: np.random.Generator) -> Tensor:
    """Let energy decay by 60 dB in .2 to 1 s; how loud the room is against the speaker varies."""
    n = len(x)
    seconds = _chance(rng.uniform(0.2, 1.0, (n, 1)))
    decay = torch.exp(-6 * math.log(10) * 0.01 / seconds)
    loud = _chance(rng.uniform(0, 0.5, (n, 1))) * (1 - decay)
    power, tail = x.exp(), torch.zeros(n, BANDS)
    out = []
    for frame in power.unbind(1):
        out.append(frame + loud * tail)
        tail = decay * tail + frame
    return torch.stack(out, 1).log()
