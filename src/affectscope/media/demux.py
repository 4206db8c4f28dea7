"""Opening a file inside the decoding process, and the packets of its streams on one clock."""

from __future__ import annotations

import errno
import heapq
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import av
import av.logging
from av.error import FFmpegError

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.packet import Packet
    from av.stream import Stream
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

PRIMING = 0.5
"""Seconds before zero that are taken for the run-in of an audio codec, and cut."""

JUMP = 1.0
"""Seconds backwards from which time stamps are taken to have started anew."""

LEAP = 3600.0
"""Seconds forwards that are believed where a file does not say how long it is."""

MOST_DELAYED = 32
"""Frames that a decoder can hold back, to put them into order and to work on several at once."""

HONEST = ("mov", "matroska", "avi", "wav", "flac", "caf", "aiff")
"""Demuxers whose duration is written in the file; others estimate it from the bit rate."""

_LIMIT_LOGS: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(r"Picture size ([1-9]\d*)x([1-9]\d*)"),
        "its picture of {0}x{1} exceeds {pixels} pixels",
    ),
    (re.compile(r"exceeds max_streams"), "it has more than {streams} streams"),
    (re.compile(r"moov atom not found"), "it was cut off before its index (moov) was written"),
)
_CUT_LOGS = re.compile(r"partial file|ended prematurely|Truncat|truncat")


class Source(Protocol):
    """Something that is read like a file; without `seek` it is read once."""

    def read(self, size: int) -> bytes:
        """Return up to so many bytes, none at the end."""


