"""Fusion pools what modalities say, window by window."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affectscope.affect import Modality, Segment, Track, affect_from, vocabulary
from affectscope.session import METHOD, fuse
from affectscope.session.fusion import LEAST_CONFIDENCE


def track(modality: Modality, *spans: tuple[float, float, str, float]) -> Track:
    """Make a track over core-7 of (start, end, label, share of the label)."""
    labels = vocabulary("core-7").labels
    segments = []
    for start, end, label, share in spans:
        rest = (1 - share) / (len(labels) - 1)
        shares = [share if one == label else rest for one in labels]
        segments.append(Segment(start=start, end=end, affect=affect_from("core-7", shares)))
    return Track(id=f"{modality}-1", subject="s", modality=modality, segments=tuple(segments))


def test_one_modality_passes_through() -> None:
    fused = fuse("s", [track("face", (0.0, 2.0, "anger", 0.9))])

    assert fused.method == METHOD
    assert fused.members == ("face-1",)
    assert [(one.start, one.end) for one in fused.segments] == [(0.0, 1.0), (1.0, 2.0)]
    for segment in fused.segments:
        assert segment.affect is not None
        assert segment.affect.label == "anger"
        assert segment.affect.confidence == pytest.approx(0.9)
        assert segment.measures == {
            "weight_face": pytest.approx(1.0),
            "agreement": pytest.approx(1.0),
        }


def test_disagreement_lowers_the_confidence_and_shows() -> None:
    fused = fuse(
        "s",
        [
            track("face", (0.0, 1.0, "happiness", 0.8)),
            track("voice", (0.0, 1.0, "sadness", 0.6)),
        ],
    )

    (segment,) = fused.segments
    assert segment.affect is not None
    assert segment.affect.label == "happiness"
    assert segment.affect.confidence < 0.6
    assert segment.measures["weight_face"] > segment.measures["weight_voice"]
    assert segment.measures["agreement"] < 0.8


def test_it_abstains_where_no_label_stands_out() -> None:
    fused = fuse("s", [track("face", (0.0, 1.0, "fear", LEAST_CONFIDENCE - 0.05))])

    assert [segment.abstained for segment in fused.segments] == ["ambiguous"]


def test_time_without_evidence_has_no_window() -> None:
    fused = fuse("s", [track("voice", (0.0, 1.0, "fear", 0.9), (5.2, 5.8, "fear", 0.9))])

    assert [segment.start for segment in fused.segments] == [0.0, 5.0]


def test_an_instant_counts_for_its_window() -> None:
    fused = fuse("s", [track("text", (3.4, 3.4, "surprise", 0.9))])

    assert [(segment.start, segment.end) for segment in fused.segments] == [(3.0, 4.0)]


def test_segments_that_abstained_are_no_evidence() -> None:
    silent = Track(
        id="face-1",
        subject="s",
        modality="face",
        segments=(Segment(start=0.0, end=1.0, abstained="dark"),),
    )

    assert fuse("s", [silent]).segments == ()


@given(
    st.lists(
        st.tuples(
            st.floats(-5, 5),
            st.floats(0, 4),
            st.sampled_from(vocabulary("core-7").labels),
            st.floats(0.2, 1),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_any_evidence_gives_valid_windows(spans: list[tuple[float, float, str, float]]) -> None:
    fused = fuse("s", [track("face", *((a, a + length, c, d) for a, length, c, d in spans))])

    starts = [segment.start for segment in fused.segments]
    assert starts == sorted(set(starts))
    for segment in fused.segments:
        assert segment.affect is None or sum(segment.affect.scores.values()) == pytest.approx(1.0)
