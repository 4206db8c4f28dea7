"""Sound that comes piece by piece while it is made, as one mono signal.

`PlainSound` takes bare samples, `PackedSound` a WebM or Ogg file that grows at its end. Where the
pieces are cut makes no difference to the signal.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray

from affectscope.errors import (
    EmptyInput,
    InvalidValue,
    MalformedRequest,
    UndecodableMedia,
    UnsupportedMedia,
)
from affectscope.media import process
from affectscope.media.limits import Limits
from affectscope.media.signature import kind_of

Samples = NDArray[np.float32]

LEAST_RATE, MOST_RATE = 8000, 48_000
"""Samples a second of bare samples."""

LIVE_LIMITS: Final = Limits(pixels=4_000_000, streams=4, memory_bytes=1024**3, stall_seconds=10.0)
"""What decoding a live stream may cost: it is listened to for half a day, and never works long."""

PACKED: Final = ("webm", "mkv", "ogg")
"""Formats that can be read while they grow."""

_BLOCKS: Final = 50
"""Blocks a second in which samples are resampled, so that it does not matter how they arrive."""

_SLICE: Final = 16 * 1024
"""Bytes that a pipe takes at once, on every system."""

_HEAD: Final = 64
"""Bytes that show what a stream is."""


class PlainSound:
    """Bare samples: 16-bit integers, little endian, one channel.

    Args:
        rate: Samples a second that come, `LEAST_RATE` to `MOST_RATE`.
        wanted: Samples a second that are wanted.

    Raises:
        InvalidValue: The rate is out of range.
    """

    damaged = 0
    truncated = False

    def __init__(self, rate: int, wanted: int = 16_000) -> None:
        if not LEAST_RATE <= rate <= MOST_RATE:
            raise InvalidValue(
                f"rate is {rate}; valid: {LEAST_RATE} to {MOST_RATE} samples a second", field="rate"
            )
        self._rate = rate
        self._block = rate // _BLOCKS
        self._rest: NDArray[np.int16] = np.zeros(0, np.int16)
        self._resampler = (
            None if rate == wanted else AudioResampler(format="flt", layout="mono", rate=wanted)
        )

    @staticmethod
    def check(piece: bytes) -> None:
        """Refuse what cannot be samples.

        Raises:
            MalformedRequest: Its number of bytes is odd.
        """
        if len(piece) % 2:
            raise MalformedRequest(
                f"the message has {len(piece)} bytes; valid: an even number, for a sample has two"
            )

    def feed(self, piece: bytes) -> Iterator[Samples]:
        """Yield the signal that a piece completes, float32 [n] in [-1, 1]."""
        samples = np.frombuffer(piece, "<i2").astype(np.int16, copy=False)
        if self._resampler is None:
            yield _scaled(samples)
            return
        samples = np.concatenate([self._rest, samples])
        whole = len(samples) // self._block * self._block
        self._rest = samples[whole:]
        for block in samples[:whole].reshape(-1, self._block):
            yield from self._resampled(block)

    def finish(self) -> Iterator[Samples]:
        """Yield what was held back."""
        if self._resampler is not None:
            if len(self._rest):
                yield from self._resampled(self._rest)
            yield from self._resampled(None)

    def close(self) -> None:
        """Nothing is held."""

    def _resampled(self, block: NDArray[np.int16] | None) -> Iterator[Samples]:
        assert self._resampler is not None
        frame = None
        if block is not None:
            frame = AudioFrame.from_ndarray(block[None], format="s16", layout="mono")
            frame.sample_rate = self._rate
        for converted in self._resampler.resample(frame):
            if converted is not None:
                yield converted.to_ndarray()[0]


def _scaled(samples: NDArray[np.int16]) -> Samples:
    return samples.astype(np.float32) / np.float32(32768)


class PackedSound:
    """A WebM or Ogg file that grows at its end, decoded in a process of its own.

    Args:
        wanted: Samples a second that are wanted.
        limits: What decoding may cost.

    Attributes:
        truncated: After the end: True where the stream breaks off.
        damaged: After the end: packets that could not be decoded and were left out.
    """

    def __init__(self, wanted: int = 16_000, limits: Limits = LIVE_LIMITS) -> None:
        self._wanted = wanted
        self._limits = limits
        self._head = b""
        self._written = 0
        self._decoder: process.Decoder | None = None
        self._ended = False
        self.truncated = False
        self.damaged = 0

    @staticmethod
    def check(piece: bytes) -> None:
        """Any bytes may be a piece."""

    def feed(self, piece: bytes) -> Iterator[Samples]:
        """Yield the signal that a piece completes, float32 [n], finite, nominally in [-1, 1].

        Raises:
            UnsupportedMedia: It is none of `PACKED`, or has no sound.
            UndecodableMedia: It cannot be decoded, or costs too much.
        """
        if self._decoder is None:
            self._head += piece
            if len(self._head) < _HEAD:
                return
            piece, self._head = self._head, b""
            self._decoder = self._begin(piece)
        for first in range(0, len(piece), _SLICE):
            if self._ended:
                raise UndecodableMedia(
                    f"the stream ends within the first {self._written} bytes, or cannot be read on"
                )
            part = piece[first : first + _SLICE]
            self._decoder.write(part)
            self._written += len(part)
            yield from self._decoded(self._decoder)

    def finish(self) -> Iterator[Samples]:
        """Yield what was held back, and close.

        Raises:
            EmptyInput: There was not one byte.
            UnsupportedMedia, UndecodableMedia: As `feed` says.
        """
        if self._decoder is None:
            if not self._head:
                raise EmptyInput("the stream has no bytes; valid: WebM or Ogg, with sound")
            self._decoder = self._begin(self._head)
            self._decoder.write(self._head)
            self._written = len(self._head)
        self._decoder.end_input()
        while not self._ended:
            yield from self._decoded(self._decoder)

    def close(self) -> None:
        """End the decoding process; may be called again."""
        if self._decoder is not None:
            self._decoder.close()

    def _begin(self, head: bytes) -> process.Decoder:
        signature = kind_of(head)
        if signature is None or signature.format not in PACKED:
            what = f"bytes of another kind ({head[:8].hex(' ')} ...)"
            if signature is not None:
                what = f"{signature.format}"
            raise UnsupportedMedia(
                f"the stream holds {what}; valid: {', '.join(PACKED)}", valid=list(PACKED)
            )
        decoder = process.nursery.take()
        decoder.begin("listen", None, signature, self._limits, rate=self._wanted)
        # Once it waits, it has read its job, and what is written next is no part of that.
        list(self._decoded(decoder))
        return decoder

    def _decoded(self, decoder: process.Decoder) -> Iterator[Samples]:
        """Yield what the process makes of all that it was given, until it waits for more."""
        while True:
            kind, payload = decoder.receive()
            if kind == b"S":
                samples = np.frombuffer(payload, np.float32)
                # A decoder of floats may give what is no number.
                yield np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)
            elif kind == b"E":
                ending = json.loads(bytes(payload))
                self.truncated, self.damaged = ending["truncated"], ending["damaged"]
                self._ended = True
                decoder.close()
                return
            elif int.from_bytes(payload, "little") == self._written:
                return
