"""Clocks and turns of pictures."""

from __future__ import annotations

import io
import struct
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from affectscope.media import read_frames
from affectscope.media.orientation import exif_turn
from affectscope.media.timing import Clock


class TestClock:
    """Times always grow, and are the file's own wherever those grow."""

    def run(self, *times: float | None) -> list[float]:
        clock = Clock(0.1)
        return [round(clock.next(time), 6) for time in times]

    def test_good_times_are_kept(self) -> None:
        assert self.run(0.0, 0.2, 5.0) == [0.0, 0.2, 5.0]

    def test_missing_times_follow_the_rate(self) -> None:
        assert self.run(None, None, 0.3, None) == [0.0, 0.1, 0.3, 0.4]

    def test_repeated_times_move_on_a_little(self) -> None:
        assert self.run(1.0, 1.0, 0.9, 1.5) == [1.0, 1.001, 1.002, 1.5]

    def test_times_that_start_anew_go_on(self) -> None:
        assert self.run(8.0, 9.0, 0.0, 1.0) == [8.0, 9.0, 9.1, 10.1]

    def test_a_leap_without_reason_is_not_believed(self) -> None:
        assert self.run(0.0, 90.0, 40_000.0, 40_001.0) == [0.0, 90.0, 90.1, 91.1]

    @given(st.lists(st.none() | st.floats(-1e6, 1e6)))
    def test_any_times_grow(self, times: list[float | None]) -> None:
        clock = Clock(0.04)
        answered = [clock.next(time) for time in times]

        assert all(a < b for a, b in pairwise(answered))
        assert all(time >= 0 for time in answered)


def with_exif(path: Path, orientation: int, order: str = "<") -> Path:
    """Write a JPEG whose EXIF data name an orientation; its top left quarter is bright."""
    image = np.full((40, 64, 3), 30, np.uint8)
    image[:20, :32] = 220
    data = cv2.imencode(".jpg", image)[1].tobytes()
    mark = b"II*\0" if order == "<" else b"MM\0*"
    tiff = mark + struct.pack(f"{order}IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)
    body = b"Exif\0\0" + tiff
    path.write_bytes(data[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[2:])
    return path


class TestExif:
    """Photographs are turned as their EXIF data ask for."""

    @pytest.mark.parametrize("order", ["<", ">"])
    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_as_opencv_does(self, orientation: int, order: str, tmp_path: Path) -> None:
        path = with_exif(tmp_path / "photo.jpg", orientation, order)
        expected = cv2.imread(str(path))[:, :, ::-1]

        with read_frames(path) as reader:
            image = next(reader).image

        assert image.shape == expected.shape
        assert np.abs(image.astype(int) - expected).mean() < 2

    def test_damaged_data_say_nothing(self) -> None:
        for data in (
            b"\xff\xd8\xff\xe1\0\x10Exif\0\0II*\0\xff\xff\xff\x7f",
            b"II*\0\x08\0\0\0\xff\xff",
            b"MM\0*\x08",
            b"\x89PNG\r\n\x1a\n\xff\xff\xff\xffeXIg",
            b"RIFF\0\0\0\0WEBPEXIF\x04\0\0\0",
        ):
            assert exif_turn(io.BytesIO(data)) == 0
