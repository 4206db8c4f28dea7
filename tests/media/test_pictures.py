"""Pictures of files as cameras, browsers and recorders write them: times, gaps, sizes and formats."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from affectscope.errors import UndecodableMedia
from affectscope.media import Frame, FrameReader, probe, read_audio, read_frames
from affectscope.media.pictures import FRAME_HEADER
from tests.media.conftest import MILLISECOND, level, to_pipe

Maker = Callable[..., Path]
STEADY = range(0, 2000, 40)
IN_FRAGMENTS = "frag_keyframe+delay_moov+default_base_moof"


def read(path: Path, fps: float | None = None) -> tuple[FrameReader, list[Frame]]:
    with read_frames(path, fps) as reader:
        return reader, list(reader)


def shown(path: Path, fps: float | None = None) -> list[float]:
    return [round(frame.time, 3) for frame in read(path, fps)[1]]


def levels(frames: list[Frame]) -> list[int]:
    return [round(float(frame.image.mean())) for frame in frames]


def rewrite(path: Path, box: bytes, change: Callable[[bytes], bytes], *, nth: int = 0) -> Path:
    """Change the 24 bytes behind the name of a box of an MP4."""
    data = bytearray(path.read_bytes())
    at = -1
    for _ in range(nth + 1):
        at = data.index(box, at + 1)
    data[at + 4 : at + 28] = change(bytes(data[at + 4 : at + 28]))
    path.write_bytes(data)
    return path


class TestContainers:
    """Each kind of file has its own way to tell times; all come out as presentation times."""

    @pytest.mark.parametrize("name", ["bframes.mp4", "bframes.mov", "bframes.mkv", "bframes.avi"])
    @pytest.mark.parametrize(
        ("codec", "options"),
        [
            ("libx264", {"bf": "3", "x264-params": "b-adapt=0:b-pyramid=strict"}),
            ("mpeg4", {"bf": "2"}),
        ],
    )
    def test_stored_out_of_order(
        self, film: Maker, name: str, codec: str, options: dict[str, str]
    ) -> None:
        _, frames = read(film(name, range(0, 720, 40), codec=codec, options=options))

        assert [round(frame.time, 3) for frame in frames] == [k * 0.04 for k in range(18)]
        assert levels(frames) == sorted(levels(frames))
        assert frames[-1].end == pytest.approx(0.72, abs=0.002)

    @pytest.mark.parametrize(
        ("name", "codec", "pixels"),
        [
            ("a.avi", "mjpeg", "yuvj420p"),
            ("a.mkv", "mjpeg", "yuvj420p"),
            ("a.mov", "mjpeg", "yuvj420p"),
            ("a.mkv", "rawvideo", "yuv420p"),
            ("a.avi", "rawvideo", "yuv420p"),
            ("a.mkv", "ffv1", "yuv420p"),
            ("a.flv", "flv1", "yuv420p"),
            ("a.webm", "libvpx-vp9", "yuv420p"),
        ],
    )
    def test_no_frame_is_reordered(self, film: Maker, name: str, codec: str, pixels: str) -> None:
        _, frames = read(film(name, STEADY, codec=codec, pixels=pixels))

        assert [round(frame.time, 3) for frame in frames] == [round(k * 0.04, 3) for k in range(50)]
        assert frames[-1].end == pytest.approx(2.0, abs=0.003)

    def test_an_avi_that_left_frames_out(self, film: Maker) -> None:
        times = [*range(0, 400, 40), *range(520, 1000, 40)]

        assert shown(film("dropped.avi", times, codec="mpeg4")) == [t / 1000 for t in times]

    def test_pictures_that_start_later(self, film: Maker) -> None:
        """In an MP4 that is an edit list which starts with nothing."""
        path = film(times=range(2000, 4000, 40), tones=[(0, 4.0)])
        assert path.read_bytes().count(b"elst") == 2

        assert shown(path)[:2] == [2.0, 2.04]
        with read_audio(path) as reader:
            assert next(reader).start == pytest.approx(0.0, abs=0.01)

    def test_sound_that_starts_later(self, film: Maker) -> None:
        path = film(times=STEADY, tones=[(1000, 1.0)])

        assert shown(path)[:2] == [0.0, 0.04]
        with read_audio(path) as reader:
            assert next(reader).start == pytest.approx(1.0, abs=0.07)

    def test_an_edit_that_cuts_off_the_start(self, film: Maker) -> None:
        path = film(times=STEADY, options={"bf": "0"})
        scale = struct.unpack(">I", path.read_bytes().split(b"mdhd")[1][12:16])[0]

        def later(box: bytes) -> bytes:
            head, duration, start, rate = struct.unpack(">QIII", box[:20])
            cut = struct.pack(">QIII", head, duration - 480, start + 480 * scale // 1000, rate)
            return cut + box[20:]

        _, frames = read(rewrite(path, b"elst", later))

        assert levels(frames)[:3] == pytest.approx([level(k) for k in (12, 13, 14)], abs=4)
        assert [round(frame.time, 3) for frame in frames[:3]] == [0.0, 0.04, 0.08]
        assert len(frames) == 38

    @pytest.mark.parametrize("extra", ["", "+dash"])
    def test_fragments(self, film: Maker, extra: str) -> None:
        path = film(
            times=range(0, 8000, 40),
            options={"g": "25", "bf": "0"},
            container={"movflags": IN_FRAGMENTS + extra},
            tones=[(0, 8.0)],
        )
        assert path.read_bytes().count(b"moof") > 5

        reader, frames = read(path)

        assert [round(frame.time, 3) for frame in frames] == [
            round(k * 0.04, 3) for k in range(200)
        ]
        assert not reader.truncated

    def test_what_a_browser_records(self, film: Maker) -> None:
        """WebM without length and index, clusters of unknown size, frames at uneven times."""
        times = [0, 31, 68, 99, 140, 166, 1203, 1240, *range(6000, 9000, 33)]
        whole = film("recorded.webm", times, codec="libvpx", options={"deadline": "realtime"})
        path = to_pipe(whole, live="1", cluster_time_limit="1000")
        data = path.read_bytes()
        assert b"\x1c\x53\xbb\x6b" not in data  # no cues
        assert data.count(b"\x1f\x43\xb6\x75") > 3  # clusters

        reader, frames = read(path)

        assert reader.info.duration is None
        assert not reader.truncated
        assert [round(1000 * frame.time) for frame in frames] == times

    def test_a_recording_cut_off_in_the_middle(self, film: Maker) -> None:
        whole = film("recorded.webm", range(0, 6000, 33), codec="libvpx")
        path = to_pipe(whole, live="1")
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

        assert 40 < len(shown(path)) < 140


class TestBareMotionJpeg:
    """JPEG behind JPEG, as network cameras write it: a rate has to be stated."""

    @staticmethod
    def row(path: Path) -> Path:
        pictures = (np.full((48, 64, 3), level(index), np.uint8) for index in range(12))
        path.write_bytes(b"".join(cv2.imencode(".jpg", one)[1].tobytes() for one in pictures))
        return path

    def test_at_the_usual_rate(self, tmp_path: Path) -> None:
        reader, frames = read(self.row(tmp_path / "camera.mjpeg"))

        assert [round(frame.time, 3) for frame in frames] == [round(k / 25, 3) for k in range(12)]
        assert levels(frames) == pytest.approx([level(k) for k in range(12)], abs=2)
        assert (reader.info.format, reader.truncated) == ("mjpeg", False)

    def test_at_a_stated_rate(
        self, decode_here: Callable[..., list[tuple[bytes, bytes]]], tmp_path: Path
    ) -> None:
        messages = decode_here("frames", self.row(tmp_path / "a.jpg"), sequence_rate=2.0)

        times = [FRAME_HEADER.unpack_from(body)[0] for kind, body in messages if kind == b"F"]
        assert times == [k / 2 for k in range(12)]


class TestWrongTimes:
    """What cannot be true is not believed, and times go on."""

    def test_far_ahead(self, film: Maker) -> None:
        path = film("leap.mkv", [*range(0, 400, 40), *range(40_000_000, 40_000_400, 40)])

        assert shown(path) == pytest.approx([k * 0.04 for k in range(20)], abs=0.002)

    def test_starting_anew(self, film: Maker, tmp_path: Path) -> None:
        part = film("part.ts", range(0, 2000, 40), options={"bf": "0"}).read_bytes()
        twice = tmp_path / "twice.ts"
        twice.write_bytes(part + part)

        times = shown(twice)

        assert len(times) == 100
        assert times == pytest.approx([k * 0.04 for k in range(100)], abs=0.05)


class TestRate:
    """A rate is by the clock."""

    @pytest.mark.parametrize("fps", [25.0, 30.0, 60.0])
    def test_above_the_rate_of_the_file_every_frame_comes_once(
        self, film: Maker, fps: float
    ) -> None:
        path = film(times=STEADY)

        assert shown(path, fps) == shown(path, None)

    def test_uneven_times(self, film: Maker) -> None:
        path = film("uneven.mkv", [0, 40, 130, 210, 390, 410, 620, 640, 1010])

        assert shown(path, 5.0) == [0.0, 0.21, 0.41, 0.62, 1.01]


class TestGaps:
    """A picture does not stretch over a time of which there are no pictures."""

    PAUSED = (*range(0, 2000, 40), *range(5000, 6000, 40))

    @pytest.mark.parametrize("name", ["paused.mp4", "paused.mkv"])
    def test_a_pause(self, film: Maker, name: str) -> None:
        reader, frames = read(film(name, self.PAUSED))

        assert frames[49].end == pytest.approx(2.0, abs=0.002)
        assert frames[50].time == pytest.approx(5.0, abs=0.002)
        assert [a.end for a in frames[50:-1]] == [b.time for b in frames[51:]]
        assert (reader.gaps, reader.missing) == (1, pytest.approx(3.0, abs=0.002))

    @pytest.mark.parametrize("fps", [5.0, 0.4])
    def test_at_a_lower_rate(self, film: Maker, fps: float) -> None:
        reader, frames = read(film("paused.mkv", self.PAUSED), fps)

        before = next(frame for frame in reversed(frames) if frame.time < 2)
        after = next(frame for frame in frames if frame.time > 2)
        assert before.end == pytest.approx(2.0, abs=0.002)
        assert after.time == pytest.approx(5.0, abs=0.002)
        assert reader.gaps == 1

    def test_lost_packets(self, film: Maker) -> None:
        times = [t for t in range(0, 6000, 40) if not (1000 < t < 1800 or 3000 < t < 3300)]

        reader, _ = read(film("lossy.mkv", times))

        assert (reader.gaps, reader.missing) == (1, pytest.approx(0.76, abs=0.01))

    def test_slides_stand_until_the_next(self, film: Maker) -> None:
        reader, frames = read(film("slides.mkv", range(0, 60_000, 5000)), 5.0)

        assert reader.gaps == 0
        assert all(frame.end - frame.time == pytest.approx(5.0) for frame in frames[:-1])

    def test_none_in_a_steady_film(self, film: Maker) -> None:
        reader, frames = read(film(times=STEADY), 5.0)

        assert (reader.gaps, reader.missing) == (0, 0.0)
        assert all(a.end == b.time for a, b in pairwise(frames))


class TestGif:
    """Delays are those of browsers."""

    @staticmethod
    def gif(path: Path, delays: list[int]) -> Path:
        """Write a GIF with delays in hundredths of a second."""
        with av.open(path, "w") as target:
            stream = target.add_stream("gif", rate=10)
            stream.width, stream.height, stream.pix_fmt = 32, 32, "rgb8"
            for index in range(len(delays)):
                image = np.full((32, 32, 3), 40 * index, np.uint8)
                frame = av.VideoFrame.from_ndarray(image, format="rgb24")
                frame.pts, frame.time_base = index, Fraction(1, 10)
                target.mux(stream.encode(frame))
            target.mux(stream.encode(None))
        data, at = bytearray(path.read_bytes()), 0
        for delay in delays:
            at = data.index(b"\x21\xf9\x04", at) + 4
            data[at : at + 2] = struct.pack("<H", delay)
        path.write_bytes(data)
        return path

    def test_short_ones_are_a_tenth_of_a_second(self, tmp_path: Path) -> None:
        _, frames = read(self.gif(tmp_path / "a.gif", [0, 1, 2, 50, 7, 0]))

        assert [round(frame.time, 3) for frame in frames] == [0.0, 0.1, 0.2, 0.22, 0.72, 0.79]
        assert frames[-1].end == pytest.approx(0.89)

    def test_a_single_picture(self, tmp_path: Path) -> None:
        _, [frame] = read(self.gif(tmp_path / "a.gif", [30]))

        assert (frame.time, frame.end) == (0.0, pytest.approx(0.3))


class TestSizes:
    """Any size up to the limit."""

    @pytest.mark.parametrize("size", [(1, 1), (2, 2), (3, 5), (1, 200), (333, 7)])
    def test_small_and_odd(self, film: Maker, size: tuple[int, int]) -> None:
        _, frames = read(film("odd.mov", STEADY, size=size, codec="png", pixels="rgb24"))

        assert {frame.image.shape for frame in frames} == {(size[1], size[0], 3)}
        assert levels(frames)[:18] == [level(k) for k in range(18)]

    @pytest.mark.parametrize("codec", ["libvpx", "libvpx-vp9"])
    def test_a_change_on_the_way(self, codec: str, tmp_path: Path) -> None:
        """As browsers do when a window is resized or a line is slow."""
        path = tmp_path / "resized.webm"
        with av.open(path, "w") as target:
            stream = None
            for part, size in enumerate(((64, 48), (96, 80), (32, 24))):
                encoder = stream or av.CodecContext.create(codec, "w")
                if stream is None:
                    encoder = stream = target.add_stream(codec, rate=25)
                else:
                    encoder = av.CodecContext.create(codec, "w")
                encoder.width, encoder.height, encoder.pix_fmt = *size, "yuv420p"
                if part:
                    encoder.time_base, encoder.framerate = Fraction(1, 25), Fraction(25)
                for index in range(10 * part, 10 * part + 10):
                    image = np.full((size[1], size[0], 3), level(index), np.uint8)
                    frame = av.VideoFrame.from_ndarray(image, format="rgb24")
                    frame.pts, frame.time_base = index, Fraction(1, 25)
                    _mux(target, stream, encoder.encode(frame))
                _mux(target, stream, encoder.encode(None))

        _, frames = read(path)

        sizes = [frame.image.shape[:2] for frame in frames]
        assert sizes == [(48, 64)] * 10 + [(80, 96)] * 10 + [(24, 32)] * 10
        assert levels(frames) == pytest.approx([level(k) for k in range(30)], abs=4)

    def test_more_than_the_limit(self, tmp_path: Path) -> None:
        data = bytearray(cv2.imencode(".jpg", np.zeros((16, 16, 3), np.uint8))[1].tobytes())
        at = data.index(b"\xff\xc0")
        data[at + 5 : at + 9] = struct.pack(">HH", 9000, 12_000)
        path = tmp_path / "huge.jpg"
        path.write_bytes(data + bytes(2_000_000))

        with pytest.raises(UndecodableMedia, match="12000x9000 exceeds 64000000 pixels"):
            read_frames(path)

    @pytest.mark.parametrize("name", ["wide.mp4", "wide.mkv", "wide.mov"])
    def test_pixels_that_are_not_square(self, film: Maker, name: str) -> None:
        path = film(name, size=(72, 48), aspect=Fraction(16, 11))
        video = probe(path).video

        assert video is not None
        assert (video.width, video.height) == (105, 48)


def _mux(target: av.container.OutputContainer, stream: object, packets: list[av.Packet]) -> None:
    for packet in packets:
        packet.stream, packet.time_base = stream, packet.time_base or Fraction(1, 25)
        target.mux(packet)


class TestPixels:
    """Ten bits, full colour, grey and transparency come out as ordinary pictures."""

    @pytest.mark.parametrize(
        ("name", "codec", "pixels"),
        [
            ("a.mp4", "libx264", "yuv420p10le"),
            ("a.mp4", "libx264", "yuv422p"),
            ("a.mp4", "libx264", "yuv444p"),
            ("a.mkv", "ffv1", "yuv444p16le"),
            ("a.mkv", "ffv1", "gray"),
            ("a.mkv", "ffv1", "gray16le"),
            ("a.mkv", "ffv1", "bgra"),
            ("a.mov", "png", "rgba"),
            ("a.mov", "png", "gray"),
            ("a.mov", "png", "rgb48be"),
            ("a.webm", "libvpx-vp9", "yuva420p"),
            ("a.mov", "prores_ks", "yuva444p10le"),
        ],
    )
    def test_formats(self, tmp_path: Path, name: str, codec: str, pixels: str) -> None:
        path = tmp_path / name
        with av.open(path, "w") as target:
            stream = target.add_stream(codec, rate=25)
            stream.width, stream.height, stream.pix_fmt = 64, 48, pixels
            for index in range(10):
                image = np.full((48, 64, 3), level(index), np.uint8)
                frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format=pixels)
                frame.pts, frame.time_base = 40 * index, MILLISECOND
                target.mux(stream.encode(frame))
            target.mux(stream.encode(None))

        assert levels(read(path)[1]) == pytest.approx([level(k) for k in range(10)], abs=4)

    @pytest.mark.parametrize("shape", [(40, 60), (40, 60, 4)])
    @pytest.mark.parametrize("kind", [np.uint8, np.uint16])
    def test_still_images(self, tmp_path: Path, shape: tuple[int, ...], kind: type) -> None:
        path = tmp_path / "still.png"
        cv2.imwrite(str(path), np.full(shape, 99 * (257 if kind is np.uint16 else 1), kind))

        _, [frame] = read(path)

        assert levels([frame]) == [99]

    @pytest.mark.parametrize("kind", ["png", "webp", "bmp", "tiff"])
    def test_a_picture_cut_off(self, tmp_path: Path, kind: str) -> None:
        noise = np.random.default_rng(2).integers(0, 256, (60, 80, 3)).astype(np.uint8)
        data = cv2.imencode(f".{kind}", noise)[1].tobytes()
        path = tmp_path / f"cut.{kind}"
        path.write_bytes(data[: len(data) // 2])

        with pytest.raises(UndecodableMedia, match="cut off"):
            read_frames(path)


class TestHere:
    """The same in this process, so that each step can be seen."""

    @pytest.mark.parametrize("fps", [None, 0.4])
    def test_a_gap(
        self, decode_here: Callable[..., list[tuple[bytes, bytes]]], film: Maker, fps: float | None
    ) -> None:
        messages = decode_here("frames", film("paused.mkv", TestGaps.PAUSED), fps=fps)

        frames = [FRAME_HEADER.unpack_from(body) for kind, body in messages if kind == b"F"]
        ending = json.loads(messages[-1][1])
        assert any(end == pytest.approx(2.0, abs=0.002) for _, end, *_ in frames)
        assert (ending["gaps"], ending["missing"]) == (1, pytest.approx(3.0, abs=0.002))

    def test_an_avi(
        self, decode_here: Callable[..., list[tuple[bytes, bytes]]], film: Maker
    ) -> None:
        messages = decode_here("frames", film("a.avi", STEADY, codec="mpeg4", options={"bf": "2"}))

        times = [FRAME_HEADER.unpack_from(body)[0] for kind, body in messages if kind == b"F"]
        assert times == pytest.approx([k * 0.04 for k in range(50)], abs=0.001)

    def test_frames_that_were_lost_take_their_times_with_them(
        self, decode_here: Callable[..., list[tuple[bytes, bytes]]], film: Maker
    ) -> None:
        path = film("a.avi", range(0, 8000, 40), codec="mjpeg", pixels="yuvj420p")
        data, at, wiped = bytearray(path.read_bytes()), 0, 0
        while wiped < 100:
            at = data.index(b"00dc", at) + 8
            size = struct.unpack_from("<I", data, at - 4)[0]
            data[at : at + size] = bytes(size)
            wiped += size > 0
        path.write_bytes(data)

        messages = decode_here("frames", path)

        times = [FRAME_HEADER.unpack_from(body)[0] for kind, body in messages if kind == b"F"]
        assert len(times) == 100
        assert times == pytest.approx([k * 0.04 for k in range(100, 200)], abs=0.001)

    def test_frames_that_an_avi_lost_cost_little_time(
        self, decode_here: Callable[..., list[tuple[bytes, bytes]]], film: Maker
    ) -> None:
        options = {"bf": "2", "g": "12"}
        path = film("a.avi", range(0, 8000, 40), codec="mpeg4", options=options)
        data = path.read_bytes()
        path.write_bytes(data.replace(b"\0\0\x01\xb6", b"\0\0\x01\xff", 100))

        messages = decode_here("frames", path)

        times = [FRAME_HEADER.unpack_from(body)[0] for kind, body in messages if kind == b"F"]
        assert 90 < len(times) <= 150
        assert 7.96 - 33 * 0.04 < times[-1] <= 7.97

    def test_a_gif(
        self, decode_here: Callable[..., list[tuple[bytes, bytes]]], tmp_path: Path
    ) -> None:
        messages = decode_here("frames", TestGif.gif(tmp_path / "a.gif", [0, 5]))

        times = [FRAME_HEADER.unpack_from(body)[:2] for kind, body in messages if kind == b"F"]
        assert times == [(0.0, 0.1), (0.1, pytest.approx(0.15))]
