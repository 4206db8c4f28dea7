"""The sound of a file as one unbroken signal; runs inside the decoding process."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from av.audio.layout import AudioLayout
from av.audio.resampler import AudioResampler
from av.error import FFmpegError

from affectscope.media.demux import Media, Refusal, is_wrong, time_of

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream

AUDIO_HEADER = struct.Struct("<dI")
"""Start time of a chunk, and its channels."""

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
        media: The open file; its job has `rate`, `chunk_seconds`, and `most_channels`: a file of
            more channels than that is mixed into one.
        send: Takes a header and a buffer of float32 samples, those of all channels in turn.

    Raises:
        Refusal: There is no sound, or none of it can be decoded, or it lasts too long.
    """
    audio = media.audio
    if audio is None:
        raise Refusal("unsupported", "it has no sound; an audio stream is needed")
    rate: int = media.job["rate"]
    wanted = max(1, round(media.job["chunk_seconds"] * rate))
    most = media.job["limits"]["seconds"]
    held = bytearray()
    start: float | None = None
    sent, width = 0, SAMPLE
    for time, form, samples in _signal(media, audio, rate):
        if start is None:
            start, width = time, form.width
        held += samples
        size = wanted * width
        while len(held) >= size:
            send(AUDIO_HEADER.pack(start + sent / rate, width // SAMPLE), held[:size])
            del held[:size]
            sent += wanted
            if start + sent / rate > most:
                raise Refusal("undecodable", f"it lasts more than {most} s")
    if held and start is not None:
        send(AUDIO_HEADER.pack(start + sent / rate, width // SAMPLE), held)
    elif start is None:
        raise Refusal("empty", "its sound has no samples")


@dataclass(frozen=True)
class Form:
    """How samples come out of the resampler: samples a second, and the layout of the channels."""

    rate: int
    layout: AudioLayout

    @property
    def width(self) -> int:
        """Bytes of one moment: a float32 for each channel."""
        return SAMPLE * self.layout.nb_channels

    def resampler(self) -> AudioResampler:
        """Return a resampler of which nothing was asked yet."""
        # Without the cap on the mixing matrix, equal channels would come out 3 dB louder.
        return AudioResampler(
            format="flt", layout=self.layout, rate=self.rate, options={"rematrix_maxval": "1.0"}
        )


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


def _signal(media: Media, audio: AudioStream, rate: int) -> Iterator[tuple[float, Form, bytes]]:
    """Yield (time of the first sample of all, form, float32 bytes) without gap or overlap."""
    splice = Splice(media.latest)
    form = Form(rate, AudioLayout("mono"))
    resampler: AudioResampler | None = None
    setting: tuple[str, str, int] | None = None
    for frame in media.decode(audio):
        length = frame.samples / frame.sample_rate
        gap, cut = splice.place(time_of(frame, media, audio), length)
        start = splice.start or 0.0
        now = (frame.format.name, frame.layout.name, frame.sample_rate)
        if setting is None and 1 < frame.layout.nb_channels <= media.job["most_channels"]:
            # What comes later is brought to the channels of the first frame.
            form = Form(rate, frame.layout)
        if resampler is None or gap or cut or now != setting:
            for piece in _convert(resampler, None, form):
                yield start, form, piece
            resampler, setting = form.resampler(), now
        for piece in _silence(round(gap * rate), form):
            yield start, form, piece
        surplus = round(cut * rate) * form.width
        try:
            for piece in _convert(resampler, frame, form):
                yield start, form, piece[surplus:]
                surplus = max(0, surplus - len(piece))
        except FFmpegError:
            # A damaged header may announce channels that cannot be mixed.
            media.damaged += 1
            resampler = None
            for piece in _silence(round((length - cut) * rate), form):
                yield start, form, piece
    for piece in _convert(resampler, None, form):
        yield splice.start or 0.0, form, piece


def _convert(
    resampler: AudioResampler | None, frame: AudioFrame | None, form: Form
) -> Iterator[bytes]:
    if resampler is None:
        return
    if frame is not None:
        frame.pts = None  # order alone counts here; times are kept by the caller
    for converted in resampler.resample(frame):
        if converted is not None:
            yield bytes(converted.planes[0])[: converted.samples * form.width]


def _silence(samples: int, form: Form) -> Iterator[bytes]:
    """Yield zeros in pieces of at most ten seconds, so that a long gap costs no memory."""
    while samples > 0:
        piece = min(samples, 10 * form.rate)
        yield bytes(piece * form.width)
        samples -= piece
