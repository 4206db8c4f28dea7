"""Train the face-expression model on soft votes, with the damage that video does to faces."""

from __future__ import annotations

import copy
import math
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from training.averaging import move_average
from training.face.model import FaceNet
from training.face.prepare import Faces, for_scoring


def augment(images: Tensor, generator: torch.Generator) -> Tensor:
    """Jitter a batch [n, 1, 48, 48] as a detector's crops and a camera would.

    Flip, rotation up to 14 degrees, scale 0.85 to 1.2, shift up to 10 %, low resolution, blur,
    gain, noise, and a rectangle cut out.
    """
    n = len(images)

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return torch.rand(*(shape or (n,)), generator=generator) * (high - low) + low

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
    x = images - 128
    grid = F.affine_grid(theta, list(x.shape), align_corners=False)
    x = F.grid_sample(x, grid, padding_mode="border", align_corners=False)
    pick = uniform(0, 1)
    for size, low, high in ((24, 0.0, 0.1), (16, 0.1, 0.14), (32, 0.14, 0.24)):
        some = (pick >= low) & (pick < high)
        if some.any():
            small = F.interpolate(x[some], size=size, mode="bilinear", antialias=True)
            x[some] = F.interpolate(small, size=48, mode="bilinear")
    some = (pick >= 0.24) & (pick < 0.34)
    if some.any():
        x[some] = F.avg_pool2d(x[some], 3, 1, 1, count_include_pad=False)
    x = x * uniform(0.6, 1.3)[:, None, None, None]
    x = x + torch.randn(x.shape, generator=generator) * uniform(0, 8)[:, None, None, None]
    for index in torch.nonzero(uniform(0, 1) < 0.5)[:, 0].tolist():
        height, width = torch.randint(6, 20, (2,), generator=generator).tolist()
        top, left = torch.randint(0, 40, (2,), generator=generator).tolist()
        x[index, :, top : top + height, left : left + width] = 0
    return x + 128


@torch.no_grad()
def logits_of(model: FaceNet, images: np.ndarray) -> np.ndarray:
    """Return logits [n, 8] of uint8 images [n, 48, 48]."""
    model.eval()
    batches = torch.from_numpy(images).float().unsqueeze(1).split(512)
    return torch.cat([model(x) for x in batches]).numpy()


def train(faces: Faces, dev: Path, run: Path, *, epochs: int, rate: float = 0.1) -> FaceNet:
    """Train and return the averaged model; checkpoints and a log go to `run`.

    SGD with momentum, cosine schedule with warm-up, soft-label cross entropy, an exponential
    average of the weights, bf16.
    """
    torch.manual_seed(1)
    generator = torch.Generator().manual_seed(1)
    model = FaceNet().to(memory_format=torch.channels_last)
    average = copy.deepcopy(model)
    images = torch.from_numpy(faces.images)
    shares = torch.from_numpy(faces.shares)
    scored = for_scoring(dev)
    batch, steps = 128, len(images) // 128
    optimiser = torch.optim.SGD(
        model.parameters(), lr=rate, momentum=0.9, nesterov=True, weight_decay=5e-4
    )
    total = epochs * steps
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser,
        lambda i: min(1.0, (i + 1) / (steps * 0.5)) * 0.5 * (1 + math.cos(math.pi * i / total)),
    )
    run.mkdir(parents=True, exist_ok=True)
    for epoch in range(epochs):
        began, losses = time.time(), 0.0
        model.train()
        for index in torch.randperm(len(images), generator=generator).split(batch)[:steps]:
            x = augment(images[index].float().unsqueeze(1), generator)
            with torch.autocast("cpu", dtype=torch.bfloat16):
                logits = model(x.to(memory_format=torch.channels_last))
            loss = F.cross_entropy(logits.float(), shares[index])
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            schedule.step()
            losses += loss.item()
            move_average(average, model, schedule.last_epoch)
        accuracy = (logits_of(average, scored.images).argmax(1) == scored.labels).mean()
        line = (
            f"epoch {epoch + 1}/{epochs} loss {losses / steps:.4f} "
            f"dev accuracy {accuracy:.4f} {time.time() - began:.0f} s"
        )
        print(line, flush=True)
        torch.save(average.state_dict(), run / "face.pt")
    return average
