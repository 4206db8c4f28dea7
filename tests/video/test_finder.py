"""Finding faces of all sizes in a picture."""

from __future__ import annotations

import sys

import cv2
import numpy as np
import pytest

from affectscope.video.detector import borrowed_detector
from affectscope.video.finder import look_again, search


def scene(
    portrait: np.ndarray, places: list[tuple[int, int, float]], shape: tuple[int, int]
) -> np.ndarray:
    """Set portraits, scaled, into a grey picture; its face is a third as wide as a portrait."""
    picture = np.full((*shape, 3), 110, np.uint8)
    for x, y, scale in places:
        small = cv2.resize(portrait, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        picture[y : y + small.shape[0], x : x + small.shape[1]] = small
    return picture


class TestSearch:
    """The whole picture, near and far."""

    def test_several_faces(self, crowd: np.ndarray) -> None:
        with borrowed_detector() as detector:
            found = search(detector, crowd)

        centres = {(int(f.box[0] + f.box[2] / 2) // 480, int(f.box[1] // 360)) for f in found}
        assert len(found) == 4
        assert centres == {(0, 0), (1, 0), (0, 1), (1, 1)}

    def test_small_and_large_faces_of_a_large_picture(self, portrait: np.ndarray) -> None:
        places = [(100 + 260 * k, 60, 0.23) for k in range(6)]
        places += [(100, 300, 1.0), (700, 300, 1.8)]
        with borrowed_detector() as detector:
            found = search(detector, scene(portrait, places, (1100, 1700)), still=True)

        widths = sorted(face.box[2] for face in found)
        assert len(found) == 8
        assert widths[0] < 50
        assert widths[-1] > 4 * widths[0]

    def test_boxes_are_in_pixels_of_a_large_picture(self, portrait: np.ndarray) -> None:
        large = np.repeat(np.repeat(portrait, 4, 0), 4, 1)
        with borrowed_detector() as detector:
            [small_face] = search(detector, portrait)
            [large_face] = search(detector, large)

        assert np.array(large_face.box) / 4 == pytest.approx(np.array(small_face.box), abs=6)
        assert large_face.points / 4 == pytest.approx(small_face.points, abs=4)

    def test_a_profiler_sees_all_of_it(self, crowd: np.ndarray) -> None:
        looks: list[str] = []
        with borrowed_detector() as detector:
            wanted = search(detector, crowd, still=True)
            before = sys.getprofile()
            sys.setprofile(lambda frame, *_: looks.append(frame.f_code.co_name))
            try:
                found = search(detector, crowd, still=True)
            finally:
                sys.setprofile(before)

        assert [face.box for face in found] == [face.box for face in wanted]
        assert {"short_range", "full_range"} <= set(looks)

    @pytest.mark.parametrize("shape", [(480, 640), (1, 1), (2000, 3), (3, 2000), (50, 500)])
    def test_no_face(self, shape: tuple[int, int]) -> None:
        with borrowed_detector() as detector:
            assert search(detector, np.full((*shape, 3), 90, np.uint8)) == []

    def test_the_number_of_tiles_is_bounded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with borrowed_detector() as detector:
            looks = []
            monkeypatch.setattr(detector, "full_range", lambda part: looks.append(part.shape) or [])
            search(detector, np.zeros((2160, 3840, 3), np.uint8))

        assert 8 <= len(looks) <= 12 + 4 + 1
        assert max(max(shape[:2]) for shape in looks[1:]) == 192


class TestLookAgain:
    """Where faces are expected."""

    def test_only_there(self, crowd: np.ndarray) -> None:
        with borrowed_detector() as detector:
            faces = search(detector, crowd)
            wanted = faces[:2]
            found = look_again(detector, crowd, [face.box for face in wanted])

        assert len(found) == 2
        for face in wanted:
            assert any(np.allclose(one.box, face.box, atol=12) for one in found)

    def test_a_face_that_moved_a_little(self, portrait: np.ndarray) -> None:
        with borrowed_detector() as detector:
            [face] = search(detector, portrait)
            x, y, width, height = face.box
            [found] = look_again(detector, portrait, [(x + 0.4 * width, y, width, height)])

        assert found.box[0] == pytest.approx(x, abs=0.1 * width)

    @pytest.mark.parametrize(
        "box", [(-500.0, 10.0, 80.0, 80.0), (1e4, 1e4, 50.0, 50.0), (5.0, 5.0, 0.0, 0.0)]
    )
    def test_beyond_the_picture(self, portrait: np.ndarray, box: tuple[float, ...]) -> None:
        with borrowed_detector() as detector:
            assert look_again(detector, portrait, [box]) == []
