"""What comes through a pipe is decoded as soon as it can be, in a process that is killed at will."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest

from affectscope.media import Limits, decoder, piped
from affectscope.media.piped import Pipe
from tests.media.growing import growing

SECOND = 0.3 * np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000).astype(np.float32)


def listened(data: bytes, limits: Limits | None = None) -> list[tuple[bytes, bytes]]:
    """Do a job of listening in this process; returns its messages without those of waiting."""
    reading, writing = os.pipe()
    messages: list[tuple[bytes, bytes]] = []

    def send(kind: bytes, *buffers: Any) -> None:
        messages.append((kind, b"".join(bytes(buffer) for buffer in buffers)))

    os.write(writing, data)
    os.close(writing)
    job = {
        "task": "listen",
        "path": None,
        "format": "webm",
        "demuxer": "matroska,webm",
        "is_image": False,
        "is_sequence": False,
        "limits": asdict(limits or Limits()),
        "rate": 16_000,
    }
    try:
        decoder.run(job, send, reading)
    finally:
        os.close(reading)
    return [one for one in messages if one[0] != b"W"]


def test_sound_and_the_end() -> None:
    messages = listened(growing(SECOND))

    sound = np.frombuffer(b"".join(body for kind, body in messages if kind == b"S"), np.float32)
    assert len(sound) == pytest.approx(16_000, abs=400)
    assert float(np.abs(sound).max()) == pytest.approx(0.3, abs=0.05)
    assert messages[-1] == (b"E", b'{"truncated": false, "damaged": 0}')


def test_pictures_are_passed_over() -> None:
    messages = listened(growing(SECOND, pictures=True))

    assert sum(len(body) for kind, body in messages if kind == b"S") == pytest.approx(
        64e3, rel=0.03
    )


def test_a_clock_that_jumps_makes_no_silence() -> None:
    messages = listened(growing(SECOND, shift=20.0))

    assert sum(len(body) for kind, body in messages if kind == b"S") == pytest.approx(
        64e3, rel=0.03
    )


def refusal(data: bytes, limits: Limits | None = None) -> str:
    kind, body = listened(data, limits)[-1]
    assert kind == b"X"
    return body.decode()


def test_what_is_refused() -> None:
    whole = growing(SECOND)
    head = whole[: whole.index(b"\xa3", whole.index(b"\x1f\x43\xb6\x75"))]  # the first block

    assert "it lasts more than 0.25 s" in refusal(whole, Limits(seconds=0.25))
    assert "its sound has no samples" in refusal(head)
    assert "not a readable webm file" in refusal(whole[:20])


def test_pictures_alone() -> None:
    assert "it has no sound" in refusal(growing(SECOND, pictures=True, sound=False))


def test_sound_that_cannot_be_mixed(monkeypatch: pytest.MonkeyPatch) -> None:
    # No encoder here makes a stream whose channels change to some that FFmpeg cannot mix.
    from av.error import InvalidDataError

    real, calls = piped._converted, []

    def sometimes(*arguments: Any) -> bytes:
        calls.append(arguments)
        if len(calls) == 2:
            raise InvalidDataError(1, "no such channels")
        return real(*arguments)

    monkeypatch.setattr(piped, "_converted", sometimes)
    assert listened(growing(SECOND))[-1] == (b"E", b'{"truncated": false, "damaged": 1}')


def test_a_pipe_says_what_it_took_before_it_waits() -> None:
    reading, writing = os.pipe()
    said: list[int] = []

    def wait(taken: int) -> None:
        said.append(taken)
        if len(said) < 3:
            os.write(writing, b"x" * 10)
        else:
            os.close(writing)

    pipe = Pipe(reading, wait)
    try:
        assert [pipe.read(6), pipe.read(6), pipe.read(6), pipe.read(6)] == [
            b"x" * 6,
            b"x" * 4,
            b"x" * 6,
            b"x" * 4,
        ]
        assert pipe.read(6) == b""
    finally:
        os.close(reading)
    assert said == [0, 10, 20]
