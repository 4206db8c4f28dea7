"""The pictures of an image sequence, one file after the other; runs inside the decoding process."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any

import av
from av.error import FFmpegError

from affectscope.media.demux import Refusal, check_pixels, explain, open_options
from affectscope.media.orientation import exif_turn, turn_of
from affectscope.media.pictures import Picture, pixel_aspect
from affectscope.media.sequences import open_images
from affectscope.media.signature import HEAD, kind_of
from affectscope.media.timing import Sampler


class Sequence:
    """The images of a folder or an archive, shown at a stated rate.

    Images may differ in size and format. One that cannot be decoded is left out and keeps its place
    in time; the one before it stands until the next.

    Args:
        job: The job as sent by the parent; `rate` is in images a second.
        logs: FFmpeg's messages.
        heartbeat: Called between images, to show that work goes on.

    Attributes:
        damaged: Images that could not be decoded so far.

    Raises:
        Refusal: It holds no images, cannot be read, or exceeds a limit.
    """

    def __init__(
        self,
        job: dict[str, Any],
        logs: list[tuple[int, str, str]],
        heartbeat: Callable[[], None],
    ) -> None:
        self._limits = job["limits"]
        self._rate: float = job["sequence_rate"]
        self._logs = logs
        self._heartbeat = heartbeat
        self._images = open_images(job["path"], self._limits)
        self.damaged = 0
        if not self._images.names:
            raise Refusal(
                "unsupported",
                f"it holds no images (.png, .jpg, .webp, .bmp, .tiff or .avif) among its "
                f"{len(self._images.others)} files",
            )
        if self.duration > self._limits["seconds"]:
            raise Refusal(
                "undecodable",
                f"it lasts {self.duration:.0f} s, more than {self._limits['seconds']:.0f} s",
            )

    @property
    def duration(self) -> float:
        """Seconds that all images last."""
        return len(self._images.names) / self._rate

    def pictures(self, fps: float | None) -> Iterator[tuple[float, Picture]]:
        """Yield the time and the picture of each image that is taken; others are not decoded.

        Args:
            fps: Most a second; None for all.

        Raises:
            Refusal: An image exceeds a limit, or none can be decoded.
        """
        sampler = Sampler(fps)
        before: Picture | None = None
        for index in range(len(self._images.names)):
            self._heartbeat()
            time = index / self._rate
            if before is not None and not sampler.wants(time):
                continue
            picture = self._decode(index, before)
            if picture is None:
                self.damaged += 1
                continue
            sampler.take(time)
            before = picture
            yield time, picture
        if before is None:
            raise Refusal("undecodable", f"none of its {self.damaged} images can be decoded")

    def stream(
        self,
        taken: Iterator[tuple[float, Picture]],
        send: Callable[[bytes, Any], None],
    ) -> None:
        """Send pictures, each once the time of the next one is known."""
        time, picture = next(taken)
        for later, following in taken:
            picture.send(time, later, send)
            time, picture = later, following
        picture.send(time, self.duration, send)

    def _decode(self, index: int, before: Picture | None) -> Picture | None:
        """Decode one image; None where it is damaged or none at all."""
        data = self._images.read(index)
        signature = kind_of(data[:HEAD]) if data else None
        if data is None or signature is None or not signature.is_image:
            return None
        if signature.format == "jpeg" and b"\xff\xd9" not in data[-65536:]:
            return None  # FFmpeg would fill the missing part with grey
        self._logs.clear()
        try:
            with av.open(
                io.BytesIO(data),
                "r",
                format=signature.demuxer,
                options=open_options(signature.demuxer, self._limits),
                metadata_errors="replace",
            ) as container:
                video = container.streams.video[0]
                check_pixels(container, self._limits)
                # Beyond the limit FFmpeg has not even seen a size, and must not decode either.
                frame = next(container.decode(video), None) if video.width else None
                if frame is None:
                    self._check_limit()
                    return None
                # To ask a frame for its matrix ties it into a cycle, which keeps it for a while.
                file = io.BytesIO(data)
                turn = turn_of(frame, file) if signature.format == "avif" else exif_turn(file)
                return Picture(frame, pixel_aspect(video), turn, before)
        except (FFmpegError, IndexError):
            self._check_limit()
            return None

    def _check_limit(self) -> None:
        """Refuse an image that exceeds the limit; any other is damaged."""
        if limit := explain(self._logs, self._limits, ""):
            raise Refusal("undecodable", limit)
