"""Turns of pictures, as EXIF data and display matrices ask for them."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from affectscope.media import probe, read_frames
from affectscope.media.orientation import exif_turn
from affectscope.media.pictures import FRAME_HEADER

SCENE = np.full((40, 64, 3), 30, np.uint8)
SCENE[:20, :32] = 220
SCENE[30:, 40:] = 120

TURNED = {
    1: SCENE,
    2: SCENE[:, ::-1],
    3: SCENE[::-1, ::-1],
    4: SCENE[::-1],
    5: SCENE.transpose(1, 0, 2),
    6: SCENE.transpose(1, 0, 2)[:, ::-1],
    7: SCENE.transpose(1, 0, 2)[::-1, ::-1],
    8: SCENE.transpose(1, 0, 2)[::-1],
}
"""The scene as it is displayed for each value of the EXIF tag; 6 means: turn clockwise."""

MATRICES = {
    1: (1, 0, 0, 1),
    2: (-1, 0, 0, 1),
    3: (-1, 0, 0, -1),
    4: (1, 0, 0, -1),
    5: (0, 1, 1, 0),
    6: (0, 1, -1, 0),
    7: (0, -1, -1, 0),
    8: (0, -1, 1, 0),
}
"""a, b, c, d of the display matrices that turn likewise."""


def exif(orientation: int, order: str) -> bytes:
    mark = b"II*\0" if order == "<" else b"MM\0*"
    return mark + struct.pack(f"{order}IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)


def photo(kind: str, orientation: int, order: str) -> bytes:
    """Return a picture of the scene whose EXIF data name an orientation."""
    body = exif(orientation, order)
    if kind == "jpg":
        data = cv2.imencode(".jpg", SCENE)[1].tobytes()
        marked = b"Exif\0\0" + body
        segment = b"\xff\xe1" + struct.pack(">H", len(marked) + 2) + marked
        return data[:2] + segment + data[2:]
    if kind == "png":
        data = cv2.imencode(".png", SCENE)[1].tobytes()
        chunk = b"eXIf" + body
        packed = struct.pack(">I", len(body)) + chunk + struct.pack(">I", zlib.crc32(chunk))
        return data[:33] + packed + data[33:]
    if kind == "webp":
        data = cv2.imencode(".webp", SCENE, [cv2.IMWRITE_WEBP_QUALITY, 90])[1].tobytes()
        size = struct.pack("<I", 63)[:3] + struct.pack("<I", 39)[:3]
        head = b"VP8X" + struct.pack("<I", 10) + b"\x08\0\0\0" + size
        tail = b"EXIF" + struct.pack("<I", len(body)) + body
        content = b"WEBP" + head + data[12:] + tail
        return b"RIFF" + struct.pack("<I", len(content)) + content
    # A TIFF has the tag in its own directory: uncompressed, one strip.
    tags = [
        (256, 3, 64), (257, 3, 40), (258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, 200),
        (274, 3, orientation), (277, 3, 1), (278, 3, 40), (279, 4, 64 * 40),
    ]  # fmt: skip
    directory = struct.pack(f"{order}H", len(tags))
    for tag, form, value in tags:
        packed = struct.pack(f"{order}{'HH' if form == 3 else 'I'}", *(value, 0)[: 2 - (form == 4)])
        directory += struct.pack(f"{order}HHI", tag, form, 1) + packed
    head = exif(1, order)[:4] + struct.pack(f"{order}I", 8) + directory + bytes(4)
    return head.ljust(200, b"\0") + SCENE[:, :, 0].tobytes()


class TestExif:
    """Photographs are turned as their EXIF data ask for."""

    @pytest.mark.parametrize("order", ["<", ">"])
    @pytest.mark.parametrize("kind", ["jpg", "png", "webp", "tiff"])
    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_all_turns(self, orientation: int, kind: str, order: str, tmp_path: Path) -> None:
        path = tmp_path / f"photo.{kind}"
        path.write_bytes(photo(kind, orientation, order))

        with read_frames(path) as reader:
            image = next(reader).image

        expected = TURNED[orientation]
        assert image.shape == expected.shape
        assert np.abs(image.astype(int) - expected).mean() < 3

    def test_damaged_data_say_nothing(self) -> None:
        for data in (
            b"\xff\xd8\xff\xe1\0\x10Exif\0\0II*\0\xff\xff\xff\x7f",
            b"II*\0\x08\0\0\0\xff\xff",
            b"MM\0*\x08",
            b"\x89PNG\r\n\x1a\n\xff\xff\xff\xffeXIg",
            b"RIFF\0\0\0\0WEBPEXIF\x04\0\0\0",
            b"RIFF\0\0\0\0WEBP" + 20_000 * b"ABCD\0\0\0\0",
            b"II*\0\x08\0\0\0\x01\0" + bytes(12),
            b"BM",
        ):
            assert exif_turn(io.BytesIO(data)) == 0

    @pytest.mark.parametrize("kind", ["jpg", "png", "webp", "tiff"])
    def test_each_kind_tells(self, kind: str) -> None:
        turns = {exif_turn(io.BytesIO(photo(kind, value, ">"))) for value in range(1, 9)}

        assert turns == set(range(8))

    def test_a_mark_that_belongs_to_jpeg(self) -> None:
        data = photo("webp", 6, "<").replace(b"EXIF\x1a\0\0\0", b"EXIF\x20\0\0\0Exif\0\0")

        assert exif_turn(io.BytesIO(data)) == exif_turn(io.BytesIO(photo("jpg", 6, "<"))) != 0


class TestMatrix:
    """Films are turned, and mirrored, by the matrix of their track."""

    @staticmethod
    def turned(film: Callable[..., Path], name: str, orientation: int) -> Path:
        path = film(name, size=(64, 40), picture=lambda *_: SCENE, options={"crf": "5"})
        data = bytearray(path.read_bytes())
        at = data.index(b"tkhd") + 44
        a, b, c, d = (65536 * value for value in MATRICES[orientation])
        data[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
        path.write_bytes(data)
        return path

    @pytest.mark.parametrize("orientation", [2, 6])
    def test_it_is_the_turn_of_photographs(
        self,
        decode_here: Callable[..., list[tuple[bytes, bytes]]],
        film: Callable[..., Path],
        orientation: int,
    ) -> None:
        messages = decode_here("frames", self.turned(film, "a.mp4", orientation))

        turns = {FRAME_HEADER.unpack_from(body)[-1] for kind, body in messages if kind == b"F"}
        assert turns == {exif_turn(io.BytesIO(photo("jpg", orientation, "<")))}

    @pytest.mark.parametrize("name", ["film.mp4", "film.mov"])
    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_all_turns(self, film: Callable[..., Path], name: str, orientation: int) -> None:
        path = self.turned(film, name, orientation)

        with read_frames(path) as reader:
            image = next(reader).image

        expected = TURNED[orientation]
        assert image.shape == expected.shape
        assert np.abs(image.astype(int) - expected).mean() < 5

    def test_what_is_told_of_it(self, film: Callable[..., Path]) -> None:
        video = probe(film(size=(96, 48), rotation=-90)).video

        assert video is not None
        assert (video.width, video.height, video.rotation) == (48, 96, 90)
