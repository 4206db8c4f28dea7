"""What was said as captions, with what each voice resembled: WebVTT and SubRip.

Sources: https://www.w3.org/TR/webvtt1/ for WebVTT; SubRip has no standard, and is written as
players agree on.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from affectscope.affect import Affect, Segment, Session, Utterance

_BREAK = "\u200b"
"""A space without width: it ends what a player would take for a tag, and changes no letter."""

_SUBRIP_MARK = re.compile(r"<(?=[/A-Za-z])|--(?=>)|\{(?=\\)")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")


@dataclass(frozen=True)
class Cue:
    """One utterance on the clock of captions.

    Attributes:
        start: Milliseconds, not before the utterance.
        end: Milliseconds, behind `start` and not behind the utterance.
        speaker: Who says it, on one line; may be empty.
        text: What is said, on one line.
        affect: What the voice resembled meanwhile, None where that was not judged.
    """

    start: int
    end: int
    speaker: str
    text: str
    affect: Affect | None


def cues(session: Session) -> Iterator[Cue]:
    """Yield a cue per utterance, in order of time.

    Utterances without text, shorter than a millisecond, or before the beginning of the clock have
    none. The affect is that of the speaker's voice segment that overlaps the utterance most.
    """
    voices = _Voices(session)
    for line in sorted(session.transcript, key=lambda line: (line.start, line.end)):
        # Inwards, and by less than binary fractions are off.
        start = max(0, math.ceil(line.start * 1000 - 1e-6))
        end = math.floor(line.end * 1000 + 1e-6)
        text = one_line(line.text)
        if text and start < end:
            yield Cue(start, end, one_line(line.subject), text, voices.affect(line))


def webvtt(session: Session) -> Iterator[str]:
    """Yield the parts of a WebVTT file; the speaker is a voice tag, the affect a line of its own."""
    yield "WEBVTT\n\nNOTE A label says what a voice resembles, not what anybody feels.\n"
    for cue in cues(session):
        speaker = f"<v {_escaped(cue.speaker)}>" if cue.speaker else ""
        said = f"{speaker}{_escaped(cue.text)}{'</v>' if speaker else ''}"
        affect = f"\n<c.affect>{_escaped(_resembles(cue.affect))}</c>" if cue.affect else ""
        yield f"\n{_clock(cue.start, '.')} --> {_clock(cue.end, '.')}\n{said}{affect}\n"


def subrip(session: Session) -> Iterator[str]:
    """Yield the parts of a SubRip file; speakers are named where there are several."""
    several = len({line.subject for line in session.transcript}) > 1
    for number, cue in enumerate(cues(session), start=1):
        said = f"{cue.speaker}: {cue.text}" if several and cue.speaker else cue.text
        affect = f"\n{_resembles(cue.affect)}" if cue.affect else ""
        lines = _SUBRIP_MARK.sub(rf"\g<0>{_BREAK}", said + affect)
        gap = "\n" if number > 1 else ""
        yield f"{gap}{number}\n{_clock(cue.start, ',')} --> {_clock(cue.end, ',')}\n{lines}\n"


def one_line(text: str) -> str:
    """Return a text on one line, without characters that control a terminal or a file."""
    return " ".join(_CONTROL.sub("", text).split())


class _Voices:
    """What the voice of each speaker resembled, and when."""

    def __init__(self, session: Session) -> None:
        self._tracks: dict[str, list[tuple[list[float], list[Segment]]]] = {}
        for track in session.tracks:
            if track.modality == "voice":
                segments = sorted(track.segments, key=lambda segment: segment.start)
                starts = [segment.start for segment in segments]
                self._tracks.setdefault(track.subject, []).append((starts, segments))

    def affect(self, line: Utterance) -> Affect | None:
        """Return the affect of the segment that overlaps a line most, None where it has none."""
        longest, found = 0.0, None
        for starts, segments in self._tracks.get(line.subject, ()):
            first = max(0, bisect_right(starts, line.start) - 1)
            for segment in segments[first : bisect_left(starts, line.end)]:
                shared = min(segment.end, line.end) - max(segment.start, line.start)
                if shared > longest:
                    longest, found = shared, segment
        return found.affect if found else None


def _resembles(affect: Affect) -> str:
    return f"[resembling {one_line(affect.label)}, {affect.confidence:.0%} sure]"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _clock(milliseconds: int, point: str) -> str:
    """Return hours, of two digits or more, minutes, seconds and milliseconds."""
    seconds, rest = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}{point}{rest:03}"
