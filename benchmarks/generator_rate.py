"""The highest rate at which the load generator itself keeps up.

    python -m benchmarks.generator_rate

A server that answers at once stands in for a service, in a process of its own, and the search of
`/load-test` looks for the highest rate. Server and generator share this machine, as services and
generator do.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
from typing import cast

from affectscope.gateway.backends import SURVEY
from affectscope.gateway.load.plan import parse_plan
from affectscope.gateway.load.search import Search
from affectscope.gateway.load.wire import Address
from benchmarks.machine import facts, write_result

_ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
_OBJECTIVE = {"percentile": 99, "seconds": 0.1, "error_ratio": 0.0}


class AtOnce(asyncio.Protocol):
    """A connection of the server; the generator sends each request in one piece."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Answer."""
        self._transport.write(_ANSWER)


async def serve() -> None:
    """Serve until the input closes; the first line of the output is the port."""
    server = await asyncio.get_running_loop().create_server(AtOnce, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)


async def search(url: str, seconds: float) -> Search:
    """Look for the highest rate in trials of some seconds."""
    plan = parse_plan(
        {
            "mode": "search",
            "test_type": "survey",
            "start_rate": 500,
            "max_rate": 10_000,
            "trial_seconds": seconds,
            "objective": _OBJECTIVE,
        }
    )
    address = Address(SURVEY, url, "benchmark")
    found = Search(plan, [address], lambda: False)
    await found.run(lambda _: None)
    await address.close()
    return found


def main() -> None:
    """Read the command line, measure, print and store."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=5.0, help="length of a trial")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    import uvloop

    if options.serve:
        uvloop.run(serve())
        return
    machine = facts()
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.generator_rate", "--serve"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as server:
        assert server.stdout is not None
        url = f"http://127.0.0.1:{int(server.stdout.readline())}"
        found = uvloop.run(search(url, options.seconds))
        server.communicate()
    document = found.document()
    for trial in document["trials"]:
        print(
            f"{trial['rate']:8.0f} a second: {trial['achieved_rate']:8.0f} answered, "
            f"{1e2 * trial['late_share']:6.2f} % sent late, {trial['cause'] or 'kept up'}"
        )
    print(f"highest rate: {document['found_rate']} a second; {document['reason_text']}")
    write_result("generator-rate", {"machine": machine, **document})


if __name__ == "__main__":
    main()
