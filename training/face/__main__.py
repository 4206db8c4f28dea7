"""``python -m training.face``: train, calibrate, score and export the face-expression model.

A finished network is not trained again: remove the folder of the run to begin anew.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from training.export import compute_in_bytes, to_onnx
from training.face import card
from training.face.model import FaceNet
from training.face.prepare import Faces, for_scoring, for_training
from training.face.train import train

HELD_OUT = 1000
"""Training images kept for calibration."""

CYCLES = (30, 40)
"""Epochs of each cycle of the learning rate."""


def main() -> None:
    """Run all steps; a training that was cut off goes on from its last whole epoch."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("src/affectscope/models/weights"))
    parser.add_argument("--run", type=Path, default=Path("training/runs/face"))
    parser.add_argument("--cycles", type=int, nargs="+", default=CYCLES, metavar="EPOCHS")
    args = parser.parse_args()
    train_file = args.data / "faces/ferplus_train.npz"
    dev_file = args.data / "faces/ferplus_dev.npz"
    dev = for_scoring(dev_file)
    faces = for_training(train_file, without=np.load(dev_file)["images"])
    order = np.random.default_rng(0).permutation(len(faces.images))
    fold, rest = (
        Faces(faces.images[i], faces.shares[i], faces.labels[i])
        for i in (order[:HELD_OUT], order[HELD_OUT:])
    )
    checkpoint = args.run / "face.pt"
    if not checkpoint.exists():
        train(rest, dev, checkpoint, cycles=args.cycles)
    model = FaceNet()
    model.load_state_dict(torch.load(checkpoint, weights_only=True))
    path = args.out / "face-expression.onnx"
    examples = {"image": torch.from_numpy(rest.images[:512]).float().unsqueeze(1)}
    to_onnx(model, path, examples, ["logits"], {"image": {0: "n"}, "logits": {0: "n"}})
    compute_in_bytes(path, examples, floats=("stem", "excite"))
    card.write(path, fold, dev, parameters=sum(p.numel() for p in model.parameters()))


if __name__ == "__main__":
    main()
