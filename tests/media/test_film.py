"""Pictures become a film with their own times, and sound goes along as it is."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from affectscope.errors import InvalidValue, UndecodableMedia
from affectscope.media import Frame, probe, read_audio, read_frames
from affectscope.media.film import FilmWriter

UNEVEN = (0, 40, 100, 400, 433, 900)
"""Milliseconds of frames whose distances vary."""


def picture(index: int, width: int = 64, height: int = 48) -> np.ndarray:
    image = np.full((height, width, 3), 40, np.uint8)
    image[:, : width // 2] = (200, 60 + 20 * index, 30)
    return image


def frames(times: tuple[int, ...] = UNEVEN, **size: int) -> list[Frame]:
    ends = (*times[1:], times[-1] + 100)
    return [
        Frame(start / 1000, end / 1000, picture(index, **size), index)
        for index, (start, end) in enumerate(zip(times, ends, strict=True))
    ]


def write(path: Path, sound: Path | None = None, **size: int) -> Path:
    with FilmWriter(path, sound) as writer:
        for frame in frames(**size):
            writer.add(frame, frame.image)
    return path


def packets(path: Path) -> list[bytes]:
    with av.open(path) as source:
        return [bytes(one) for one in source.demux(audio=0) if one.size]


class TestPictures:
    @pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.mkv"])
    def test_times_are_those_of_the_frames(self, tmp_path: Path, name: str) -> None:
        with read_frames(write(tmp_path / name), None) as reader:
            read = [(frame.time, frame.end) for frame in reader]

        assert [time for time, _ in read] == pytest.approx([one / 1000 for one in UNEVEN], abs=1e-3)
        assert [path.name for path in tmp_path.iterdir()] == [name]

    def test_colours_stay(self, tmp_path: Path) -> None:
        with read_frames(write(tmp_path / "a.mp4"), None) as reader:
            image = list(reader)[3].image

        assert image[24, 10] == pytest.approx(np.array([200, 120, 30]), abs=8)
        assert image[24, 60] == pytest.approx(np.array([40, 40, 40]), abs=8)

    def test_odd_sides_lose_a_pixel(self, tmp_path: Path) -> None:
        video = probe(write(tmp_path / "a.mp4", width=65, height=49)).video

        assert video is not None
        assert (video.width, video.height) == (64, 48)

    def test_pictures_of_another_size_are_scaled_to_the_first(self, tmp_path: Path) -> None:
        first, second = frames((0, 100))
        with FilmWriter(tmp_path / "a.mp4", None) as film:
            film.add(first, first.image)
            film.add(second, picture(1, 128, 96))

        with read_frames(tmp_path / "a.mp4", None) as reader:
            assert [frame.image.shape for frame in reader] == [(48, 64, 3)] * 2


class TestSound:
    def test_packets_are_copied(self, film: Callable[..., Path], tmp_path: Path) -> None:
        source = film(tones=[(0, 1.0)])

        copy = write(tmp_path / "copy.mp4", source)

        assert packets(copy) == packets(source)

    def test_times_that_go_back_are_left_out(
        self, film: Callable[..., Path], tmp_path: Path
    ) -> None:
        source = film("twice.ts", tones=[(0, 1.0)])
        source.write_bytes(source.read_bytes() * 2)

        copy = write(tmp_path / "copy.mp4", source)

        assert probe(copy).duration == pytest.approx(1.0, abs=0.15)

    def test_it_stays_where_it_was(self, film: Callable[..., Path], tmp_path: Path) -> None:
        """Pictures start at 2 s on the clock of the container, the tone half a second later."""
        source = film("late.mkv", range(2000, 3000, 100), tones=[(2500, 0.5)])

        copy = write(tmp_path / "copy.mkv", source)

        with read_audio(source) as before, read_audio(copy) as after:
            assert next(after).start == pytest.approx(next(before).start, abs=0.002)

    @pytest.mark.parametrize(
        ("name", "codec", "out"),
        [("tone.avi", "adpcm_ms", "copy.mp4"), ("tone.webm", "libopus", "copy.mov")],
    )
    def test_a_codec_that_does_not_fit_is_encoded_anew(
        self, tmp_path: Path, name: str, codec: str, out: str
    ) -> None:
        source = tmp_path / name
        with av.open(source, "w") as target:
            stream = target.add_stream(codec, rate=16_000, layout="mono")
            wave = np.sin(np.arange(16_000) * 2 * np.pi * 440 / 16_000)
            frame = av.AudioFrame.from_ndarray(
                np.int16(wave * 20_000)[None], format="s16", layout="mono"
            )
            frame.sample_rate, frame.pts, frame.time_base = 16_000, 0, Fraction(1, 16_000)
            target.mux(stream.encode(frame))
            target.mux(stream.encode(None))

        copy = write(tmp_path / out, source)

        with av.open(copy) as made:
            assert made.streams.audio[0].codec_context.name == "aac"
        with read_audio(copy) as chunks:
            samples = np.concatenate([chunk.samples for chunk in chunks])
        assert len(samples) / 16_000 == pytest.approx(1.0, abs=0.05)
        loudness = np.sqrt(np.mean(samples[2000:-2000] ** 2))
        assert loudness == pytest.approx(20_000 / 32_768 / np.sqrt(2), abs=0.05)


class TestFailure:
    @pytest.mark.parametrize("name", ["a.avi", "film"])
    def test_another_ending_is_refused_with_the_valid_ones(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(InvalidValue, match=r"valid: \.mp4, \.m4v, \.mov, \.mkv"):
            FilmWriter(tmp_path / name, None)

    def test_what_is_not_complete_is_not_there(self, tmp_path: Path) -> None:
        old = tmp_path / "a.mp4"
        old.write_bytes(b"before")
        film = FilmWriter(old, None)
        with suppress(ZeroDivisionError), film:
            film.add(frames()[0], frames()[0].image)
            raise ZeroDivisionError

        assert old.read_bytes() == b"before"
        assert list(tmp_path.iterdir()) == [old]

    def test_sound_that_cannot_be_read_leaves_nothing(self, tmp_path: Path) -> None:
        broken = tmp_path / "broken.wav"
        broken.write_bytes(b"RIFF\x00\x00\x00\x00WAVE")
        with pytest.raises(UndecodableMedia, match="this wav file"):
            FilmWriter(tmp_path / "a.mp4", broken)

        assert list(tmp_path.iterdir()) == [broken]

    def test_without_pictures_there_is_no_film(self, tmp_path: Path) -> None:
        with FilmWriter(tmp_path / "a.mp4", None):
            pass

        assert list(tmp_path.iterdir()) == []
