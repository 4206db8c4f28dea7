"""What is said of each face over all its time, kept as the records pass by."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from affectscope.affect import (
    Affect,
    FaceSummarised,
    FaceSummary,
    Record,
    Segment,
    SegmentFound,
    Stretch,
    TrackOpened,
)

BREAK = 0.001
"""Seconds between two segments from which on a stretch counts as broken."""


class FaceStatistics:
    """Takes the records of a video one by one and then says what they say of each face.

    A segment counts by its length, so neither the rate at which a video is looked at nor gaps
    change a share or a mean; of a still image, whose moments have no length, each counts the same.
    Memory grows with the number of faces, not with the length of the video.
    """

    def __init__(self) -> None:
        self._faces: dict[str, _Face] = {}

    def add(self, record: Record) -> None:
        """Take the next record; what is not of a face is passed over."""
        if isinstance(record, TrackOpened) and record.track.modality == "face":
            self._faces[record.track.id] = _Face()
        elif isinstance(record, SegmentFound) and record.track in self._faces:
            self._faces[record.track].add(record.segment)

    def records(self) -> Iterator[FaceSummarised]:
        """Yield the summary of each face that was seen, in the order in which they came."""
        for track, face in self._faces.items():
            if face.frames:
                yield FaceSummarised(summary=face.summary(track))


@dataclass
class _Moments:
    """Mean and variance of weighted values (West 1979, Communications of the ACM 22, 532-535)."""

    weight: float = 0.0
    mean: float = 0.0
    squares: float = 0.0

    def add(self, value: float, weight: float) -> None:
        self.weight += weight
        off = value - self.mean
        self.mean += off * weight / self.weight
        self.squares += weight * off * (value - self.mean)

    @property
    def deviation(self) -> float:
        return math.sqrt(max(0.0, self.squares) / self.weight)


@dataclass
class _Face:
    """One face so far."""

    frames: int = 0
    start: float = 0.0
    end: float = 0.0
    seen: float = 0.0
    judged: float = 0.0
    abstained: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    labels: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    valence: _Moments = field(default_factory=_Moments)
    arousal: _Moments = field(default_factory=_Moments)
    lasting: Stretch | None = None
    longest: Stretch | None = None

    def add(self, segment: Segment) -> None:
        seconds = segment.end - segment.start
        if not self.frames:
            self.start = segment.start
        self.frames += 1
        self.end = segment.end
        self.seen += seconds
        if segment.affect is None:
            self.abstained[segment.abstained or "unknown"] += seconds
            self.lasting = None
            return
        self.judged += seconds
        self._judge(segment.affect, seconds or 1.0)
        self._last(segment.affect.label, segment)

    def _judge(self, affect: Affect, weight: float) -> None:
        self.labels[affect.label] += weight
        self.valence.add(affect.valence, weight)
        self.arousal.add(affect.arousal, weight)

    def _last(self, label: str, segment: Segment) -> None:
        """Go on with a stretch, or begin another one."""
        before, start = self.lasting, segment.start
        if before is not None and before.label == label and start - before.end < BREAK:
            start = before.start
        self.lasting = Stretch(label=label, start=start, end=segment.end)
        if self.longest is None or _length(self.lasting) > _length(self.longest):
            self.longest = self.lasting

    def summary(self, track: str) -> FaceSummary:
        judged = bool(self.labels)
        weight = self.valence.weight
        return FaceSummary(
            track=track,
            start=self.start,
            end=self.end,
            frames=self.frames,
            seen=self.seen,
            judged=self.judged,
            abstained=_most_first(self.abstained),
            labels={k: min(1.0, one / weight) for k, one in _most_first(self.labels).items()},
            valence=_polar(self.valence.mean) if judged else None,
            arousal=_polar(self.arousal.mean) if judged else None,
            valence_deviation=self.valence.deviation if judged else None,
            arousal_deviation=self.arousal.deviation if judged else None,
            longest=self.longest,
        )


def _most_first(times: Mapping[str, float]) -> dict[str, float]:
    return dict(sorted(times.items(), key=lambda pair: -pair[1]))


def _length(stretch: Stretch) -> float:
    return stretch.end - stretch.start


def _polar(mean: float) -> float:
    """Clip rounding errors of sums to [-1, 1]."""
    return min(1.0, max(-1.0, mean))
