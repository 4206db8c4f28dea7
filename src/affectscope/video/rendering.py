"""A video or an image again, with what was found drawn into it."""

from __future__ import annotations

import heapq
import os
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby, repeat
from pathlib import Path

from affectscope.affect import Box, Record, Segment, SegmentFound, Session, TrackOpened
from affectscope.errors import InvalidValue
from affectscope.media import Frame, MediaInfo, probe, read_frames
from affectscope.media.film import FilmWriter, check_film
from affectscope.video.drawing import Image, check_picture, draw_face, write_picture

SLACK = 1e-6
"""Seconds within which two times are the same moment."""

Found = tuple[str, Segment]
"""Id of a track and one of its segments."""


def render(
    path: str | os.PathLike[str],
    results: Session | Iterable[Record],
    out: str | os.PathLike[str],
    *,
    sequence_rate: float = 25.0,
    on_time: Callable[[float, float | None], None] | None = None,
) -> None:
    """Write a video with box, id and expression of every face drawn into its frames.

    All frames are written, at their own presentation times, and the sound is copied. What was said
    of a frame that was looked at is shown until the next one; boxes move on a line in between. The
    file is decoded anew, and memory stays flat however long it is. Of an image a picture is written.

    Args:
        path: The video or image that was analysed.
        results: What was found in it: a session of this one video, or its records as they come, so
            that ``render(path, VideoAnalyzer().stream(path), out)`` analyses on the way.
        out: What to write: ``.mp4``, ``.m4v``, ``.mov`` or ``.mkv``; of an image ``.jpg`` or
            ``.png``.
        sequence_rate: Images a second of numbered images, as in the analysis.
        on_time: Told the seconds that are done and those that there are, None where unknown.

    Raises:
        InvalidValue: Another ending, or `out` is `path`.
        NotFound, EmptyInput, UnsupportedMedia, UndecodableMedia: The file cannot be read.
    """
    source, target = Path(path), Path(out)
    with read_frames(source, None, sequence_rate=sequence_rate) as reader:
        info = reader.info
        _check(source, info, target)
        faces = _Faces(_found(results))
        if info.is_image:
            frame = next(reader)
            write_picture(target, _drawn(frame, faces))
            return
        with FilmWriter(target, source if info.audio else None) as film:
            for frame in reader:
                film.add(frame, _drawn(frame, faces))
                if on_time is not None:
                    on_time(frame.end, info.duration)


def check_render(path: Path, out: Path) -> None:
    """Tell before a long analysis what is wrong with the name of what is to be written.

    Raises:
        InvalidValue: An ending that `render` does not write of this file, or the file itself.
        NotFound, EmptyInput, UnsupportedMedia, UndecodableMedia: The file cannot be read.
    """
    _check(path, probe(path), out)


def _check(path: Path, info: MediaInfo, out: Path) -> None:
    (check_picture if info.is_image else check_film)(out)
    if out.exists() and out.samefile(path):
        raise InvalidValue(f"{str(out)!r} is what was analysed; write to another file")


class _Faces:
    """The faces at a moment that moves on; of those to come, only the next frame's are held.

    Args:
        found: Segments in order of time; those of one frame begin at the same moment.
    """

    def __init__(self, found: Iterable[Found]) -> None:
        frames = groupby(found, key=lambda one: one[1].start)
        self._frames = (dict(group) for _, group in frames)
        self._now: dict[str, Segment] = {}
        self._coming: dict[str, Segment] = next(self._frames, {})

    def at(self, time: float) -> Iterator[tuple[str, Segment, Box]]:
        """Yield each face that is there at a time, and where; times must not go back."""
        while self._coming and _start(self._coming) <= time + SLACK:
            self._now, self._coming = self._coming, next(self._frames, {})
        for track, segment in self._now.items():
            if segment.box is not None and (
                time < segment.end - SLACK or time <= segment.start + SLACK
            ):
                following = self._coming.get(track)
                yield track, segment, _between(segment, segment.box, following, time)


def _start(frame: dict[str, Segment]) -> float:
    return next(iter(frame.values())).start


def _between(segment: Segment, box: Box, following: Segment | None, time: float) -> Box:
    """Return where a face is on its way to where it is found next."""
    length = segment.end - segment.start
    if (
        following is None
        or following.box is None
        or length <= 0
        or following.start - segment.end > SLACK
    ):
        return box
    share = min(1.0, max(0.0, (time - segment.start) / length))
    then = following.box
    return Box(
        x=box.x + share * (then.x - box.x),
        y=box.y + share * (then.y - box.y),
        width=box.width + share * (then.width - box.width),
        height=box.height + share * (then.height - box.height),
    )


def _drawn(frame: Frame, faces: _Faces) -> Image:
    """Return a copy of a frame with its faces drawn."""
    image = frame.image.copy()
    for track, segment, box in faces.at(frame.time):
        draw_face(image, track, segment, box)
    return image


def _found(results: Session | Iterable[Record]) -> Iterator[Found]:
    """Yield the segments of all faces in order of time."""
    if isinstance(results, Session):
        tracks = [track for track in results.tracks if track.modality == "face"]
        rows = [zip(repeat(track.id), track.segments, strict=False) for track in tracks]
        yield from heapq.merge(*rows, key=lambda one: one[1].start)
        return
    faces: set[str] = set()
    for record in results:
        if isinstance(record, TrackOpened) and record.track.modality == "face":
            faces.add(record.track.id)
        elif isinstance(record, SegmentFound) and record.track in faces:
            yield record.track, record.segment
