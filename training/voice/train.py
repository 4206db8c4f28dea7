"""Train the voice model on the speakers that are not held out."""

from __future__ import annotations

import copy
import math
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from sklearn.metrics import recall_score
from torch import Tensor

from training.averaging import move_average
from training.voice.model import VoiceNet
from training.voice.prepare import CALIBRATION, SCORED, Clip


@torch.no_grad()
def logits_of(model: VoiceNet, clips: list[Clip]) -> NDArray[np.float32]:
    """Return logits [n, 8]: each whole clip by itself, as the product sees it."""
    model.eval()
    rows = [model(torch.from_numpy(clip.mels[0].astype(np.float32))[None]) for clip in clips]
    return torch.cat(rows).numpy()


def recall_of(logits: NDArray[np.float32], clips: list[Clip]) -> float:
    """Return the unweighted average recall."""
    return float(
        recall_score(
            [c.label for c in clips],
            logits.argmax(1),
            average="macro",
            labels=sorted({c.label for c in clips}),
        )
    )


def _centred(mel: NDArray[np.float16]) -> NDArray[np.float32]:
    """Take the mean spectrum off, as the network does."""
    x = mel.astype(np.float32)
    return x - x.mean(0)


def _crop(
    mel: NDArray[np.float16], frames: int, noise: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Cut at random, or repeat a short clip; add gain, tilt, masks, and often `noise`."""
    x = mel.astype(np.float32)
    if len(x) < frames:
        x = np.tile(x, (math.ceil(frames / len(x)), 1))
    start = rng.integers(0, len(x) - frames + 1)
    x = x[start : start + frames] + rng.normal(0, 1.5) + np.linspace(-1, 1, 64) * rng.normal(0, 0.7)
    if rng.random() < noise:
        level = x.max() - rng.uniform(4, 9)
        x = np.logaddexp(x, level + rng.normal(0, 0.6, x.shape))
    if rng.random() < 0.15:
        x[:, rng.integers(40, 56) :] = math.log(1e-7)
    for _ in range(2):
        low, high = rng.integers(0, 56), rng.integers(0, 9)
        x[:, low : low + high] = x.mean()
        low, high = rng.integers(0, max(1, frames - 30)), rng.integers(0, 30)
        x[low : low + high] = x.mean()
    return x.astype(np.float32)


def train(
    clips: list[Clip],
    run: Path,
    *,
    epochs: int,
    batch: int,
    noise: float,
    rate: float = 2e-3,
    start: VoiceNet | None = None,
) -> VoiceNet:
    """Train and return the averaged model; checkpoints and a log go to `run`.

    `noise` is the share of crops with noise under them. With `start` this is a warm restart
    (Loshchilov, I. and Hutter, F. (2017). SGDR. ICLR 2017): the weights go on, the schedule begins
    anew.

    Crops of 1 to 3.5 s, mixup, label smoothing .1, AdamW with cosine, balanced labels, bf16.
    """
    seed = 1 if start is None else 2
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    seen = [c for c in clips if c.speaker not in CALIBRATION + SCORED]
    scored = [c for c in clips if c.speaker in SCORED]
    sets = {
        "ravdess": [c for c in scored if c.speaker.startswith("Actor")],
        "nemo": [c for c in scored if not c.speaker.startswith("Actor")],
    }
    items = [
        (mel, clip.label, clip.speaker.startswith("Actor")) for clip in seen for mel in clip.mels
    ]
    frames = np.concatenate([_centred(mel)[::7] for mel, _, _ in items])
    model = start or VoiceNet()
    model.scale.copy_(torch.from_numpy(frames.std(0)))
    model = model.to(memory_format=torch.channels_last)
    average = copy.deepcopy(model)
    optimiser = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.02)
    counts: dict[tuple[int, bool], int] = {}
    for _, label, acted in items:
        counts[label, acted] = counts.get((label, acted), 0) + 1
    odds = np.array([counts[label, acted] ** -0.5 for _, label, acted in items])
    odds /= odds.sum()
    steps = len(items) // batch
    total = steps * epochs
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser,
        lambda i: min(1.0, (i + 1) / 100) * 0.5 * (1 + math.cos(math.pi * i / total)),
    )
    run.mkdir(parents=True, exist_ok=True)
    for epoch in range(epochs):
        model.train()
        began, losses = time.time(), 0.0
        chosen = rng.choice(len(items), size=(steps, batch), p=odds)
        for index in chosen:
            length = int(rng.integers(100, 350))
            x = torch.from_numpy(np.stack([_crop(items[i][0], length, noise, rng) for i in index]))
            y = F.one_hot(torch.tensor([items[i][1] for i in index]), 8).float() * 0.9 + 0.1 / 8
            share = float(rng.beta(0.3, 0.3))
            other = torch.randperm(batch)
            x, y = share * x + (1 - share) * x[other], share * y + (1 - share) * y[other]
            with torch.autocast("cpu", dtype=torch.bfloat16):
                logits: Tensor = model(x)
            loss = F.cross_entropy(logits.float(), y)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 2.0)
            optimiser.step()
            schedule.step()
            losses += loss.item()
            move_average(average, model, schedule.last_epoch)
        torch.save(average.state_dict(), run / "voice.pt")
        figures = " ".join(
            f"{name} uar {recall_of(logits_of(average, some), some):.3f}"
            for name, some in sets.items()
        )
        print(
            f"epoch {epoch + 1}/{epochs} loss {losses / steps:.4f} {figures} "
            f"{time.time() - began:.0f} s",
            flush=True,
        )
    return average
