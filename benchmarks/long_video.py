"""Whether the video analyzer's memory and speed stay as they are, however long a video is.

    python -m benchmarks.long_video                    an hour, every frame
    python -m benchmarks.long_video --fps 5            an hour, five frames a second
    python -m benchmarks.long_video --minutes 3        a shorter one, to see that it works
    python -m benchmarks.long_video --check            and exit 1 when over a budget

The packets of the shipped sample are written again and again, at later and later times, without
encoding anything. A process analyses that video; the memory that is its own and its decoder's is
sampled; libraries, which they may share with whatever else runs, are left out. Growth is that of the
last tenth of the video over the minute after its first minute. The time of a frame is that from one
row to the next: by the clock, and of the processor, all threads of the analyzer together. The budget
is on the processor's, which depends less on what else the machine does.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av

from affectscope.samples import sample
from affectscope.video import VideoAnalyzer
from benchmarks.machine import facts, write_result
from benchmarks.watched import MEGABYTE, watch

BUDGETMEGABYTES = 50.0
BUDGET_SLOWER = 1.10
_SAMPLE_SECONDS = 0.5
_SETTLED = 60.0
"""Seconds of the video after which caches and pools are taken to be filled."""


def write_long(path: Path, minutes: float) -> None:
    """Write the pictures of the sample again and again, until the video lasts so many minutes."""
    with av.open(sample("video")) as source, av.open(path, "w") as target:
        pictures = source.streams.video[0]
        copy = target.add_stream_from_template(pictures)
        assert pictures.time_base is not None
        packets = [
            (bytes(packet), packet.pts, packet.dts, packet.duration or 0, packet.is_keyframe)
            for packet in source.demux(pictures)
            if packet.pts is not None and packet.dts is not None
        ]
        lasts = max(pts + duration for _, pts, _, duration, _ in packets)
        wanted = 60 * minutes / float(pictures.time_base)
        for start in range(0, round(wanted), lasts):
            for data, pts, dts, duration, is_keyframe in packets:
                packet = av.Packet(data)
                packet.stream, packet.time_base = copy, pictures.time_base
                packet.pts, packet.dts, packet.duration = start + pts, start + dts, duration
                packet.is_keyframe = is_keyframe
                target.mux(packet)


def analyse(path: str, fps: float | None) -> None:
    """Analyse a video and print a line of JSON for each note of progress: what `watched` reads."""
    frames: list[tuple[float, float]] = []
    clock, processor = time.perf_counter(), time.process_time()
    for record in VideoAnalyzer().stream(path, fps):
        if record.type == "segment":
            now, used = time.perf_counter(), time.process_time()
            frames.append((now - clock, used - processor))
            clock, processor = now, used
        elif record.type == "progress":
            print(json.dumps({"done": record.done, "frames": frames}), flush=True)
            frames = []


@dataclass
class Course:
    """How an analysis went.

    Attributes:
        frames: (seconds of the video, seconds that a frame took, those of the processor).
        memory: (seconds of the video, bytes of the process and its decoder).
    """

    frames: list[tuple[float, float, float]] = field(default_factory=list)
    memory: list[tuple[float, float]] = field(default_factory=list)
    done: float = 0.0

    def result(self) -> dict[str, Any]:
        """Return growth in megabytes and the times of frames, beginning and end."""
        tenth = self.done / 10
        early = [used for at, used in self.memory if _SETTLED <= at < 2 * _SETTLED]
        late = [used for at, used in self.memory if at >= self.done - tenth]
        first = [frame for frame in self.frames if frame[0] < tenth]
        final = [frame for frame in self.frames if frame[0] >= self.done - tenth]
        growth = (statistics.median(late) - statistics.median(early)) / MEGABYTE
        clock, processor = (
            {
                "first_seconds": statistics.median(frame[what] for frame in first),
                "last_seconds": statistics.median(frame[what] for frame in final),
            }
            for what in (1, 2)
        )
        slower = processor["last_seconds"] / processor["first_seconds"]
        return {
            "video_seconds": self.done,
            "frames": len(self.frames),
            "settled_megabytes": statistics.median(early) / MEGABYTE,
            "growth_megabytes": growth,
            "peak_megabytes": max(used for _, used in self.memory) / MEGABYTE,
            "clock": clock,
            "processor": processor,
            "slower": slower,
            "within": growth < BUDGETMEGABYTES and slower < BUDGET_SLOWER,
        }


def watched(path: Path, fps: float | None) -> Course:
    """Analyse a video in a process of its own and look at its memory meanwhile."""
    course = Course()
    rate = [] if fps is None else ["--fps", str(fps)]

    def take(note: dict[str, Any]) -> None:
        course.done = note["done"]
        course.frames += [(course.done, *frame) for frame in note["frames"]]

    watch(
        ["benchmarks.long_video", "--analyse", str(path), *rate],
        take,
        lambda used: course.memory.append((course.done, used)),
        _SAMPLE_SECONDS,
    )
    return course


def table(result: dict[str, Any]) -> str:
    """Return the result as text."""
    lines = [
        f"{result['frames']} frames of {result['video_seconds'] / 60:.1f} minutes",
        f"memory after the first minute {result['settled_megabytes']:.1f} MB, "
        f"growth {result['growth_megabytes']:+.1f} MB (budget {BUDGETMEGABYTES:g}), "
        f"peak {result['peak_megabytes']:.1f} MB",
    ]
    for what in ("clock", "processor"):
        first, last = (1000 * result[what][f"{when}_seconds"] for when in ("first", "last"))
        lines.append(
            f"a frame by the {what}, median: first tenth {first:.2f} ms, last tenth {last:.2f} ms, "
            f"ratio {last / first:.3f}"
        )
    return "\n".join(lines) + f" (budget {BUDGET_SLOWER:g})"


def main() -> int:
    """Measure, print and store."""
    parser = argparse.ArgumentParser(description="Long videos: memory and time of a frame.")
    parser.add_argument("--minutes", type=float, default=60.0, help="of the video, above 2")
    parser.add_argument("--fps", type=float, default=None, help="every frame where not given")
    parser.add_argument("--check", action="store_true", help="exit 1 when over a budget")
    parser.add_argument("--analyse", default=None, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.analyse is not None:
        analyse(options.analyse, options.fps)
        return 0
    if options.minutes <= 2:
        parser.error("--minutes: above 2, so that there is something after the first two")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "long.mp4"
        began = time.monotonic()
        write_long(path, options.minutes)
        size = path.stat().st_size / MEGABYTE
        print(f"wrote {size:.0f} MB in {time.monotonic() - began:.1f} s", flush=True)
        result = watched(path, options.fps).result()
    print(table(result))
    write_result("long-video", {"machine": facts(), "fps": options.fps, **result})
    return 1 if options.check and not result["within"] else 0


if __name__ == "__main__":
    sys.exit(main())
