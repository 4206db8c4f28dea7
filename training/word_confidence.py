"""Errors and time of the embedded transcript, and what the confidence of a word is worth.

``python -m training.word_confidence ../shared/data``

The acted sentences of RAVDESS ("kids are talking by the door", "dogs are sitting by the door"), some
by chance of every emotion, and five read sentences. A logistic curve over the logit of the search's
posterior is fitted to the words of half of the actors, with right and wrong words told apart by the
alignment of least edits; it is judged on those of the others and on the read sentences. With
``--defaults`` pocketsphinx as it comes takes turns with ours, which takes three times as long; times
are those of the processor.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, field
from pathlib import Path

import jiwer
import numpy as np
import pocketsphinx
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from affectscope.evaluation.metrics import expected_calibration_error
from affectscope.speech.phrases import Phrases
from affectscope.speech.pocket_sphinx import confidence, pcm
from affectscope.speech.recognizer import CONFIG, Found, Recognizer

ACTED = {"01": "kids are talking by the door", "02": "dogs are sitting by the door"}
READ = (
    "the child almost hurt the small dog",
    "drop the tue when you add the figures",
    "at that high level the air is pure",
    "a thin stripe runs down the middle",
    "sunday is the best part of the week",
)


@dataclass
class Heard:
    """What one configuration made of a collection."""

    wanted: list[str] = field(default_factory=list)
    found: list[list[Found]] = field(default_factory=list)
    seconds: float = 0.0
    spent: float = 0.0

    def errors(self) -> float:
        """Return the word error rate."""
        return float(jiwer.wer(self.wanted, [_text(words) for words in self.found]))

    def words(self) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Return the posterior of each word that was found, and whether it was said there."""
        posteriors, right = [], []
        for wanted, found in zip(self.wanted, self.found, strict=True):
            if not found:
                continue
            same = np.zeros(len(found), bool)
            for part in jiwer.process_words(wanted, _text(found)).alignments[0]:
                if part.type == "equal":
                    same[part.hyp_start_idx : part.hyp_end_idx] = True
            posteriors += [word.posterior for word in found]
            right += same.tolist()
        return np.array(posteriors), np.array(right, bool)


def _text(words: list[Found]) -> str:
    return " ".join(word.text for word in words)


def hear(files: list[tuple[Path, str]], engines: list[Recognizer]) -> list[Heard]:
    """Return what each engine makes of files whose words are known."""
    every = [Heard() for _ in engines]
    for path, wanted in files:
        with Phrases(path) as phrases:
            parts = [pcm(phrase.samples) for phrase in phrases]
        for one, engine in zip(every, engines, strict=True):
            began = time.process_time()
            found = [word for part in parts for word in engine.words(part)]
            one.spent += time.process_time() - began
            one.seconds += sum(map(len, parts)) / 32_000
            one.wanted.append(wanted)
            one.found.append(found)
    return every


def acted(folder: Path, count: int) -> list[tuple[Path, str, int]]:
    """Return recordings by chance with words and number of the actor."""
    files = sorted(folder.glob("speech/ravdess/Actor_*/*"))
    chosen = np.random.default_rng(0).permutation(len(files))[:count]
    fields = [(files[i], files[i].stem.split("-")) for i in chosen]
    return [(path, ACTED[parts[4]], int(parts[6])) for path, parts in fields]


def logit(posteriors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return logits, [n, 1]; the search gives 1 to much that is wrong, so none is infinite."""
    inside = np.clip(posteriors, 1e-3, 1 - 1e-3)
    return np.log(inside / (1 - inside))[:, None]


def main() -> None:
    """Measure, fit and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--files", type=int, default=60, help="of RAVDESS, by chance")
    parser.add_argument("--defaults", action="store_true", help="compare with the defaults")
    arguments = parser.parse_args()
    engines = [Recognizer()]
    if arguments.defaults:
        engines.append(Recognizer())
        engines[1]._decoder = pocketsphinx.Decoder(cmn="batch", loglevel="FATAL")
    known = acted(arguments.data, arguments.files)
    sets = {
        "fitted on": [one[:2] for one in known if one[2] % 4 in (1, 2)],
        "other actors": [one[:2] for one in known if one[2] % 4 in (3, 0)],
        "read": [
            (arguments.data / f"samples/spk1_snt{number}.wav", text)
            for number, text in enumerate(READ, 1)
        ],
    }
    heard = {}
    for name, files in sets.items():
        ours, *others = hear(files, engines)
        heard[name] = ours.words()
        print(
            f"{name}: {len(files)} files, word error rate {ours.errors():.3f}, processor seconds a "
            f"second {ours.spent / ours.seconds:.3f}",
            *(
                f"; with the defaults {one.errors():.3f} and {one.spent / one.seconds:.3f}"
                for one in others
            ),
            flush=True,
        )
    posteriors, right = heard["fitted on"]
    fitted = LogisticRegression(C=1e6).fit(logit(posteriors), right)
    print(f"slope {fitted.coef_[0, 0]:.3f}, offset {fitted.intercept_[0]:.3f}; in {CONFIG}")
    for name, (posteriors, right) in heard.items():
        now = np.array([confidence(one) for one in posteriors])
        print(
            f"{name}: {len(right)} words, {right.mean():.0%} right; mean posterior "
            f"{posteriors.mean():.2f}, mean confidence {now.mean():.2f}; calibration error "
            f"{expected_calibration_error(posteriors, right):.3f} of posteriors, "
            f"{expected_calibration_error(now, right):.3f} of confidences; area under ROC "
            f"{roc_auc_score(right, posteriors):.2f}"
        )
    everything = [np.concatenate(parts) for parts in zip(*heard.values(), strict=True)]
    for low, high in ((0, 0.3), (0.3, 0.6), (0.6, 0.9), (0.9, 0.99), (0.99, 1.01)):
        inside = (everything[0] >= low) & (everything[0] < high)
        if inside.any():
            print(
                f"posterior {low:.2f} to {min(high, 1):.2f}: {inside.sum()} words, "
                f"{everything[1][inside].mean():.0%} right"
            )


if __name__ == "__main__":
    main()
