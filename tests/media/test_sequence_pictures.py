"""Image sequences read like a video."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from affectscope.errors import InvalidValue, UndecodableMedia, UnsupportedMedia
from affectscope.media import Limits, probe, read_audio, read_frames
from affectscope.media.pictures import FRAME_HEADER
from tests.media.conftest import level
from tests.media.test_orientation import TURNED, photo

Decode = Callable[..., list[tuple[bytes, bytes]]]


def picture(index: int, kind: str = "png", size: tuple[int, int] = (64, 48)) -> bytes:
    image = np.full((size[1], size[0], 3), level(index), np.uint8)
    return cv2.imencode(f".{kind}", image)[1].tobytes()


@pytest.fixture(params=["folder", "zip"])
def lay_out(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[dict[str, bytes]], Path]:
    """Write files into a folder or into an archive."""

    def write(files: dict[str, bytes]) -> Path:
        if request.param == "zip":
            with zipfile.ZipFile(tmp_path / "take.zip", "w") as archive:
                for name, data in files.items():
                    archive.writestr(name, data)
            return tmp_path / "take.zip"
        folder = tmp_path / "take"
        folder.mkdir()
        for name, data in files.items():
            (folder / name).write_bytes(data)
        return folder

    return write


Layer = Callable[[dict[str, bytes]], Path]


def numbered(count: int) -> dict[str, bytes]:
    return {f"frame{index}.png": picture(index) for index in reversed(range(count))}


class TestReading:
    """Times follow from the order of the numbers and a stated rate."""

    def test_every_image(self, lay_out: Layer) -> None:
        path = lay_out(numbered(12))

        with read_frames(path, None) as reader:
            frames = list(reader)

        assert [frame.time for frame in frames] == [index / 25 for index in range(12)]
        assert [frame.end for frame in frames] == [(index + 1) / 25 for index in range(12)]
        assert [round(float(frame.image.mean())) for frame in frames] == list(map(level, range(12)))
        assert reader.info.format == ("zip" if path.is_file() else "folder")
        assert (reader.info.duration, reader.info.audio) == (12 / 25, None)
        assert not reader.info.is_image

    def test_at_a_rate(self, lay_out: Layer) -> None:
        with read_frames(lay_out(numbered(20)), 2.0, sequence_rate=10.0) as reader:
            frames = list(reader)

        assert [(frame.time, frame.end) for frame in frames] == [
            (0.0, 0.5), (0.5, 1.0), (1.0, 1.5), (1.5, 2.0),
        ]  # fmt: skip
        assert round(float(frames[1].image.mean())) == level(5)

    def test_sizes_and_kinds_may_differ(self, lay_out: Layer) -> None:
        files = {
            "1.png": picture(1),
            "2.jpg": picture(2, "jpg", (80, 60)),
            "3.webp": picture(3, "webp"),
            "4.bmp": picture(4, "bmp", (1, 1)),
            "5.tiff": picture(5, "tiff"),
            "notes.txt": b"left out",
        }

        with read_frames(lay_out(files), None) as reader:
            frames = list(reader)

        assert [frame.image.shape[:2] for frame in frames] == [
            (48, 64), (60, 80), (48, 64), (1, 1), (48, 64),
        ]  # fmt: skip
        assert [float(f.image.mean()) for f in frames] == pytest.approx(
            [level(k) for k in range(1, 6)], abs=3
        )
        assert reader.damaged == 0

    def test_each_is_turned_as_it_asks(self, lay_out: Layer) -> None:
        path = lay_out({f"{k}.jpg": photo("jpg", k, "<") for k in range(1, 9)})

        with read_frames(path, None) as reader:
            for number, frame in enumerate(reader, 1):
                assert np.abs(frame.image.astype(int) - TURNED[number]).mean() < 3

    def test_what_it_is_called_says_nothing_of_what_it_is(self, lay_out: Layer) -> None:
        with read_frames(
            lay_out({"1.jpg": picture(1), "2.png": picture(2, "jpg")}), None
        ) as reader:
            assert len(list(reader)) == 2

        assert reader.damaged == 0

    def test_a_damaged_one_keeps_its_place(self, lay_out: Layer) -> None:
        files = numbered(8) | {
            "frame2.png": picture(2)[:-40],
            "frame3.png": b"no picture",
            "frame4.png": picture(4, "jpg")[:-2],
            "frame5.png": b"",
        }

        with read_frames(lay_out(files), None) as reader:
            frames = list(reader)

        assert [round(25 * frame.time) for frame in frames] == [0, 1, 6, 7]
        assert [round(25 * frame.end) for frame in frames] == [1, 6, 7, 8]
        assert reader.damaged == 4

    def test_probe(self, lay_out: Layer) -> None:
        info = probe(lay_out(numbered(5)), sequence_rate=2.0)

        assert info.video is not None
        assert (info.duration, info.video.nominal_rate) == (2.5, 2.0)


class TestRefusals:
    """What cannot be read is named."""

    def test_no_images(self, lay_out: Layer) -> None:
        with pytest.raises(UnsupportedMedia, match=r"no images .* among its 1 files"):
            read_frames(lay_out({"chat.txt": b"hello"}))

    def test_none_that_can_be_decoded(self, lay_out: Layer) -> None:
        with pytest.raises(UndecodableMedia, match="none of its 2 images"):
            read_frames(lay_out({"1.png": b"x", "2.png": b"PK\x03\x04"}))

    def test_sound(self, lay_out: Layer) -> None:
        with pytest.raises(UnsupportedMedia, match="only pictures"):
            read_audio(lay_out(numbered(1)))

    @pytest.mark.parametrize("rate", [0.0, -1.0, 1001.0, float("nan")])
    def test_a_rate_out_of_range(self, lay_out: Layer, rate: float) -> None:
        path = lay_out(numbered(1))

        for reading in (read_frames, probe):
            with pytest.raises(InvalidValue, match="sequence_rate"):
                reading(path, sequence_rate=rate)  # type: ignore[operator]

    def test_limits(self, lay_out: Layer) -> None:
        path = lay_out(numbered(5))

        for limits, named in (
            (Limits(pixels=3000), "64x48 exceeds 3000 pixels"),
            (Limits(seconds=0.1), r"more than 0 s"),
            (Limits(entries=4), "more than 4 files"),
            (Limits(image_bytes=10), "more than 10 bytes"),
        ):
            with pytest.raises(UndecodableMedia, match=named):
                list(read_frames(path, None, limits=limits))

    def test_a_message_names_what_it_is(self, lay_out: Layer) -> None:
        path = lay_out({"1.png": b"x"})

        with pytest.raises(UndecodableMedia, match=r"^this (folder|zip file): "):
            probe(path)


class TestHere:
    """The same in this process, so that each step can be seen."""

    def test_frames(self, decode_here: Decode, lay_out: Layer) -> None:
        messages = decode_here("frames", lay_out(numbered(10) | {"frame3.png": b"x"}), fps=5.0)

        frames = [FRAME_HEADER.unpack_from(body)[:2] for kind, body in messages if kind == b"F"]
        assert frames == [(0.0, 0.2), (0.2, 0.4)]
        assert json.loads(messages[-1][1]) == {"truncated": False, "damaged": 0}

    def test_probe(self, decode_here: Decode, lay_out: Layer) -> None:
        messages = decode_here("probe", lay_out({"1.png": b"x", "2.png": picture(2)}))

        assert [kind for kind, _ in messages] == [b"I", b"E"]
        assert json.loads(messages[1][1])["damaged"] == 1

    @pytest.mark.parametrize(
        ("task", "files", "limits", "said"),
        [
            ("audio", {"1.png": picture(1)}, Limits(), "only pictures"),
            ("probe", {"1.txt": b""}, Limits(), "no images"),
            (
                "probe",
                {"1.png": picture(1)[:-30], "2.jpg": picture(2, "jpg")[:-2]},
                Limits(),
                "none",
            ),
            ("probe", {"1.png": picture(1)}, Limits(pixels=100), "exceeds 100 pixels"),
            ("probe", {"1.jpg": picture(1, "jpg")}, Limits(pixels=100), "exceeds 100 pixels"),
            ("probe", {"1.png": picture(1)}, Limits(seconds=0.01), "lasts"),
        ],
    )
    def test_refusals(
        self,
        decode_here: Decode,
        lay_out: Layer,
        task: str,
        files: dict[str, bytes],
        limits: Limits,
        said: str,
    ) -> None:
        [(kind, body)] = decode_here(task, lay_out(files), limits)

        assert kind == b"X"
        assert said in json.loads(body)["detail"]
