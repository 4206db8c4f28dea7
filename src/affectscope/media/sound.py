"""The sound of a file as one unbroken mono signal; runs inside the decoding process."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from av.audio.resampler import AudioResampler
from av.error import FFmpegError

from affectscope.media.demux import Media, Refusal, is_wrong, time_of

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream

AUDIO_HEADER = struct.Struct("<d")
"""Start time of a chunk."""

TOLERANCE = 0.05
"""Seconds that time stamps may disagree with the number of samples before they are believed."""

SAMPLE = 4
"""Bytes of one float32."""


def describe(media: Media) -> dict[str, Any] | None:
    """Describe the sound as stored; None where there is none."""
    audio = media.audio
    if audio is None or audio.codec_context is None:
        return None
    return {"rate": audio.sample_rate, "channels": audio.channels}


def stream_audio(media: Media, send: Callable[[bytes, Any], None]) -> None:
    """Send the sound in chunks.

    Where time stamps leave a gap, silence fills it; where they overlap, the repeated part is
    dropped. So each chunk starts where the one before ended, and the clock stays the file's.

    Args:
        media: The open file; its job has `rate` and `chunk_seconds`.
        send: Takes a header and a buffer of float32 samples.

    Raises:
        Refusal: There is no sound, or none of it can be decoded, or it lasts too long.
    """
    audio = media.audio
    if audio is None:
        raise Refusal("unsupported", "it has no sound; an audio stream is needed")
    rate: int = media.job["rate"]
    size = max(1, round(media.job["chunk_seconds"] * rate)) * SAMPLE
    most = media.job["limits"]["seconds"]
    held = bytearray()
    start: float | None = None
    sent = 0
    for time, samples in _signal(media, audio, rate):
        if start is None:
            start = time
        held += samples
        while len(held) >= size:
            send(AUDIO_HEADER.pack(start + sent / rate), held[:size])
            del held[:size]
            sent += size // SAMPLE
            if start + sent / rate > most:
                raise Refusal("undecodable", f"it lasts more than {most} s")
    if held and start is not None:
        send(AUDIO_HEADER.pack(start + sent / rate), held)
    elif start is None:
        raise Refusal("empty", "its sound has no samples")


class Splice:
    """Joins frames of sound whose time stamps may leave gaps, overlap or start anew.

    Args:
        latest: Time after which no time stamp is believed.

    Attributes:
        start: Time of the first sample that counts, None before the first frame.
    """

    def __init__(self, latest: float = math.inf) -> None:
        self.start: float | None = None
        self._latest = latest
        self._next = 0.0
        self._shift = 0.0

    def place(self, time: float | None, length: float) -> tuple[float, float]:
        """Place the next frame.

        Args:
            time: Its time stamp in seconds, if it has one.
            length: Its length in seconds.

        Returns:
            Seconds of silence before it, and seconds to cut from its beginning.
        """
        if self.start is None:
            time = time or 0.0
            self.start = max(0.0, time)
            self._next = time + length
            return 0.0, min(length, self.start - time)
        if time is None:
            time = self._next - self._shift
        elif is_wrong(time + self._shift, self._next, self._latest):
            self._shift = self._next - time
        off = time + self._shift - self._next
        if abs(off) <= TOLERANCE:
            self._next += length
            return 0.0, 0.0
        self._next = max(self._next, self._next + off + length)
        return max(0.0, off), min(length, max(0.0, -off))


def _signal(media: Media, audio: AudioStream, rate: int) -> Iterator[tuple[float, bytes]]:
    """Yield (time of the first sample of all, float32 bytes) without gap or overlap."""
    splice = Splice(media.latest)
    resampler, setting = _resampler(rate), ("", "", 0)
    for frame in media.decode(audio):
        length = frame.samples / frame.sample_rate
        gap, cut = splice.place(time_of(frame, media, audio), length)
        start = splice.start or 0.0
        now = (frame.format.name, frame.layout.name, frame.sample_rate)
        if gap or cut or now != setting:
            for piece in _convert(resampler, None):
                yield start, piece
            resampler, setting = _resampler(rate), now
        for piece in _silence(round(gap * rate), rate):
            yield start, piece
        surplus = round(cut * rate) * SAMPLE
        try:
            for piece in _convert(resampler, frame):
                yield start, piece[surplus:]
                surplus = max(0, surplus - len(piece))
        except FFmpegError:
            # A damaged header may announce channels that cannot be mixed.
            media.damaged += 1
            resampler, setting = _resampler(rate), ("", "", 0)
            for piece in _silence(round((length - cut) * rate), rate):
                yield start, piece
    for piece in _convert(resampler, None):
        yield splice.start or 0.0, piece


def _resampler(rate: int) -> AudioResampler:
    # Without the cap on the mixing matrix, equal channels would come out 3 dB louder.
    return AudioResampler(
        format="flt", layout="mono", rate=rate, options={"rematrix_maxval": "1.0"}
    )


def _convert(resampler: AudioResampler, frame: AudioFrame | None) -> Iterator[bytes]:
    if frame is not None:
        frame.pts = None  # order alone counts here; times are kept by the caller
    for converted in resampler.resample(frame):
        if converted is not None:
            yield bytes(converted.planes[0])[: converted.samples * SAMPLE]


def _silence(samples: int, rate: int) -> Iterator[bytes]:
    """Yield zeros in pieces of at most ten seconds, so that a long gap costs no memory."""
    while samples > 0:
        piece = min(samples, 10 * rate)
        yield bytes(piece * SAMPLE)
        samples -= piece
