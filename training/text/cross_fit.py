"""``python -m training.text.cross_fit DEV.tsv``: the model with thresholds from texts of that kind.

What `affectscope evaluate text` prints depends on how well a small fold of train tells thresholds;
this says what the network is worth where more like the scored texts are there to tell them.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from affectscope import models
from affectscope.evaluation.metrics import macro_f1
from training.text.card import Calibration, Marks, Shares
from training.text.export import outputs_of
from training.text.prepare import LONGEST_READ, Texts, goemotions
from training.text.thresholds import thresholds_of

_HALVINGS = 10


def cross_fitted(logits: Shares, gold: Marks, calibration: Calibration) -> float:
    """Return the macro-F1 where each half of the texts is marked by thresholds from the other.

    The mean over ten halvings at random.

    Args:
        logits: [n, 28].
        gold: [n, 28].
        calibration: Its thresholds are not looked at.
    """
    rng, found = np.random.default_rng(0), []
    shares = calibration.shares(logits)
    for _ in range(_HALVINGS):
        order = rng.permutation(len(gold))
        marks = np.zeros_like(gold)
        for one, other in ((order[::2], order[1::2]), (order[1::2], order[::2])):
            thresholds = thresholds_of(
                *(logits[one].astype(np.float64), gold[one]),
                *(calibration.temperature, calibration.offset),
            )
            marks[other] = shares[other] >= thresholds
        found.append(macro_f1(gold, marks))
    return float(np.mean(found))


def figure(path: Path, dev: Texts, calibration: Calibration) -> dict[str, Any]:
    """Return the figure of the card."""
    return {
        "name": "macro_f1_cross_fitted",
        "value": round(cross_fitted(outputs_of(path, dev)[0], dev.targets > 0, calibration), 4),
        "n": len(dev.ids),
        "protocol": "GoEmotions dev, 28 labels, several at once; temperature from train, each half "
        "of dev marked by thresholds from the other, mean of ten halvings",
        "command": "python -m training.text.cross_fit dev.tsv",
    }


def main() -> None:
    """Score the shipped model."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, help="in the form of GoEmotions")
    data = parser.parse_args().data
    card = models.card("text-emotion")
    tokenizer = Tokenizer.from_file(str(card.path(card.files[0].file)))
    fitted = card.calibration
    calibration = Calibration(fitted.temperature, fitted.offset, np.zeros(0))
    print(figure(card.path(card.file), goemotions(data, tokenizer, LONGEST_READ), calibration))


if __name__ == "__main__":
    main()
