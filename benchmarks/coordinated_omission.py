"""What a load test does not see when it waits for the server: coordinated omission, in numbers.

A server answers in 5 ms and once stands still for a tenth of the run. Three loads meet it:

- `closed`: one client that sends the next request when the last one is answered;
- `one place`: requests are meant to start at an even rate, and one may be under way;
- `many places`: the same, and 256 may be.

Only one request of the first two meets the stall, so raw times hardly show it, though a tenth of all
users who came evenly would have waited half of the stall and more. Corrected times show it in both.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import time
from typing import Any

from affectscope.gateway.backends import SURVEY
from affectscope.gateway.load.arrivals import Pace
from affectscope.gateway.load.closed import ClosedLoop, warm_up
from affectscope.gateway.load.driver import Driver
from affectscope.gateway.load.figures import Figures
from affectscope.gateway.load.trace import TraceIds
from affectscope.gateway.load.wire import Address

ANSWER_SECONDS = 0.005
RATE = 50.0
_ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
_TIMEOUT = 60.0


class Stalling(asyncio.Protocol):
    """A connection of the server; the first request starts the clock of the stall.

    Args:
        seconds: Length of the run; the server stands still from 40 % to 50 % of it.
    """

    began: float | None = None

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer when it is time."""
        loop = asyncio.get_running_loop()
        if Stalling.began is None:
            Stalling.began = loop.time()
        now = loop.time() - Stalling.began
        ends = self._seconds * 0.5
        still = ends - now if self._seconds * 0.4 <= now < ends else 0.0
        loop.call_later(still + ANSWER_SECONDS, self._transport.write, _ANSWER)


async def serve(seconds: float) -> None:
    """Serve until the input closes; the first line of the output is the port."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Stalling(seconds), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)


async def closed(address: Address, seconds: float) -> dict[str, Any]:
    """Load with one client; returns its figures."""
    begin = time.perf_counter()
    loop = ClosedLoop([address], 10**9, _TIMEOUT, lambda: time.perf_counter() - begin >= seconds)
    await loop.run()
    return loop.document()


async def open_loop(address: Address, seconds: float, places: int) -> dict[str, Any]:
    """Load at an even rate; returns the figures."""
    pace = Pace(RATE, RATE, seconds)
    figures = Figures([address.name], seconds)
    traces = TraceIds(0)
    await warm_up([address], traces, _TIMEOUT)
    driver = Driver([address], pace.arrivals(), figures, traces, most=places, timeout=_TIMEOUT)
    await driver.run()
    return figures.document(seconds)


async def measure(kind: str, url: str, seconds: float) -> dict[str, Any]:
    """Run one of the three loads."""
    address = Address(SURVEY, url, "benchmark")
    places = {"one place": 1, "many places": 256}
    if kind == "closed":
        found = await closed(address, seconds)
    else:
        found = await open_loop(address, seconds, places[kind])
    await address.close()
    return found


def run(seconds: float) -> dict[str, dict[str, Any]]:
    """Run each load against a server of its own; returns figures by load."""
    found = {}
    for kind in ("closed", "one place", "many places"):
        with subprocess.Popen(
            [sys.executable, __file__, "--serve", "--seconds", str(seconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as server:
            assert server.stdout is not None
            port = int(server.stdout.readline())
            found[kind] = asyncio.run(measure(kind, f"http://127.0.0.1:{port}", seconds))
            server.communicate()
    return found


def main() -> None:
    """Read the command line, measure, print a table in milliseconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0, help="length of each run")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(serve(options.seconds))
        return
    print("load         requests  raw p50  raw p99  corrected p50  corrected p95  corrected p99")
    for kind, figures in run(options.seconds).items():
        raw, corrected = figures["raw"], figures["corrected"] or {}
        cells = [
            *(raw[f"p{one}_seconds"] for one in (50, 99)),
            *(corrected.get(f"p{one}_seconds") for one in (50, 95, 99)),
        ]
        shown = ["-" if one is None else f"{one * 1000:.1f}" for one in cells]
        widths = (9, 9, 15, 15, 15)
        print(
            f"{kind:12} {figures['requests']:8}"
            + "".join(f"{text:>{width}}" for text, width in zip(shown, widths, strict=True))
        )


if __name__ == "__main__":
    main()
