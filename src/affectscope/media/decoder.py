"""The decoding process: ``python -m affectscope.media.decoder``.

It reads one job, a line of JSON, from stdin; answers with framed messages on stdout; and ends. What
is listened to comes through stdin too, behind the job. It can be killed at any moment, and dies with
its parent. Its messages, framed as `confined` says:

====  ==================================================
kind  payload
====  ==================================================
I     JSON, what the file holds; the first, where there is a file
F     a frame: `pictures.FRAME_HEADER`, rows of pixels
A     a chunk: `sound.AUDIO_HEADER`, float32 samples
S     sound of a pipe: float32 samples
W     a number, 8 bytes: the bytes that were taken from the pipe; more are waited for
P     nothing; work goes on
E     JSON, the end: `truncated`, `damaged`, `gaps`, `missing`
X     JSON, a refusal: `kind`, `detail`
====  ==================================================
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import threading
import time
from collections.abc import Callable
from typing import Any

import av.logging

from affectscope.media import sound
from affectscope.media.confined import Send, confine, die_with_parent, take_output, writer
from affectscope.media.demux import Media, Refusal, open_media
from affectscope.media.pictures import PictureStream
from affectscope.media.piped import Pipe, stream_piped

BEAT = 1.0
"""Seconds after which silence is broken by a message that work goes on."""

Ending = dict[str, Any]


def run(job: dict[str, Any], send: Send, pipe: int = 0) -> None:
    """Do one job; every answer goes through `send(kind, *buffers)`.

    Args:
        job: `task` (`probe`, `frames`, `audio`, `listen`), `path`, `format`, `demuxer`, `is_image`,
            `is_sequence`, `limits`; with `fps` for frames, with `sequence_rate` for an image
            sequence, with `rate`, `chunk_seconds` and `most_channels` for audio, with `rate` for
            what is listened to.
        send: Writes one message.
        pipe: What is listened to comes from there.
    """
    av.logging.set_level(av.logging.ERROR)
    # A message of one image must not keep back that of the next.
    av.logging.set_skip_repeated(False)
    last = time.monotonic()

    def beat() -> None:
        nonlocal last
        now = time.monotonic()
        if now - last > BEAT:
            last = now
            send(b"P")

    with av.logging.Capture(local=False) as logs:
        try:
            if job["is_sequence"]:
                ending = _sequence(job, logs, beat, send)
            else:
                source = Pipe(pipe, _waiting(send)) if job["task"] == "listen" else None
                ending = _TASKS[job["task"]](open_media(job, logs, beat, source), send)
        except Refusal as refusal:
            _send_json(send, b"X", {"kind": refusal.kind, "detail": refusal.detail})
        except MemoryError:
            detail = f"decoding it needs more than {job['limits']['memory_bytes']} bytes of memory"
            _send_json(send, b"X", {"kind": "undecodable", "detail": detail})
        except BrokenPipeError:
            raise
        except Exception as error:
            detail = f"the decoder failed on it ({type(error).__name__}: {error})"
            _send_json(send, b"X", {"kind": "undecodable", "detail": detail})
        else:
            _send_json(send, b"E", ending)


def _probe(media: Media, send: Send) -> Ending:
    pictures = None
    if media.video is not None:
        with contextlib.suppress(Refusal):
            pictures = PictureStream(media)
    if pictures is None and media.audio is None:
        raise Refusal("undecodable", media.explain("it has neither pictures nor sound"))
    _send_info(media, send, pictures)
    return _ending(media)


def _frames(media: Media, send: Send) -> Ending:
    pictures = PictureStream(media)
    _send_info(media, send, pictures)
    pictures.stream(lambda header, body: send(b"F", header, body))
    return _ending(media) | {"gaps": pictures.pace.gaps, "missing": pictures.pace.missing}


def _audio(media: Media, send: Send) -> Ending:
    if media.audio is not None:
        _send_info(media, send, None)
    sound.stream_audio(media, lambda header, body: send(b"A", header, body))
    return _ending(media)


def _listen(media: Media, send: Send) -> Ending:
    stream_piped(media, lambda samples: send(b"S", samples))
    return _ending(media)


def _waiting(send: Send) -> Callable[[int], None]:
    return lambda taken: send(b"W", taken.to_bytes(8, "little"))


_TASKS: dict[str, Callable[[Media, Send], Ending]] = {
    "probe": _probe,
    "frames": _frames,
    "audio": _audio,
    "listen": _listen,
}


def _ending(media: Media) -> Ending:
    return {"truncated": media.cut, "damaged": media.damaged}


def _send_info(media: Media, send: Send, pictures: PictureStream | None) -> None:
    _send_json(
        send,
        b"I",
        {
            "format": media.job["format"],
            "duration": media.duration,
            "video": pictures.describe() if pictures is not None else None,
            "audio": sound.describe(media),
            "is_image": media.job["is_image"],
        },
    )


def _sequence(
    job: dict[str, Any], logs: list[Any], heartbeat: Callable[[], None], send: Send
) -> Ending:
    """Do a job with an image sequence."""
    # Few jobs need it, and those that do not start sooner without.
    from affectscope.media.sequence_pictures import Sequence

    if job["task"] == "audio":
        raise Refusal("unsupported", "it can hold only pictures; an audio stream is needed")
    sequence = Sequence(job, logs, heartbeat)
    taken = sequence.pictures(job.get("fps"))
    time, first = next(taken)
    info = {
        "format": job["format"],
        "duration": sequence.duration,
        "video": first.describe(job["sequence_rate"]),
        "audio": None,
        "is_image": False,
    }
    _send_json(send, b"I", info)
    if job["task"] == "frames":
        pictures = itertools.chain([(time, first)], taken)
        sequence.stream(pictures, lambda header, body: send(b"F", header, body))
    return {"truncated": False, "damaged": sequence.damaged}


def _send_json(send: Send, kind: bytes, value: dict[str, Any]) -> None:
    send(kind, json.dumps(value).encode())


def _read_job() -> dict[str, Any] | None:
    """Read the one line of the job; None where the parent is gone instead."""
    line = b""
    while not line.endswith(b"\n"):
        piece = os.read(0, 65536)
        if not piece:
            return None
        line += piece
    job: dict[str, Any] = json.loads(line)
    return job


def _watch_parent() -> None:
    """End this process when stdin does."""
    while os.read(0, 4096):
        pass
    os._exit(0)


def main() -> None:
    """Serve one job and end without tidying up: the system does that faster."""
    die_with_parent()
    pipe = take_output()
    job = _read_job()
    if job is not None:
        if job["task"] != "listen":  # there the end of stdin is the end of the sound
            threading.Thread(target=_watch_parent, daemon=True).start()
        confine(job["limits"]["memory_bytes"], int(job["limits"]["cpu_seconds"]))
        with contextlib.suppress(BrokenPipeError):
            run(job, writer(pipe))
    os._exit(0)


if __name__ == "__main__":
    main()
