"""Score valence, arousal and dominance of texts, as the chat service would answer them."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np

from affectscope.affect import SegmentFound
from affectscope.chat import ChatAnalyzer, Message
from affectscope.errors import EmptyInput, InvalidValue, MalformedRequest, MissingField
from affectscope.evaluation import Figures, Progress
from affectscope.evaluation.metrics import bootstrap_interval, concordance, pearson

AXES = {"V": "valence", "A": "arousal", "D": "dominance"}
"""Column of EmoBank to the name of its dimension."""

_NEEDED = ("V", "A", "text")
_TOLD = 64


def evaluate_valence_arousal(data: Path, progress: Progress) -> Figures:
    """Score texts by their mean ratings, in the format of EmoBank.

    Every text is a conversation by itself. One on which the analyzer abstains counts as the middle
    of all scales: leaving it out would reward abstaining from hard texts.

    Source: Buechel, S. and Hahn, U. (2017). EmoBank. EACL 2017.

    Args:
        data: ``.csv`` with the columns V, A and text, and D where there is one; ratings 1 to 5.
        progress: Told of the texts done.

    Returns:
        ``n``, ``abstained``, and for each dimension its ``_r`` (Pearson), ``_ccc`` (concordance, on
        the scale of [-1, 1]) and for both the ``_interval`` of 95 %.
    """
    texts, ratings = _read(data)
    analyzer = ChatAnalyzer()
    analyzer.load()
    found = {column: np.zeros(len(texts)) for column in ratings}
    abstained = 0
    for row, text in enumerate(texts):
        records = analyzer.stream([Message("writer", 0.0, text)])
        affect = next(one.segment.affect for one in records if isinstance(one, SegmentFound))
        abstained += affect is None
        if affect is not None:
            for column, values in found.items():
                values[row] = getattr(affect, AXES[column]) or 0.0
        if (row + 1) % _TOLD == 0 or row + 1 == len(texts):
            progress(row + 1, len(texts))
    figures: Figures = {"n": len(texts), "abstained": abstained}
    for column, rated in ratings.items():
        gold, name = np.array(rated), AXES[column]
        for short, figure in (("r", pearson), ("ccc", concordance)):
            figures[f"{name}_{short}"] = figure(gold, found[column])
            figures[f"{name}_{short}_interval"] = bootstrap_interval(figure, gold, found[column])
    return figures


def _read(data: Path) -> tuple[list[str], dict[str, list[float]]]:
    """Return the texts, and column to ratings in [-1, 1]."""
    texts: list[str] = []
    try:
        with data.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            header = reader.fieldnames or ()
            missing = [name for name in _NEEDED if name not in header]
            if missing:
                raise MissingField(
                    f"{data.name!r} lacks the columns {', '.join(missing)}; needs "
                    f"{', '.join(_NEEDED)}, and may have D"
                )
            ratings: dict[str, list[float]] = {name: [] for name in AXES if name in header}
            for row in reader:
                for column, values in ratings.items():
                    values.append(_rating(row[column], f"{data.name!r} line {reader.line_num}"))
                texts.append(row["text"] or "")
    except (UnicodeDecodeError, csv.Error) as error:
        raise MalformedRequest(f"{data.name!r} is no CSV of UTF-8: {error}") from error
    if not texts:
        raise EmptyInput(f"{data.name!r} holds no text")
    return texts, ratings


def _rating(cell: str | None, where: str) -> float:
    """Return a rating of 1 to 5 in [-1, 1]."""
    try:
        rating = float(cell or "")
    except ValueError:
        rating = math.nan
    if not 1 <= rating <= 5:
        raise InvalidValue(f"{where}: {cell!r:.60} is no rating; valid: 1 to 5")
    return (rating - 3) / 2
