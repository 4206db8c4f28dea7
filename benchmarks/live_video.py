"""A webcam before the video service: how long each answer takes, and what a lazy client costs.

The video service runs as a process of its own. A camera sends 15 pictures a second, 640 x 480 in
JPEG, made of the shipped sample video again and again, whether answers are there or not. Then other
clients send as much, and bad messages too, and read nothing, one after the other as the service
gives them up, while its memory is looked at: PSS, its share of what it shares with others.

    python -m benchmarks.live_video                     a table, a minute of each
    python -m benchmarks.live_video --seconds 10 --cameras 2
    python -m benchmarks.live_video --check             and exit 1 where a bar is missed

The clients use the same cores as the service; nothing is taken off for them.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import socket
import statistics
import struct
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import cv2
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from affectscope.media import read_frames
from affectscope.samples import sample
from affectscope.service.live import MOST_BAD
from benchmarks.machine import facts, write_result
from benchmarks.service_process import ServiceProcess

P95_SECONDS: Final = 0.120
"""Bar of an answer, from sending the picture on."""

GROWTH_BYTES: Final = 10_000_000
"""Bar of what lazy clients add in the second half of their time."""

RATE: Final = 15.0
SIZE: Final = (640, 480)
STALLED_SECONDS: Final = 3.0
_WINDOW_BYTES: Final = 4096
_WARM: Final = 10


@dataclass
class Seen:
    """What was measured.

    Attributes:
        seconds: Of each answer, from sending its picture on.
        sent: Pictures that were sent.
        dropped: Pictures that newer ones replaced.
        faces: Faces in the answers.
        memory: Bytes of the service while lazy clients are there, by time.
        given_up: Lazy clients that the service closed.
    """

    seconds: list[float] = field(default_factory=list)
    sent: int = 0
    dropped: int = 0
    faces: int = 0
    memory: list[int] = field(default_factory=list)
    given_up: int = 0


def pictures() -> list[bytes]:
    """Return the pictures of the sample video, as a webcam would send them."""
    with read_frames(sample("video"), RATE) as reader:
        images = [cv2.resize(frame.image[:, :, ::-1], SIZE) for frame in reader]
    quality = [cv2.IMWRITE_JPEG_QUALITY, 85]
    return [cv2.imencode(".jpg", image, quality)[1].tobytes() for image in images]


def messages(shots: Sequence[bytes]) -> Iterator[tuple[float, bytes]]:
    """Yield capture times and messages without end."""
    for number, shot in enumerate(itertools.cycle(shots)):
        yield number / RATE, struct.pack("<d", number / RATE) + shot


async def camera(address: str, shots: Sequence[bytes], seconds: float, seen: Seen) -> None:
    """Send pictures at their times, and note when each answer comes."""
    sent: dict[float, float] = {}
    async with connect(address, proxy=None, compression=None) as web:
        await web.recv()

        async def listen() -> None:
            async for message in web:
                said = json.loads(message)
                if said["type"] == "frame":
                    taken = time.perf_counter() - sent.pop(said["time"])
                    if said["time"] * RATE >= _WARM:
                        seen.seconds.append(taken)
                    seen.dropped += said["dropped"]
                    seen.faces += len(said["faces"])

        listening = asyncio.ensure_future(listen())
        began = time.perf_counter()
        for taken, message in messages(shots):
            if taken > seconds:
                break
            await asyncio.sleep(began + taken - time.perf_counter())
            sent[taken] = time.perf_counter()
            await web.send(message)
            seen.sent += 1
        await asyncio.sleep(1.0)
    await listening


async def lazy(address: str, shots: Sequence[bytes], seconds: float, seen: Seen) -> None:
    """Send pictures and read nothing; begin anew where the service gives up."""
    end = time.perf_counter() + seconds
    host, port = address.removeprefix("ws://").partition("/")[0].split(":")
    while time.perf_counter() < end:
        # A small window, or the system would hold megabytes of answers before anybody noticed.
        narrow = socket.socket()
        narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _WINDOW_BYTES)
        narrow.setblocking(False)
        await asyncio.get_running_loop().sock_connect(narrow, (host, int(port)))
        web = await connect(address, sock=narrow, proxy=None, compression=None, max_queue=1)
        try:
            for _, message in messages(shots):
                async with asyncio.timeout(2 * STALLED_SECONDS):
                    await web.send(message)
                    # Each is answered with what is wrong: that adds up faster than faces do.
                    for _ in range(MOST_BAD - 1):
                        await web.send("not a picture")
                await asyncio.sleep(1 / RATE)
                if time.perf_counter() > end:
                    break
        except (ConnectionClosed, TimeoutError):
            seen.given_up += 1
        finally:
            web.transport.abort()


async def watched(service: ServiceProcess, seen: Seen) -> None:
    """Look at the memory of a service until cancelled."""
    while True:
        seen.memory.append(await asyncio.to_thread(service.pss))
        await asyncio.sleep(0.5)


async def measured(seconds: float, cameras: int) -> Seen:
    """Measure everything."""
    seen = Seen()
    os.environ["AFFECTSCOPE_LIVE_STALLED_SECONDS"] = str(STALLED_SECONDS)
    service = ServiceProcess("video")
    try:
        service.wait()
        address = f"ws{service.address.removeprefix('http')}/live-video"
        shots = pictures()
        await asyncio.gather(*(camera(address, shots, seconds, seen) for _ in range(cameras)))
        watching = asyncio.ensure_future(watched(service, seen))
        await lazy(address, shots, seconds, seen)
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching
    finally:
        service.close()
    return seen


def results(seen: Seen, cameras: int) -> dict[str, Any]:
    """Return figures and whether each is within its bar."""
    parts = statistics.quantiles(seen.seconds, n=100)
    half = len(seen.memory) // 2
    growth = max(seen.memory[half:]) - max(seen.memory[:half])
    return {
        "cameras": cameras,
        "sent": seen.sent,
        "answered": len(seen.seconds),
        "dropped": seen.dropped,
        "faces": seen.faces,
        "p50_seconds": parts[49],
        "p95_seconds": parts[94],
        "p99_seconds": parts[98],
        "lazy_clients_given_up": seen.given_up,
        "peak_bytes": max(seen.memory),
        "growth_bytes": growth,
        "within": {"p95_seconds": parts[94] <= P95_SECONDS, "growth_bytes": growth <= GROWTH_BYTES},
    }


def table(figures: dict[str, Any]) -> str:
    """Return the figures as text."""
    ms, mb = 1e3, 1e6
    return "\n".join(
        (
            f"{figures['cameras']} camera(s), {RATE:g} pictures a second each: "
            f"{figures['sent']} sent, {figures['dropped']} dropped, {figures['faces']} faces; "
            f"p50 {ms * figures['p50_seconds']:.0f} ms, p95 {ms * figures['p95_seconds']:.0f} ms "
            f"(bar {ms * P95_SECONDS:.0f}), p99 {ms * figures['p99_seconds']:.0f} ms",
            f"clients that read nothing: {figures['lazy_clients_given_up']} given up; memory "
            f"{figures['peak_bytes'] / mb:.0f} MB at most, the second half added "
            f"{figures['growth_bytes'] / mb:.1f} MB (bar {GROWTH_BYTES / mb:.0f})",
        )
    )


def main() -> int:
    """Run, print and store."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0, help="of each of the two parts")
    parser.add_argument("--cameras", type=int, default=1)
    parser.add_argument("--check", action="store_true", help="exit 1 where a bar is missed")
    options = parser.parse_args()
    machine = facts()
    figures = results(asyncio.run(measured(options.seconds, options.cameras)), options.cameras)
    print(table(figures))
    print(f"stored in {write_result('live-video', {'machine': machine, **figures})}")
    return 1 if options.check and not all(figures["within"].values()) else 0


if __name__ == "__main__":
    sys.exit(main())
