"""Every face has a row of its best moments, in order of time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from affectscope.affect import Box, Segment, Session, SessionBuilder, Track, affect_from
from affectscope.errors import InvalidValue
from affectscope.media import read_frames
from affectscope.samples import sample
from affectscope.video import VideoAnalyzer, contact_sheet
from affectscope.video.drawing import write_picture
from affectscope.video.sheet import MOMENTS, MOST_FACES

SURE = affect_from("ferplus-8", [0.1, 0.9, 0, 0, 0, 0, 0, 0])
UNSURE = affect_from("ferplus-8", [0.4, 0.6, 0, 0, 0, 0, 0, 0])
FIRST, TOP, SIDE, STEP, ROW = 10, 40, 128, 138, 198
"""Pixels to the first thumbnail, its side, and from one to the next."""


def sheet_of(path: Path) -> np.ndarray:
    with read_frames(path, None) as reader:
        return next(reader).image


def thumbnail(sheet: np.ndarray, row: int, column: int) -> np.ndarray:
    y, x = TOP + row * ROW, FIRST + column * STEP
    return sheet[y + 4 : y + SIDE - 4, x + 4 : x + SIDE - 4]


def level(sheet: np.ndarray, row: int, column: int) -> int:
    return round(float(np.median(thumbnail(sheet, row, column))))


def grey(index: int) -> int:
    """Grey value of frame `index`."""
    return 60 + 10 * index


@pytest.fixture
def ramp(write_film: Callable[..., Path]) -> Path:
    """Sixteen frames a tenth of a second apart, each of its own grey."""
    return write_film([np.full((120, 160, 3), grey(index), np.uint8) for index in range(16)])


def seen(index: int, affect: object = SURE, quality: tuple[str, ...] = ()) -> Segment:
    return Segment(
        start=index / 10,
        end=(index + 1) / 10,
        affect=affect,  # type: ignore[arg-type]
        abstained=None if affect else "too-blurred",
        quality=quality,
        box=Box(x=60, y=40, width=30, height=30),
        measures={"detection_confidence": 0.9},
    )


def session(*tracks: tuple[Segment, ...]) -> Session:
    return Session(
        tracks=tuple(
            Track(id=f"face-{n}", subject=f"face-{n}", modality="face", segments=segments)
            for n, segments in enumerate(tracks, 1)
        )
    )


class TestMoments:
    def test_they_are_spread_over_the_time_of_a_face(self, ramp: Path, tmp_path: Path) -> None:
        contact_sheet(ramp, session(tuple(map(seen, range(16)))), tmp_path / "a.png", fps=10)
        sheet = sheet_of(tmp_path / "a.png")

        assert MOMENTS == 8
        assert [level(sheet, 0, column) for column in range(8)] == pytest.approx(
            [grey(2 * column) for column in range(8)], abs=3
        )

    @pytest.mark.parametrize(
        "poorer",
        [seen(0, None), seen(0, SURE, ("blurred",)), seen(0, UNSURE)],
        ids=["not judged", "flagged", "less sure"],
    )
    def test_of_each_part_the_best_is_shown(
        self, ramp: Path, tmp_path: Path, poorer: Segment
    ) -> None:
        segments = (poorer, *map(seen, range(1, 16)))
        contact_sheet(ramp, session(segments), tmp_path / "a.png", fps=10)

        assert level(sheet_of(tmp_path / "a.png"), 0, 0) == pytest.approx(grey(1), abs=3)

    def test_rows_are_in_the_order_in_which_faces_come(self, ramp: Path, tmp_path: Path) -> None:
        faces = session((seen(9),), (seen(1), seen(2)))
        contact_sheet(ramp, faces, tmp_path / "a.png", fps=10)
        sheet = sheet_of(tmp_path / "a.png")

        levels = [level(sheet, 0, 0), level(sheet, 0, 1), level(sheet, 1, 0)]
        assert levels == pytest.approx([grey(1), grey(2), grey(9)], abs=3)

    def test_those_seen_longest_are_shown_where_there_are_too_many(
        self, ramp: Path, tmp_path: Path
    ) -> None:
        faces = session(*(((seen(0),),) * MOST_FACES), (seen(3), seen(4)))
        contact_sheet(ramp, faces, tmp_path / "a.png", fps=10)
        sheet = sheet_of(tmp_path / "a.png")

        assert len(sheet) == 10 + MOST_FACES * ROW + 30
        assert level(sheet, MOST_FACES - 1, 1) == pytest.approx(grey(4), abs=3)


class TestSample:
    def test_the_portrait_is_on_it(self, tmp_path: Path) -> None:
        found = SessionBuilder().extend(VideoAnalyzer().stream(sample("video"))).build()
        contact_sheet(sample("video"), found, tmp_path / "a.jpg")
        sheet = sheet_of(tmp_path / "a.jpg")

        image = np.zeros((256, 256, 3), np.uint8) + 128
        image[:120, :120] = thumbnail(sheet, 0, 3)
        [track] = _tracks_of(image, tmp_path)
        assert track.segments[0].box is not None
        assert track.segments[0].box.x < 120

    def test_faces_of_a_still_image(
        self, crowd: np.ndarray, write_image: Callable[..., Path], tmp_path: Path
    ) -> None:
        source = write_image(crowd)
        found = SessionBuilder().extend(VideoAnalyzer().stream(source)).build()
        contact_sheet(source, found, tmp_path / "a.png")
        sheet = sheet_of(tmp_path / "a.png")

        assert len(sheet) == 10 + 4 * ROW + 30
        assert all(thumbnail(sheet, row, 0).std() > 20 for row in range(4))


class TestEvidence:
    def test_without_a_face_the_sheet_says_so(self, ramp: Path, tmp_path: Path) -> None:
        contact_sheet(ramp, Session(), tmp_path / "a.png")
        sheet = sheet_of(tmp_path / "a.png")

        assert sheet.shape == (40, 560, 3)
        assert sheet.max() > 120

    def test_a_face_beyond_the_picture_is_dark_there(self, ramp: Path, tmp_path: Path) -> None:
        edge = seen(0).model_copy(update={"box": Box(x=-20, y=40, width=40, height=40)})
        away = seen(0).model_copy(update={"box": Box(x=900, y=40, width=40, height=40)})
        contact_sheet(ramp, session((edge,), (away,)), tmp_path / "a.png", fps=10)
        sheet = sheet_of(tmp_path / "a.png")

        half = thumbnail(sheet, 0, 0)
        assert half[60, [20, 100], 0].tolist() == pytest.approx([28, 60], abs=3)
        assert level(sheet, 1, 0) == pytest.approx(28, abs=3)

    def test_another_ending_is_refused_before_the_work(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidValue, match=r"'\.gif'; valid: \.jpg"):
            contact_sheet(tmp_path / "gone.mp4", Session(), tmp_path / "a.gif")


def _tracks_of(image: np.ndarray, folder: Path) -> tuple[Track, ...]:
    write_picture(folder / "cut.png", image)
    return SessionBuilder().extend(VideoAnalyzer().stream(folder / "cut.png")).build().tracks
