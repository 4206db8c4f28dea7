"""Train the face-expression network on soft votes, with the damage that video does to faces."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from training.averaging import move_average
from training.face.jitter import jittered
from training.face.model import FaceNet
from training.face.prepare import Faces

BATCH = 128
RATE = 0.1
"""At the start of the first cycle; each further one starts at half the rate."""


@torch.no_grad()
def logits_of(model: FaceNet, images: np.ndarray) -> np.ndarray:
    """Return logits [n, 8] of uint8 images [n, 48, 48]."""
    model.eval()
    batches = torch.from_numpy(images).float().unsqueeze(1).split(512)
    return torch.cat([model(x) for x in batches]).numpy()


def rate_after(epochs: float, cycles: Sequence[int]) -> float:
    """Return the learning rate: half a cosine a cycle (Loshchilov and Hutter 2017, warm restarts).

    Args:
        epochs: Done so far, 0 to the sum of `cycles`.
        cycles: Epochs of each.
    """
    number, within = 0, epochs
    while number + 1 < len(cycles) and within >= cycles[number]:
        within -= cycles[number]
        number += 1
    warm_up = min(1.0, within / 0.5)
    return RATE / 2**number * warm_up * 0.5 * (1 + math.cos(math.pi * within / cycles[number]))


def train(faces: Faces, dev: Faces, checkpoint: Path, *, cycles: Sequence[int]) -> None:
    """Train, and save the average of the weights as `checkpoint`; a log goes to standard output.

    SGD with momentum, half an epoch of warm-up in each cycle, soft-label cross entropy, an
    exponential average of the weights, bf16. The last whole epoch is kept beside `checkpoint`; a
    training that was cut off goes on from there.
    """
    torch.manual_seed(1)
    rng = np.random.default_rng(1)
    model = FaceNet().to(memory_format=torch.channels_last)
    average = copy.deepcopy(model)
    images, shares = torch.from_numpy(faces.images), torch.from_numpy(faces.shares)
    steps = len(images) // BATCH
    optimiser = torch.optim.SGD(
        model.parameters(), lr=1.0, momentum=0.9, nesterov=True, weight_decay=5e-4
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: rate_after((step + 1) / steps, cycles)
    )
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    unfinished = checkpoint.with_suffix(".unfinished")
    parts = {"model": model, "average": average, "optimiser": optimiser, "schedule": schedule}
    done = 0
    if unfinished.exists():
        state = torch.load(unfinished, weights_only=True)
        done = state["done"]
        for name, part in parts.items():
            part.load_state_dict(state[name])
        rng = np.random.default_rng((1, done))
    for epoch in range(done, sum(cycles)):
        began, losses = time.time(), 0.0
        model.train()
        for index in torch.from_numpy(rng.permutation(len(images))).split(BATCH)[:steps]:
            x = jittered(images[index], rng)
            with torch.autocast("cpu", dtype=torch.bfloat16):
                logits = model(x.to(memory_format=torch.channels_last))
            loss = F.cross_entropy(logits.float(), shares[index])
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            schedule.step()
            losses += loss.item()
            move_average(average, model, schedule.last_epoch)
        accuracy = (logits_of(average, dev.images).argmax(1) == dev.labels).mean()
        print(
            f"{checkpoint.stem}: epoch {epoch + 1}/{sum(cycles)} loss {losses / steps:.4f} "
            f"dev accuracy {accuracy:.4f} {time.time() - began:.0f} s",
            flush=True,
        )
        state = {name: part.state_dict() for name, part in parts.items()}
        torch.save({"done": epoch + 1, **state}, unfinished)
    torch.save(average.state_dict(), checkpoint)
    unfinished.unlink(missing_ok=True)
