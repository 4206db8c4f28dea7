"""A first fusion: what the modalities say together of one subject, window by window.

Each modality's scores are viewed in ``core-7`` through the published maps and averaged as a linear
opinion pool (Stone, M. (1961). The opinion pool. Annals of Mathematical Statistics 32, 1339-1342).
A modality weighs by how much of the window it covers times its own confidence, so a sure voice
outweighs an unsure face, and disagreement lowers the confidence of the result instead of hiding in
it. The pool needs no training data, and none with all modalities may be shipped.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from affectscope.affect import Affect, FusedTrack, Segment, Track, to_core, vocabulary

METHOD = "linear-pool-1"
WINDOW_SECONDS = 1.0
"""Length of a fused segment; shorter than a spoken phrase, longer than several video samples."""

LEAST_CONFIDENCE = 0.35
"""Below this share for the highest of seven labels (chance is 0.14) the fusion abstains."""

_LABELS = vocabulary("core-7").labels


@dataclass
class _Evidence:
    """What one modality contributes to one window, as weighted sums."""

    weight: float = 0.0
    covered: float = 0.0
    shares: dict[str, float] = field(default_factory=lambda: dict.fromkeys(_LABELS, 0.0))
    valence: float = 0.0
    arousal: float = 0.0

    def add(self, affect: Affect, seconds: float) -> None:
        weight = seconds * affect.confidence
        for label, share in to_core(affect.vocabulary, affect.scores).items():
            self.shares[label] += weight * share
        self.valence += weight * affect.valence
        self.arousal += weight * affect.arousal
        self.weight += weight
        self.covered += seconds


def fuse(subject: str, tracks: Sequence[Track]) -> FusedTrack:
    """Fuse the tracks of one subject.

    Args:
        subject: Id of the subject.
        tracks: Tracks of any modalities on one clock.

    Returns:
        A track of windows of `WINDOW_SECONDS`, aligned to whole windows of the clock, only where at
        least one modality has an affect. ``measures`` holds the weight of each modality in [0, 1]
        and ``agreement``: 1 minus the mean total variation distance between the modalities and the
        pool; 1 where only one modality spoke.
    """
    windows: dict[int, dict[str, _Evidence]] = {}
    for track in tracks:
        for segment in track.segments:
            if segment.affect is not None:
                for index, seconds in _overlaps(segment):
                    window = windows.setdefault(index, {})
                    window.setdefault(track.modality, _Evidence()).add(segment.affect, seconds)
    return FusedTrack(
        id=f"fused-{subject}",
        subject=subject,
        method=METHOD,
        members=tuple(track.id for track in tracks),
        segments=tuple(_pool(index, windows[index]) for index in sorted(windows)),
    )


def _overlaps(segment: Segment) -> Iterator[tuple[int, float]]:
    """Yield the index of each window that a segment touches, and for how many seconds.

    An instant counts as a whole window: a written message is evidence for the moment around it.
    """
    first = math.floor(segment.start / WINDOW_SECONDS)
    if segment.end <= segment.start:
        yield first, WINDOW_SECONDS
        return
    index = first
    while (begin := index * WINDOW_SECONDS) < segment.end:
        seconds = min(segment.end, begin + WINDOW_SECONDS) - max(segment.start, begin)
        if seconds > 0:
            yield index, seconds
        index += 1


def _pool(index: int, window: dict[str, _Evidence]) -> Segment:
    total = sum(one.weight for one in window.values())
    start, end = index * WINDOW_SECONDS, (index + 1) * WINDOW_SECONDS
    if total <= 0:
        return Segment(start=start, end=end, abstained="no-confidence")
    shares = {
        label: _unit(sum(one.shares[label] for one in window.values()) / total) for label in _LABELS
    }
    distances = [
        sum(abs(one.shares[label] / one.weight - shares[label]) for label in _LABELS) / 2
        for one in window.values()
        if one.weight > 0
    ]
    measures = {f"weight_{modality}": one.weight / total for modality, one in window.items()}
    measures["agreement"] = _unit(1.0 - sum(distances) / len(distances))
    confidence = max(shares.values())
    if confidence < LEAST_CONFIDENCE:
        return Segment(start=start, end=end, abstained="ambiguous", measures=measures)
    affect = Affect(
        vocabulary="core-7",
        scores=shares,
        valence=sum(one.valence for one in window.values()) / total,
        arousal=sum(one.arousal for one in window.values()) / total,
        confidence=confidence,
    )
    return Segment(start=start, end=end, affect=affect, measures=measures)


def _unit(share: float) -> float:
    """Clip rounding errors of sums to [0, 1]."""
    return min(1.0, max(0.0, share))


def fuse_all(groups: Iterable[tuple[str, Sequence[Track]]]) -> tuple[FusedTrack, ...]:
    """Fuse each group of (subject, tracks); a group without any affect gives no track."""
    fused = (fuse(subject, tracks) for subject, tracks in groups)
    return tuple(track for track in fused if track.segments)
