"""An exponential average of weights, which is scored and shipped instead of the last weights."""

from __future__ import annotations

import torch
from torch import nn

DECAY = 0.998


@torch.no_grad()
def move_average(average: nn.Module, model: nn.Module, step: int) -> None:
    """Move the average towards the model; in the first steps it follows more closely."""
    decay = min(DECAY, (step + 1) / (step + 10))
    for kept, new in zip(average.state_dict().values(), model.state_dict().values(), strict=True):
        if kept.dtype.is_floating_point:
            kept.lerp_(new, 1 - decay)
        else:
            kept.copy_(new)
