"""Transcripts in cues: WebVTT and SubRip."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from affectscope.chat.formats.drafts import Draft, Tally
from affectscope.chat.formats.plain import named
from affectscope.chat.formats.text import Text
from affectscope.chat.messages import LONGEST_MESSAGE
from affectscope.errors import PayloadTooLarge

_STAMP = r"(?:(\d{1,4}):)?([0-5]?\d):([0-5]\d)(?:[.,](\d{1,9}))?"
_TIMING = re.compile(rf"\s*{_STAMP}\s*-->\s*{_STAMP}(?:\s.*)?")
_CLOCK = re.compile(r"\d:\d")
_VOICE = re.compile(r"<v(?:\.[^\s<>]*)?\s([^<>]*)>")
_TAG = re.compile(r"</?[A-Za-z0-9][^<>]*>|\{\\[^{}]*\}")
_CAPITALS = re.compile(
    r"[-\u2013>\s]*([^\Wa-z\d_](?:[^\Wa-z_]|[ .'&#\-]){0,39})\s?:\s+(.*)", re.DOTALL
)
_GLIMPSE = 0.05
"""Seconds; rolling captions put a cue as short as this between two others."""


@dataclass
class _Cue:
    number: int
    start: float
    end: float
    lines: list[str] = field(default_factory=list)


def looks_like_webvtt(head: str) -> bool:
    """Tell whether a text opens as WebVTT does."""
    return re.match(r"WEBVTT(?:[ \t\n]|$)", head) is not None


def looks_like_subrip(head: str) -> bool:
    """Tell whether the first lines are a cue: a number and its times, or its times alone."""
    lines = [line for line in head.split("\n")[:20] if line.strip()][:2]
    if lines and lines[0].strip().isdigit():
        lines = lines[1:]
    return bool(lines) and "-->" in lines[0] and lines[0].lstrip()[:1].isdigit()


def read_cues(text: Text, tally: Tally) -> Iterator[Draft]:
    """Yield a message a cue, and one a voice where a cue has several.

    Who speaks is said by a voice tag, ``<v Name>``; by ``NAME: `` in capitals; or by ``Name: ``
    where most cues without a tag have it. Who is not named goes on with the speaker before. Lines
    that rolling captions repeat from the cue before are left out. Overlapping cues stay in the order
    of the file.

    Args:
        text: WebVTT or SubRip.
        tally: Told what is left out.

    Raises:
        InvalidValue: A line where the times of a cue are due is none, or a cue ends before it starts.
        PayloadTooLarge: A cue is longer than `LONGEST_MESSAGE`.
    """
    plain = prefixed = 0
    for cue in _cues(text):
        said = _clean(" ".join(cue.lines))
        if not _VOICE.search("".join(cue.lines)) and said:
            plain += 1
            prefixed += named(said) is not None
    most = prefixed * 2 > plain
    speaker: str | None = None
    last = ""
    for cue in _cues(text):
        filled = [line for line in cue.lines if _clean(line)]
        lines = filled
        glimpse = cue.end - cue.start <= _GLIMPSE
        if filled and _clean(filled[0]) == last and (len(filled) > 1 or glimpse):
            tally.leave_out("repeated-lines", text.where(cue.number))
            lines = filled[1:]
        if filled:
            last = _clean(filled[-1])
        else:
            tally.leave_out("empty-messages", text.where(cue.number))
        for voice, said in _voices("\n".join(lines)):
            speaker, words = _attributed(voice, said, speaker, most)
            if words:
                yield Draft(speaker, cue.start, words, text.where(cue.number), cue.end)


def _attributed(
    voice: str | None, said: str, before: str | None, most: bool
) -> tuple[str | None, str]:
    """Return who says what is said."""
    if voice is not None:
        return voice or before, said
    if capitals := _CAPITALS.fullmatch(said):
        return capitals[1].strip(), capitals[2].strip()
    if most and (found := named(said)):
        return found[0], found[1].strip()
    return before, said


def _voices(payload: str) -> Iterator[tuple[str | None, str]]:
    """Yield (voice, what it says) of the payload of a cue."""
    pieces = _VOICE.split(payload)
    if words := _clean(pieces[0]):
        yield None, words
    for voice, said in zip(pieces[1::2], pieces[2::2], strict=True):
        if words := _clean(said):
            yield html.unescape(voice).strip(), words


def _clean(payload: str) -> str:
    return html.unescape(_TAG.sub("", payload)).strip("\u200e\u200f \n\t\xa0")


def _cues(text: Text) -> Iterator[_Cue]:
    """Yield the cues; comments, styles and regions are none."""
    cue: _Cue | None = None
    skipping = size = 0
    strict = False
    waiting: tuple[int, str] | None = None  # a line that may name the cue that follows
    for number, line in text.lines():
        if number == 1 and looks_like_webvtt(line):
            skipping, strict = 1, True
        elif "-->" in line:
            if cue is not None:
                # The number of this cue stands right above it where a blank line is missing.
                if cue.lines and cue.lines[-1].strip().isdigit():
                    cue.lines.pop()
                yield cue
            start, end = _times(text, number, line)
            cue, skipping, size, waiting = _Cue(number, start, end), 0, 0, None
        elif not (line if strict else line.strip()):
            # A line of blanks is part of a cue of WebVTT; rolling captions begin with one.
            if cue is not None:
                yield cue
            cue, skipping = None, 0
            if waiting is not None:
                raise _no_times(text, *waiting)
        elif skipping:
            continue
        elif cue is not None:
            size += len(line)
            if size > 2 * LONGEST_MESSAGE:
                raise PayloadTooLarge(
                    f"the cue of {text.where(cue.number)} is longer than {LONGEST_MESSAGE} bytes",
                    limit=LONGEST_MESSAGE,
                )
            cue.lines.append(line)
        elif re.match(r"(?:NOTE|STYLE|REGION)(?:\s|$)", line):
            skipping = 1
        elif waiting is not None:
            # Two lines without an arrow: the one with a time of day was meant to have it.
            raise _no_times(text, *(waiting if _CLOCK.search(waiting[1]) else (number, line)))
        else:
            waiting = (number, line)
    if cue is not None:
        yield cue
    elif waiting is not None:
        raise _no_times(text, *waiting)


def _times(text: Text, number: int, line: str) -> tuple[float, float]:
    found = _TIMING.fullmatch(line)
    if found is None:
        raise _no_times(text, number, line)
    parts = found.groups()
    start, end = (
        int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds) + float(f"0.{part or 0}")
        for hours, minutes, seconds, part in (parts[:4], parts[4:])
    )
    if end < start:
        raise text.refusal(number, line, "a cue that ends after it starts")
    return start, end


def _no_times(text: Text, number: int, line: str) -> Exception:
    return text.refusal(number, line, "the times of a cue, such as 00:01:02.000 --> 00:01:05.500")
