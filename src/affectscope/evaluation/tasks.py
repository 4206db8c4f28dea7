"""Score each shipped model on labelled data, by the protocol that its literature uses.

Only the scored data is read: calibration and thresholds come from the model's card, where training
folds put them.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from affectscope.affect import vocabulary
from affectscope.chat import TextModel
from affectscope.errors import EmptyInput, InvalidValue, MalformedRequest, MissingField
from affectscope.evaluation import Figures, Progress
from affectscope.evaluation.damage import CONDITIONS, damaged
from affectscope.evaluation.metrics import (
    accuracy,
    expected_calibration_error,
    macro_f1,
    micro_f1,
    one_hot,
    recalls,
    unweighted_average_recall,
)
from affectscope.evaluation.product_path import crops_of
from affectscope.media import read_audio
from affectscope.speech import VoiceModel, transcribe
from affectscope.speech.figures import figures
from affectscope.speech.manner import heard_in_turn
from affectscope.speech.prosody import prosody_of
from affectscope.speech.sound import Sound
from affectscope.video import ExpressionModel


def evaluate_face(
    data: Path, progress: Progress, *, product_path: bool = False, condition: str | None = None
) -> Figures:
    """Score facial expression by the FER+ protocol.

    Votes of one are dropped. Kept are images whose majority among all ten columns is one of the
    eight expressions with more than half of the votes left (Barsoum et al. 2016).

    Args:
        data: ``.npz`` with ``images`` uint8 [n, 48, 48] and ``votes`` uint8 [n, 10].
        progress: Told of the images done.
        product_path: Whether the images are set into pictures, to be found and cut out there as
            the product does it. A face that is not found counts as wrong.
        condition: One of `CONDITIONS`, by which the images are damaged first.
    """
    if condition is not None and condition not in CONDITIONS:
        raise InvalidValue(f"unknown condition {condition!r}; valid: {', '.join(CONDITIONS)}")
    try:
        with np.load(data, allow_pickle=False) as file:
            images, votes = file["images"], file["votes"]
    except KeyError as error:
        raise MissingField(f"{data.name!r} lacks the array {error}: needs images, votes") from error
    except ValueError as error:
        raise MalformedRequest(f"{data.name!r} is not an .npz file of arrays: {error}") from error
    if images.ndim != 3 or votes.shape != (len(images), 10):
        raise InvalidValue(
            f"images {images.shape} and votes {votes.shape}; valid: [n, 48, 48] and [n, 10]"
        )
    votes = np.where(votes > 1, votes, 0).astype(int)
    labels = votes.argmax(1)
    kept = (labels < 8) & (votes.max(1) * 2 > votes.sum(1))
    images, labels = images[kept], labels[kept]
    if not len(images):
        raise EmptyInput(f"{data.name!r} holds no image that the protocol scores")
    if condition is not None:
        images = damaged(images, condition)
    if product_path:
        return _through_the_product(images, labels, progress)
    model = ExpressionModel()
    parts = []
    for start in range(0, len(images), 64):
        parts.append(model.predict(images[start : start + 64]))
        progress(min(start + 64, len(images)), len(images))
    return _exclusive("ferplus-8", labels, np.concatenate(parts))


def _through_the_product(
    images: NDArray[np.uint8], labels: NDArray[np.int64], progress: Progress
) -> Figures:
    """Score faces that have to be found first; one that is not found counts as wrong."""
    crops, found = [], []
    for index, crop in enumerate(crops_of(images)):
        if crop is not None:
            crops.append(crop)
            found.append(index)
        progress(index + 1, len(images))
    if not found:
        return {"n": len(images), "missed": len(images), "accuracy": 0.0}
    shares = ExpressionModel().predict(np.stack(crops))
    right = shares.argmax(1) == labels[found]
    return {
        "n": len(images),
        "missed": len(images) - len(found),
        "accuracy": float(right.sum() / len(images)),
        "accuracy_of_found": float(right.mean()),
        "ece_of_found": expected_calibration_error(shares.max(1), right),
    }


def evaluate_text(data: Path, progress: Progress) -> Figures:
    """Score text by the protocol of GoEmotions: 28 labels, several at once.

    Args:
        data: ``.tsv`` without a header: text, comma-separated label numbers, id.
        progress: Told of the texts done.
    """
    labels = vocabulary("goemotions-28").labels
    texts: list[str] = []
    gold_rows: list[NDArray[np.bool_]] = []
    with data.open(encoding="utf-8", newline="") as file:
        for number, line in enumerate(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE), 1):
            try:
                row = np.zeros(len(labels), np.bool_)
                row[[int(part) for part in line[1].split(",")]] = True
            except (IndexError, ValueError) as error:
                raise MalformedRequest(
                    f"{data.name!r} line {number}: needs text, tab, label numbers 0 to 27"
                ) from error
            gold_rows.append(row)
            texts.append(line[0])
    if not texts:
        raise EmptyInput(f"{data.name!r} holds no text")
    model = TextModel()
    parts = []
    for start in range(0, len(texts), 256):
        parts.append(model.predict(texts[start : start + 256])[0])
        progress(min(start + 256, len(texts)), len(texts))
    gold, probabilities = np.stack(gold_rows), np.concatenate(parts)
    thresholds = np.array([model.thresholds[label] for label in labels])
    top = probabilities.argmax(1)
    right = gold[np.arange(len(top)), top]
    return {
        "n": len(texts),
        "accuracy": float(right.mean()),
        "macro_f1": macro_f1(gold, probabilities >= thresholds),
        "micro_f1": micro_f1(gold, probabilities >= thresholds),
        "macro_f1_at_0_5": macro_f1(gold, probabilities >= 0.5),
        "ece": expected_calibration_error(probabilities.max(1), right),
    }


def evaluate_voice(data: Path, progress: Progress) -> Figures:
    """Score voices: the whole of each file goes through the front end and the model.

    The files of a speaker are heard one after the other in random order, as the phrases of a recording
    are; `alone` repeats the figures for each file by itself.

    Args:
        data: ``.csv`` with the columns path, label, speaker; paths relative to the manifest.
        progress: Told of the files done.
    """
    labels = vocabulary("ravdess-8").labels
    entries = list(_manifest(data, ("path", "label", "speaker")))
    gold = []
    for entry in entries:
        if entry["label"] not in labels:
            raise InvalidValue(f"unknown label {entry['label']!r}; valid: {', '.join(labels)}")
        gold.append(labels.index(entry["label"]))
    model = VoiceModel()
    rows, places, heard, began = [], [], 0.0, time.perf_counter()
    for done, entry in enumerate(entries, 1):
        with read_audio(data.parent / entry["path"]) as reader:
            samples = np.concatenate([chunk.samples for chunk in reader])
        heard += len(samples) / 16_000
        sound = Sound(samples)
        rows.append(model.predict(sound.mels))
        places.append(model.manner.place(figures(sound, prosody_of(sound))))
        progress(done, len(entries))
    rtf = (time.perf_counter() - began) / heard
    # Of a file that names no speaker nothing is known but the file.
    speakers = [entry["speaker"] or entry["path"] for entry in entries]
    by_sound = np.stack(rows)
    in_turn = heard_in_turn(model.manner, speakers, places, by_sound)
    each = [str(number) for number in range(len(entries))]
    alone = heard_in_turn(model.manner, each, places, by_sound)
    return {
        **_exclusive("ravdess-8", np.array(gold), in_turn),
        "alone": _exclusive("ravdess-8", np.array(gold), alone),
        "speakers": len(set(speakers)),
        "rtf": rtf,
    }


def evaluate_transcript(data: Path, progress: Progress) -> Figures:
    """Score transcripts by word error rate, without regard to case and punctuation.

    Args:
        data: ``.csv`` with the columns path, transcript; paths relative to the manifest.
        progress: Told of the files done.
    """
    import jiwer

    plain = jiwer.Compose(
        [
            jiwer.ToLowerCase(),
            jiwer.SubstituteRegexes({r"[^\w\s']": " "}),
            jiwer.RemoveMultipleSpaces(),
            jiwer.Strip(),
            jiwer.ReduceToListOfListOfWords(),
        ]
    )
    entries = list(_manifest(data, ("path", "transcript")))
    heard: list[str] = []
    seconds = spent = 0.0
    for done, entry in enumerate(entries, 1):
        path = data.parent / entry["path"]
        began = time.perf_counter()
        heard.append(" ".join(line.text for line in transcribe(path)))
        spent += time.perf_counter() - began
        with read_audio(path) as reader:
            seconds += sum(len(chunk.samples) for chunk in reader) / 16_000
        progress(done, len(entries))
    wanted = [entry["transcript"] for entry in entries]
    error_rate = jiwer.wer(wanted, heard, reference_transform=plain, hypothesis_transform=plain)
    return {"n": len(entries), "wer": float(error_rate), "rtf": spent / seconds}


def _manifest(data: Path, columns: Sequence[str]) -> Iterator[dict[str, str]]:
    count = 0
    with data.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        missing = [name for name in columns if name not in (reader.fieldnames or ())]
        if missing:
            raise MissingField(
                f"{data.name!r} lacks the columns {', '.join(missing)}; needs {', '.join(columns)}"
            )
        for count, row in enumerate(reader, 1):
            path = data.parent / (row["path"] or "")
            if not path.is_file():
                raise InvalidValue(f"{data.name!r} row {count}: no such file {row['path']!r}")
            yield {name: row[name] or "" for name in columns}
    if not count:
        raise EmptyInput(f"{data.name!r} lists no file")


def _exclusive(name: str, gold: NDArray[np.int64], probabilities: NDArray[np.float32]) -> Figures:
    """Score one label a sample; twice where the data lacks some of the labels."""
    labels = vocabulary(name).labels
    figures: Figures = {"n": len(gold), **_figures(gold, probabilities)}
    predicted = probabilities.argmax(1)
    figures["recall"] = {labels[i]: value for i, value in recalls(gold, predicted).items()}
    present = np.unique(gold)
    if len(present) < len(labels):
        among = probabilities[:, present]
        among = among / np.maximum(among.sum(1, keepdims=True), 1e-12)
        limited = _figures(np.searchsorted(present, gold), among)
        figures |= {f"{key}_present_labels": value for key, value in limited.items()}
    return figures


def _figures(gold: NDArray[np.int64], probabilities: NDArray[np.float32]) -> dict[str, float]:
    predicted, count = probabilities.argmax(1), probabilities.shape[1]
    gold_marks, marks = one_hot(gold, count), one_hot(predicted, count)
    return {
        "accuracy": accuracy(gold, predicted),
        "macro_f1": macro_f1(gold_marks, marks),
        "micro_f1": micro_f1(gold_marks, marks),
        "uar": unweighted_average_recall(gold, predicted),
        "ece": expected_calibration_error(probabilities.max(1), gold == predicted),
    }
