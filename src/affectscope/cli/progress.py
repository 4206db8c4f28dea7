"""Progress of long work, on standard error, where somebody looks."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from affectscope.affect import MediaNoted, Record, SegmentFound, TrackOpened


def _bars(*middle: TextColumn | MofNCompleteColumn) -> Bars:
    return Bars(
        TextColumn("{task.description}"),
        BarColumn(),
        *middle,
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )


class Progress:
    """A bar for each modality, moved by the records as they are found.

    Attributes:
        seconds: How long everything took, after the end.
    """

    def __init__(self) -> None:
        self._bars = _bars(TextColumn("{task.completed:.0f} of {task.total:.0f} s"))
        self._tasks: dict[str, int] = {}
        self._modalities: dict[str, str] = {}
        self._lock = threading.Lock()
        self._began = time.perf_counter()
        self.seconds = 0.0

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bars.stop()
        self.seconds = time.perf_counter() - self._began

    def __call__(self, record: Record) -> None:
        """Take one record, from any thread."""
        with self._lock:
            match record:
                case MediaNoted() if record.duration:
                    task = self._bars.add_task(record.modality, total=record.duration)
                    self._tasks[record.modality] = task
                case TrackOpened():
                    self._modalities[record.track.id] = record.track.modality
                case SegmentFound():
                    modality = self._modalities.get(record.track, "")
                    if modality in self._tasks:
                        bar = next(t for t in self._bars.tasks if t.id == self._tasks[modality])
                        done = max(bar.completed, record.segment.end)
                        self._bars.update(bar.id, completed=done)
                case _:
                    pass


@contextmanager
def counting(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar of counted things; yields the function to call with (done, total)."""
    bars = _bars(MofNCompleteColumn())
    with bars:
        task = bars.add_task(what, total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)
