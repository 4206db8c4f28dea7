"""From a file to tracks of expressions."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from affectscope.affect import Session, SessionBuilder
from affectscope.errors import InvalidValue, UnsupportedMedia
from affectscope.samples import sample
from affectscope.telemetry import Timings
from affectscope.telemetry.profiling import profile_in_python, profile_with_c
from affectscope.video import VideoAnalyzer, quality, watch

BLACK = np.zeros((360, 480, 3), np.uint8)
EMPTY = np.full((360, 480, 3), 120, np.uint8)


def analyse(path: Path, fps: float | None = 5.0) -> Session:
    return SessionBuilder().extend(VideoAnalyzer().stream(path, fps)).build()


@pytest.fixture(scope="module")
def session() -> Session:
    return analyse(sample("video"))


class TestSample:
    """The shipped portrait: one smiling face."""

    def test_one_subject_with_the_model_named(self, session: Session) -> None:
        [track] = session.tracks

        assert (track.id, track.subject, track.modality) == ("face-1", "face-1", "face")
        assert track.vocabulary == "ferplus-8"
        assert track.model is not None
        assert track.model.name == "face-expression"

    def test_segments_tile_the_video(self, session: Session) -> None:
        segments = session.tracks[0].segments

        assert len(segments) == 28
        assert [one.end for one in segments[:-1]] == [one.start for one in segments[1:]]
        assert (segments[0].start, segments[-1].end) == (0.0, pytest.approx(5.6))
        assert session.duration == pytest.approx(5.6, abs=0.05)

    def test_a_smile_resembles_happiness(self, session: Session) -> None:
        affects = [one.affect for one in session.tracks[0].segments]

        assert all(one is not None and one.label == "happiness" for one in affects)
        assert all(one is not None and one.valence > 0.3 for one in affects)

    def test_evidence_stands_beside(self, session: Session) -> None:
        segment = session.tracks[0].segments[0]

        assert segment.box is not None
        assert 60 < segment.box.width < 200
        assert 0.5 < segment.measures["detection_confidence"] <= 1.0
        assert session.quality == {}

    def test_stages_are_timed(self) -> None:
        timings = Timings()
        with timings.activate():
            analyse(sample("video"), 1.0)

        assert {"decode", "detect", "infer"} <= set(timings.seconds)
        assert timings.media["video"] == pytest.approx(5.6, abs=0.05)


class TestFaces:
    """Several faces, and faces that come and go."""

    def test_everybody_gets_a_track(
        self, crowd: np.ndarray, write_film: Callable[..., Path]
    ) -> None:
        session = analyse(write_film([crowd] * 10))

        assert {track.subject for track in session.tracks} == {f"face-{k}" for k in range(1, 5)}
        assert {len(track.segments) for track in session.tracks} == {5}

    def test_a_face_that_leaves_and_comes_back_soon(
        self, portrait: np.ndarray, write_film: Callable[..., Path]
    ) -> None:
        [track] = analyse(write_film([portrait] * 10 + [EMPTY] * 10 + [portrait] * 10)).tracks

        starts = [one.start for one in track.segments]
        assert len(starts) == 10
        assert not [start for start in starts if 1.05 < start < 1.95]

    def test_a_still_image(self, crowd: np.ndarray, write_image: Callable[..., Path]) -> None:
        session = analyse(write_image(crowd))

        assert len(session.tracks) == 4
        assert {(s.start, s.end) for t in session.tracks for s in t.segments} == {(0.0, 0.0)}
        assert session.duration is None


class TestEvidence:
    """Input that is fine but shows nothing to judge."""

    def test_black(self, write_film: Callable[..., Path]) -> None:
        session = analyse(write_film([BLACK] * 10))

        assert session.tracks == ()
        assert session.quality == {"face": ("black", "no-face")}

    def test_no_face(self, write_film: Callable[..., Path]) -> None:
        assert analyse(write_film([EMPTY] * 10)).quality == {"face": ("no-face",)}

    def test_truncated(
        self, portrait: np.ndarray, write_film: Callable[..., Path], tmp_path: Path
    ) -> None:
        whole = write_film(
            [np.roll(portrait, k, 0) for k in range(60)], movflags="+faststart"
        ).read_bytes()
        cut = tmp_path / "cut.mp4"
        cut.write_bytes(whole[: len(whole) * 2 // 3])

        session = analyse(cut)

        assert session.tracks
        assert "truncated" in session.quality["face"]

    def test_flags_of_a_face_reach_its_segments(
        self, portrait: np.ndarray, write_film: Callable[..., Path]
    ) -> None:
        blurred = np.asarray(cv2.GaussianBlur(portrait, (0, 0), 9), np.uint8)
        [track] = analyse(write_film([portrait] * 4 + [blurred] * 4)).tracks

        assert [one.quality for one in track.segments] == [(), (), ("blurred",), ("blurred",)]

    def test_a_face_beyond_judgement_is_followed_but_not_judged(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(quality, "SMALL", 1000.0)
        monkeypatch.setattr(quality, "TOO_SMALL", 900.0)

        [track] = analyse(sample("video"), 1.0).tracks

        assert {one.abstained for one in track.segments} == {"too-small"}
        assert {one.quality for one in track.segments} == {("small-face",)}

    def test_weak_evidence_is_not_judged(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(watch, "LEAST_CONFIDENCE", 1.1)

        [track] = analyse(sample("video"), 1.0).tracks

        assert {one.abstained for one in track.segments} == {"low-confidence"}

    def test_a_model_that_is_not_permitted(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AFFECTSCOPE_LICENSE", "permissive")
        VideoAnalyzer().load()

        [track] = analyse(sample("video"), 1.0).tracks

        assert track.model is None
        assert {one.abstained for one in track.segments} == {"model-not-permitted"}
        assert all(one.box is not None for one in track.segments)

    def test_whoever_waits_can_leave_a_film_without_faces(
        self, write_film: Callable[..., Path]
    ) -> None:
        records = list(VideoAnalyzer().stream(write_film([EMPTY] * 60), None))

        assert [record.type for record in records] == ["media", "progress", "progress", "quality"]
        assert [(one.done, one.total) for one in records if one.type == "progress"] == [
            (2, 6),
            (5, 6),
        ]


class TestTime:
    """Rows bear the time of their frame, and none stretches over a pause."""

    def test_a_pause(self, portrait: np.ndarray, tmp_path: Path) -> None:
        path = tmp_path / "paused.mp4"
        with av.open(path, "w") as target:
            stream = target.add_stream("libx264", rate=25, options={"crf": "18"})
            stream.pix_fmt = "yuv420p"
            stream.height, stream.width = portrait.shape[:2]
            for index in [*range(30), *range(105, 120)]:
                frame = av.VideoFrame.from_ndarray(portrait, format="rgb24")
                frame.pts, frame.time_base = index, Fraction(1, 25)
                target.mux(stream.encode(frame))
            target.mux(stream.encode(None))

        records = list(VideoAnalyzer().stream(path, 5.0))

        segments = [record.segment for record in records if record.type == "segment"]
        spans = [(one.start, one.end) for one in segments]
        assert spans[5:7] == [(1.0, pytest.approx(1.2)), (4.2, pytest.approx(4.4))]
        [note] = [record for record in records if record.type == "quality"]
        assert (note.flag, note.message) == ("gaps", "gaps without pictures: 1, 3.0 s together")

    def test_images_that_cannot_be_decoded(self, portrait: np.ndarray, tmp_path: Path) -> None:
        cv2.imwrite(str(tmp_path / "1.png"), portrait[:, :, ::-1])
        (tmp_path / "2.png").write_bytes(b"nothing")

        session = analyse(tmp_path, None)

        assert session.quality == {"face": ("damaged",)}
        assert [(one.start, one.end) for one in session.tracks[0].segments] == [(0.0, 0.08)]


class TestRefusal:
    """Bad input is named."""

    def test_sound(self) -> None:
        with pytest.raises(UnsupportedMedia, match="only sound"):
            analyse(sample("speech"))

    def test_rate(self) -> None:
        with pytest.raises(InvalidValue, match="fps is 0"):
            analyse(sample("video"), 0)


class TestThreads:
    """The faces of the next frame are found while one is judged."""

    def test_the_answer_is_that_of_one_thread(self, session: Session) -> None:
        """Under a profiler everything is done in one."""
        sys.setprofile(lambda *_: None)
        try:
            alone = analyse(sample("video"))
        finally:
            sys.setprofile(None)

        assert alone.tracks == session.tracks
        assert alone.faces == session.faces

    def test_whoever_leaves_early_leaves_nothing_behind(self) -> None:
        before = threading.active_count()
        records = VideoAnalyzer().stream(sample("video"), None)
        while next(records).type != "segment":
            pass
        assert any("video-find" in thread.name for thread in threading.enumerate())
        records.close()

        assert threading.active_count() == before

    def test_what_fails_in_the_other_thread_is_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*_: object, **__: object) -> None:
            raise RuntimeError("no faces today")

        monkeypatch.setattr(watch, "search", fail)
        with pytest.raises(RuntimeError, match="no faces today"):
            analyse(sample("video"))


@pytest.mark.parametrize("implementation", [profile_with_c, profile_in_python])
def test_it_can_be_profiled(implementation: Any) -> None:
    """The face detector's C code reports returns of calls that it never reported."""
    segments, profile = implementation(
        lambda: list(VideoAnalyzer().stream(sample("video"), fps=2.0))
    )

    seen = {entry["name"]: entry for entry in profile.to_dict(limit=5000)["functions"]}
    assert segments
    assert seen["stream"]["cumulative_seconds"] <= profile.wall_seconds
