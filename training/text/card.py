"""Calibrate the text model on a fold of train, score it on dev, and write its card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affectscope.affect import vocabulary
from affectscope.evaluation.metrics import (
    expected_calibration_error,
    macro_f1,
    micro_f1,
    pearson,
)
from training.calibration import interval, sigmoid, temperature
from training.export import milliseconds, write_card
from training.text.export import outputs_of
from training.text.model import TextNet
from training.text.prepare import Texts
from training.text.thresholds import thresholds_of
from training.text.train import padded

LABELS = vocabulary("goemotions-28").labels
Shares = NDArray[np.float32]
Marks = NDArray[np.bool_]

TRIED: list[dict[str, str]] = []
"""What was tried, and its effect on dev."""


def calibration_of(path: Path, fold: Texts) -> tuple[float, NDArray[np.float64]]:
    """Return temperature and thresholds [28], rounded as the card has them.

    Args:
        path: The shipped file.
        fold: Training texts that no weight was fitted to.
    """
    held, gold = outputs_of(path, fold)[0], fold.targets > 0
    value = temperature(held, lambda shares: _top_right(shares, gold), sigmoid)
    return value, thresholds_of(held.astype(np.float64), gold, value).round(3)


def _top_right(shares: Shares, gold: Marks) -> Marks:
    right: Marks = gold[np.arange(len(shares)), shares.argmax(1)]
    return right


def label_figures(
    path: Path, dev: Texts, value: float, thresholds: NDArray[np.float64]
) -> list[dict[str, Any]]:
    """Return the figures of the 28 labels on dev."""
    gold, n = dev.targets > 0, len(dev.ids)
    shares = sigmoid(outputs_of(path, dev)[0] / value)
    marks = shares >= thresholds
    low, high = interval(lambda i: macro_f1(gold[i], marks[i]), n)
    error = expected_calibration_error(shares.max(1), _top_right(shares, gold))
    figures = [
        ("macro_f1", macro_f1(gold, marks), f"; 95 % bootstrap interval {low:.3f} to {high:.3f}"),
        ("macro_f1_at_0_5", macro_f1(gold, shares >= 0.5), "; every threshold .5"),
        ("micro_f1", micro_f1(gold, marks), ""),
        ("ece", error, "; top label, right if among the gold ones, 15 bins"),
    ]
    return [
        {
            "name": name,
            "value": round(float(figure), 4),
            "n": n,
            "protocol": "GoEmotions dev, 28 labels, several at once; temperature and thresholds "
            f"from train{note}",
            "command": "affectscope evaluate text dev.tsv",
        }
        for name, figure, note in figures
    ]


def place_figures(path: Path, ratings: Texts) -> list[dict[str, Any]]:
    """Return the figures of valence, arousal and dominance on EmoBank's dev."""
    places = outputs_of(path, ratings)[1]
    return [
        {
            "name": f"{axis}_r",
            "value": round(float(pearson(ratings.targets[:, i], places[:, i]) or 0.0), 4),
            "n": len(ratings.ids),
            "protocol": "EmoBank dev, Pearson correlation of the network's answer with the mean "
            "rating",
            "command": "affectscope evaluate valence-arousal dev.csv",
        }
        for i, axis in enumerate(("valence", "arousal", "dominance"))
    ]


def write(
    path: Path,
    fold: int,
    value: float,
    thresholds: NDArray[np.float64],
    metrics: list[dict[str, Any]],
    example: list[int],
) -> None:
    """Write the card beside the shipped file.

    Args:
        path: The shipped file.
        fold: Texts that temperature and thresholds were fitted to.
        value: Temperature.
        thresholds: [28].
        metrics: All figures.
        example: A text of usual length, whose time is measured.
    """
    for one in metrics:
        print(one["name"], one["value"])
    ids, mask = padded([example])
    took = milliseconds(path, {"input_ids": ids.numpy(), "attention_mask": mask.numpy()})
    write_card(
        path.with_suffix(".toml"),
        {
            "model": {
                "name": "text-emotion",
                "version": "2.0.0",
                "modality": "text",
                "vocabulary": "goemotions-28",
                "summary": "Emotions that a short English text expresses, and its valence, arousal "
                "and dominance",
                "file": path.name,
                "parameters": sum(p.numel() for p in TextNet().parameters()),
                "license_class": "share-alike",
                "license": "MiniLM is Apache-2.0, GoEmotions CC BY 4.0, EmoBank CC BY-SA 4.0: the "
                "weights may be used and shared, commercially too, under the last of these.",
            },
            "input": {
                "names": ["input_ids", "attention_mask"],
                "shape": "int64 [n, length]",
                "units": "WordPiece tokens of the tokenizer beside it, at most 128 in the product",
                "milliseconds_one_thread": round(took, 2),
            },
            "output": {
                "logits": "float32 [n, 28]",
                "vad": "float32 [n, 3], valence, arousal, dominance in [-1, 1]",
                # `write_onnx` refuses a file of which this does not hold.
                "batch_independent": True,
            },
            "calibration": {
                "method": "temperature",
                "temperature": value,
                "activation": "sigmoid",
                "fitted_on": f"{fold} texts of train that no weight was fitted to",
            },
            "thresholds": {name: float(one) for name, one in zip(LABELS, thresholds, strict=True)},
            "files": [{"file": "text-emotion.tokenizer.json"}],
            "data": [
                {
                    "name": "GoEmotions",
                    "license": "CC BY 4.0",
                    "use": "training of the labels",
                    "split": "train",
                },
                {
                    "name": "EmoBank",
                    "license": "CC BY-SA 4.0",
                    "use": "training of valence, arousal, dominance",
                    "split": "train",
                },
                {
                    "name": "all-MiniLM-L6-v2",
                    "license": "Apache-2.0",
                    "use": "the weights that training starts from",
                    "split": "as published",
                },
            ],
            "metrics": metrics,
            "limits": {
                "known": [
                    "English only, and the English of Reddit comments; other languages get scores "
                    "that mean nothing, and are not recognised yet.",
                    "Each message is judged by itself, without the ones before it; sarcasm and "
                    "quotation are often missed.",
                    "Rare labels (grief, pride, relief, nervousness) rest on few examples.",
                    "A label says what readers perceive in a text, not what its writer feels.",
                ]
            },
            "tried": TRIED,
        },
    )
