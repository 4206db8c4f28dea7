"""Whether the observatory keeps pace: 5,000 spans and 5,000 log lines a second on one core.

    python -m benchmarks.observatory_ingest             sends for a minute, then counts what is there
    python -m benchmarks.observatory_ingest --check     and exits 1 when something is lost or late
    python -m benchmarks.observatory_ingest --size-limit 30000000 --rate 600 --seconds 120
                                                        and sees that the file stays below that

The observatory is a process of its own, bound to one core; what sends is another one. It keeps all
traces here, so that each span that was sent can be counted in its file; so can each line.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from benchmarks.machine import facts, write_result
from benchmarks.observatory_load import LINES_EACH, SERVICES, SPANS_EACH, log_body, trace_body
from benchmarks.observatory_process import Server, serving

RATE = 5_000
"""Spans a second, and lines of logs a second: the bar."""

_SETTLE_SECONDS = 30.0
_LATE_SECONDS = 1.0
"""Behind its plan by more than this, the sender did not send at its rate."""


@dataclass
class Sent:
    """What was sent, and how it was answered.

    Attributes:
        spans: Spans that were taken.
        lines: Lines that were taken.
        answers: Seconds of each request.
        late: Most seconds behind the plan.
        refusals: Requests that were refused.
    """

    spans: int = 0
    lines: int = 0
    answers: list[float] = field(default_factory=list)
    late: float = 0.0
    refusals: int = 0


class Sizes:
    """Notes how large the file and its log were at most, twice a second.

    Args:
        file: Of the observatory.

    Attributes:
        most: Bytes of both together.
    """

    def __init__(self, file: Path) -> None:
        self._parts = (file, file.with_name(f"{file.name}-wal"))
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.most = 0

    def __enter__(self) -> Sizes:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.5):
            self.most = max(
                self.most, sum(one.stat().st_size for one in self._parts if one.exists())
            )


def measure(seconds: float, rate: int = RATE, size_limit: int | None = None) -> dict[str, Any]:
    """Send at a constant rate, then count.

    Args:
        seconds: How long to send.
        rate: Spans a second, and lines a second.
        size_limit: Bytes that the file may have; the usual ones where None. Deleting begins below
            it, so what is deleted then is no loss.

    Returns:
        What was measured, and under `missed` which bars were.
    """
    settings = {"AFFECTSCOPE_OBSERVATORY_KEEP_SHARE": "1"}
    if size_limit is not None:
        settings["AFFECTSCOPE_OBSERVATORY_SIZE_LIMIT_BYTES"] = str(size_limit)
    spans = _bodies(rate, seconds, SPANS_EACH, trace_body)
    lines = _bodies(rate, seconds, LINES_EACH, log_body)
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder), **settings) as server:
        before = server.process.cpu_times()
        began = time.perf_counter()
        with Sizes(server.file) as sizes:
            sent = asyncio.run(_send(server.url, rate, spans, lines))
            took = time.perf_counter() - began
            stored = _stored(server.file, (sent.spans, sent.lines) if size_limit is None else None)
        # What is written late, once traces are decided, counts as well.
        after = server.process.cpu_times()
        counted = _counted(server)
        found = _found(server.url)
        memory = server.process.memory_info().rss
    cpu = after.user + after.system - before.user - before.system
    lost = (sent.spans - stored[0], sent.lines - stored[1])
    report = {
        "seconds": round(took, 2),
        "spans_sent": sent.spans,
        "lines_sent": sent.lines,
        "spans_a_second": round(sent.spans / took),
        "lines_a_second": round(sent.lines / took),
        "answer_p50_ms": round(statistics.median(sent.answers) * 1e3, 1),
        "answer_p99_ms": round(statistics.quantiles(sent.answers, n=100)[-1] * 1e3, 1),
        "most_late_seconds": round(sent.late, 2),
        "refusals": sent.refusals,
        "cpu_share_of_one_core": round(cpu / took, 3),
        "memory_bytes": memory,
        "spans_not_stored": lost[0],
        "lines_not_stored": lost[1],
        "counted_as_lost": counted,
        "found_by_api": found,
        "most_bytes_on_disk": sizes.most,
        "size_limit_bytes": size_limit,
    }
    missed = []
    if size_limit is None and any(lost):
        missed.append("not everything that was sent is stored")
    if size_limit is not None and sizes.most > size_limit:
        missed.append(f"the file had {sizes.most} bytes")
    if counted:
        missed.append(f"{counted} are counted as lost")
    if not found:
        missed.append("the API does not find what was sent")
    if sent.refusals:
        missed.append(f"{sent.refusals} requests were refused")
    if sent.late > _LATE_SECONDS:
        missed.append(f"sending fell behind by {sent.late:.1f} s")
    return report | {"missed": missed}


def _bodies(
    rate: int, seconds: float, each: int, body: Callable[[int, float], bytes]
) -> list[bytes]:
    """Make all requests before the first is sent, so that making them takes no time meanwhile."""
    now = time.time()
    return [
        body(number, now + number * each / rate) for number in range(int(rate * seconds / each))
    ]


async def _send(url: str, rate: int, spans: Sequence[bytes], lines: Sequence[bytes]) -> Sent:
    """Send spans and lines, each at its rate whatever the answers take, as five services do.

    Each service waits for an answer before it sends its next spans, or lines, as exporters do.
    """
    sent = Sent()
    began = time.perf_counter()

    async def stream(path: str, bodies: Sequence[bytes], each: int, first: int) -> int:
        taken = 0
        headers = {"content-type": "application/x-protobuf"}
        async with httpx.AsyncClient(base_url=url, timeout=30.0, trust_env=False) as client:
            for number in range(first, len(bodies), len(SERVICES)):
                due = began + number * each / rate
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                asked = time.perf_counter()
                sent.late = max(sent.late, asked - due)
                answer = await client.post(path, content=bodies[number], headers=headers)
                sent.answers.append(time.perf_counter() - asked)
                taken += each * (answer.status_code == 200)
                sent.refusals += answer.status_code != 200
        return taken

    services = range(len(SERVICES))
    counts = await asyncio.gather(
        *(stream("/v1/traces", spans, SPANS_EACH, first) for first in services),
        *(stream("/v1/logs", lines, LINES_EACH, first) for first in services),
    )
    sent.spans, sent.lines = sum(counts[: len(SERVICES)]), sum(counts[len(SERVICES) :])
    return sent


def _stored(file: Path, wanted: tuple[int, int] | None) -> tuple[int, int]:
    """Return how many spans and lines are in the file once it has them all, or after a while."""
    ends = time.monotonic() + _SETTLE_SECONDS
    ours = f"service IN ({', '.join(repr(name) for name in SERVICES)})"
    with closing(sqlite3.connect(file)) as connection:
        while True:
            # Lines and traces of the observatory itself were not sent by us.
            (spans,) = connection.execute(
                f"SELECT coalesce(sum(spans), 0) FROM trace WHERE {ours}"
            ).fetchone()
            (lines,) = connection.execute(f"SELECT count(*) FROM log WHERE {ours}").fetchone()
            if wanted is None or (spans, lines) == wanted or time.monotonic() > ends:
                return spans, lines
            time.sleep(0.5)


def _counted(server: Server) -> int:
    """Return how much the observatory itself says that it lost."""
    text = httpx.get(f"{server.url}/metrics", trust_env=False).text
    lost = [
        one for one in text.splitlines() if one.startswith("affectscope_observatory_lost_total")
    ]
    return round(sum(float(line.rpartition(" ")[2]) for line in lost))


def _found(url: str) -> bool:
    """Tell whether the API finds a trace with all its spans, and lines by their words."""
    with httpx.Client(base_url=url, timeout=30.0, trust_env=False) as client:
        newest = client.get("/api/traces", params={"limit": 1}).json()["traces"]
        lines = client.get("/api/logs", params={"query": "request finis", "limit": 1}).json()
        if not newest or not lines["logs"]:
            return False
        shown = client.get(f"/api/traces/{newest[0]['trace_id']}").json()
    return len(shown["spans"]) == newest[0]["spans"]


def main() -> int:
    """Measure, print, store and judge."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0, help="how long to send")
    parser.add_argument("--rate", type=int, default=RATE, help="spans, and lines, a second")
    parser.add_argument("--size-limit", type=int, help="most bytes that the file may have")
    parser.add_argument("--check", action="store_true", help="exit 1 where a bar is missed")
    options = parser.parse_args()
    machine = facts()
    report = measure(options.seconds, options.rate, options.size_limit)
    print(json.dumps(report, indent=1))
    write_result("observatory-ingest", {"machine": machine, **report})
    return 1 if options.check and report["missed"] else 0


if __name__ == "__main__":
    sys.exit(main())
