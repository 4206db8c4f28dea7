"""Pictures from a camera are decoded, and hostile ones are refused before anything unpacks."""

from __future__ import annotations

import random
import struct

import cv2
import numpy as np
import pytest

from affectscope.errors import AffectscopeError, EmptyInput, UndecodableMedia, UnsupportedMedia
from affectscope.video.still import MOST_PIXELS, MOST_SCANS, decode_still, picture_size


def encoded(image: np.ndarray, kind: str = ".jpg", *options: int) -> bytes:
    return cv2.imencode(kind, image[:, :, ::-1], list(options))[1].tobytes()


class TestDecoding:
    @pytest.mark.parametrize(
        ("kind", "options", "furthest"),
        [
            (".jpg", (), 8),
            (".jpg", (cv2.IMWRITE_JPEG_PROGRESSIVE, 1), 8),
            (".webp", (cv2.IMWRITE_WEBP_QUALITY, 90), 8),
            (".webp", (), 0),
        ],
    )
    def test_colours_and_size_are_kept(self, portrait, kind, options, furthest) -> None:
        found = decode_still(encoded(portrait, kind, *options))

        assert (found.shape, found.dtype) == (portrait.shape, np.uint8)
        assert np.abs(found.astype(int) - portrait).mean() <= furthest

    def test_grey_and_transparent_pictures(self, portrait) -> None:
        grey = cv2.imencode(".jpg", portrait[:, :, 0])[1].tobytes()
        clear = cv2.imencode(".webp", np.dstack([portrait, portrait[:, :, 0]]))[1].tobytes()

        assert decode_still(grey).shape == portrait.shape
        assert decode_still(clear).shape == portrait.shape

    @pytest.mark.parametrize("size", [(1, 1), (7, 3), (33, 250)])
    @pytest.mark.parametrize("kind", [".jpg", ".webp"])
    def test_odd_sizes(self, size, kind) -> None:
        assert decode_still(encoded(np.full((*size, 3), 99, np.uint8), kind)).shape == (*size, 3)


class TestRefusals:
    @pytest.mark.parametrize(
        ("data", "error", "words"),
        [
            (b"", EmptyInput, "valid: a JPEG or WebP picture"),
            (b"hello, this is text", UnsupportedMedia, "68 65 6c 6c"),
            (b"\x89PNG\r\n\x1a\n" + bytes(40), UnsupportedMedia, "valid: a JPEG or WebP"),
            (b"\xff\xd8\xff", UndecodableMedia, "no size stands"),
            (b"\xff\xd8\xff\xe0\x00\x00" + bytes(40), UndecodableMedia, "no size stands"),
            (b"\xff\xd8" + b"\xff\xe0\x00\x02" * 2000, UndecodableMedia, "no size stands"),
            (b"\xff\xd8\xff\xda\x00\x0c" + bytes(40), UndecodableMedia, "no size stands"),
            (b"RIFF\0\0\0\0WEBPVP8 ", UndecodableMedia, "within its header"),
            (b"RIFF\0\0\0\0WEBPALPH" + bytes(40), UndecodableMedia, "no size stands"),
            (b"RIFF\0\0\0\0WAVEfmt " + bytes(40), UnsupportedMedia, "valid: a JPEG or WebP"),
        ],
    )
    def test_what_is_no_picture(self, data, error, words) -> None:
        with pytest.raises(error, match=words):
            decode_still(data)

    def test_too_many_pixels_in_a_small_file(self) -> None:
        jpeg = bytearray(encoded(np.zeros((16, 16, 3), np.uint8)))
        at = jpeg.find(b"\xff\xc0")
        jpeg[at + 5 : at + 9] = struct.pack(">HH", 60_000, 50_000)
        with pytest.raises(UndecodableMedia, match="50000 x 60000 pixels; valid: 1 to 4000000"):
            picture_size(bytes(jpeg))

        for chunk, head in (
            (b"VP8 ", b"\0\0\0\x9d\x01\x2a\xff\x3f\xff\x3f"),
            (b"VP8L", b"\x2f\xff\xff\xff\xff" + bytes(5)),
            (b"VP8X", bytes(4) + b"\xff\xff\xff" * 2),
        ):
            with pytest.raises(UndecodableMedia, match=f"valid: 1 to {MOST_PIXELS}"):
                picture_size(b"RIFF\0\0\0\0WEBP" + chunk + bytes(4) + head)

    def test_a_height_that_comes_later(self) -> None:
        jpeg = bytearray(encoded(np.zeros((16, 16, 3), np.uint8)))
        at = jpeg.find(b"\xff\xc0")
        jpeg[at + 5 : at + 7] = b"\0\0"

        with pytest.raises(UndecodableMedia, match="16 x 0 pixels"):
            picture_size(bytes(jpeg))

    def test_rare_kinds(self) -> None:
        jpeg = encoded(np.zeros((16, 16, 3), np.uint8))
        with pytest.raises(UnsupportedMedia, match="baseline or progressive"):
            picture_size(jpeg.replace(b"\xff\xc0", b"\xff\xc9"))
        with pytest.raises(UnsupportedMedia, match="8 bits"):
            picture_size(jpeg.replace(b"\xff\xc0\x00\x11\x08", b"\xff\xc0\x00\x11\x0c"))

    def test_more_scans_than_a_camera_makes(self, portrait) -> None:
        jpeg = encoded(portrait, ".jpg", cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
        last = jpeg.rfind(b"\xff\xda")

        with pytest.raises(UndecodableMedia, match=f"valid: at most {MOST_SCANS}"):
            decode_still(jpeg[:-2] + jpeg[last:-2] * MOST_SCANS + jpeg[-2:])

    def test_an_animation(self) -> None:
        head = bytes([0x02]) + bytes(9)
        with pytest.raises(UnsupportedMedia, match="animated"):
            decode_still(b"RIFF\0\0\0\0WEBPVP8X" + bytes(4) + head)

    def test_a_header_that_says_more_than_there_is(self) -> None:
        webp = bytearray(cv2.imencode(".webp", np.zeros((20, 20, 4), np.uint8))[1].tobytes())
        if webp[12:16] != b"VP8X":
            chunks = webp[12:]
            webp = bytearray(b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0" + bytes(10)) + chunks
            webp[4:8] = struct.pack("<I", len(webp) - 8)
        webp[24:30] = b"\x63\0\0" * 2

        with pytest.raises(UndecodableMedia, match="damaged"):
            decode_still(bytes(webp))

    def test_damage_anywhere_is_an_error_of_ours_or_none(self, portrait) -> None:
        small = cv2.resize(portrait, (160, 120))
        chance, fates = random.Random(7), set()
        for picture in (
            encoded(small),
            encoded(small, ".jpg", cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
            encoded(small, ".webp"),
            encoded(small, ".webp", cv2.IMWRITE_WEBP_QUALITY, 80),
        ):
            for _ in range(60):
                data = bytearray(picture)
                for _ in range(chance.choice([1, 4, 20])):
                    reach = chance.choice([40, 700, len(data)])
                    data[chance.randrange(min(reach, len(data)))] = chance.randrange(256)
                cut = len(data) if chance.random() < 0.7 else chance.randrange(len(data))
                try:
                    fates.add(decode_still(bytes(data[:cut])).shape)
                except AffectscopeError as error:
                    fates.add(type(error))

        assert {small.shape, UndecodableMedia, UnsupportedMedia} <= fates