class Refusal(Exception):
    """The file cannot be served; `kind` is `empty`, `unsupported` or `undecodable`."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail


@dataclass
class _Span:
    """How far the packets of one stream reach, in seconds."""

    start: float | None = None
    end: float = 0.0
    widest: float = 0.0

    def add(self, time: float, duration: float) -> None:
        if self.start is None:
            self.start = self.end = time
        self.widest = max(self.widest, duration, time - self.end)
        self.end = max(self.end, time + duration)


@dataclass
class Media:
    """An open file.

    Attributes:
        container: The open container.
        job: The job as sent by the parent.
        origin: Seconds of the container's clock that are zero for us: where its first stream starts.
        damaged: Packets that could not be decoded.
        cut: True once the file is seen to end before it should.
        heartbeat: Called between packets, to show that work goes on.
    """

    container: InputContainer
    job: dict[str, Any]
    logs: list[tuple[int, str, str]]
    heartbeat: Callable[[], None]
    origin: float = 0.0
    damaged: int = 0
    cut: bool = False
    _spans: dict[int, _Span] = field(default_factory=dict)

    @property
    def video(self) -> VideoStream | None:
        """The pictures; cover art of a sound file is none."""
        streams = [
            stream
            for stream in self.container.streams.video
            if not stream.disposition & av.stream.Disposition.attached_pic
        ]
        best = self.container.streams.best("video")
        return next((stream for stream in streams if stream is best), next(iter(streams), None))

    @property
    def audio(self) -> AudioStream | None:
        """The sound that a player would choose."""
        best = self.container.streams.best("audio")
        streams = self.container.streams.audio
        return next((stream for stream in streams if stream is best), next(iter(streams), None))

    @property
    def duration(self) -> float | None:
        """Seconds that the file claims to last."""
        # A GIF's is the sum of its delays as written, which are not always those that are shown.
        if self.job["is_image"] or self.job["format"] == "gif" or self.container.duration is None:
            return None
        return max(0.0, self.container.duration / av.time_base)

    @property
    def latest(self) -> float:
        """Time after which no time stamp is believed; infinite where the file states no length."""
        honest = self.container.format.name.startswith(HONEST)
        return self.duration + JUMP if honest and self.duration else math.inf

    def decode(self, stream: VideoStream | AudioStream) -> Iterator[Any]:
        """Yield decoded frames of one stream; damaged packets are counted and skipped.

        Frames without a presentation time get one. A decoder hands frames out in the order in which
        they are shown, so each takes the earliest decoding time that none before it took; where the
        codec keeps the order of storage, it is its own. Sets `cut` at the end.

        Raises:
            Refusal: The decoder ran out of memory, or decoded nothing of what was there.
        """
        if stream.codec_context is None:
            raise Refusal("unsupported", f"its {stream.type} codec has no decoder here")
        decoded = packets = 0
        # AVI knows decoding times only; what FFmpeg guesses from them is out of order.
        guessed = self.container.format.name == "avi" and stream.type == "video"
        reorders = stream.codec_context.codec.reorder
        stored: list[int] = []
        for packet in self._packets():
            if packet is not None and packet.stream_index != stream.index:
                continue
            packets += packet is not None and packet.size > 0
            if reorders and packet is not None and packet.dts is not None:
                heapq.heappush(stored, packet.dts)
            try:
                frames = stream.codec_context.decode(packet)
            except FFmpegError as error:
                self._count_damage(error)
                frames = []
            for frame in frames:
                decoded += 1
                time = heapq.heappop(stored) if stored else frame.dts
                if guessed or frame.pts is None:
                    frame.pts = time
                yield frame
            if len(stored) > MOST_DELAYED:
                heapq.heappop(stored)  # its frame was lost
        if packets and not decoded:
            nothing = f"none of its {stream.type} can be decoded"
            if self.job["is_image"]:
                nothing = "its picture is cut off, damaged, or of a kind that cannot be decoded"
            raise Refusal("undecodable", self.explain(nothing))
        self.cut = self.cut or self._falls_short()

    def _packets(self) -> Iterator[Packet[Stream] | None]:
        """Yield packets of all streams, then None to flush; an error ends the file early."""
        packets = self.container.demux()
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                break
            except FFmpegError as error:
                if error.errno == errno.ENOMEM:
                    raise MemoryError from error
                self.cut = True
                break
            except IndexError:
                break  # PyAV stumbles at the end where streams have appeared on the way
            self._scan_logs()
            self.heartbeat()
            if packet.size == 0 and packet.pts is None:
                continue  # PyAV's own flushing packet; ours follows
            if packet.time_base is not None and packet.pts is not None:
                base = float(packet.time_base)
                self._spans.setdefault(packet.stream_index, _Span()).add(
                    packet.pts * base, (packet.duration or 0) * base
                )
            yield packet
        yield None

    def _count_damage(self, error: FFmpegError) -> None:
        if error.errno == errno.ENOMEM:
            raise MemoryError from error
        if not isinstance(error, EOFError):
            self.damaged += 1

    def _scan_logs(self) -> None:
        """Look for signs of a cut file in FFmpeg's messages, and keep only the last few."""
        if self.logs:
            self.cut = self.cut or any(_CUT_LOGS.search(line[2]) for line in self.logs)
            del self.logs[:-8]

    def _falls_short(self) -> bool:
        """True where the packets end clearly before the duration that the file states."""
        self._scan_logs()
        if not self.container.format.name.startswith(HONEST) or self.job["is_image"]:
            return False
        whole = self.duration or 0.0
        stated = {
            index: float(stream.duration * stream.time_base)
            for index, stream in enumerate(self.container.streams)
            if stream.duration and stream.time_base and index in self._spans
        }
        for index, seconds in stated.items():
            span = self._spans[index]
            if seconds - (span.end - (span.start or 0.0)) > 0.25 + 0.02 * seconds + span.widest:
                return True
        if stated or not self._spans:
            return False
        reached = max(span.end for span in self._spans.values()) - self.origin
        widest = max(span.widest for span in self._spans.values())
        return whole - reached > 0.25 + 0.02 * whole + widest

    def explain(self, otherwise: str) -> str:
        """Say why decoding failed, as far as FFmpeg's messages tell."""
        return explain(self.logs, self.job["limits"], otherwise)


def explain(logs: list[tuple[int, str, str]], limits: dict[str, Any], otherwise: str) -> str:
    """Turn FFmpeg's messages into one sentence for the user."""
    for _, _, line in logs:
        for pattern, sentence in _LIMIT_LOGS:
            if match := pattern.search(line):
                return sentence.format(*match.groups(), **limits)
    return otherwise


