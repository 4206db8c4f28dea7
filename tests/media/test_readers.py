"""Frames and sound as the caller gets them, through a real decoding process."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from affectscope.errors import EmptyInput, InvalidValue, UndecodableMedia, UnsupportedMedia
from affectscope.media import Limits, probe, read_audio, read_channels, read_frames
from affectscope.samples import sample

FAST_START = {"movflags": "+faststart"}


def times_of(path: Path, fps: float | None = None) -> list[float]:
    with read_frames(path, fps) as reader:
        return [round(frame.time, 4) for frame in reader]


def level_of(image: np.ndarray) -> int:
    return round(float(image.mean()))


class TestTimes:
    """Times are presentation time stamps, whatever rate a file claims."""

    UNEVEN = (0, 40, 500, 510, 1700, 1733)

    @pytest.mark.parametrize("name", ["uneven.mp4", "uneven.mkv", "uneven.mov"])
    def test_variable_rate(self, film: Callable[..., Path], name: str) -> None:
        assert times_of(film(name, self.UNEVEN)) == [0.0, 0.04, 0.5, 0.51, 1.7, 1.733]

    def test_frames_that_are_stored_out_of_order(self, film: Callable[..., Path]) -> None:
        path = film(times=range(0, 2000, 40), options={"bf": "3", "x264-params": "b-adapt=0"})

        with read_frames(path, None) as reader:
            frames = list(reader)

        assert [round(frame.time * 25) for frame in frames] == list(range(50))
        assert [frame.index for frame in frames] == list(range(50))

    def test_each_frame_lasts_until_the_next(self, film: Callable[..., Path]) -> None:
        with read_frames(film(times=self.UNEVEN), None) as reader:
            frames = list(reader)

        assert all(a.end == b.time for a, b in pairwise(frames))
        assert frames[-1].end > frames[-1].time

    def test_sampling_goes_by_time(self, film: Callable[..., Path]) -> None:
        path = film(times=[*range(0, 1000, 20), *range(1000, 3000, 250)])

        assert times_of(path, 2.0) == [0.0, 0.5, 1.0, 1.5, 2.0, 2.5]
        assert times_of(path, 60.0) == times_of(path, None)

    def test_a_picture_that_stands_still_is_taken_once(self, film: Callable[..., Path]) -> None:
        path = film("still.mkv", [0, 100, 5000])

        with read_frames(path, 5.0) as reader:
            assert [(f.time, f.end) for f in reader][:2] == [
                (0.0, 5.0),
                (5.0, pytest.approx(5, abs=0.2)),
            ]

    def test_time_counts_from_the_start_of_the_file(self, film: Callable[..., Path]) -> None:
        path = film("late.mkv", range(10_000, 11_000, 100), tones=[(10_000, 1.0)])

        assert times_of(path)[:2] == pytest.approx([0.0, 0.1], abs=0.08)
        with read_audio(path) as reader:
            assert next(reader).start == pytest.approx(0.0, abs=0.08)

    def test_one_clock_for_pictures_and_sound(self, film: Callable[..., Path]) -> None:
        path = film("voice_later.mkv", range(0, 2000, 100), tones=[(800, 1.0)])

        assert times_of(path)[0] == pytest.approx(0.0, abs=0.07)
        with read_audio(path) as reader:
            assert next(reader).start == pytest.approx(0.8, abs=0.08)

    @pytest.mark.parametrize("fps", [0, -1.0, float("nan"), float("inf")])
    def test_a_rate_must_be_positive(self, fps: float) -> None:
        with pytest.raises(InvalidValue, match="fps"):
            read_frames(sample("video"), fps)


class TestPictures:
    """Pictures arrive as they are displayed."""

    @staticmethod
    def top_left_bright(index: int, width: int, height: int) -> np.ndarray:
        image = np.full((height, width, 3), 30, np.uint8)
        image[: height // 2, : width // 2] = 220
        return image

    @pytest.mark.parametrize(
        ("rotation", "clockwise", "corner"),
        [(0, 0, (0, 0)), (-90, 90, (0, 1)), (180, 180, (1, 1)), (90, 270, (1, 0))],
    )
    def test_rotation(
        self, film: Callable[..., Path], rotation: int, clockwise: int, corner: tuple[int, int]
    ) -> None:
        path = film(size=(96, 48), rotation=rotation, picture=self.top_left_bright)

        with read_frames(path) as reader:
            image = next(reader).image
            video = reader.info.video

        assert video is not None
        assert (video.width, video.height) == (image.shape[1], image.shape[0])
        assert image.shape[:2] == ((96, 48) if clockwise in (90, 270) else (48, 96))
        assert video.rotation == clockwise
        down, right = corner
        half = image[down * image.shape[0] // 2 :, right * image.shape[1] // 2 :]
        assert half[: image.shape[0] // 2, : image.shape[1] // 2].mean() > 180

    def test_pixels_become_square(self, film: Callable[..., Path]) -> None:
        path = film(size=(72, 48), aspect=Fraction(4, 3))

        with read_frames(path) as reader:
            assert next(reader).image.shape == (48, 96, 3)

    def test_colours_keep_their_order(self, film: Callable[..., Path]) -> None:
        def red(index: int, width: int, height: int) -> np.ndarray:
            return np.broadcast_to(np.array([220, 30, 40], np.uint8), (height, width, 3)).copy()

        with read_frames(film(picture=red)) as reader:
            assert next(reader).image.mean((0, 1)) == pytest.approx([220, 30, 40], abs=6)

    @pytest.mark.parametrize("width", [50, 62, 66])
    def test_rows_with_padding(self, film: Callable[..., Path], width: int) -> None:
        with read_frames(film(size=(width, 48))) as reader:
            image = next(reader).image

        assert image.shape == (48, width, 3)
        assert image.flags.c_contiguous
        assert level_of(image) == pytest.approx(20, abs=3)

    @pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "webp", "tiff"])
    def test_a_still_image_is_one_frame_at_zero(self, suffix: str, tmp_path: Path) -> None:
        import cv2

        path = tmp_path / f"still.{suffix}"
        cv2.imwrite(str(path), np.full((40, 60, 3), 99, np.uint8))

        with read_frames(path) as reader:
            frames = list(reader)

        assert reader.info.is_image
        assert reader.info.duration is None
        assert [(frame.time, frame.end) for frame in frames] == [(0.0, 0.0)]
        assert level_of(frames[0].image) == pytest.approx(99, abs=2)

    def test_a_moving_gif_is_a_video(self, film: Callable[..., Path], tmp_path: Path) -> None:
        path = tmp_path / "moving.gif"
        with av.open(path, "w") as target:
            stream = target.add_stream("gif", rate=10)
            stream.width, stream.height, stream.pix_fmt = 32, 32, "rgb8"
            for index in range(4):
                image = np.full((32, 32, 3), 60 * index, np.uint8)
                frame = av.VideoFrame.from_ndarray(image, format="rgb24")
                frame.pts, frame.time_base = index, Fraction(1, 10)
                target.mux(stream.encode(frame))
            target.mux(stream.encode(None))

        assert times_of(path) == [0.0, 0.1, 0.2, 0.3]


class TestSound:
    """Sound arrives as one unbroken mono signal."""

    def test_length_level_and_chunks(self, wav: Callable[..., Path]) -> None:
        tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(44_100 * 3) / 44_100)[None]
        with read_audio(wav(tone, 44_100), chunk_seconds=1.0) as reader:
            chunks = list(reader)

        assert [len(chunk.samples) for chunk in chunks[:-1]] == [16_000] * (len(chunks) - 1)
        assert sum(len(chunk.samples) for chunk in chunks) == pytest.approx(48_000, abs=32)
        assert [chunk.start for chunk in chunks[:3]] == [0.0, 1.0, 2.0]
        assert chunks[0].samples.dtype == np.float32
        assert np.abs(chunks[1].samples).max() == pytest.approx(0.5, abs=0.01)

    def test_channels_are_averaged(self, wav: Callable[..., Path]) -> None:
        tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000)
        both, one = np.stack([tone, tone]), np.stack([tone, 0 * tone])

        peaks = [
            max(float(np.abs(chunk.samples).max()) for chunk in read_audio(wav(samples)))
            for samples in (both, one)
        ]

        assert peaks == pytest.approx([0.5, 0.25], abs=0.01)

    @pytest.mark.parametrize("samples", [1, 7, 100])
    def test_a_few_samples(self, wav: Callable[..., Path], samples: int) -> None:
        chunks = list(read_audio(wav(np.full((1, samples), 0.25))))

        assert sum(len(chunk.samples) for chunk in chunks) == samples

    def test_no_samples(self, wav: Callable[..., Path], tmp_path: Path) -> None:
        path = tmp_path / "header.wav"
        head = wav(np.zeros((1, 1))).read_bytes()[:-2]
        path.write_bytes(head[:-4] + bytes(4))

        with pytest.raises(EmptyInput, match="no samples"):
            list(read_audio(path))

    def test_the_sound_of_a_video(self) -> None:
        with read_audio(sample("video")) as reader:
            seconds = sum(len(chunk.samples) for chunk in reader) / 16_000

        assert seconds == pytest.approx(5.62, abs=0.05)
        assert reader.info.audio is not None
        assert not reader.truncated

    def test_a_gap_is_filled_with_silence(self, film: Callable[..., Path], tmp_path: Path) -> None:
        path = tmp_path / "gap.mkv"
        _tone_with_pause(path, pause=1.5)

        chunks = list(read_audio(path, chunk_seconds=0.5))
        signal = np.concatenate([chunk.samples for chunk in chunks])

        assert len(signal) / 16_000 == pytest.approx(3.5, abs=0.1)
        assert np.abs(signal[int(1.2 * 16_000) : int(2.3 * 16_000)]).max() < 0.01
        assert np.abs(signal[int(2.7 * 16_000) : int(3.3 * 16_000)]).max() > 0.4
        assert [chunk.start for chunk in chunks] == pytest.approx(
            [0.5 * index for index in range(len(chunks))], abs=0.03
        )

    @pytest.mark.parametrize(
        ("name", "value"), [("rate", 10), ("rate", 10**6), ("chunk_seconds", 0.0)]
    )
    def test_values_out_of_range(self, name: str, value: float) -> None:
        with pytest.raises(InvalidValue, match=name):
            read_audio(sample("speech"), **{name: value})  # type: ignore[arg-type]


class TestChannels:
    """Channels arrive apart, where they are not too many."""

    @staticmethod
    def levels(path: Path, **options: int) -> list[float]:
        chunks = list(read_channels(path, **options))
        peaks: list[float] = np.abs(np.concatenate([chunk.samples for chunk in chunks])).max(0)
        return [round(float(peak), 2) for peak in peaks]

    @staticmethod
    def sound(channels: int) -> np.ndarray:
        tone = np.sin(2 * np.pi * 440 * np.arange(44_100) / 44_100)
        return np.outer(0.05 * np.arange(1, channels + 1), tone)

    def test_two(self, wav: Callable[..., Path]) -> None:
        with read_channels(wav(self.sound(2), 44_100), chunk_seconds=0.5) as reader:
            chunks = list(reader)

        assert [chunk.samples.shape[1] for chunk in chunks[:2]] == [2, 2]
        assert len(chunks[0].samples) == 8_000
        assert [chunk.start for chunk in chunks[:2]] == [0.0, 0.5]
        assert np.abs(chunks[1].samples[:7_000]).max(0) == pytest.approx([0.05, 0.1], abs=0.002)
        assert chunks[0].samples.dtype == np.float32

    def test_one(self, wav: Callable[..., Path]) -> None:
        assert self.levels(wav(self.sound(1))) == [0.05]

    def test_six_are_mixed_unless_asked_for(self, wav: Callable[..., Path]) -> None:
        path = wav(self.sound(6))

        assert self.levels(path, most=8) == [0.05, 0.1, 0.15, 0.2, 0.25, 0.3]
        assert len(self.levels(path)) == 1

    def test_more_than_the_most_are_mixed(self, wav: Callable[..., Path]) -> None:
        assert len(self.levels(wav(self.sound(10)), most=8)) == 1

    @pytest.mark.parametrize("most", [0, 9])
    def test_a_number_out_of_range(self, most: int) -> None:
        with pytest.raises(InvalidValue, match=f"most is {most}; valid: 1 to 8"):
            read_channels(sample("speech"), most)


def _tone_with_pause(path: Path, pause: float) -> None:
    wave = (0.5 * np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000)).astype(np.float32)
    with av.open(path, "w") as target:
        stream = target.add_stream("pcm_s16le", rate=16_000, layout="mono")
        for start in (0, round((1 + pause) * 16_000)):
            for at in range(0, 16_000, 1000):
                packed = (wave[None, at : at + 1000] * 32767).astype(np.int16)
                frame = av.AudioFrame.from_ndarray(packed, "s16", "mono")
                frame.sample_rate, frame.pts = 16_000, start + at
                frame.time_base = Fraction(1, 16_000)
                target.mux(stream.encode(frame))
        target.mux(stream.encode(None))


class TestDamage:
    """A damaged file is analysed as far as it goes, or refused with the reason."""

    def test_cut_short(self, film: Callable[..., Path], tmp_path: Path) -> None:
        path = film(times=range(0, 8000, 40), container=FAST_START, tones=[(0, 8.0)])
        data = path.read_bytes()
        cut = tmp_path / "cut.mp4"
        cut.write_bytes(data[: len(data) * 7 // 10])

        with read_frames(cut, None) as reader:
            count = sum(1 for _ in reader)

        assert 50 < count < 199
        assert reader.truncated

    def test_whole_files_are_not_called_truncated(self, film: Callable[..., Path]) -> None:
        for name in ("whole.mp4", "whole.mkv", "whole.avi", "whole.ts"):
            codec = "mpeg4" if name.endswith("avi") else "libx264"
            times = range(0, 3000, 40)
            path = film(name, times, codec=codec, tones=[] if "avi" in name else [(0, 4.0)])
            with read_frames(path, None) as reader:
                assert sum(1 for _ in reader) > 70, name
            assert not reader.truncated, name

    @pytest.mark.parametrize("name", ["cut.mkv", "cut.wav", "cut.flac"])
    def test_sound_cut_short(self, name: str, tmp_path: Path) -> None:
        whole, cut = tmp_path / f"whole_{name}", tmp_path / name
        codec = {"mkv": "pcm_s16le", "wav": "pcm_s16le", "flac": "flac"}[name[4:]]
        noise = np.random.default_rng(1).normal(0, 4000, (1, 64_000)).astype(np.int16)
        with av.open(whole, "w") as target:
            stream = target.add_stream(codec, rate=16_000, layout="mono")
            for at in range(0, 64_000, 1000):
                frame = av.AudioFrame.from_ndarray(noise[:, at : at + 1000], "s16", "mono")
                frame.sample_rate, frame.pts = 16_000, at
                target.mux(stream.encode(frame))
            target.mux(stream.encode(None))
        data = whole.read_bytes()
        cut.write_bytes(data[: len(data) // 2])

        with read_audio(cut) as reader:
            seconds = sum(len(chunk.samples) for chunk in reader) / 16_000

        assert 1.5 < seconds < 2.5
        assert reader.truncated

    def test_no_index(self, film: Callable[..., Path], tmp_path: Path) -> None:
        data = film(times=range(0, 4000, 40)).read_bytes()
        cut = tmp_path / "cut.mp4"
        cut.write_bytes(data[: len(data) // 2])

        with pytest.raises(UndecodableMedia, match="index"):
            read_frames(cut)

    def test_noise_inside(
        self, film: Callable[..., Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        data = bytearray(film(times=range(0, 8000, 40), container=FAST_START).read_bytes())
        random = np.random.default_rng(3)
        for at in random.integers(len(data) // 2, len(data), 200):
            data[at] ^= 0xFF
        broken = tmp_path / "broken.mp4"
        broken.write_bytes(data)

        with read_frames(broken, None) as reader:
            times = [frame.time for frame in reader]

        assert len(times) > 20
        assert times == sorted(set(times))
        assert capfd.readouterr().err == ""

    @pytest.mark.parametrize("suffix", ["mp4", "mkv", "wav", "png", "jpg", "mp3", "ogg", "ts"])
    def test_a_good_head_and_noise_behind(self, suffix: str, tmp_path: Path) -> None:
        heads = {
            "mp4": b"\0\0\0\x18ftypisom\0\0\0\0isomiso2\0\0\x10\0moov",
            "mkv": b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01",
            "wav": b"RIFF\xff\xff\xff\xffWAVE",
            "png": b"\x89PNG\r\n\x1a\n",
            "jpg": b"\xff\xd8\xff\xe0",
            "mp3": b"\xff\xfb\x90\x64",
            "ogg": b"OggS",
            "ts": b"G" + bytes(187) + b"G" + bytes(187) + b"G",
        }
        path = tmp_path / f"x.{suffix}"
        path.write_bytes(heads[suffix] + np.random.default_rng(5).bytes(5000))

        with pytest.raises((UndecodableMedia, EmptyInput, UnsupportedMedia)):
            list(read_frames(path) if suffix in ("png", "jpg") else read_audio(path))


class TestLimits:
    """A file beyond a limit is refused by name of the limit."""

    @staticmethod
    def png(path: Path, width: int, height: int) -> Path:
        def chunk(kind: bytes, body: bytes) -> bytes:
            check = struct.pack(">I", zlib.crc32(kind + body))
            return struct.pack(">I", len(body)) + kind + body + check

        header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
        body = zlib.compress(bytes(100_000))
        path.write_bytes(
            b"\x89PNG\r\n\x1a\n"
            + chunk(b"IHDR", header)
            + chunk(b"IDAT", body)
            + chunk(b"IEND", b"")
        )
        return path

    def test_a_huge_picture_is_refused_by_its_header(self, tmp_path: Path) -> None:
        with pytest.raises(UndecodableMedia, match="30000x30000"):
            read_frames(self.png(tmp_path / "huge.png", 30_000, 30_000))

    def test_pixels_of_a_video(self, film: Callable[..., Path]) -> None:
        with pytest.raises(UndecodableMedia, match="64x48 exceeds 1000 pixels"):
            read_frames(film(), limits=Limits(pixels=1000))

    def test_streams(self, film: Callable[..., Path]) -> None:
        path = film("many.mkv", videos=3)

        with pytest.raises(UndecodableMedia, match="more than 2 streams"):
            read_frames(path, limits=Limits(streams=2))
        assert len(times_of(path)) == 10

    def test_duration_as_claimed(self, film: Callable[..., Path]) -> None:
        with pytest.raises(UndecodableMedia, match="more than 2 s"):
            read_frames(film(times=range(0, 9000, 500)), limits=Limits(seconds=2.0))

    def test_duration_as_found(self, film: Callable[..., Path]) -> None:
        raw = film("raw.ts", times=range(0, 9000, 500), tones=[(0, 9.0)])

        for reading in (read_frames, read_audio):
            with pytest.raises(UndecodableMedia, match="more than"):
                list(reading(raw, limits=Limits(seconds=2.0)))  # type: ignore[operator]

    def test_memory(self, film: Callable[..., Path]) -> None:
        path = film(times=range(0, 400, 40), size=(1920, 1088))

        with pytest.raises(UndecodableMedia):
            list(read_frames(path, limits=Limits(memory_bytes=150 * 2**20)))


class TestKinds:
    """The wrong kind of medium is named."""

    def test_sound_where_pictures_are_needed(self) -> None:
        with pytest.raises(UnsupportedMedia, match="only sound"):
            read_frames(sample("speech"))

    def test_no_sound(self, film: Callable[..., Path]) -> None:
        with pytest.raises(UnsupportedMedia, match="no sound"):
            read_audio(film())

    def test_a_playlist_named_like_a_video(self, tmp_path: Path) -> None:
        secret = tmp_path / "secret.ts"
        secret.write_bytes(b"secret")
        path = tmp_path / "film.mp4"
        path.write_text(f"#EXTM3U\n#EXTINF:1,\nfile://{secret}\n#EXT-X-ENDLIST\n")

        with pytest.raises(UnsupportedMedia, match="HLS playlist"):
            read_frames(path)

    def test_a_name_that_looks_like_an_address(
        self, film: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        film().rename(tmp_path / "concat:a|b%03d.mp4")
        monkeypatch.chdir(tmp_path)

        assert len(times_of(Path("concat:a|b%03d.mp4"))) == 10


class TestProbe:
    """What a file holds."""

    def test_video_with_sound(self) -> None:
        info = probe(sample("video"))

        assert info.format == "mp4"
        assert info.duration == pytest.approx(5.62, abs=0.02)
        assert info.video is not None
        assert (info.video.width, info.video.height, info.video.nominal_rate) == (480, 360, 25.0)
        assert info.audio is not None
        assert (info.audio.rate, info.audio.channels) == (16_000, 1)

    def test_sound(self) -> None:
        info = probe(sample("speech"))

        assert (info.format, info.video, info.is_image) == ("wav", None, False)

    def test_cover_art_is_no_video(self, tmp_path: Path) -> None:
        path = tmp_path / "song.mp3"
        with av.open(path, "w") as target:
            sound = target.add_stream("libmp3lame", rate=16_000, layout="mono")
            cover = target.add_stream("png", rate=1)
            cover.width, cover.height, cover.pix_fmt = 32, 32, "rgb24"
            cover.disposition = av.stream.Disposition.attached_pic
            picture = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
            target.mux(cover.encode(picture))
            target.mux(cover.encode(None))
            for at in range(0, 16_000, 1000):
                piece = av.AudioFrame.from_ndarray(np.zeros((1, 1000), np.float32), "fltp", "mono")
                piece.sample_rate, piece.pts = 16_000, at
                target.mux(sound.encode(piece))
            target.mux(sound.encode(None))

        assert probe(path).video is None
