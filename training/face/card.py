"""Calibrate the face-expression file on a fold of train, score it on dev, and write its card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from sklearn.metrics import f1_score, recall_score

from affectscope.affect import vocabulary
from affectscope.evaluation.damage import CONDITIONS, damaged
from affectscope.evaluation.metrics import expected_calibration_error
from training.calibration import interval, softmax, temperature
from training.export import milliseconds, write_card
from training.face.prepare import Faces

Shares = NDArray[np.float32]

PROTOCOL = (
    "FER+ dev, of which no byte-identical twin was trained on: votes of one dropped; images "
    "whose majority among all ten columns is one of the eight expressions with more than "
    "half of the votes left; model on the 48 x 48 images as they are"
)
COMMAND = "affectscope evaluate face ferplus_dev.npz"
DAMAGE = {
    "blur": "blurred by a Gaussian of 1.5 pixels",
    "jpeg_30": "each compressed as a JPEG of quality 30",
    "24_pixels": "shrunk to 24 pixels and enlarged again",
    "dark": "a tenth of the light, noise of 2 grey levels, whole grey levels",
}


def logits_of(path: Path, images: NDArray[np.uint8]) -> Shares:
    """Run the file that ships over uint8 images [n, 48, 48]; returns [n, 8]."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    pieces = np.array_split(images[:, None].astype(np.float32), max(1, len(images) // 256))
    return np.concatenate([session.run(None, {"image": piece})[0] for piece in pieces])


def _calibration_of(path: Path, fold: Faces) -> float:
    """Return the temperature, fitted as dev is scored: where one label is in the majority."""
    clear = fold.shares.max(1) > 0.5
    logits, labels = logits_of(path, fold.images[clear]), fold.labels[clear]
    return temperature(logits, lambda shares: shares.argmax(1) == labels, softmax)


def _figures(shares: Shares, dev: Faces, condition: str | None = None) -> list[dict[str, Any]]:
    """Return the card's metrics of probabilities [n, 8]."""
    n, predicted = len(dev.labels), shares.argmax(1)
    right = predicted == dev.labels

    def metric(name: str, figure: float, note: str = "") -> dict[str, Any]:
        return {
            "name": f"{name}_{condition}" if condition else name,
            "value": round(float(figure), 4),
            "n": n,
            "protocol": PROTOCOL + (f", {DAMAGE[condition]}" if condition else "") + note,
            "command": f"{COMMAND} --condition {condition}" if condition else COMMAND,
        }

    def f1(index: NDArray[np.int64] | slice = slice(None)) -> float:
        return float(
            f1_score(dev.labels[index], predicted[index], average="macro", zero_division=0)
        )

    low, high = interval(lambda i: right[i].mean(), n)
    f1_low, f1_high = interval(f1, n)
    figures = [
        metric("accuracy", right.mean(), f"; 95 % bootstrap interval {low:.3f} to {high:.3f}"),
        metric("macro_f1", f1(), f"; 95 % bootstrap interval {f1_low:.3f} to {f1_high:.3f}"),
        metric("ece", expected_calibration_error(shares.max(1), right), "; top label, 15 bins"),
    ]
    print(*(f"{one['name']} {one['value']}" for one in figures))
    return figures


def write(path: Path, fold: Faces, dev: Faces, *, parameters: int) -> None:
    """Write the card beside the file.

    Args:
        path: The ONNX file.
        fold: Images that no weight was fitted to, for the temperature.
        dev: Images to score.
        parameters: Number of weights.
    """
    value = _calibration_of(path, fold)
    shares = softmax(logits_of(path, dev.images) / value)
    labels = vocabulary("ferplus-8").labels
    recalls = recall_score(dev.labels, shares.argmax(1), average=None)
    counts = np.bincount(dev.labels, minlength=len(labels))
    metrics = _figures(shares, dev)
    metrics += [
        {
            "name": f"recall_{label}",
            "value": round(float(recall), 4),
            "n": int(count),
            "protocol": PROTOCOL,
            "command": COMMAND,
        }
        for label, recall, count in zip(labels, recalls, counts, strict=True)
    ]
    for condition in CONDITIONS:
        damage = logits_of(path, damaged(dev.images, condition)) / value
        metrics += _figures(softmax(damage), dev, condition)
    write_card(
        path.with_suffix(".toml"),
        {
            "model": {
                "name": "face-expression",
                "version": "2.1.0",
                "modality": "face",
                "vocabulary": "ferplus-8",
                "summary": "Facial expression of one cropped face, as ten people would label it",
                "file": path.name,
                "parameters": parameters,
                "license_class": "unlicensed-data",
                "license": "The labels are MIT; the images of FER2013 come from the web under no "
                "open licence, so what the weights may be used for is unsettled.",
            },
            "input": {
                "name": "image",
                "shape": "float32 [n, 1, 48, 48]",
                "units": "grey 0 to 255, a face cropped and turned upright",
                "milliseconds_one_thread": round(
                    milliseconds(path, {"image": dev.images[:1, None].astype(np.float32)}), 2
                ),
            },
            "output": {"name": "logits", "shape": "float32 [n, 8]"},
            "calibration": {
                "method": "temperature",
                "temperature": value,
                "activation": "softmax",
                "fitted_on": f"{len(fold.images)} images of train that no weight was fitted to",
            },
            "data": [
                {
                    "name": "FER2013 with FER+ labels",
                    "license": "images without open licence, labels MIT",
                    "use": "training, with the share of votes as target",
                    "split": "train, less the twins of dev images",
                }
            ],
            "metrics": metrics,
            "limits": {
                "known": [
                    "Posed and web photographs of 2013; ages, skin tones and cultures are not "
                    "balanced, and no error by group has been measured.",
                    "Disgust and contempt are rare in the data, and seldom the highest "
                    f"label: recall {recalls[5]:.2f} and {recalls[7]:.2f} on {counts[5]} and "
                    f"{counts[7]} images.",
                    "The temperature is that of undamaged images: the figures of damaged ones show "
                    "how far to trust the probabilities there. The product abstains on faces that "
                    "are too small, too blurred or too dark.",
                    "In a video the product averages probabilities over the last quarter of a "
                    "second; the average never has a highest label that neither the frame nor "
                    "what was said before it has. No figure here is of videos.",
                    "A label says what observers see in a picture, not what the person feels.",
                ]
            },
            "tried": [
                {
                    "what": "first stage at 48 x 48 (32 channels) instead of 24 x 24 (48 channels)",
                    "effect": "twice the time an epoch; dropped after one epoch",
                },
                {
                    "what": "one network of 1.2 million weights, 14 epochs, and little damage",
                    "effect": "version 1; less accurate",
                },
                {
                    "what": "the first cycle of the learning rate alone, 30 epochs",
                    "effect": "version 2.0; less accurate: it had not learnt enough, also of the "
                    "images that it was trained on",
                },
                {
                    "what": "the mean of two networks of different seeds, 30 and 34 epochs",
                    "effect": "twice the time for less than half a point of accuracy",
                },
                {
                    "what": "a second network that learns half from the votes and half from what "
                    "the first makes of the same damaged faces, 24 epochs",
                    "effect": "no better than the first, and their mean no better than it",
                },
                {"what": "the mean of a face and its mirror image", "effect": "no better"},
            ],
        },
    )
