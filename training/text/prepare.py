"""GoEmotions and EmoBank as token ids and targets."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

LONGEST = 64
"""Tokens kept in training; 99.9 % of GoEmotions is shorter."""

LONGEST_READ = 128
"""Tokens that the product reads of a text."""


@dataclass
class Texts:
    """Token ids of each text, and targets float32 [n, 28] or [n, 3]."""

    ids: list[list[int]]
    targets: NDArray[np.float32]

    def take(self, index: NDArray[np.int64]) -> Texts:
        """Return the texts of an index."""
        return Texts([self.ids[i] for i in index], self.targets[index])


def tokenizer_of(folder: Path) -> Tokenizer:
    """Return MiniLM's tokenizer without padding and truncation of its own."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def encode(tokenizer: Tokenizer, texts: list[str], longest: int) -> list[list[int]]:
    """Return the token ids of each text, cut to the longest."""
    tokenizer.enable_truncation(longest)
    ids = [one.ids for one in tokenizer.encode_batch(texts)]
    tokenizer.no_truncation()
    return ids


def goemotions(path: Path, tokenizer: Tokenizer, longest: int = LONGEST) -> Texts:
    """Load a split: text, comma-separated label numbers, id."""
    texts, targets = [], []
    with path.open(encoding="utf-8", newline="") as file:
        for text, labels, _ in csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            row = np.zeros(28, np.float32)
            row[[int(label) for label in labels.split(",")]] = 1
            texts.append(text)
            targets.append(row)
    return Texts(encode(tokenizer, texts, longest), np.stack(targets))


def emobank(path: Path, tokenizer: Tokenizer, longest: int = LONGEST) -> Texts:
    """Load a split; ratings of 1 to 5 become -1 to 1."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    targets = [[(float(row[axis]) - 3) / 2 for axis in "VAD"] for row in rows]
    ids = encode(tokenizer, [row["text"] for row in rows], longest)
    return Texts(ids, np.array(targets, np.float32))
