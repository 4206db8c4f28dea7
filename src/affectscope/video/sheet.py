"""Every face of a video on one picture: a row of thumbnails each, spread over its time."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from affectscope.affect import Box, FaceSummary, Segment, Session, Track
from affectscope.media import FrameReader, read_frames
from affectscope.video.drawing import (
    GREY,
    Image,
    caption,
    check_picture,
    colour_of,
    write_picture,
    write_text,
)

MOMENTS = 8
"""Most thumbnails of one face."""

MOST_FACES = 40
"""Most faces on one sheet: those that are seen longest."""

SLACK = 1e-6
"""Seconds within which two times are the same moment."""

_SIDE = 128
"""Pixels of a thumbnail."""

_AROUND = 1.5
"""Side of what a thumbnail shows, in widths of the face's box."""

_GAP, _HEAD, _FOOT = 10, 30, 40
_FRAME = 3
_PAPER = (28, 28, 30)
_INK = (225, 225, 225)
_LETTER, _SMALL = 11.0, 8.0


@dataclass(frozen=True)
class _Moment:
    """Which face to cut out when, and where it belongs on the sheet."""

    segment: Segment
    box: Box
    row: int
    column: int


def contact_sheet(
    path: str | os.PathLike[str],
    session: Session,
    out: str | os.PathLike[str],
    *,
    fps: float | None = 5.0,
    sequence_rate: float = 25.0,
) -> None:
    """Write a picture with up to `MOMENTS` thumbnails of each face, spread over its time.

    The time of a face is cut into equal parts, and of each the moment is shown that can be judged
    best: judged at all, with the fewest flags, and then the surest. Below each stand its time and
    what the expression resembles. The video is decoded anew up to the last of these moments, and
    memory stays flat. At most `MOST_FACES` are shown.

    Args:
        path: The video or image that was analysed.
        session: What was found in it, and in nothing else.
        out: What to write: ``.jpg`` or ``.png``.
        fps: As in the analysis, so that the same frames are looked at.
        sequence_rate: Images a second of numbered images, as in the analysis.

    Raises:
        InvalidValue: Another ending, or a rate that is not positive.
        NotFound, EmptyInput, UnsupportedMedia, UndecodableMedia: The file cannot be read.
    """
    target = Path(out)
    check_picture(target)
    faces = [track for track in session.tracks if track.modality == "face" and track.segments]
    shown = sorted(sorted(faces, key=_seen, reverse=True)[:MOST_FACES], key=_beginning)
    moments = [one for row, track in enumerate(shown) for one in _moments(track, row)]
    summaries = {face.track: face for face in session.faces}
    sheet = _Sheet(
        [_title(track, summaries.get(track.id)) for track in shown],
        columns=max((one.column + 1 for one in moments), default=1),
        more=len(faces) - len(shown),
    )
    reader = read_frames(path, fps, sequence_rate=sequence_rate)
    for moment, image in _looked_up(reader, moments):
        sheet.place(moment, _cut_out(image, moment.box))
    write_picture(target, sheet.image)


def _seen(track: Track) -> tuple[float, int]:
    return sum(one.end - one.start for one in track.segments), len(track.segments)


def _beginning(track: Track) -> float:
    return track.segments[0].start


def _moments(track: Track, row: int) -> Iterator[_Moment]:
    """Yield the moments of a face that are shown, in order."""
    start, end = track.segments[0].start, track.segments[-1].end
    part = max(end - start, 1e-9) / MOMENTS
    best: dict[int, Segment] = {}
    for segment in track.segments:
        at = min(MOMENTS - 1, int((segment.start - start + SLACK) / part))
        if segment.box is not None and (at not in best or _worth(segment) > _worth(best[at])):
            best[at] = segment
    for column, at in enumerate(sorted(best)):
        segment = best[at]
        assert segment.box is not None
        yield _Moment(segment, segment.box, row, column)


