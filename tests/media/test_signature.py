"""What a file is, by its bytes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affectscope.errors import EmptyInput, NotFound, UnsupportedMedia
from affectscope.media.signature import FORMATS, Signature, identify, kind_of

PAD = bytes(600)


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"\0\0\0\x18ftypisom", "mp4"),
        (b"\0\0\0\x18ftypqt  ", "mov"),
        (b"\0\0\0\x18ftypM4A ", "m4a"),
        (b"\0\0\0\x18ftyp3gp5", "3gp"),
        (b"\0\0\0\x18ftypavif", "avif"),
        (b"\0\0\0\x08wide\0\0\0\0", "mov"),
        (b"\x1a\x45\xdf\xa3\x01\x42\x82\x84webm", "webm"),
        (b"\x1a\x45\xdf\xa3\x01\x42\x82\x88matroska", "mkv"),
        (b"RIFF\0\0\0\0WAVEfmt ", "wav"),
        (b"RIFF\0\0\0\0AVI LIST", "avi"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "webp"),
        (b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\x10", "webp"),
        (b"FORM\0\0\0\0AIFF", "aiff"),
        (b"\x89PNG\r\n\x1a\n", "png"),
        (b"PK\x03\x04", "zip"),
        (b"\xff\xd8\xff\xe0", "jpeg"),
        (b"GIF89a", "gif"),
        (b"fLaC", "flac"),
        (b"OggS", "ogg"),
        (b"#!AMR\n", "amr"),
        (b"\xff\xfb\x90\x64", "mp3"),
        (b"\xff\xf1\x50\x80", "aac"),
        (b"G" + bytes(187) + b"G" + bytes(187) + b"G", "mpegts"),
        (b"\0\0\0\0G" + bytes(191) + b"G" + bytes(191) + b"G", "mpegts"),
    ],
)
def test_known_bytes(head: bytes, expected: str, tmp_path: Path) -> None:
    path = tmp_path / "anything"
    path.write_bytes(head + PAD)

    assert identify(path).format == expected
    assert expected in FORMATS


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "HLS playlist"),
        (b"\xef\xbb\xbf  #EXTM3U\n", "HLS playlist"),
        (b"ffconcat version 1.0\nfile x\n", "concat script"),
        (b"<?xml version='1.0'?><MPD/>", "XML"),
        (b"v=0\r\no=- 0 0 IN IP4 10.0.0.1", "session description"),
        (b"just some words", "plain text"),
        ("Grüße".encode(), "plain text"),
        (b"%PDF-1.7", "PDF"),
        (b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\x02", "animated WebP"),
        (b"\0\0\0\x18ftypheic", "HEIC"),
        (b"RIFF\0\0\0\0RMID", "no known kind"),
        (b"\xff\xfe\x00\x00", "no known kind"),
        (b"\x00\x01\x02\x03\x80", "00 01 02 03 80"),
    ],
)
def test_everything_else_is_named_and_refused(content: bytes, named: str, tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(content)

    with pytest.raises(UnsupportedMedia) as caught:
        identify(path)

    assert named in caught.value.detail
    assert "valid: mp4" in caught.value.detail


class TestJpeg:
    """One JPEG is a photo, many in a row are a film."""

    ONE = b"\xff\xd8\xff\xe0\0\x10JFIF" + PAD + b"\xff\xd9"

    @pytest.mark.parametrize(
        ("content", "expected"),
        [
            (ONE, "jpeg"),
            (ONE + ONE[:50], "jpeg"),
            (ONE * 3, "mjpeg"),
            (ONE.replace(b"JFIF", b"MPF\0") + ONE * 2, "jpeg"),
        ],
    )
    def test_what_is_behind_it(self, content: bytes, expected: str, tmp_path: Path) -> None:
        path = tmp_path / "x.jpg"
        path.write_bytes(content)

        assert identify(path).format == expected


class TestTaggedSound:
    """An ID3 tag may stand before several kinds of sound."""

    @pytest.mark.parametrize(
        ("after", "expected"),
        [
            (b"\xff\xfb\x90\x64", "mp3"),
            (b"fLaC", "flac"),
            (b"\xff\xf1\x50\x80", "aac"),
            (b"", "mp3"),
        ],
    )
    def test_looks_behind_the_tag(self, after: bytes, expected: str, tmp_path: Path) -> None:
        path = tmp_path / "song"
        path.write_bytes(
            b"ID3\x04\0\0\0\0\x02\x05" + bytes(2 * 128 + 5) + after + PAD * bool(after)
        )

        assert identify(path).format == expected


class TestNoFile:
    """What is no file with bytes is refused before anything is started."""

    def test_absent(self, tmp_path: Path) -> None:
        with pytest.raises(NotFound, match=r"nothing\.mp4"):
            identify(tmp_path / "nothing.mp4")

    def test_empty(self, tmp_path: Path) -> None:
        (tmp_path / "x.wav").touch()
        with pytest.raises(EmptyInput, match="no bytes"):
            identify(tmp_path / "x.wav")

    def test_not_regular(self, tmp_path: Path) -> None:
        path = tmp_path / "x"
        os.mkfifo(path)
        with pytest.raises(UnsupportedMedia, match="regular file"):
            identify(path)


@given(st.binary(max_size=64))
def test_any_bytes_are_of_a_known_kind_or_none(head: bytes) -> None:
    found = kind_of(head)

    assert found is None or (isinstance(found, Signature) and found.format in FORMATS)
