"""Train one network on the speakers that are not held out."""

from __future__ import annotations

import copy
import math
import time
from collections import Counter
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from sklearn.metrics import recall_score
from torch import Tensor, nn

from training.averaging import move_average
from training.voice.augment import batch_of
from training.voice.model import VoiceNet
from training.voice.prepare import Clip

CROPS = 4096
"""Stretches of speech that make an epoch: about one of every clip."""

BATCH = 32
NOISE = 0.1


@torch.no_grad()
def logits_of(model: nn.Module, clips: list[Clip]) -> NDArray[np.float32]:
    """Return logits [n, 8]: each whole clip by itself, as the product sees it."""
    model.eval()
    rows = [model(torch.from_numpy(clip.mel.astype(np.float32))[None]) for clip in clips]
    return torch.cat(rows).numpy()


def recall_of(logits: NDArray[np.float32], clips: list[Clip]) -> float:
    """Return the unweighted average recall over the labels that the clips have."""
    gold = [clip.label for clip in clips]
    return float(recall_score(gold, logits.argmax(1), average="macro", labels=sorted(set(gold))))


def checkpoint(run: Path, fold: int) -> Path:
    """Return where the network that never heard the speakers of a fold is kept."""
    return run / f"fold-{fold}.pt"


def train(clips: list[Clip], fold: int, run: Path, *, epochs: int, rate: float = 2e-3) -> None:
    """Train the network of one fold, and save the average of its weights.

    Nothing is chosen by the held-out speakers, who are only reported on. Crops of 1 to 3 s, mixup,
    label smoothing .1, AdamW with cosine, balanced labels.
    """
    torch.manual_seed(fold)
    rng = np.random.default_rng(fold)
    seen = [clip for clip in clips if clip.fold != fold]
    held = [clip for clip in clips if clip.fold == fold]
    model = VoiceNet()
    frames = np.concatenate([_centred(clip.mel)[::7] for clip in seen])
    model.scale.copy_(torch.from_numpy(frames.std(0)))
    model = model.to(memory_format=torch.channels_last)
    average = copy.deepcopy(model)
    # Elsewhere bfloat16 is emulated, and slower than float32 by far.
    halves = torch.cpu.get_capabilities().get("avx512_bf16", False)
    optimiser = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.02)
    # Between all clips alike, and all labels of both corpora alike.
    counts = Counter((clip.label, clip.corpus) for clip in seen)
    odds = np.array([counts[clip.label, clip.corpus] ** -0.5 for clip in seen])
    odds /= odds.sum()
    steps = CROPS // BATCH
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser,
        lambda i: min(1.0, (i + 1) / 100) * 0.5 * (1 + math.cos(math.pi * i / steps / epochs)),
    )
    for epoch in range(epochs):
        model.train()
        began, losses = time.time(), 0.0
        for index in rng.choice(len(seen), size=(steps, BATCH), p=odds):
            chosen = [seen[i] for i in index]
            x = batch_of([clip.mel for clip in chosen], int(rng.integers(100, 260)), NOISE, rng)
            y = F.one_hot(torch.tensor([clip.label for clip in chosen]), 8) * 0.9 + 0.1 / 8
            share, other = float(rng.beta(0.2, 0.2)), torch.randperm(BATCH)
            x, y = share * x + (1 - share) * x[other], share * y + (1 - share) * y[other]
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=halves):
                logits: Tensor = model(x)
            loss = F.cross_entropy(logits.float(), y)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 2.0)
            optimiser.step()
            schedule.step()
            losses += loss.item()
            move_average(average, model, schedule.last_epoch)
        line = f"fold {fold} epoch {epoch + 1}/{epochs} loss {losses / steps:.4f}"
        if epoch % 12 == 11 or epoch == epochs - 1:
            for corpus in ("ravdess", "nemo"):
                some = [clip for clip in held if clip.corpus == corpus]
                line += f" {corpus} {recall_of(logits_of(average, some), some):.3f}"
        print(f"{line} {time.time() - began:.0f} s", flush=True)
    run.mkdir(parents=True, exist_ok=True)
    torch.save(average.state_dict(), checkpoint(run, fold))


def _centred(mel: NDArray[np.float16]) -> NDArray[np.float32]:
    """Take the mean spectrum off, as the network does."""
    x = mel.astype(np.float32)
    return x - x.mean(0)