def _worth(segment: Segment) -> tuple[bool, int, float]:
    """Return how well a moment can be judged, for comparison."""
    sure = segment.affect.confidence if segment.affect is not None else 0.0
    found = segment.measures.get("detection_confidence", 0.0)
    return segment.affect is not None, -len(segment.quality), sure * found


def _looked_up(reader: FrameReader, moments: Iterable[_Moment]) -> Iterator[tuple[_Moment, Image]]:
    """Yield each moment with the frame that is shown at it; reads no further than it must."""
    waiting = sorted(moments, key=lambda one: one.segment.start, reverse=True)
    with reader:
        for frame in reader:
            while waiting and waiting[-1].segment.start < max(frame.end, frame.time + SLACK):
                yield waiting.pop(), frame.image
            if not waiting:
                return


def _cut_out(image: Image, box: Box) -> Image:
    """Return a square around a face, uint8 [128, 128, 3]; beyond the picture it is dark."""
    side = max(8.0, _AROUND * max(box.width, box.height))
    left = round(box.x + box.width / 2 - side / 2)
    top = round(box.y + box.height / 2 - side / 2)
    size = round(side)
    height, width = image.shape[:2]
    square = np.full((size, size, 3), _PAPER, np.uint8)
    x0, x1 = max(0, left), min(width, left + size)
    y0, y1 = max(0, top), min(height, top + size)
    if x0 < x1 and y0 < y1:
        square[y0 - top : y1 - top, x0 - left : x1 - left] = image[y0:y1, x0:x1]
    how = cv2.INTER_AREA if size > _SIDE else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(square, (_SIDE, _SIDE), interpolation=how), np.uint8)


def _title(track: Track, summary: FaceSummary | None) -> str:
    start, end = _beginning(track), track.segments[-1].end
    title = f"{track.id}   {_clock(start)} to {_clock(end)}" if end > start else track.id
    if summary is None:
        return title
    labels = [f"{label} {share:.0%}" for label, share in list(summary.labels.items())[:3]]
    return f"{title}   {', '.join(labels) or 'not judged'}"


def _clock(time: float) -> str:
    return f"{int(time // 60)}:{time % 60:04.1f}"


class _Sheet:
    """The picture, with titles, and thumbnails as they come.

    Args:
        titles: One for each row.
        columns: Thumbnails in the longest row.
        more: Faces for which there is no row.

    Attributes:
        image: uint8 [height, width, 3].
    """

    def __init__(self, titles: list[str], columns: int, more: int) -> None:
        self._row = _HEAD + _SIDE + _FOOT
        height = _GAP + len(titles) * self._row + _HEAD
        width = max(560, _GAP + columns * (_SIDE + _GAP))
        self.image = np.full((height, width, 3), _PAPER, np.uint8)
        for row, title in enumerate(titles):
            self._write(title, _GAP, _GAP + row * self._row + _HEAD - 10, _LETTER)
        last = "What is named is what expressions resemble, not what anybody feels."
        if not titles:
            last = "No face was found."
        elif more:
            last = f"And {more} more that are seen for less time. {last}"
        self._write(last, _GAP, height - _GAP, _SMALL, GREY)

    def place(self, moment: _Moment, thumbnail: Image) -> None:
        """Put a thumbnail where it belongs, with its time and what is said of it."""
        x = _GAP + moment.column * (_SIDE + _GAP)
        y = _GAP + moment.row * self._row + _HEAD
        colour = colour_of(moment.segment)
        self.image[y : y + _SIDE, x : x + _SIDE] = thumbnail
        corner = (x + _SIDE - 1, y + _SIDE - 1)
        cv2.rectangle(self.image, (x, y), corner, colour, _FRAME)
        self._write(_clock(moment.segment.start), x, y + _SIDE + 14, _SMALL)
        self._write(caption(moment.segment), x, y + _SIDE + 29, _SMALL, colour)

    def _write(
        self, text: str, x: int, y: int, letter: float, colour: tuple[int, int, int] = _INK
    ) -> None:
        write_text(self.image, text, (x, y), letter, colour)
