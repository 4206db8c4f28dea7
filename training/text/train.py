"""Fine-tune on GoEmotions and EmoBank together."""

from __future__ import annotations

import copy
import math
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from training.averaging import move_average
from training.text.model import TextNet
from training.text.prepare import Texts

BF16 = torch.ops.mkldnn._is_mkldnn_bf16_supported()
"""Whether the processor multiplies in bf16; where it does not, that takes ten times as long."""

SIZE = 32
"""Texts of a step."""

RATE = 1e-4
_HEAD_RATE = 10
_WARM = 0.06
_RARE = 1200.0
"""Examples below which those of a label weigh more, where rare labels do."""

_TAUGHT = 0.5
"""Share of the teachers' probabilities in what is learned; the rest are the gold labels."""


def padded(ids: list[list[int]]) -> tuple[Tensor, Tensor]:
    """Return ids and mask int64 [n, longest]."""
    length = max(map(len, ids))
    batch = torch.zeros(len(ids), length, dtype=torch.int64)
    mask = torch.zeros_like(batch)
    for row, one in enumerate(ids):
        batch[row, : len(one)] = torch.tensor(one)
        mask[row, : len(one)] = 1
    return batch, mask


def batches(texts: Texts, size: int, rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """Return shuffled batches of texts of similar length."""
    lengths = np.array([len(one) for one in texts.ids]) + rng.uniform(-2, 2, len(texts.ids))
    order = np.argsort(lengths)
    parts = [order[start : start + size] for start in range(0, len(order), size)]
    rng.shuffle(parts)
    return parts


def weights_of(targets: NDArray[np.float32]) -> Tensor:
    """Return how much an example of each label weighs [28], 1 to 9; targets [n, 28].

    Labels of middling frequency weigh no more than they are: their probabilities would be too high,
    and they are the highest often enough to show in the calibration error.
    """
    weights = (_RARE / np.maximum(targets.sum(0), 1)) ** 0.8
    return torch.from_numpy(np.clip(weights, 1, 9).astype(np.float32))


def train(
    model: TextNet,
    emotions: Texts,
    dimensions: Texts,
    run: Path,
    *,
    epochs: int,
    seed: int,
    rare: bool = False,
    taught: NDArray[np.float32] | None = None,
    places_every: int = 4,
) -> TextNet:
    """Train, and return the moving average of the weights; a checkpoint an epoch goes to `run`.

    Binary cross entropy x 7 on GoEmotions, and at some steps also mean squared error x 8 on
    EmoBank (in units of [-1, 1]); word embeddings frozen; AdamW with linear decay; bf16
    where the processor has it.

    Args:
        model: With the weights to begin from; changed in place.
        emotions: GoEmotions.
        dimensions: EmoBank.
        run: Folder of the checkpoints, ``<seed>.pt``; training goes on from there.
        epochs: Times that GoEmotions is seen.
        seed: Of order and dropout.
        rare: Whether examples of rare labels weigh more.
        taught: Probabilities [n, 28] that teachers give the texts, if any.
        places_every: EmoBank is learned at every so many steps.
    """
    model.words.weight.requires_grad_(False)
    heads = [*model.emotions.parameters(), *model.dimensions.parameters()]
    known = {id(p) for p in heads}
    body = [p for p in model.parameters() if p.requires_grad and id(p) not in known]
    optimiser = torch.optim.AdamW(
        [{"params": body, "lr": RATE}, {"params": heads, "lr": _HEAD_RATE * RATE}],
        weight_decay=0.01,
        fused=True,
    )
    steps = math.ceil(len(emotions.ids) / SIZE)
    total = steps * epochs
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda i: min((i + 1) / (_WARM * total), max(0.0, (total - i) / total))
    )
    goals = emotions.targets
    if taught is not None:
        goals = _TAUGHT * taught + (1 - _TAUGHT) * goals
    weights = weights_of(emotions.targets) if rare else None
    average = copy.deepcopy(model).requires_grad_(False)
    run.mkdir(parents=True, exist_ok=True)
    path, done, began = run / f"{seed}.pt", 0, time.time()
    if path.exists():
        saved = torch.load(path, weights_only=True)
        model.load_state_dict(saved["model"])
        average.load_state_dict(saved["average"])
        optimiser.load_state_dict(saved["optimiser"])
        done = saved["epochs"]
        schedule.last_epoch = steps * done
    for epoch in range(done, epochs):
        torch.manual_seed(1000 * seed + epoch)
        rng = np.random.default_rng([seed, epoch])
        vad_batches: list[NDArray[np.int64]] = []
        model.train()
        losses = 0.0
        for step, index in enumerate(batches(emotions, SIZE, rng)):
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=BF16):
                logits, _ = model(*padded([emotions.ids[i] for i in index]))
            targets = torch.from_numpy(goals[index])
            loss = 7 * F.binary_cross_entropy_with_logits(
                logits.float(), targets, pos_weight=weights
            )
            losses += loss.item()
            if step % places_every == 0:
                vad_batches = vad_batches or batches(dimensions, SIZE, rng)
                index = vad_batches.pop()
                with torch.autocast("cpu", dtype=torch.bfloat16, enabled=BF16):
                    _, vad = model(*padded([dimensions.ids[i] for i in index]))
                loss = loss + 8 * F.mse_loss(
                    vad.float(), torch.from_numpy(dimensions.targets[index])
                )
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            move_average(average, model, epoch * steps + step)
            if (step + 1) % (steps // 3) == 0:
                print(
                    f"seed {seed} epoch {epoch + 1}/{epochs} step {step + 1}/{steps} "
                    f"loss {losses / (step + 1):.4f} {time.time() - began:.0f} s",
                    flush=True,
                )
        kept = {
            "model": model.state_dict(),
            "average": average.state_dict(),
            "optimiser": optimiser.state_dict(),
            "epochs": epoch + 1,
        }
        torch.save(kept, path.with_suffix(".new"))
        path.with_suffix(".new").replace(path)
    return average


@torch.no_grad()
def probabilities(model: TextNet, texts: Texts) -> NDArray[np.float32]:
    """Return the probabilities [n, 28] that a network gives texts, uncalibrated."""
    model.eval()
    found = np.zeros((len(texts.ids), 28), np.float32)
    order = np.argsort([len(one) for one in texts.ids])
    for start in range(0, len(order), 64):
        index = order[start : start + 64]
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=BF16):
            logits, _ = model(*padded([texts.ids[i] for i in index]))
        found[index] = logits.float().sigmoid().numpy()
    return found
