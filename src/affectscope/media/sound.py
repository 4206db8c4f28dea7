"""The sound of a file as one unbroken mono signal; runs inside the decoding process."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from av.audio.resampler import AudioResampler

from affectscope.media.demux import Media, Refusal, time_of
from affectscope.media.pictures import JUMP

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


def _signal(media: Media, audio: AudioStream, rate: int) -> Iterator[tuple[float, bytes]]:
    """Yield (time of the first sample of all, float32 bytes) without gap or overlap."""
    start: float | None = None
    count = 0
    shift = 0.0
    resampler: AudioResampler | None = None
    setting: tuple[str, str, int] | None = None
    taken = 0.0

    for frame in media.decode(audio):
        now = (frame.format.name, frame.layout.name, frame.sample_rate)
        length = frame.samples / frame.sample_rate
        time = time_of(frame, media, audio)
        if start is None:
            start = max(0.0, time or 0.0)
            taken = time if time is not None else 0.0
            lead = start - taken
            count = -round(lead * rate)
        if time is None:
            time = taken
        elif time + shift < taken - JUMP:
            shift = taken - time
        time += shift
        if time + length < taken - TOLERANCE:
            continue
        if now != setting or abs(time - taken) > TOLERANCE:
            if resampler is not None:
                for piece in _convert(resampler, None):
                    count += len(piece) // SAMPLE
                    yield start, piece
            resampler, setting = _resampler(rate), now
        if time - taken > TOLERANCE:
            for piece in _silence(round((time - start) * rate) - count, rate):
                count += len(piece) // SAMPLE
                yield start, piece
            taken = time
        assert resampler is not None
        overlap = max(0, round((taken - time) * rate)) if taken - time > TOLERANCE else 0
        for piece in _convert(resampler, frame):
            skip = min(overlap, len(piece) // SAMPLE)
            overlap -= skip
            piece = piece[skip * SAMPLE :]
            if count < 0:
                lead_samples = min(-count, len(piece) // SAMPLE)
                count += lead_samples
                piece = piece[lead_samples * SAMPLE :]
            count += len(piece) // SAMPLE
            if piece:
                yield start, piece
        taken = max(taken, time + length) if abs(time - taken) > TOLERANCE else taken + length
    if resampler is not None and start is not None:
        for piece in _convert(resampler, None):
            yield start, piece


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