def open_media(
    job: dict[str, Any],
    logs: list[tuple[int, str, str]],
    heartbeat: Callable[[], None],
    source: Source | None = None,
) -> Media:
    """Open the file of a job with the one demuxer that its signature allows.

    Args:
        job: As `decoder.run` says.
        logs: Where messages of FFmpeg appear.
        heartbeat: Called between packets.
        source: Read in the place of a file, from its beginning to its end without a seek.

    Raises:
        Refusal: It cannot be opened, or exceeds a limit.
    """
    limits = job["limits"]
    options = open_options(job["demuxer"], limits)
    if job["format"] == "mjpeg":
        # Pictures in a row state no rate, as those of a sequence.
        options["framerate"] = str(job.get("sequence_rate", 25.0))
    try:
        # The prefix keeps a name such as "http:x" from being read as an address.
        container = av.open(
            source or "file:" + job["path"],
            "r",
            format=job["demuxer"],
            options=options,
            metadata_errors="replace",
        )
    except FFmpegError as error:
        if error.errno == errno.ENOMEM and not logs:
            raise MemoryError from error
        raise Refusal(
            "undecodable", explain(logs, limits, f"it is not a readable {job['format']} file")
        ) from error
    cut = source is None and _ends_early(job["path"])
    media = Media(container, job, logs, heartbeat, cut=cut)
    if len(container.streams) > limits["streams"]:
        raise Refusal("undecodable", f"it has more than {limits['streams']} streams")
    check_pixels(container, limits)
    for stream in container.streams.video:
        if stream.codec_context is not None:  # for pictures that come later, and are larger
            stream.codec_context.options = {"max_pixels": str(limits["pixels"])}
    if (media.duration or 0.0) > limits["seconds"]:
        raise Refusal(
            "undecodable",
            f"it lasts {media.duration:.0f} s, more than {limits['seconds']:.0f} s",
        )
    media.origin = _origin(media)
    return media


def open_options(demuxer: str, limits: dict[str, Any]) -> dict[str, str]:
    """Return the options that hold FFmpeg to one demuxer, to the file itself and to the limits."""
    return {
        "format_whitelist": demuxer,
        "protocol_whitelist": "file",
        # One more than is allowed: some demuxers leave out what exceeds, and then nobody would know.
        "max_streams": str(limits["streams"] + 1),
        "max_pixels": str(limits["pixels"]),
    }


def check_pixels(container: InputContainer, limits: dict[str, Any]) -> None:
    """Hold the pictures to the limit, by the sizes that are stated.

    Raises:
        Refusal: One exceeds it.
    """
    for stream in container.streams.video:
        if stream.codec_context is not None and stream.width * stream.height > limits["pixels"]:
            raise Refusal(
                "undecodable",
                f"its picture of {stream.width}x{stream.height} exceeds {limits['pixels']} pixels",
            )


def _origin(media: Media) -> float:
    """Return the seconds of the container's clock at which the first of pictures and sound starts."""
    video, audio = (
        float(stream.start_time * stream.time_base)
        if stream is not None and stream.start_time is not None and stream.time_base is not None
        else None
        for stream in (media.video, media.audio)
    )
    if audio is not None and -PRIMING < audio < 0:
        audio = 0.0
    return min((start for start in (video, audio) if start is not None), default=0.0)


def _ends_early(path: str) -> bool:
    """Tell whether a WAV, AVI or JPEG file is visibly cut off, which FFmpeg passes over."""
    with open(path, "rb") as file:
        head = file.read(8)
        size = file.seek(0, 2)
        file.seek(max(0, size - 65536))
        tail = file.read()
    if head[:2] == b"\xff\xd8":
        return b"\xff\xd9" not in tail
    stated = int.from_bytes(head[4:8], "little")
    # Programs that write into a pipe state nothing, or everything.
    return head[:4] == b"RIFF" and 0 < stated < 0xFFFF0000 and stated + 8 > size


def seconds(frame: VideoFrame | AudioFrame, ticks: int, stream: VideoStream | AudioStream) -> float:
    """Turn ticks into seconds; frames that are flushed out last know no time base of their own."""
    base = frame.time_base or stream.time_base
    return float(ticks * base) if base else 0.0


def time_of(
    frame: VideoFrame | AudioFrame, media: Media, stream: VideoStream | AudioStream
) -> float | None:
    """Return a frame's presentation time in seconds on our clock, None where it has none."""
    stamp = frame.pts if frame.pts is not None else frame.dts
    return None if stamp is None else seconds(frame, stamp, stream) - media.origin


def is_wrong(time: float, expected: float, latest: float) -> bool:
    """Tell whether a time stamp belongs to another count of time than the ones before it.

    Args:
        time: The time stamp in seconds.
        expected: What would follow the one before it.
        latest: Time after which no time stamp is believed.
    """
    off = time - expected
    return off < -JUMP or (off > JUMP and (time > latest or off > LEAP))
