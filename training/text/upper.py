"""Second stage: train the upper layers further, on the texts that teach most.

The lower layers change least in fine-tuning; kept as the first stage left them, they need no
gradients. Texts whose labels the first stage knows well come less often, and weigh more when they
come, so that the sum stays what it was.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from affectscope.affect import vocabulary
from training.text.model import TextNet
from training.text.prepare import Texts
from training.text.train import padded

LOWER = 2
"""Layers that stay as they are."""

SIZE = 40
"""Texts of a step, GoEmotions and EmoBank mixed."""

RATE = 7e-5
RARE = 1200.0
"""Examples below which those of a label weigh more."""

OFTEN = {
    "neutral": 0.35,
    "admiration": 0.4,
    "amusement": 0.4,
    "gratitude": 0.4,
    "love": 0.4,
}
"""How often in an epoch a text comes whose only label this is; all others come once."""

_LABELS = vocabulary("goemotions-28").labels
_HEAD_RATE = 5
_WARM = 40
_LATER = 4
"""How much more later weights count in the average: as the step to this power."""

_KEEP_EVERY = 60

_PLACES = 0.25
_AXES = (1.0, 1.0, 0.3)
"""Valence and arousal count most."""


def frequency_of(targets: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return how often each text comes in an epoch, 0 to 1; targets [n, 28]."""
    alone = targets.sum(1) == 1
    often = np.array([OFTEN.get(label, 1.0) for label in _LABELS])
    return np.where(alone, often[targets.argmax(1)], 1.0)


def weights_of(targets: NDArray[np.float32]) -> Tensor:
    """Return how much an example of each label weighs [28], 1 to 9.

    Labels of middling frequency weigh little more than they are: their probabilities would be too
    high, and they are the highest often enough to show in the calibration error.
    """
    weights = (RARE / np.maximum(targets.sum(0), 1)) ** 0.8
    return torch.from_numpy(np.clip(weights, 1, 9).astype(np.float32))


def epoch_of(emotions: Texts, dimensions: Texts, seed: int) -> list[NDArray[np.int64]]:
    """Return the steps of an epoch as numbers of texts; those of EmoBank follow the others."""
    rng = np.random.default_rng(seed)
    n, m = len(emotions.ids), len(dimensions.ids)
    kept = np.flatnonzero(rng.random(n) < frequency_of(emotions.targets))
    chosen = np.concatenate([kept, n + np.arange(m)])
    lengths = np.array([len(one) for one in (*emotions.ids, *dimensions.ids)])[chosen]
    chosen = chosen[np.argsort(lengths + rng.uniform(-2, 2, len(chosen)))]
    parts = [chosen[start : start + SIZE] for start in range(0, len(chosen) - SIZE + 1, SIZE)]
    rng.shuffle(parts)
    return parts


