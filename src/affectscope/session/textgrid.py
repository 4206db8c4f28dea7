"""What was said and how it sounded as a TextGrid of Praat: tiers of intervals, one below another.

Source: https://www.fon.hum.uva.nl/praat/manual/TextGrid_file_formats.html, the long text format.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from affectscope.affect import Session
from affectscope.errors import InvalidValue
from affectscope.session.captions import one_line

Interval = tuple[float, float, str]
"""Begin and end in seconds, and the label."""


def textgrid(session: Session) -> Iterator[str]:
    """Return the parts of a TextGrid file, to be written as UTF-8.

    Each speaker has three tiers, ``words``, ``phrases`` and ``affect``, followed by the name in
    brackets. A label of the last is the top one with its confidence, empty where the voice was not
    judged. Times are seconds of the session's clock, from 0.

    Raises:
        InvalidValue: Nobody speaks in the session, or it has no length.
    """
    tiers = dict(_tiers(session))
    ends = [end for intervals in tiers.values() for _, end, _ in intervals]
    length = round(max([session.duration or 0.0, *ends]), 6)
    if not tiers or length <= 0:
        raise InvalidValue(
            "a TextGrid holds what is said and how it sounds; this session has no voice"
        )
    return _file(tiers, length)


def contiguous(intervals: Iterable[Interval], length: float) -> list[Interval]:
    """Return intervals that follow one another without gap from 0 to the length.

    Where nothing is, the label is empty. Of two that overlap, the second begins where the first
    ends; one that has no time of its own left is named by its neighbour too.

    Args:
        intervals: In any order.
        length: Seconds, not before the end of any.
    """
    found: list[Interval] = []
    reached, waiting = 0.0, ""
    for begin, end, label in sorted(intervals):
        start, stop = max(reached, round(begin, 6)), round(end, 6)
        if stop <= start:
            if found and found[-1][2]:
                found[-1] = (*found[-1][:2], _joined(found[-1][2], label))
            else:
                waiting = _joined(waiting, label)
            continue
        if start > reached:
            found.append((reached, start, ""))
        found.append((start, stop, _joined(waiting, label)))
        reached, waiting = stop, ""
    if reached < length:
        found.append((reached, length, waiting))
    return found


def _tiers(session: Session) -> Iterator[tuple[str, list[Interval]]]:
    """Yield name and intervals of every tier."""
    voices = [track for track in session.tracks if track.modality == "voice"]
    speakers = dict.fromkeys(
        [*(track.subject for track in voices), *(line.subject for line in session.transcript)]
    )
    for speaker in speakers:
        lines = [line for line in session.transcript if line.subject == speaker]
        name = one_line(speaker)
        yield (
            f"words ({name})",
            [(word.start, word.end, word.text) for line in lines for word in line.words],
        )
        yield f"phrases ({name})", [(line.start, line.end, line.text) for line in lines]
        yield (
            f"affect ({name})",
            [
                (segment.start, segment.end, f"{affect.label} {affect.confidence:.2f}")
                for track in voices
                if track.subject == speaker
                for segment in track.segments
                if (affect := segment.affect)
            ],
        )


def _file(tiers: dict[str, list[Interval]], length: float) -> Iterator[str]:
    yield 'File type = "ooTextFile"\nObject class = "TextGrid"\n\n'
    yield f"xmin = 0\nxmax = {_seconds(length)}\ntiers? <exists>\nsize = {len(tiers)}\nitem []:\n"
    for number, (name, given) in enumerate(tiers.items(), start=1):
        intervals = contiguous(given, length)
        yield (
            f'    item [{number}]:\n        class = "IntervalTier"\n'
            f"        name = {_quoted(name)}\n        xmin = 0\n"
            f"        xmax = {_seconds(length)}\n        intervals: size = {len(intervals)}\n"
        )
        for place, (begin, end, label) in enumerate(intervals, start=1):
            yield (
                f"        intervals [{place}]:\n            xmin = {_seconds(begin)}\n"
                f"            xmax = {_seconds(end)}\n            text = {_quoted(label)}\n"
            )


def _joined(first: str, second: str) -> str:
    return f"{first} {second}".strip()


def _quoted(text: str) -> str:
    return '"' + one_line(text).replace('"', '""') + '"'


def _seconds(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".") or "0"
