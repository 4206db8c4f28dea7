"""Fine-tune on GoEmotions and EmoBank together."""

from __future__ import annotations

import math
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from training.text.model import TextNet
from training.text.prepare import Texts

BF16 = torch.ops.mkldnn._is_mkldnn_bf16_supported()
"""Whether the processor multiplies in bf16; where it does not, that takes ten times as long."""


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


def train(
    model: TextNet, emotions: Texts, dimensions: Texts, run: Path, *, epochs: int, rate: float
) -> TextNet:
    """Train in place; a checkpoint a third of an epoch goes to `run`.

    Binary cross entropy x 7 on GoEmotions, and every fourth step also mean squared error x 8 on
    EmoBank (in units of [-1, 1]); word embeddings frozen; AdamW with linear decay; bf16
    where the processor has it.
    """
    torch.manual_seed(1)
    rng = np.random.default_rng(1)
    model.words.weight.requires_grad_(False)
    heads = [*model.emotions.parameters(), *model.dimensions.parameters()]
    known = {id(p) for p in heads}
    body = [p for p in model.parameters() if p.requires_grad and id(p) not in known]
    optimiser = torch.optim.AdamW(
        [{"params": body, "lr": rate}, {"params": heads, "lr": 10 * rate}], weight_decay=0.01
    )
    size = 32
    steps = math.ceil(len(emotions.ids) / size)
    total = steps * epochs
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda i: min((i + 1) / (0.06 * total), max(0.0, (total - i) / total))
    )
    run.mkdir(parents=True, exist_ok=True)
    vad_batches: list[NDArray[np.int64]] = []
    began = time.time()
    for epoch in range(epochs):
        model.train()
        losses = 0.0
        for step, index in enumerate(batches(emotions, size, rng)):
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=BF16):
                logits, _ = model(*padded([emotions.ids[i] for i in index]))
            targets = torch.from_numpy(emotions.targets[index])
            loss = 7 * F.binary_cross_entropy_with_logits(logits.float(), targets)
            losses += loss.item()
            if step % 4 == 0:
                vad_batches = vad_batches or batches(dimensions, size, rng)
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
            if (step + 1) % (steps // 3) == 0:
                torch.save(model.state_dict(), run / "text.pt")
                print(
                    f"epoch {epoch + 1}/{epochs} step {step + 1}/{steps} "
                    f"loss {losses / (step + 1):.4f} {time.time() - began:.0f} s",
                    flush=True,
                )
    torch.save(model.state_dict(), run / "text.pt")
    return model
