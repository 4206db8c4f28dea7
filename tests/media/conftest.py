"""Media made on the spot; nothing here needs a file from elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from affectscope.media import Limits, decoder
from affectscope.media.signature import identify

MILLISECOND = Fraction(1, 1000)


def level(index: int) -> int:
    """Grey value that marks frame `index`."""
    return 20 + 12 * (index % 18)


def plain(index: int, width: int, height: int) -> np.ndarray:
    return np.full((height, width, 3), level(index), np.uint8)


class FilmMaker:
    """Writes small videos whose frames are told apart by their grey value."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(
        self,
        name: str = "film.mp4",
        times: Iterable[int] = range(0, 1000, 100),
        *,
        size: tuple[int, int] = (64, 48),
        codec: str = "libx264",
        pixels: str = "yuv420p",
        rotation: int | None = None,
        aspect: Fraction | None = None,
        picture: Callable[[int, int, int], np.ndarray] = plain,
        tones: Sequence[tuple[int, float]] = (),
        videos: int = 1,
        options: dict[str, str] | None = None,
        container: dict[str, str] | None = None,
    ) -> Path:
        """Write a video.

        Args:
            name: Its file name, which decides the container.
            times: Presentation times in milliseconds.
            size: Width and height as stored.
            codec: Name of the encoder.
            pixels: Format of its pixels.
            rotation: Display rotation in degrees counterclockwise.
            aspect: Width of a pixel over its height.
            picture: Makes the picture of frame `index` of `width` x `height`.
            tones: (start in milliseconds, seconds) of each stream of sound.
            videos: Number of equal video streams.
            options: Of the encoder.
            container: Options of the container.
        """
        path = self._folder / name
        width, height = size
        with av.open(path, "w", options=container or {}) as target:
            streams = []
            for _ in range(videos):
                stream = target.add_stream(codec, rate=25, options=options or {})
                stream.width, stream.height = size
                stream.pix_fmt = pixels
                stream.codec_context.time_base = MILLISECOND
                stream.time_base = MILLISECOND
                if aspect is not None:
                    stream.codec_context.sample_aspect_ratio = aspect
                if rotation is not None:
                    stream.set_display_rotation(rotation)
                streams.append(stream)
            sounds = [target.add_stream("aac", rate=16_000, layout="mono") for _ in tones]
            for index, time in enumerate(times):
                for stream in streams:
                    frame = av.VideoFrame.from_ndarray(
                        picture(index, width, height), format="rgb24"
                    )
                    frame.pts, frame.time_base = time, MILLISECOND
                    target.mux(stream.encode(frame))
            for stream in streams:
                target.mux(stream.encode(None))
            for sound, (start, seconds) in zip(sounds, tones, strict=True):
                for piece in sine_frames(round(seconds * 16_000), start=16 * start):
                    target.mux(sound.encode(piece))
                target.mux(sound.encode(None))
        return path


def to_pipe(path: Path, **options: str) -> Path:
    """Write a film's packets again as a recorder does that cannot go back: no length, no index."""
    data = bytearray()

    class Pipe:
        def write(self, piece: bytes) -> int:
            data.extend(piece)
            return len(piece)

    with (
        av.open(path) as source,
        av.open(Pipe(), "w", format=path.suffix[1:], options=options) as target,
    ):
        copies = {
            stream.index: target.add_stream_from_template(stream) for stream in source.streams
        }
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = copies[packet.stream_index]
                target.mux(packet)
    live = path.with_name(f"live_{path.name}")
    live.write_bytes(data)
    return live


def sine_frames(count: int, *, start: int = 0, rate: int = 16_000) -> Iterable[av.AudioFrame]:
    """Yield a tone of 440 Hz at half amplitude in frames of 1024 samples."""
    wave = (0.5 * np.sin(2 * np.pi * 440 * np.arange(count) / rate)).astype(np.float32)
    for at in range(0, count, 1024):
        frame = av.AudioFrame.from_ndarray(wave[None, at : at + 1024], "fltp", "mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, start + at, Fraction(1, rate)
        yield frame


@pytest.fixture
def film(tmp_path: Path) -> FilmMaker:
    return FilmMaker(tmp_path)


@pytest.fixture
def wav(tmp_path: Path) -> Callable[..., Path]:
    """Write samples, float32 [channels, n], as 16-bit WAV."""

    def write(samples: np.ndarray, rate: int = 16_000, name: str = "sound.wav") -> Path:
        path = tmp_path / name
        layout = {1: "mono", 2: "stereo", 6: "5.1", 10: "5.1.4"}[len(samples)]
        with av.open(path, "w") as target:
            stream = target.add_stream("pcm_s16le", rate=rate, layout=layout)
            if samples.shape[1]:
                packed = (samples.T * 32767).astype(np.int16).reshape(1, -1)
                frame = av.AudioFrame.from_ndarray(packed, "s16", layout)
                frame.sample_rate, frame.pts = rate, 0
                target.mux(stream.encode(frame))
            target.mux(stream.encode(None))
        return path

    return write


@pytest.fixture
def pcm(tmp_path: Path) -> Callable[..., Path]:
    """Write a tone with chosen time stamps: (start in milliseconds, seconds) of each part.

    A second channel has a quarter of the amplitude of the first.
    """

    def write(
        parts: Sequence[tuple[int, float]], name: str = "parts.mkv", layout: str = "mono"
    ) -> Path:
        path = tmp_path / name
        amplitudes = (0.5, 0.125) if layout == "stereo" else (0.5,)
        with av.open(path, "w") as target:
            stream = target.add_stream("pcm_s16le", rate=16_000, layout=layout)
            stream.time_base = MILLISECOND
            for start, seconds in parts:
                for at in range(0, round(seconds * 1000), 50):
                    tone = np.outer(np.sin(2 * np.pi * 440 * np.arange(800) / 16_000), amplitudes)
                    packet = av.Packet((tone * 32767).astype("<i2").tobytes())
                    packet.stream, packet.time_base = stream, MILLISECOND
                    packet.pts = packet.dts = start + at
                    packet.duration = 50
                    target.mux_one(packet)
        return path

    return write


@pytest.fixture
def decode_here() -> Callable[..., list[tuple[bytes, bytes]]]:
    """Do a decoding job in this process and return its messages."""

    def decode(
        task: str, path: Path, limits: Limits | None = None, **options: Any
    ) -> list[tuple[bytes, bytes]]:
        signature = identify(path)
        messages: list[tuple[bytes, bytes]] = []

        def send(kind: bytes, *buffers: Any) -> None:
            messages.append((kind, b"".join(bytes(buffer) for buffer in buffers)))

        job = {
            "task": task,
            "path": str(path),
            "format": signature.format,
            "demuxer": signature.demuxer,
            "is_image": signature.is_image,
            "is_sequence": signature.is_sequence,
            "sequence_rate": 25.0,
            "limits": asdict(limits or Limits()),
            "fps": None,
            "rate": 16_000,
            "chunk_seconds": 10.0,
            "most_channels": 1,
            **options,
        }
        decoder.run(job, send)
        return messages

    return decode
