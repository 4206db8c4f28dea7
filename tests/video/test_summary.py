"""What is said of a face as a whole, by the time that each moment stands for."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affectscope.affect import (
    Affect,
    FaceSummary,
    Modality,
    Segment,
    SegmentFound,
    SessionBuilder,
    Stretch,
    Track,
    TrackOpened,
    affect_from,
)
from affectscope.samples import sample
from affectscope.video import VideoAnalyzer
from affectscope.video.summary import FaceStatistics

HAPPY = affect_from("ferplus-8", [0.1, 0.9, 0, 0, 0, 0, 0, 0], valence=0.8, arousal=0.4)
SAD = affect_from("ferplus-8", [0.2, 0, 0, 0.8, 0, 0, 0, 0], valence=-0.6, arousal=-0.2)

Moment = tuple[float, float, Affect | str]


def opened(modality: Modality = "face", name: str = "face-1") -> TrackOpened:
    return TrackOpened(track=Track(id=name, subject=name, modality=modality))


def segment(start: float, end: float, what: Affect | str) -> Segment:
    if isinstance(what, str):
        return Segment(start=start, end=end, abstained=what)
    return Segment(start=start, end=end, affect=what)


def summary(*moments: Moment) -> FaceSummary:
    statistics = FaceStatistics()
    statistics.add(opened())
    for moment in moments:
        statistics.add(SegmentFound(track="face-1", segment=segment(*moment)))
    [record] = statistics.records()
    return record.summary


class TestTime:
    def test_seconds_are_those_seen_not_those_between(self) -> None:
        face = summary((1.0, 2.0, HAPPY), (2.0, 2.5, "dark"), (6.0, 7.0, "too-blurred"))

        assert (face.start, face.end, face.frames) == (1.0, 7.0, 3)
        assert (face.seen, face.judged) == (2.5, 1.0)
        assert list(face.abstained.items()) == [("too-blurred", 1.0), ("dark", 0.5)]

    def test_a_longer_moment_counts_for_more(self) -> None:
        face = summary((0.0, 3.0, HAPPY), (3.0, 4.0, SAD))

        assert list(face.labels.items()) == [("happiness", 0.75), ("sadness", 0.25)]
        assert face.valence == pytest.approx(0.75 * 0.8 - 0.25 * 0.6)
        assert face.arousal == pytest.approx(0.75 * 0.4 - 0.25 * 0.2)
        assert face.valence_deviation == pytest.approx(1.4 * math.sqrt(0.75 * 0.25))
        assert face.arousal_deviation == pytest.approx(0.6 * math.sqrt(0.75 * 0.25))

    def test_moments_of_a_still_image_count_the_same(self) -> None:
        face = summary((0.0, 0.0, HAPPY))

        assert (face.seen, face.labels, face.valence) == (0.0, {"happiness": 1.0}, 0.8)
        assert face.longest == Stretch(label="happiness", start=0.0, end=0.0)

    @given(st.lists(st.tuples(st.floats(0.01, 10), st.floats(-1, 1)), min_size=1, max_size=30))
    def test_the_way_it_is_kept_changes_nothing(self, pairs: list[tuple[float, float]]) -> None:
        moments, time = [], 0.0
        for seconds, valence in pairs:
            one = affect_from("ferplus-8", [1, 0, 0, 0, 0, 0, 0, 0], valence=valence, arousal=0)
            moments.append((time, time + seconds, one))
            time += seconds
        total = sum(end - start for start, end, _ in moments)
        mean = sum((end - start) * one.valence for start, end, one in moments) / total
        square = sum((end - start) * (one.valence - mean) ** 2 for start, end, one in moments)

        face = summary(*moments)

        assert face.valence == pytest.approx(mean, abs=1e-9)
        assert face.valence_deviation == pytest.approx(math.sqrt(square / total), abs=1e-7)


class TestLongest:
    def test_it_is_the_longest_without_a_break(self) -> None:
        face = summary(
            (0.0, 1.0, SAD), (1.0, 2.0, HAPPY), (2.0, 3.0, HAPPY), (3.0, 4.0, SAD), (4.0, 5.5, SAD)
        )

        assert face.longest == Stretch(label="sadness", start=3.0, end=5.5)

    @pytest.mark.parametrize(
        "moments",
        [
            ((0.0, 1.0, HAPPY), (1.0, 2.0, "dark"), (2.0, 3.5, HAPPY)),
            ((0.0, 1.0, HAPPY), (2.0, 3.5, HAPPY)),
        ],
    )
    def test_what_was_not_judged_or_not_seen_breaks_it(self, moments: tuple[Moment, ...]) -> None:
        assert summary(*moments).longest == Stretch(label="happiness", start=2.0, end=3.5)


class TestEvidence:
    def test_where_nothing_was_judged_nothing_is_said(self) -> None:
        face = summary((0.0, 1.0, "too-small"))

        assert (face.labels, face.valence, face.valence_deviation, face.longest) == (
            {},
            None,
            None,
            None,
        )

    def test_other_modalities_and_tracks_without_a_segment_are_passed_over(self) -> None:
        statistics = FaceStatistics()
        statistics.add(opened("voice", "voice-1"))
        statistics.add(SegmentFound(track="voice-1", segment=segment(0, 1, HAPPY)))
        statistics.add(opened())

        assert list(statistics.records()) == []


def test_the_sample_ends_with_a_summary() -> None:
    records = list(VideoAnalyzer().stream(sample("video")))
    session = SessionBuilder().extend(records).build()

    [face] = session.faces
    assert records[-1].type == "face"
    assert (face.track, face.frames, face.start) == ("face-1", 28, 0.0)
    assert face.seen == face.judged == pytest.approx(5.6, abs=0.05)
    assert face.labels == {"happiness": 1.0}
    assert face.longest is not None
    assert face.longest.end == face.end
    assert [one.frame for one in session.tracks[0].segments] == list(range(28))
