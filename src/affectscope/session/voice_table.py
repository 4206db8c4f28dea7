"""Voices as tables for statistics: one row per phrase, per window of a long phrase, or per word."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from itertools import repeat

from affectscope.affect import Affect, Segment, Session, Track, Utterance, Window, vocabulary
from affectscope.speech.prosody import MEASURES

_WHO = ("speaker", "track", "start", "end")
_AFFECT = ("label", "label_confidence", "valence", "arousal", "abstained")
_SAID = ("text", "text_confidence", "words", "engine")
_LEVEL = "level_dbfs"

WORD_COLUMNS = ("speaker", "start", "end", "word", "confidence", "phrase_start", "engine")
"""Columns of the table of words."""


def phrase_columns(session: Session) -> tuple[str, ...]:
    """Return the columns of the table of phrases."""
    measured = {
        name for track in _voices(session) for one in track.segments for name in one.measures
    }
    further = sorted(measured - {*MEASURES, _LEVEL})
    return (*window_columns(session), "quality", *_SAID, _LEVEL, *MEASURES, *further)


def phrase_rows(session: Session) -> Iterator[dict[str, object]]:
    """Yield one row per phrase of every speaker, in order of time, with the keys of `phrase_columns`.

    What was not measured is None. Times are seconds of the session's clock; labels have their
    probabilities, 0 to 1; ``text_confidence`` is the mean of the words', of which there are ``words``.
    The measures have the units of `affectscope.speech.prosody.MEASURES`. A data frame is
    ``pandas.DataFrame(phrase_rows(session))``.
    """
    columns = phrase_columns(session)
    said = {(line.subject, line.start): line for line in session.transcript}
    for track, segment in _in_order(session):
        line = said.get((track.subject, segment.start))
        known = {
            **_judged(track, segment),
            **segment.measures,
            **_words(segment, line),
            "quality": " ".join(segment.quality),
        }
        yield {column: known.get(column) for column in columns}


def window_columns(session: Session) -> tuple[str, ...]:
    """Return the columns of the table of windows."""
    names = dict.fromkeys(track.vocabulary for track in _voices(session) if track.vocabulary)
    labels = dict.fromkeys(label for name in names for label in vocabulary(name).labels)
    return (*_WHO, *_AFFECT, *labels)


def window_rows(session: Session) -> Iterator[dict[str, object]]:
    """Yield one row per window of every phrase, with the keys of `window_columns`.

    A phrase that is too short to have windows is one row. Speakers come one phrase after the other,
    in order of time.
    """
    columns = window_columns(session)
    for track, segment in _in_order(session):
        for one in segment.windows or (segment,):
            known = _judged(track, one)
            yield {column: known.get(column) for column in columns}


def word_rows(session: Session) -> Iterator[dict[str, object]]:
    """Yield one row per word of the transcript, with the keys of `WORD_COLUMNS`."""
    for line in sorted(session.transcript, key=lambda line: (line.start, line.end)):
        for word in line.words:
            values = (line.subject, word.start, word.end, word.text, word.confidence)
            yield dict(zip(WORD_COLUMNS, (*values, line.start, line.engine), strict=True))


def _voices(session: Session) -> list[Track]:
    return [track for track in session.tracks if track.modality == "voice"]


def _in_order(session: Session) -> Iterator[tuple[Track, Segment]]:
    rows = [zip(repeat(track), track.segments) for track in _voices(session)]
    return heapq.merge(*rows, key=lambda row: row[1].start)


def _judged(track: Track, one: Segment | Window) -> dict[str, object]:
    """Return whose it is, when, and what it resembles."""
    affect: Affect | None = one.affect
    known: dict[str, object] = {
        "speaker": track.subject,
        "track": track.id,
        "start": one.start,
        "end": one.end,
        "abstained": one.abstained,
    }
    if affect is None:
        return known
    return {
        **affect.scores,
        **known,
        "label": affect.label,
        "label_confidence": affect.confidence,
        "valence": affect.valence,
        "arousal": affect.arousal,
    }


def _words(segment: Segment, line: Utterance | None) -> dict[str, object]:
    return {
        "text": segment.text,
        "text_confidence": line.confidence if line else None,
        "words": len(segment.words) if segment.text is not None else None,
        "engine": line.engine if line else None,
    }
