"""Score on texts of another kind, which no weight and no threshold was fitted to."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import f1_score, roc_auc_score
from tokenizers import Tokenizer

from affectscope.affect import map_to_core, vocabulary
from training.text.card import Calibration
from training.text.export import outputs_of
from training.text.prepare import Texts, encode

_MELD = {"joy": "happiness"}
_DREADDIT = 700
"""Posts that are scored: they are long, and an area under a curve needs no more."""


def meld(
    path: Path, data: Path, tokenizer: Tokenizer, longest: int, calibration: Calibration
) -> Any:
    """Return the figure of MELD's dev: seven emotions of utterances, by the weighted F1.

    The published map takes the 28 labels to them; the greatest sum of probabilities is the answer.
    """
    with data.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    logits, _ = outputs_of(path, _texts([row["Utterance"] for row in rows], tokenizer, longest))
    core, pairs = vocabulary("core-7").labels, map_to_core("goemotions-28").pairs
    flow = np.zeros((28, 7))
    for row, label in enumerate(vocabulary("goemotions-28").labels):
        flow[row, core.index(pairs[label])] = 1
    found = (calibration.shares(logits) @ flow).argmax(1)
    gold = [core.index(_MELD.get(row["Emotion"], row["Emotion"])) for row in rows]
    return {
        "name": "meld_weighted_f1",
        "value": round(float(f1_score(gold, found, average="weighted", zero_division=0)), 4),
        "n": len(rows),
        "protocol": "MELD dev, 7 emotions of utterances without their context, nothing fitted to "
        "it; the greatest sum of probabilities under the published map to core-7",
        "command": "python -m training.text --resume",
    }


def dreaddit(path: Path, data: Path, tokenizer: Tokenizer, longest: int) -> Any:
    """Return the figure of dreaddit: how well low valence tells posts under stress from others."""
    with data.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))[:_DREADDIT]
    _, vad = outputs_of(path, _texts([row["text"] for row in rows], tokenizer, longest))
    stressed = [int(row["label"]) for row in rows]
    return {
        "name": "dreaddit_auc",
        "value": round(float(roc_auc_score(stressed, -vad[:, 0])), 4),
        "n": len(rows),
        "protocol": "dreaddit train, its first posts, nothing fitted to it: area under the ROC "
        "curve of negative valence for posts labelled as stress",
        "command": "python -m training.text --resume",
    }


def _texts(texts: list[str], tokenizer: Tokenizer, longest: int) -> Texts:
    nothing: NDArray[np.float32] = np.zeros((len(texts), 0), np.float32)
    return Texts(encode(tokenizer, texts, longest), nothing)
