"""What one decoding job may cost."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Caps of one decoding job; beyond any of them the file counts as undecodable.

    Attributes:
        pixels: Most pixels in one picture.
        streams: Most streams in one file.
        seconds: Longest duration in seconds.
        cpu_seconds: Most seconds of processor time, all threads of the decoder together.
        memory_bytes: Most address space of the decoding process.
        stall_seconds: Longest silence of the decoding process before it is killed.
        entries: Most files in an image sequence.
        image_bytes: Most bytes of one image of a sequence, unpacked.
        archive_bytes: Most bytes of all images of a ZIP archive together, unpacked.
    """

    pixels: int = 64_000_000
    streams: int = 32
    seconds: float = 12 * 3600.0
    cpu_seconds: int = 1800
    memory_bytes: int = 4 * 1024**3
    stall_seconds: float = 60.0
    entries: int = 100_000
    image_bytes: int = 256 * 1024**2
    archive_bytes: int = 16 * 1024**3


DEFAULT_LIMITS = Limits()
"""Room for half a day of sound or video, an hour of numbered images, and for any ordinary camera."""
