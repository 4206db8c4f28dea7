"""Where a request's time goes: stages, measured once and shown in metrics, header and answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Literal, TypeVar

from affectscope.telemetry.context import RequestContext

if TYPE_CHECKING:
    from affectscope.telemetry.profiling import Profile

MediaKind = Literal["audio", "video"]
T = TypeVar("T")

_adding = threading.Lock()
# One lock for all: it is held for a moment, and a lock for each request would cost each request.

_INTERVAL_STAGES = 100
"""Most stages whose place in time is kept; a name made from data can't fill the memory."""

_current: ContextVar[Timings | None] = ContextVar("affectscope_timings", default=None)


class Interval:
    """Where in time a stage lies.

    Attributes:
        first: When it was entered first, on the clock of the timings.
        last: When it was left last.
        entries: How often it was entered.
    """

    __slots__ = ("entries", "first", "last")

    def __init__(self, first: float, last: float) -> None:
        self.first = first
        self.last = last
        self.entries = 1


class Timings:
    """Seconds spent in each stage of one piece of work, adding up however often a stage is entered.

    Safe to feed from several threads at once: a worker thread sees the request's timings when it
    runs in `contextvars.copy_context()`.

    Args:
        clock: Seconds on a clock that never goes back.
        request: The request that the work is for; that of the surrounding timings by default.

    Example:
        >>> ticks = iter([0.0, 0.25])
        >>> timings = Timings(clock=lambda: next(ticks))
        >>> with timings.activate(), stage("decode"):
        ...     pass
        >>> timings.seconds
        {'decode': 0.25}
        >>> timings.server_timing()
        'decode;dur=250.000'
    """

    __slots__ = ("clock", "intervals", "media", "profiles", "request", "seconds")

    def __init__(
        self,
        clock: Callable[[], float] = time.perf_counter,
        request: RequestContext | None = None,
    ) -> None:
        self.clock = clock
        self.request = request
        self.seconds: dict[str, float] = {}
        self.intervals: dict[str, Interval] = {}
        self.media: dict[MediaKind, float] = {}
        self.profiles: list[Profile] = []

    def add(self, name: str, seconds: float, ended: float | None = None) -> None:
        """Add time to a stage.

        Args:
            name: The stage, such as `decode`.
            seconds: Time spent, >= 0.
            ended: When it ended, on the clock; now by default.
        """
        if ended is None:
            ended = self.clock()
        with _adding:
            self.seconds[name] = self.seconds.get(name, 0.0) + seconds
            interval = self.intervals.get(name)
            if interval is not None:
                interval.last = ended
                interval.entries += 1
            elif len(self.intervals) < _INTERVAL_STAGES:
                self.intervals[name] = Interval(ended - seconds, ended)

    def add_media(self, kind: MediaKind, seconds: float) -> None:
        """Add seconds of sound or picture that this work has gone through."""
        with _adding:
            self.media[kind] = self.media.get(kind, 0.0) + seconds

    @contextmanager
    def activate(self) -> Iterator[Timings]:
        """Make these the timings that `stage` and `note_media` feed in this context."""
        before = set_current(self)
        if self.request is None and before is not None:
            self.request = before.request
        try:
            yield self
        finally:
            _current.set(before)

    def server_timing(self) -> str:
        """The stages as the value of a `Server-Timing` header (durations in milliseconds).

        A stage whose name can't stand in a header is left out.

        Source: https://www.w3.org/TR/server-timing/
        """
        return ", ".join(
            [
                f"{name};dur={seconds * 1000:.3f}"
                for name, seconds in self.seconds.copy().items()
                if name.isascii() and name.replace("-", "_").isidentifier()
            ]
        )


def current_timings() -> Timings | None:
    """The timings active in this context, or None outside of any measured work."""
    return _current.get()


def set_current(timings: Timings | None) -> Timings | None:
    """Make `timings` current without a context manager; returns what was current before.

    Setting the old value back never fails, whereas a token can't be reset from the foreign context
    in which an abandoned coroutine is closed.
    """
    before = _current.get()
    _current.set(timings)
    return before


class Stage:
    """Context manager that adds the time inside it to a stage of the current timings.

    Does nothing where no timings are active, so analyzers may use it without a server. A stage
    inside another counts in both.

    Args:
        name: The stage: `upload`, `queue`, `decode`, `detect`, `transcribe`, `infer`, `fuse` or
            `store`; any other name works too, and each name becomes one label value.
    """

    __slots__ = ("_name", "_started", "_timings")

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        timings = self._timings = _current.get()
        if timings is not None:
            self._started = timings.clock()

    def __exit__(self, *exception: object) -> None:
        timings = self._timings
        if timings is not None:
            ended = timings.clock()
            timings.add(self._name, ended - self._started, ended)


stage = Stage


def drawn(name: str, items: Iterator[T]) -> Iterator[T]:
    """Yield items, with the time that it takes to get each as a stage, and not what is done with it.

    Args:
        name: The stage.
        items: A reader, for one; it is not closed.
    """
    while True:
        try:
            with stage(name):
                item = next(items)
        except StopIteration:
            return
        yield item


def note_media(seconds_processed: float, kind: MediaKind = "audio") -> None:
    """Tell the current request how much sound or picture it has gone through.

    Feeds the media seconds and the real-time factor; does nothing outside of measured work.

    Args:
        seconds_processed: Seconds of media, >= 0; further calls add up.
        kind: `audio` or `video`.
    """
    timings = _current.get()
    if timings is not None:
        timings.add_media(kind, seconds_processed)
