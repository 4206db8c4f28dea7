"""A long conversation through the batch endpoint, and single messages while it runs.

The chat service runs as a process of its own. A client sends it one conversation of many messages
and reads the answer as it comes, and looks at the service's memory: PSS, its share of what it shares
with others. Another process sends single messages at random times all the while.

    python -m benchmarks.chat_batch                       a table, of 100,000 messages
    python -m benchmarks.chat_batch --messages 5000
    python -m benchmarks.chat_batch --check               and exit 1 where a budget is exceeded

The clients use the same cores as the service; nothing is taken off for them.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any, Final

import httpx

from benchmarks.machine import facts, write_result
from benchmarks.service_process import ServiceProcess

P99_SECONDS: Final = 0.030
"""Budget of a single message while the long conversation is judged."""

MEMORY_BYTES: Final = 250_000_000
"""Budget of the service alone, as it is after its first answer."""

GROWTH_BYTES: Final = 30_000_000
"""Budget of what the second half of the conversation adds: 50 bytes a message are kept of it."""

_PER_SECOND: Final = 8.0
_SUBJECTS: Final = ("I", "you", "we", "they", "she", "he", "my friend", "nobody", "everybody")
_PARTS: Final = (
    "really love this", "cannot stand it any more", "will be there at nine tomorrow",
    "am so sorry for what happened", "did not expect that at all", "think it is a good idea",
    "lost the keys again and missed the train", "got the job, can you believe it",
    "have no idea what to do about the flat", "would rather stay at home tonight",
    "thank you for everything", "was really scared on the way back",
)  # fmt: skip
_ENDINGS: Final = ("", "!", "...", " 😂", "?", ", to be honest", " and that is all there is to say")


def conversation(count: int) -> Iterator[bytes]:
    """Yield a conversation of three, a line a message; the same one every time."""
    chosen = random.Random(0)
    for number in range(count):
        parts = chosen.choices(_PARTS, k=chosen.choice((1, 1, 1, 2, 3)))
        text = f"{chosen.choice(_SUBJECTS)} {' and '.join(parts)}{chosen.choice(_ENDINGS)}"
        message = {
            "speaker": chosen.choice(("Ann", "Ben", "Cleo")),
            "time": number * 20,
            "text": text,
        }
        yield json.dumps(message).encode() + b"\n"


@dataclass
class Seen:
    """What was measured."""

    idle_bytes: int = 0
    seconds: float = 0.0
    first_line_seconds: float = 0.0
    segments: int = 0
    ended: bool = False
    singles: list[float] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)


def single(client: httpx.Client) -> float:
    """Send one message; returns seconds until its answer is there."""
    began = time.perf_counter()
    answer = client.post("/analyze-chat", json={"text": "I am so glad that you could make it!"})
    answer.raise_for_status()
    return time.perf_counter() - began


def _singles(address: str, over: Connection) -> None:
    """Send single messages until the other end says that it is over; send back their seconds.

    In a process of its own: a thread would wait for the one that reads the long answer.
    """
    pause, taken = random.Random(1), []
    with httpx.Client(base_url=address, trust_env=False) as client:
        # At random times, so that they meet every moment of the work beside them.
        while not over.poll(pause.expovariate(_PER_SECOND)):
            taken.append(single(client))
    over.send(taken)


def _memory(service: ServiceProcess, seen: Seen, over: threading.Event) -> None:
    while not over.wait(0.5):
        seen.memory.append(service.pss())


def measure(count: int) -> Seen:
    """Send a conversation of `count` messages, with single ones beside it."""
    seen, over = Seen(), threading.Event()
    service = ServiceProcess("chat")
    try:
        service.wait()
        with httpx.Client(base_url=service.address, trust_env=False, timeout=600) as client:
            for _ in range(50):
                single(client)
            seen.idle_bytes = service.pss()
            watching = threading.Thread(target=_memory, args=(service, seen, over))
            ours, theirs = multiprocessing.Pipe()
            other = multiprocessing.get_context("spawn").Process(
                target=_singles, args=(service.address, theirs), daemon=True
            )
            began = time.perf_counter()
            with client.stream(
                "POST",
                "/analyze-chat-batch",
                content=conversation(count),
                headers={"content-type": "application/x-ndjson"},
            ) as answer:
                answer.raise_for_status()
                watching.start()
                other.start()
                # Else its end would seem open after it died.
                theirs.close()
                last = b""
                for chunk in answer.iter_raw():
                    seen.first_line_seconds = seen.first_line_seconds or time.perf_counter() - began
                    *lines, last = (last + chunk).split(b"\n")
                    seen.segments += sum(one.startswith(b'{"type":"segment"') for one in lines)
                    seen.ended = bool(lines) and lines[-1].startswith(b'{"type": "end"')
            seen.seconds = time.perf_counter() - began
            over.set()
            watching.join()
            ours.send(None)
            seen.singles = ours.recv()
            other.join()
    finally:
        over.set()
        service.close()
    return seen


def results(seen: Seen, count: int) -> dict[str, Any]:
    """Return figures and whether each is within its budget."""
    if seen.segments != count or not seen.ended:
        raise SystemExit(f"{seen.segments} of {count} messages were answered")
    singles, half = sorted(seen.singles), len(seen.memory) // 2
    p99 = statistics.quantiles(singles, n=100)[98]
    growth = max(seen.memory[half:]) - max(seen.memory[:half])
    return {
        "messages": count,
        "messages_per_second": count / seen.seconds,
        "seconds": seen.seconds,
        "first_line_seconds": seen.first_line_seconds,
        "single_messages": len(singles),
        "single_p50_seconds": statistics.median(singles),
        "single_p99_seconds": p99,
        "single_max_seconds": singles[-1],
        "idle_bytes": seen.idle_bytes,
        "peak_bytes": max(seen.memory),
        "growth_bytes": growth,
        "within": {
            "single_p99_seconds": p99 <= P99_SECONDS,
            "idle_bytes": seen.idle_bytes <= MEMORY_BYTES,
            "growth_bytes": growth <= GROWTH_BYTES,
        },
    }


def table(figures: dict[str, Any]) -> str:
    """Return the figures as text."""
    mb = 1e6
    return "\n".join(
        (
            f"{figures['messages']:,} messages in {figures['seconds']:.1f} s: "
            f"{figures['messages_per_second']:.0f} a second, "
            f"the first after {figures['first_line_seconds']:.1f} s",
            f"{figures['single_messages']} single messages meanwhile: "
            f"p50 {1e3 * figures['single_p50_seconds']:.1f} ms, "
            f"p99 {1e3 * figures['single_p99_seconds']:.1f} ms (budget {1e3 * P99_SECONDS:.0f}), "
            f"slowest {1e3 * figures['single_max_seconds']:.1f} ms",
            f"memory: {figures['idle_bytes'] / mb:.0f} MB alone (budget {MEMORY_BYTES / mb:.0f}), "
            f"{figures['peak_bytes'] / mb:.0f} MB at most; the second half added "
            f"{figures['growth_bytes'] / mb:.1f} MB (budget {GROWTH_BYTES / mb:.0f})",
        )
    )


def main() -> int:
    """Run, print and store."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--check", action="store_true", help="exit 1 when over a budget")
    options = parser.parse_args()
    machine = facts()
    figures = results(measure(options.messages), options.messages)
    print(table(figures))
    print(f"stored in {write_result('chat-batch', {'machine': machine, **figures})}")
    return 1 if options.check and not all(figures["within"].values()) else 0


if __name__ == "__main__":
    sys.exit(main())
