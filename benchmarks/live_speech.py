"""A microphone before the speech service: how soon each answer comes, and what haste and sloth cost.

The speech service runs as a process of its own. Microphones send the shipped sample sentence, with
silence behind it, again and again, in pieces of 50 ms at the pace of real time. Of each phrase it is
known which piece holds its last voiced sample (the last 10 ms that are within 30 dB of its loudest);
from sending that piece on it is measured when the first answer comes that covers it, when the
segment, and when the words. Then a client sends a long file as fast as it is taken, and others send
as much, and bad messages too, and read nothing, while the service's memory is looked at: USS, what
it holds alone, for its processes that find words come and go and share the rest.

    python -m benchmarks.live_speech                     a table: 1, 2 and 4 microphones
    python -m benchmarks.live_speech --seconds 20 --microphones 1 --no-words
    python -m benchmarks.live_speech --check             and exit 1 where a bar is missed

The clients use the same cores as the service; nothing is taken off for them.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import socket
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from affectscope.media import read_audio
from affectscope.samples import sample
from affectscope.service.live import MOST_BAD
from benchmarks.machine import facts, write_result
from benchmarks.service_process import ServiceProcess

P95_SECONDS: Final = 0.5
"""Bar of the first answer that covers a phrase, from sending its last voiced sample on; of one
microphone."""

GROWTH_BYTES: Final = 10_000_000
"""Bar of what hasty and lazy clients add in the second half of their time."""

RATE: Final = 16_000
PIECE_SECONDS: Final = 0.05
SILENCE_SECONDS: Final = 1.5
VOICED_DB: Final = 30.0
FRAME: Final = 160
STALLED_SECONDS: Final = 3.0
_WINDOW_BYTES: Final = 4096
_PIECE_BYTES: Final = round(PIECE_SECONDS * RATE) * 2


@dataclass
class Latencies:
    """Seconds from sending the last voiced sample of a phrase on, of each phrase.

    Attributes:
        first: To the first answer that covers it.
        segment: To its segment.
        words: To its words.
    """

    first: list[float] = field(default_factory=list)
    segment: list[float] = field(default_factory=list)
    words: list[float] = field(default_factory=list)
    left_out: int = 0


@dataclass
class Burden:
    """What hasty or lazy clients cost.

    Attributes:
        memory: Bytes of the service, by time.
        given_up: Clients that the service closed.
        speed: Seconds of sound heard in a second, of hasty ones.
    """

    memory: list[int] = field(default_factory=list)
    given_up: int = 0
    speed: float = 0.0


def sentence() -> NDArray[np.float32]:
    """Return the sample sentence with silence behind it, whole pieces long."""
    with read_audio(sample("speech")) as reader:
        spoken = np.concatenate([chunk.samples for chunk in reader])
    piece = _PIECE_BYTES // 2
    length = -(-(len(spoken) + round(SILENCE_SECONDS * RATE)) // piece) * piece
    return np.pad(spoken, (0, length - len(spoken)))


def pieces(signal: NDArray[np.float32]) -> list[bytes]:
    """Return a signal in 16 bits, in pieces."""
    data = (np.clip(signal, -1, 1) * 32767).astype("<i2").tobytes()
    return [data[first : first + _PIECE_BYTES] for first in range(0, len(data), _PIECE_BYTES)]


def last_voiced(signal: NDArray[np.float32], start: float, end: float) -> float:
    """Return when the last voiced sample of a phrase ends, in seconds of a signal that repeats."""
    places = np.arange(round(start * RATE), round(end * RATE))
    phrase = signal[places % len(signal)]
    frames = phrase[: len(phrase) // FRAME * FRAME].reshape(-1, FRAME)
    levels = 10 * np.log10(np.mean(np.square(frames, dtype=np.float64), axis=1) + 1e-12)
    voiced = int(np.flatnonzero(levels > levels.max() - VOICED_DB)[-1])
    return start + (voiced + 1) * FRAME / RATE


async def microphone(
    address: str, signal: NDArray[np.float32], seconds: float, found: Latencies, *, words: bool
) -> None:
    """Speak for some time, and note when each phrase is answered."""
    sound = pieces(signal)
    sent: list[float] = []
    partial: dict[float, list[tuple[float, float]]] = {}
    ends: dict[float, float] = {}
    async with connect(address, proxy=None, compression=None) as web:
        await web.send(json.dumps({"transcribe": words}))

        async def listen() -> None:
            async for message in web:
                now, said = time.perf_counter(), json.loads(message)
                kind = said["type"]
                if kind == "utterance":
                    found.words.append(now - ends[said["utterance"]["start"]])
                elif "segment" in said:
                    segment = said["segment"]
                    partial.setdefault(segment["start"], []).append((segment["end"], now))
                    if kind == "segment":
                        found.left_out += said["transcript"] == "left-out"
                        ends[segment["start"]] = note(segment, now)

        def note(segment: dict[str, Any], now: float) -> float:
            voiced = last_voiced(signal, segment["start"], segment["end"])
            came = sent[min(len(sent) - 1, int((voiced - 1 / RATE) / PIECE_SECONDS))]
            answers = partial.pop(segment["start"])
            found.first.append(next(at for end, at in answers if end >= voiced) - came)
            found.segment.append(now - came)
            return came

        listening = asyncio.ensure_future(listen())
        await asyncio.sleep(1.0)
        began = time.perf_counter()
        for number in range(round(seconds / PIECE_SECONDS)):
            # A piece can be sent once its last sample was spoken.
            due = began + (number + 1) * PIECE_SECONDS
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            sent.append(time.perf_counter())
            await web.send(sound[number % len(sound)])
        await web.send('{"type":"end"}')
        await listening


async def hasty(address: str, signal: NDArray[np.float32], seconds: float, burden: Burden) -> None:
    """Send a file as fast as it is taken, and read what is answered."""
    sound = pieces(signal)
    async with connect(address, proxy=None, compression=None, ping_interval=None) as web:
        await web.send('{"transcribe":false}')
        heard = 0.0

        async def listen() -> None:
            nonlocal heard
            async for message in web:
                heard = json.loads(message).get("heard", heard)

        listening = asyncio.ensure_future(listen())
        began, number = time.perf_counter(), 0
        while time.perf_counter() - began < seconds:
            await web.send(sound[number % len(sound)])
            await asyncio.sleep(0)  # what is taken at once lets nobody else run
            number += 1
        burden.speed = heard / (time.perf_counter() - began)
        web.transport.abort()
        with contextlib.suppress(ConnectionClosed):
            await listening


async def lazy(address: str, signal: NDArray[np.float32], seconds: float, burden: Burden) -> None:
    """Send sound and read nothing; begin anew where the service gives up."""
    end = time.perf_counter() + seconds
    sound = pieces(signal)
    while time.perf_counter() < end:
        web = await _narrow(address)
        try:
            await web.send('{"transcribe":false}')
            number = 0
            while time.perf_counter() < end:
                async with asyncio.timeout(2 * STALLED_SECONDS):
                    await web.send(sound[number % len(sound)])
                    # Each is answered with what is wrong: that adds up faster than speech does.
                    for _ in range(MOST_BAD - 1):
                        await web.send("not a sound")
                await asyncio.sleep(0)
                number += 1
        except (ConnectionClosed, TimeoutError):
            burden.given_up += 1
        finally:
            web.transport.abort()


async def _narrow(address: str) -> ClientConnection:
    """Connect with a small window, or the system would hold megabytes before anybody noticed."""
    host, port = address.removeprefix("ws://").partition("/")[0].split(":")
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _WINDOW_BYTES)
    narrow.setblocking(False)
    await asyncio.get_running_loop().sock_connect(narrow, (host, int(port)))
    return await connect(address, sock=narrow, proxy=None, compression=None, max_queue=1)


async def watched(service: ServiceProcess, burden: Burden) -> None:
    """Look at the memory of a service until cancelled."""
    while True:
        burden.memory.append(await asyncio.to_thread(service.uss))
        await asyncio.sleep(0.25)


async def measured(
    seconds: float, microphones: Sequence[int], *, words: bool
) -> tuple[dict[int, Latencies], dict[str, Burden]]:
    """Measure everything."""
    os.environ["AFFECTSCOPE_LIVE_STALLED_SECONDS"] = str(STALLED_SECONDS)
    service = ServiceProcess("speech")
    latencies = {count: Latencies() for count in microphones}
    burdens = {"hasty": Burden(), "lazy": Burden()}
    loads: dict[str, Callable[..., Any]] = {"hasty": hasty, "lazy": lazy}
    try:
        service.wait()
        address = f"ws{service.address.removeprefix('http')}/live-speech"
        signal = sentence()
        # What is loaded at its first use is loaded now.
        await microphone(address, signal, 9.0, Latencies(), words=words)
        for count, found in latencies.items():
            each = [Latencies() for _ in range(count)]
            await asyncio.gather(
                *(
                    _later(number / count, microphone, address, signal, seconds, one, words=words)
                    for number, one in enumerate(each)
                )
            )
            for one in each:
                found.first += one.first
                found.segment += one.segment
                found.words += one.words
                found.left_out += one.left_out
        for name, burden in burdens.items():
            watching = asyncio.ensure_future(watched(service, burden))
            await loads[name](address, signal, seconds, burden)
            watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watching
    finally:
        service.close()
    return latencies, burdens


async def _later(delay: float, job: Callable[..., Any], *arguments: Any, **options: Any) -> None:
    """Begin a bit later, so that microphones do not all pause at the same moment."""
    await asyncio.sleep(delay)
    await job(*arguments, **options)


def results(latencies: dict[int, Latencies], burdens: dict[str, Burden]) -> dict[str, Any]:
    """Return figures and whether each is within its bar."""
    figures: dict[str, Any] = {
        "microphones": {count: _row(found) for count, found in latencies.items()},
        "burdens": {name: _cost(burden) for name, burden in burdens.items()},
    }
    within = {
        f"{name}_growth_bytes": cost["growth_bytes"] <= GROWTH_BYTES
        for name, cost in figures["burdens"].items()
    }
    if 1 in latencies:
        within["first_p95_seconds"] = figures["microphones"][1]["first"]["p95"] <= P95_SECONDS
    return {**figures, "within": within}


def _row(found: Latencies) -> dict[str, Any]:
    row: dict[str, Any] = {"phrases": len(found.first), "left_out": found.left_out}
    for name in ("first", "segment", "words"):
        values = getattr(found, name)
        if len(values) > 1:
            parts = statistics.quantiles(values, n=100, method="inclusive")
            row[name] = {"p50": parts[49], "p95": parts[94], "most": max(values)}
    return row


def _cost(burden: Burden) -> dict[str, Any]:
    half = len(burden.memory) // 2
    return {
        "peak_bytes": max(burden.memory),
        "growth_bytes": max(burden.memory[half:]) - max(burden.memory[:half]),
        "given_up": burden.given_up,
        "speed": burden.speed,
    }


def table(figures: dict[str, Any]) -> str:
    """Return the figures as text."""
    lines = ["seconds from the last voiced sample on: p50, p95, most"]
    for count, row in figures["microphones"].items():
        parts = [
            f"{name} {row[name]['p50']:.2f} {row[name]['p95']:.2f} {row[name]['most']:.2f}"
            for name in ("first", "segment", "words")
            if name in row
        ]
        lines.append(
            f"{count} microphone(s), {row['phrases']} phrases, words of {row['left_out']} left out: "
            + "; ".join(parts)
        )
    lines.append(f"bar of one microphone: first p95 {P95_SECONDS:.2f}")
    for name, cost in figures["burdens"].items():
        more = f"{cost['speed']:.0f} times real time" if cost["speed"] else ""
        more = more or f"{cost['given_up']} given up"
        lines.append(
            f"{name}: {more}; memory {cost['peak_bytes'] / 1e6:.0f} MB at most, the second half added "
            f"{cost['growth_bytes'] / 1e6:.1f} MB (bar {GROWTH_BYTES / 1e6:.0f})"
        )
    return "\n".join(lines)


def main() -> int:
    """Run, print and store."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0, help="of each part")
    parser.add_argument("--microphones", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--no-words", action="store_true", help="without transcription")
    parser.add_argument("--check", action="store_true", help="exit 1 where a bar is missed")
    options = parser.parse_args()
    machine = facts()
    words = not options.no_words
    figures = results(*asyncio.run(measured(options.seconds, options.microphones, words=words)))
    print(table(figures))
    stored = write_result("live-speech", {"machine": machine, "words": words, **figures})
    print(f"stored in {stored}")
    return 1 if options.check and not all(figures["within"].values()) else 0


if __name__ == "__main__":
    sys.exit(main())
