"""Pictures written as a film at their own times, with the sound of another file beside them."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import av
import numpy as np
from av.error import FFmpegError
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from numpy.typing import NDArray

from affectscope.errors import InvalidValue, UndecodableMedia
from affectscope.media.demux import Refusal, open_media
from affectscope.media.limits import DEFAULT_LIMITS
from affectscope.media.readers import read_audio
from affectscope.media.signature import identify
from affectscope.media.streams import Frame

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.packet import Packet

FILM_FORMATS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska"}
"""Endings of films that are written, and FFmpeg's name for each."""

TICK = Fraction(1, 90_000)
"""Seconds of the clock of the pictures, as in MPEG: all usual rates fall on it or close to it."""

SOUND_RATE = 48_000
"""Samples a second of sound that has to be encoded anew."""

_COPIED = {
    "mp4": frozenset(("aac", "mp3", "ac3", "eac3", "alac", "flac", "opus")),
    "mov": frozenset(("aac", "mp3", "ac3", "alac", "pcm_s16le", "pcm_s16be", "pcm_s24le")),
}
"""Codecs of sound that players take in a container; others are encoded anew. FFmpeg itself claims
more than it writes."""

_OPTIONS = {"preset": "veryfast", "crf": "20"}


class FilmWriter:
    """Writes H.264 into a file that is there only once it is complete; a context manager.

    Without any picture there is no file.

    Sound is copied as it is, packet by packet. Where the new file cannot hold its codec, it is
    decoded and written as AAC, mono. Its packets are found in this process, though not decoded
    here: this is for files of one's own, not for what strangers send.

    Args:
        path: What to write; ends as one of `FILM_FORMATS`.
        sound: The file whose sound goes along, None for none. It must have sound.

    Raises:
        InvalidValue: Another ending.
        NotFound, EmptyInput, UnsupportedMedia, UndecodableMedia: The sound cannot be read.
    """

    def __init__(self, path: str | os.PathLike[str], sound: str | os.PathLike[str] | None) -> None:
        self._path = Path(path)
        check_film(self._path)
        self._part = self._path.with_name(f".{self._path.name}.{os.getpid()}.part")
        form = FILM_FORMATS[self._path.suffix.lower()]
        options = {} if form == "matroska" else {"movflags": "+faststart"}
        self._target: OutputContainer = av.open(self._part, "w", format=form, options=options)
        try:
            self._stream = self._target.add_stream("libx264", rate=30, options=_OPTIONS)
            self._sound = iter(()) if sound is None else _sound(os.fspath(sound), self._target)
        except BaseException:
            self._abandon()
            raise
        self._waiting = next(self._sound, None)
        self._scaler = VideoReformatter()
        self._size: tuple[int, int] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if error is None and self._size is not None:
                self._target.mux(self._stream.encode(None))
                self._mux_sound(None)
                self._target.close()
                self._part.replace(self._path)
        finally:
            self._abandon()

    def _abandon(self) -> None:
        with suppress(FFmpegError):
            self._target.close()
        self._part.unlink(missing_ok=True)

    def add(self, frame: Frame, image: NDArray[np.uint8]) -> None:
        """Write a picture.

        Args:
            frame: Whose times it bears, later than the one before.
            image: uint8 [height, width, 3], red, green, blue. The first one decides the size of the
                film, less one where a side is odd; others are scaled to it.
        """
        height, width = image.shape[:2]
        if self._size is None:
            self._size = (max(2, width - width % 2), max(2, height - height % 2))
            self._begin(*self._size)
        self._mux_sound(frame.time)
        if (width - width % 2, height - height % 2) == self._size:
            image = image[: self._size[1], : self._size[0]]
        picture = self._scaler.reformat(
            av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24"),
            *self._size,
            "yuv420p",
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
        )
        picture.pts = round(frame.time / TICK)
        picture.duration = max(1, round(frame.end / TICK) - picture.pts)
        picture.time_base = TICK
        self._target.mux(self._stream.encode(picture))

    def _begin(self, width: int, height: int) -> None:
        self._stream.width, self._stream.height = width, height
        self._stream.pix_fmt = "yuv420p"
        context = self._stream.codec_context
        context.time_base = self._stream.time_base = TICK
        context.colorspace, context.color_range = Colorspace.ITU709, ColorRange.MPEG

    def _mux_sound(self, until: float | None) -> None:
        """Write the sound up to a time, None for all of it."""
        while self._waiting is not None and (until is None or self._waiting[0] <= until):
            self._target.mux(self._waiting[1])
            self._waiting = next(self._sound, None)


def check_film(path: Path) -> None:
    """Raise `InvalidValue` where no film of that name can be written."""
    if path.suffix.lower() not in FILM_FORMATS:
        raise InvalidValue(
            f"cannot write a film as {path.suffix.lower() or path.name!r}; "
            f"valid: {', '.join(FILM_FORMATS)}"
        )


Timed = tuple[float, "list[Packet[Any]] | Packet[Any]"]
"""When packets begin, in seconds on our clock, and the packets."""


def _sound(path: str, target: OutputContainer) -> Iterator[Timed]:
    """Add a stream of sound to a film and return the iterator of its packets."""
    signature = identify(path)
    job = {
        "path": os.path.abspath(path),
        "limits": asdict(DEFAULT_LIMITS),
        **asdict(signature),
    }
    try:
        media = open_media(job, [], lambda: None)
    except Refusal as refusal:
        raise UndecodableMedia(f"this {signature.noun}: {refusal.detail}") from refusal
    source = media.audio
    assert source is not None
    copied = _COPIED.get(target.format.name, target.supported_codecs)
    context = source.codec_context
    if context is None or context.codec.canonical_name not in copied:
        media.container.close()
        return _encoded(path, target)
    copy = target.add_stream_from_template(source)

    def packets() -> Iterator[Timed]:
        last = -math.inf
        # A cut file ends earlier; PyAV stumbles at the end where streams have appeared on the way.
        with media.container as container, suppress(FFmpegError, IndexError):
            for packet in container.demux(source):
                if packet.pts is None or packet.dts is None or packet.time_base is None:
                    continue
                if packet.dts <= last:
                    continue  # no container takes times that go back
                last = packet.dts
                shift = round(media.origin / packet.time_base)
                packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
                time = float(packet.dts * packet.time_base)
                packet.stream = copy
                yield time, packet

    return packets()


def _encoded(path: str, target: OutputContainer) -> Iterator[Timed]:
    stream = target.add_stream("aac", rate=SOUND_RATE, layout="mono")

    def packets() -> Iterator[Timed]:
        with read_audio(path, SOUND_RATE, chunk_seconds=1.0) as chunks:
            for chunk in chunks:
                frame = av.AudioFrame.from_ndarray(chunk.samples[None], "fltp", "mono")
                frame.sample_rate = SOUND_RATE
                frame.pts = round(chunk.start * SOUND_RATE)
                frame.time_base = Fraction(1, SOUND_RATE)
                yield chunk.start, stream.encode(frame)
        yield math.inf, stream.encode(None)

    return packets()
