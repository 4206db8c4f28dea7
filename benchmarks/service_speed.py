"""How long every service takes for the shipped samples, beside fixed work of the same run.

The services run as their real applications in this process, the gateway too, with real services as
processes behind it. Rounds go through all cases in turn, the references before each; a ratio is the
median over the rounds of a case's seconds over the median of the reference's in the same round, so
that it carries between machines, and between a busy and an idle one.

    python -m benchmarks.service_speed             a table
    python -m benchmarks.service_speed --rounds 15
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import os
import statistics
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Final

from affectscope.samples import SampleKind, sample
from affectscope.service import Service
from affectscope.telemetry import configure_logging
from benchmarks.asgi import App, call, file_body, file_headers, json_headers, request_scope
from benchmarks.references import REFERENCES
from benchmarks.service_process import ServiceProcess


@dataclass(frozen=True)
class Case:
    """A request whose time is measured.

    Attributes:
        name: As tables show it.
        service: Whose application takes it.
        kind: The sample it sends.
        query: Its query string.
        media_seconds: Length of the sample, where it has one.
        repeats: Requests in a round; their median counts.
    """

    name: str
    service: str
    kind: SampleKind
    query: bytes = b""
    media_seconds: float | None = None
    repeats: int = 1

    @property
    def path(self) -> str:
        """Where it goes."""
        return f"/analyze-{self.kind}"

    def body(self) -> tuple[bytes, Sequence[tuple[bytes, bytes]]]:
        """Return body and headers."""
        if self.kind in ("chat", "survey"):
            whole = sample(self.kind).read_bytes()
            return whole, json_headers(whole)
        field = "video_file" if self.kind == "video" else "audio_file"
        whole = file_body(field, sample(self.kind))
        return whole, file_headers(whole)


CASES: Final = (
    Case("video", "video", "video", media_seconds=5.6),
    Case("speech", "speech", "speech", media_seconds=5.6),
    Case("speech, no words", "speech", "speech", b"transcribe=false", media_seconds=5.6),
    Case("chat", "chat", "chat", repeats=10),
    Case("survey", "survey", "survey", repeats=50),
    Case("gateway to chat", "gateway", "chat", repeats=10),
    Case("gateway to survey", "gateway", "survey", repeats=50),
)


async def _started(name: str, stack: AsyncExitStack) -> App:
    create = importlib.import_module(f"affectscope.{name}.app").create
    if name == "gateway":
        from affectscope.gateway.settings import GatewaySettings

        behind = {kind: ServiceProcess(kind) for kind in ("chat", "survey")}
        for backend in behind.values():
            stack.callback(backend.close)
        for backend in behind.values():
            backend.wait()
        settings = {f"{kind}_url": backend.address for kind, backend in behind.items()}
        service: Service = create(GatewaySettings.model_validate(settings))
    else:
        service = create()
    await stack.enter_async_context(service.app.router.lifespan_context(service.app))
    while not service.health.ready:
        if service.health.failure is not None:
            raise SystemExit(f"{name} is not ready: {service.health.failure}")
        await asyncio.sleep(0.01)
    return service.app


async def _seconds(case: Case, app: App) -> float:
    body, headers = case.body()
    taken = []
    for _ in range(case.repeats):
        scope = request_scope(case.path, method="POST", headers=headers, query=case.query)
        began = time.perf_counter()
        status, said = await call(app, scope, body)
        taken.append(time.perf_counter() - began)
        if status != 200:
            raise SystemExit(f"{case.name} answered {status}: {said[:200]!r}")
    return statistics.median(taken)


async def measured(rounds: int, cases: Sequence[Case] = CASES) -> dict[str, list[float]]:
    """Return seconds of each case and reference, one a round."""
    found: dict[str, list[float]] = {name: [] for name in (*REFERENCES, *(c.name for c in cases))}
    async with AsyncExitStack() as stack:
        apps = {name: await _started(name, stack) for name in {case.service for case in cases}}
        for number in range(-1, rounds):
            for case in cases:
                for name, reference in REFERENCES.items():
                    began = time.perf_counter()
                    reference()
                    if number >= 0:
                        found[name].append(time.perf_counter() - began)
                seconds = await _seconds(case, apps[case.service])
                if number >= 0:
                    found[case.name].append(seconds)
    return found


def results(found: dict[str, list[float]], cases: Sequence[Case] = CASES) -> dict[str, Any]:
    """Return medians, ratios to the references of the same round, and real-time factors."""
    document: dict[str, Any] = {
        name: {"p50_seconds": statistics.median(found[name])} for name in REFERENCES
    }
    for case in cases:
        taken = found[case.name]
        one = {"p50_seconds": statistics.median(taken)}
        for name in REFERENCES:
            # A reference runs before every case, and what one case leaves behind (threads, caches)
            # may slow the next of its turns: their median in the round counts.
            turns = len(found[name]) // len(taken)
            beside = [
                statistics.median(found[name][place * turns : (place + 1) * turns])
                for place in range(len(taken))
            ]
            one[f"over_{name}"] = statistics.median(
                a / b for a, b in zip(taken, beside, strict=True)
            )
        if case.media_seconds is not None:
            one["realtime_factor"] = one["p50_seconds"] / case.media_seconds
        document[case.name] = one
    return {
        name: {key: float(f"{value:.4g}") for key, value in one.items()}
        for name, one in document.items()
    }


def measure(rounds: int) -> dict[str, Any]:
    """Measure everything; see `results`. Log lines are written, as they always are, to nowhere."""
    with open(os.devnull, "w") as nowhere:
        configure_logging("bench", stream=nowhere)
        try:
            return results(asyncio.run(measured(rounds)))
        finally:
            configure_logging("bench")


def table(document: dict[str, Any]) -> str:
    """Return the results as text."""
    lines = [f"{'request':<22}{'p50 ms':>10}{'/python':>10}{'/arrays':>10}{'realtime':>10}"]
    for name, one in document.items():
        line = f"{name:<22}{1e3 * one['p50_seconds']:>10.2f}"
        if "over_python" in one:
            line += f"{one['over_python']:>10.3f}{one['over_arrays']:>10.3f}"
        if "realtime_factor" in one:
            line += f"{one['realtime_factor']:>10.3f}"
        lines.append(line)
    return "\n".join(lines)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    print(table(measure(options.rounds)))


if __name__ == "__main__":
    main()
