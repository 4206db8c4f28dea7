"""Sound that comes through a pipe while it is made; runs inside the decoding process."""

from __future__ import annotations

import os
import select
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from av.audio.resampler import AudioResampler
from av.error import FFmpegError

from affectscope.media.demux import Media, Refusal

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame

_SAMPLE = 4
"""Bytes of one float32."""


class Pipe:
    """The reading end of a pipe, as a file that is read once.

    Args:
        descriptor: The pipe.
        wait: Told how many bytes were taken so far, whenever all that came is used up.
    """

    def __init__(self, descriptor: int, wait: Callable[[int], None]) -> None:
        self._descriptor = descriptor
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLIN)
        self._wait = wait
        self._taken = 0

    def read(self, size: int) -> bytes:
        """Return up to so many bytes once there are any; none at the end."""
        if not self._poll.poll(0):
            self._wait(self._taken)
        piece = os.read(self._descriptor, size)
        self._taken += len(piece)
        return piece


def stream_piped(media: Media, send: Callable[[bytes], None]) -> None:
    """Send the sound of an open pipe as mono, as soon as it can be decoded.

    Samples are put together one after the other, whatever their time stamps say: a stamp of another
    day would stand for a day of silence.

    Args:
        media: Opened from a `Pipe`; its job has `rate`.
        send: Takes float32 samples.

    Raises:
        Refusal: There is no sound, or none of it can be decoded, or it lasts too long.
    """
    if media.audio is None:
        raise Refusal("unsupported", "it has no sound; an audio stream is needed")
    rate: int = media.job["rate"]
    most = media.job["limits"]["seconds"]
    resampler, setting, sent = None, None, 0
    for frame in media.decode(media.audio):
        now = (frame.format.name, frame.layout.name, frame.sample_rate)
        if resampler is None or now != setting:
            # Without the cap on the mixing matrix, equal channels would come out 3 dB louder.
            resampler = AudioResampler(
                format="flt", layout="mono", rate=rate, options={"rematrix_maxval": "1.0"}
            )
            setting = now
        try:
            samples = _converted(resampler, frame)
        except FFmpegError:
            # A damaged header may announce channels that cannot be mixed.
            media.damaged += 1
            resampler = None
            continue
        if samples:
            send(samples)
            sent += len(samples) // _SAMPLE
        if sent > most * rate:
            raise Refusal("undecodable", f"it lasts more than {most} s")
    if resampler is not None and (rest := _converted(resampler, None)):
        send(rest)
        sent += len(rest) // _SAMPLE
    if not sent:
        raise Refusal("empty", "its sound has no samples")


def _converted(resampler: AudioResampler, frame: AudioFrame | None) -> bytes:
    """Return the samples that come out for a frame; for None, those that were held back."""
    if frame is not None:
        frame.pts = None
    found: list[Any] = resampler.resample(frame)
    return b"".join(
        bytes(one.planes[0])[: one.samples * _SAMPLE] for one in found if one is not None
    )
