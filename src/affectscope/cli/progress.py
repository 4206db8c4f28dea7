"""Progress of long work, on standard error, where somebody looks."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bars
from rich.text import Text

from affectscope.affect import MediaNoted, ProgressMade, Record, SegmentFound, TrackOpened


class _Seconds(ProgressColumn):
    """Seconds of a medium that are done, and how many there are, where that is known."""

    def render(self, task: Task) -> Text:
        total = "" if task.total is None else f" of {task.total:.0f}"
        return Text(f"{task.completed:.0f}{total} s")


def _bars(middle: ProgressColumn, console: Console | None = None) -> Bars:
    return Bars(
        TextColumn("{task.description}"),
        BarColumn(),
        middle,
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console or Console(stderr=True),
        transient=True,
    )


class Progress:
    """A bar for each modality, moved by the records as they are found.

    Args:
        console: Where to draw, standard error by default.

    Attributes:
        seconds: How long everything took, after the end.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._bars = _bars(_Seconds(), console)
        self._tasks: dict[str, TaskID] = {}
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
                    self._begin(record.modality, record.duration)
                case TrackOpened():
                    self._modalities[record.track.id] = record.track.modality
                case SegmentFound():
                    self._move(self._modalities.get(record.track, ""), record.segment.end)
                case ProgressMade() if record.modality is not None and record.unit == "seconds":
                    if record.modality not in self._tasks:
                        # A medium that does not say how long it is.
                        self._begin(record.modality, record.total)
                    self._move(record.modality, record.done)
                case _:
                    pass

    def _begin(self, modality: str, total: float | None) -> None:
        self._tasks[modality] = self._bars.add_task(modality, total=total)

    def _move(self, modality: str, done: float) -> None:
        """Move a bar forwards; what comes late does not move it back."""
        if (task := self._tasks.get(modality)) is not None:
            bar = next(one for one in self._bars.tasks if one.id == task)
            self._bars.update(task, completed=max(bar.completed, done))


def timing(what: str) -> AbstractContextManager[Callable[[float, float | None], None]]:
    """Show a bar of seconds of a medium; yields the function to call with (done, total)."""
    return _bar(what, _Seconds())


def counting(what: str) -> AbstractContextManager[Callable[[float, float | None], None]]:
    """Show a bar of counted things; yields the function to call with (done, total)."""
    return _bar(what, MofNCompleteColumn())


def loading(what: str) -> AbstractContextManager[Callable[[float, float | None], None]]:
    """Show a bar of bytes; yields the function to call with (done, total)."""
    return _bar(what, DownloadColumn())


@contextmanager
def _bar(what: str, column: ProgressColumn) -> Iterator[Callable[[float, float | None], None]]:
    bars = _bars(column)
    with bars:
        task = bars.add_task(what, total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)
