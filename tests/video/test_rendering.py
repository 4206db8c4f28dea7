"""What was found is drawn where and when it was found."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from affectscope.affect import (
    Box,
    Record,
    Segment,
    SegmentFound,
    Session,
    SessionBuilder,
    Track,
    TrackOpened,
    affect_from,
)
from affectscope.errors import InvalidValue
from affectscope.media import probe, read_audio, read_frames
from affectscope.samples import sample
from affectscope.video import VideoAnalyzer, render
from affectscope.video.drawing import COLOURS, GREY
from affectscope.video.rendering import check_render

HAPPY = affect_from("ferplus-8", [0.1, 0.9, 0, 0, 0, 0, 0, 0])
EMPTY = np.full((240, 320, 3), 100, np.uint8)


def film_of(path: Path) -> list[np.ndarray]:
    with read_frames(path, None) as reader:
        return [frame.image for frame in reader]


def sound_of(path: Path) -> tuple[float, np.ndarray]:
    with read_audio(path) as reader:
        chunks = list(reader)
    return chunks[0].start, np.concatenate([chunk.samples for chunk in chunks])


def near(image: np.ndarray, colour: tuple[int, int, int], x: int, y: int) -> bool:
    """Whether a colour is there or a pixel beside; a film has half the resolution in colour."""
    part = image[max(0, y - 2) : y + 3, max(0, x - 2) : x + 3].astype(int)
    return bool((np.abs(part - colour).max(-1) < 50).any())


def session(*segments: Segment) -> Session:
    track = Track(id="face-1", subject="face-1", modality="face", segments=segments)
    other = Track(id="voice-1", subject="speaker-1", modality="voice", segments=segments[:1])
    return Session(tracks=(other, track))


def seen(start: float, end: float, x: float, abstained: str | None = None) -> Segment:
    return Segment(
        start=start,
        end=end,
        affect=None if abstained else HAPPY,
        abstained=abstained,
        box=Box(x=x, y=120, width=60, height=80),
    )


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("rendered") / "portrait.mp4"
    render(sample("video"), VideoAnalyzer().stream(sample("video"), 2.0), out)
    return out


class TestSample:
    """The shipped portrait, analysed on the way."""

    def test_every_frame_has_its_own_time(self, rendered: Path) -> None:
        with read_frames(sample("video"), None) as before, read_frames(rendered, None) as after:
            times = [(frame.time, frame.end) for frame in before]
            assert [(frame.time, frame.end) for frame in after] == pytest.approx(
                np.array(times), abs=1e-4
            )

    def test_the_sound_is_the_same_at_the_same_time(self, rendered: Path) -> None:
        before, after = sound_of(sample("video")), sound_of(rendered)

        assert after[0] == before[0]
        assert np.array_equal(after[1], before[1])

    def test_the_box_lies_around_the_face_and_the_rest_is_left_alone(self, rendered: Path) -> None:
        [track] = (
            SessionBuilder().extend(VideoAnalyzer().stream(sample("video"), 2.0)).build().tracks
        )
        box = track.segments[4].box
        assert box is not None
        before, after = film_of(sample("video")), film_of(rendered)

        corner = (round(box.x), round(box.y + box.height))
        assert near(after[50], COLOURS["happiness"], *corner)
        assert not near(before[50], COLOURS["happiness"], *corner)
        corner_of_picture = np.s_[300:, :60]
        off = np.abs(after[50][corner_of_picture].astype(int) - before[50][corner_of_picture])
        assert off.mean() < 4


class TestTimes:
    """Segments of our own over a film of ten frames a second."""

    def test_a_face_is_drawn_from_its_start_to_its_end(
        self, write_film: Callable[..., Path], tmp_path: Path
    ) -> None:
        source = write_film([EMPTY] * 10)
        render(source, session(seen(0.2, 0.4, 100), seen(0.7, 0.8, 200)), tmp_path / "out.mp4")
        frames = film_of(tmp_path / "out.mp4")

        assert [near(one, COLOURS["happiness"], 100, 180) for one in frames] == [
            index in (2, 3) for index in range(10)
        ]
        assert [near(one, COLOURS["happiness"], 200, 180) for one in frames] == [
            index == 7 for index in range(10)
        ]

    def test_a_box_moves_on_a_line_to_where_the_face_is_found_next(
        self, write_film: Callable[..., Path], tmp_path: Path
    ) -> None:
        source = write_film([EMPTY] * 6)
        render(source, session(seen(0.0, 0.4, 100), seen(0.4, 0.6, 200)), tmp_path / "out.mp4")

        edges = [100, 125, 150, 175, 200, 200]
        for image, x in zip(film_of(tmp_path / "out.mp4"), edges, strict=True):
            assert near(image, COLOURS["happiness"], x, 180)
            assert not near(image, COLOURS["happiness"], x - 12, 180)

    def test_who_was_not_judged_is_grey(
        self, write_film: Callable[..., Path], tmp_path: Path
    ) -> None:
        source = write_film([EMPTY] * 4)
        render(source, session(seen(0.0, 0.4, 100, "too-blurred")), tmp_path / "out.mp4")

        assert near(film_of(tmp_path / "out.mp4")[1], GREY, 100, 180)

    def test_records_are_taken_no_further_than_the_film_is(
        self, write_film: Callable[..., Path], tmp_path: Path
    ) -> None:
        """What is drawn into a frame needs the frame after it and nothing else."""
        done: list[float] = []
        ahead: list[float] = []

        def records() -> Iterator[Record]:
            yield TrackOpened(track=Track(id="face-1", subject="face-1", modality="face"))
            for index in range(10):
                ahead.append(index / 10 - (done[-1] if done else 0.0))
                yield SegmentFound(track="face-1", segment=seen(index / 10, (index + 1) / 10, 100))

        told: list[float] = []

        def on_time(time: float, total: float | None) -> None:
            done.append(time)
            assert total is not None
            told.append(total)

        render(write_film([EMPTY] * 10), records(), tmp_path / "out.mp4", on_time=on_time)

        assert len(ahead) == 10
        assert max(ahead) <= 0.21
        assert done[-1] == pytest.approx(1.0)
        assert told == pytest.approx([1.0] * 10)

    def test_memory_is_flat(self, write_film: Callable[..., Path], tmp_path: Path) -> None:
        """The pictures of this film are 58 MB; what is held at once is a few of them."""
        source = write_film([EMPTY] * 250, fps=25)
        tracemalloc.start()
        try:
            render(source, session(seen(0.0, 9.0, 100)), tmp_path / "out.mp4")
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

        assert most < 10 * EMPTY.nbytes


class TestImages:
    def test_of_an_image_a_picture_is_written(
        self, crowd: np.ndarray, write_image: Callable[..., Path], tmp_path: Path
    ) -> None:
        source = write_image(crowd)
        render(source, VideoAnalyzer().stream(source), tmp_path / "out.png")

        [image] = film_of(tmp_path / "out.png")
        changed = (image != crowd).any(-1)
        assert image.shape == crowd.shape
        assert all(
            changed[rows, columns].any()
            for rows in (np.s_[:360], np.s_[360:])
            for columns in (np.s_[:480], np.s_[480:])
        )


class TestNames:
    @pytest.mark.parametrize(
        ("source", "name", "named"),
        [
            ("film", "a.avi", r"film as '\.avi'; valid: \.mp4"),
            ("film", "a.png", r"film as '\.png'; valid: \.mp4"),
            ("image", "a.mp4", r"picture as '\.mp4'; valid: \.jpg"),
            ("film", "scene.mp4", "write to another file"),
        ],
    )
    def test_what_cannot_be_written_is_refused_before_the_work(
        self,
        write_film: Callable[..., Path],
        write_image: Callable[..., Path],
        tmp_path: Path,
        source: str,
        name: str,
        named: str,
    ) -> None:
        path = write_film([EMPTY]) if source == "film" else write_image(EMPTY)
        before = path.read_bytes()

        with pytest.raises(InvalidValue, match=named):
            check_render(path, tmp_path / name)
        with pytest.raises(InvalidValue, match=named):
            render(path, Session(), tmp_path / name)
        assert path.read_bytes() == before

    def test_no_face_is_no_fault(self, write_film: Callable[..., Path], tmp_path: Path) -> None:
        render(write_film([EMPTY] * 3), Session(), tmp_path / "out.mov")

        assert probe(tmp_path / "out.mov").format == "mov"
        assert len(film_of(tmp_path / "out.mov")) == 3
