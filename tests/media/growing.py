"""Streams as a browser's recorder writes them: files of sound that grow at their end."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from io import BytesIO

import av
import numpy as np
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray

RATE = 16_000


class _Sink:
    """Takes what is written and cannot be sought, like a network."""

    def __init__(self) -> None:
        self.written = BytesIO()

    def write(self, data: bytes) -> int:
        return self.written.write(data)


def growing(
    samples: NDArray[np.float32],
    form: str = "webm",
    *,
    layout: str = "mono",
    shift: float = 0.0,
    pictures: bool = False,
    sound: bool = True,
) -> bytes:
    """Return Opus in a stream of which no part was touched again once it was written.

    Args:
        samples: Mono float32 [n] in [-1, 1] at 16 kHz.
        form: Format of the stream: `webm` or `ogg`.
        layout: Channels, all alike.
        shift: Seconds by which the clock jumps halfway.
        pictures: Whether a picture stands before the sound.
        sound: Whether there is any.
    """
    sink = _Sink()
    options = {"live": "1"} if form == "webm" else {"page_duration": "200000"}
    with av.open(sink, "w", format=form, options=options) as target:
        video = target.add_stream("libvpx", rate=10) if pictures else None
        stream = target.add_stream("libopus", rate=48_000, layout=layout) if sound else None
        if video is not None:
            video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
            grey = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 90, np.uint8), "rgb24")
            grey.pts, grey.time_base = 0, Fraction(1, 10)
            for packet in (*video.encode(grey), *video.encode(None)):
                target.mux(packet)
        if stream is None:
            return _closed(target, sink)
        stream.codec_context.options = {"compression_level": "0"}
        turned = 0
        for packet in (*_encoded(stream, samples, layout), *stream.encode(None)):
            turned += packet.size > 0
            if packet.pts is not None and turned > len(samples) / RATE * 25:
                packet.pts = packet.dts = packet.pts + round(shift / packet.time_base)
            target.mux(packet)
        return _closed(target, sink)


def _closed(target: av.container.OutputContainer, sink: _Sink) -> bytes:
    target.close()
    return sink.written.getvalue()


def _encoded(
    stream: av.AudioStream, samples: NDArray[np.float32], layout: str
) -> Iterator[av.Packet]:
    resampler = AudioResampler(format="s16", layout=layout, rate=48_000)
    whole = (np.clip(samples, -1, 1) * 32767).astype(np.int16)[None]
    frame = av.AudioFrame.from_ndarray(whole, "s16", "mono")
    frame.sample_rate = RATE
    for one in (*resampler.resample(frame), *resampler.resample(None)):
        yield from stream.encode(one)


def cut(data: bytes, size: int) -> Iterator[bytes]:
    """Yield pieces of a size."""
    for first in range(0, len(data), size):
        yield data[first : first + size]