class Loss:
    """The loss of a step.

    Binary cross entropy x 7, in which examples of rare labels weigh more, and squared error in
    units of each axis' variance. Both are over the number of texts expected in a step: one with few
    of a kind does not overrate them.
    """

    def __init__(self, emotions: Texts, dimensions: Texts) -> None:
        self._emotions, self._dimensions = emotions, dimensions
        self._weights = weights_of(emotions.targets)
        often = frequency_of(emotions.targets)
        self._heft = torch.from_numpy((1 / often).astype(np.float32))
        self._share = len(dimensions.ids) / (len(dimensions.ids) + often.sum())
        self._mean_heft = len(often) / often.sum()
        axes = np.array(_AXES, np.float32) / sum(_AXES)
        self._axes = torch.from_numpy(axes / dimensions.targets.var(0))

    def __call__(self, model: TextNet, index: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Return the two losses of the texts of a step."""
        n = len(self._emotions.ids)
        one, two = index[index < n], index[index >= n] - n
        ids = [self._emotions.ids[i] for i in one] + [self._dimensions.ids[i] for i in two]
        logits, vad = model(*padded(ids))
        each = F.binary_cross_entropy_with_logits(
            logits[: len(one)],
            torch.from_numpy(self._emotions.targets[one]),
            pos_weight=self._weights,
            reduction="none",
        ).mean(1)
        expected = SIZE * (1 - self._share) * self._mean_heft
        gap = vad[len(one) :] - torch.from_numpy(self._dimensions.targets[two])
        return (
            7 * (each * self._heft[one]).sum() / expected,
            _PLACES * (gap * gap * self._axes).sum() / (SIZE * self._share),
        )


def train_upper(
    model: TextNet, emotions: Texts, dimensions: Texts, run: Path, epochs: float
) -> TextNet:
    """Train in place, and leave the average of the weights of all steps, later ones more.

    AdamW at a steady rate, in 32-bit floats: the average takes the place of a falling rate, and is
    good at any step, so that training may end wherever time does. Checkpoints go to `run`, and
    training goes on from there.

    Source: Shamir, O. and Zhang, T. (2013). Stochastic gradient descent for non-smooth
    optimization. ICML 2013, section 4: averages of polynomial decay.
    """
    torch.manual_seed(2)
    model.requires_grad_(False)
    trained = [
        *model.layers[LOWER:].parameters(),
        *model.emotions.parameters(),
        *model.dimensions.parameters(),
    ]
    for parameter in trained:
        parameter.requires_grad_(True)
    optimiser = torch.optim.AdamW(
        [{"params": trained[:-4], "lr": RATE}, {"params": trained[-4:], "lr": _HEAD_RATE * RATE}],
        weight_decay=0.01,
        fused=True,
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda i: min((i + 1) / _WARM, 1.0))
    average = [parameter.detach().clone() for parameter in trained]
    checkpoint, done = Checkpoint(model, trained, average, optimiser, run), 0
    if checkpoint.path.exists():
        done = schedule.last_epoch = checkpoint.read()
    # Epochs differ by some texts that came or did not.
    steps = min(len(epoch_of(emotions, dimensions, seed)) for seed in range(3)) - 5
    total = int(steps * epochs)
    loss = Loss(emotions, dimensions)
    model.train()
    model.layers[:LOWER].eval()
    began, means = time.time(), np.zeros(2)
    parts = epoch_of(emotions, dimensions, done // steps)
    for i in range(done, total):
        if i % steps == 0:
            parts = epoch_of(emotions, dimensions, i // steps)
        first, second = loss(model, parts[i % steps])
        optimiser.zero_grad(set_to_none=True)
        (first + second).backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        schedule.step()
        torch._foreach_lerp_(
            average, [p.detach() for p in trained], (1 + _LATER) / (i + 1 + _LATER)
        )
        means = 0.99 * means + 0.01 * np.array([first.item(), second.item()])
        if (i + 1) % 20 == 0:
            found = means / (1 - 0.99 ** (i + 1 - done))
            print(
                f"step {i + 1}/{total} ({steps} an epoch), losses {found[0]:.4f} {found[1]:.4f}, "
                f"{time.time() - began:.0f} s",
                flush=True,
            )
        if (i + 1) % _KEEP_EVERY == 0 or i + 1 == total:
            checkpoint.write(i + 1)
    checkpoint.take_average()
    return model


class Checkpoint:
    """What training needs to go on; beside it, as ``average.pt``, the weights to export."""

    def __init__(
        self,
        model: TextNet,
        trained: list[torch.nn.Parameter],
        average: list[Tensor],
        optimiser: torch.optim.Optimizer,
        run: Path,
    ) -> None:
        self.path = run / "upper.pt"
        self._model, self._trained, self._average = model, trained, average
        self._optimiser = optimiser

    def write(self, done: int) -> None:
        """Write after so many steps."""
        kept = {
            "model": self._model.state_dict(),
            "average": self._average,
            "optimiser": self._optimiser.state_dict(),
            "random": torch.get_rng_state(),
            "done": done,
        }
        _save(kept, self.path)
        present = [parameter.detach().clone() for parameter in self._trained]
        self.take_average()
        _save(self._model.state_dict(), self.path.with_name("average.pt"))
        self._take(present)

    def read(self) -> int:
        """Read what was written; returns the steps done."""
        saved = torch.load(self.path, weights_only=True)
        self._model.load_state_dict(saved["model"])
        self._optimiser.load_state_dict(saved["optimiser"])
        torch.set_rng_state(saved["random"])
        self._average[:] = saved["average"]
        return int(saved["done"])

    def take_average(self) -> None:
        """Put the average in the place of the present weights."""
        self._take(self._average)

    @torch.no_grad()
    def _take(self, values: list[Tensor]) -> None:
        for parameter, value in zip(self._trained, values, strict=True):
            parameter.copy_(value)


def _save(kept: object, path: Path) -> None:
    """Write to another file first: a run that ends meanwhile leaves the last one whole."""
    torch.save(kept, path.with_suffix(".new"))
    path.with_suffix(".new").replace(path)
