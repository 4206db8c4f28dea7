"""What a detector's crop, a lens, a sensor and a codec do to a face, for training."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from affectscope.evaluation.damage import blurred, compressed, dark, smaller

Image = NDArray[np.uint8]

DAMAGES: tuple[Callable[[Image, np.random.Generator], Image], ...] = (
    lambda image, rng: smaller(image, int(rng.integers(16, 37))),
    lambda image, rng: smaller(image, int(rng.integers(16, 37))),
    lambda image, rng: blurred(image, rng.uniform(0.6, 1.8)),
    lambda image, rng: compressed(image, int(rng.integers(15, 61))),
    lambda image, rng: dark(image, rng.uniform(0.06, 0.3), rng),
)
"""One of them at random; small faces twice, as they are what a video has most of."""

SHARE_DAMAGED = 1 / 3


def jittered(images: Tensor, rng: np.random.Generator) -> Tensor:
    """Damage faces uint8 [n, 48, 48], each in its own way, into float32 [n, 1, 48, 48].

    All are flipped at random, turned up to 14 degrees, scaled by .85 to 1.2, shifted by up to 10 %
    and exposed by .6 to 1.3, with noise. A third is shown smaller, blurred, compressed or dark, each
    by a random amount, and half have a rectangle cut out.
    """
    n = len(images)

    def uniform(low: float, high: float) -> Tensor:
        return torch.from_numpy(rng.uniform(low, high, n).astype(np.float32))

    angle = uniform(-14, 14) * math.pi / 180
    scale = torch.exp(uniform(math.log(0.85), math.log(1.2)))
    flip = torch.where(uniform(0, 1) < 0.5, -1.0, 1.0)
    cos, sin = torch.cos(angle) / scale, torch.sin(angle) / scale
    theta = torch.stack(
        [
            torch.stack([cos * flip, -sin, uniform(-0.2, 0.2)], 1),
            torch.stack([sin * flip, cos, uniform(-0.2, 0.2)], 1),
        ],
        1,
    )
    x = images.float().unsqueeze(1)
    grid = F.affine_grid(theta, list(x.shape), align_corners=False)
    x = F.grid_sample(x, grid, padding_mode="border", align_corners=False)
    x *= uniform(0.6, 1.3)[:, None, None, None]
    x += (
        torch.from_numpy(rng.standard_normal(x.shape, np.float32))
        * uniform(0, 8)[:, None, None, None]
    )
    for index in np.flatnonzero(rng.random(n) < SHARE_DAMAGED):
        image = x[index, 0].round().clamp(0, 255).to(torch.uint8).numpy()
        x[index, 0] = torch.from_numpy(DAMAGES[rng.integers(len(DAMAGES))](image, rng)).float()
    for index in np.flatnonzero(rng.random(n) < 0.5):
        (height, width), (top, left) = rng.integers(6, 20, 2), rng.integers(0, 40, 2)
        x[index, :, top : top + height, left : left + width] = x[index].mean()
    return x
