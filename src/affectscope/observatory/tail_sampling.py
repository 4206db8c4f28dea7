"""Decides which traces to keep once they are over."""

from __future__ import annotations

import zlib
from collections import OrderedDict
from collections.abc import Iterable
from typing import Literal, NamedTuple

from affectscope.observatory.otlp_spans import Span
from affectscope.observatory.running_quantile import RunningQuantile

Kept = Literal["error", "profile", "slow", "share"]

SPAN_OVERHEAD = 700
"""Bytes that a span takes beside its body, about."""

_MOST_IN_ONE = 10_000
_MOST_ENDPOINTS = 1_000


class KeptTrace(NamedTuple):
    """A trace to keep, or what came late of one.

    Attributes:
        trace_id: 32 hexadecimal digits.
        kept: Why.
        spans: In the order in which they came.
    """

    trace_id: str
    kept: Kept
    spans: list[Span]


class _Waiting:
    """The spans of a trace so far.

    Attributes:
        kept: Why it is kept, where that is decided already.
    """

    __slots__ = ("due", "first", "kept", "rooted", "size", "spans")

    def __init__(self, first: float, kept: Kept | None) -> None:
        self.first = first
        self.due = first
        self.kept = kept
        self.rooted = False
        self.size = 0
        self.spans: dict[str, Span] = {}


class TailSampler:
    """Gathers spans by trace, and decides about a trace once it is over.

    A trace is over `settle_seconds` after its root came; where no root comes, because the caller
    does not trace here, `patience_seconds` after its last span. Kept are all traces with an error,
    with a profile, or slow, and a share of the others. What comes later follows the decision; but
    a late span that by itself is a reason to keep changes it, for what was dropped of that trace
    was the uninteresting part.

    Slow is what takes `slow_seconds` from the entry into a service to its end, or longer than 99 %
    of what the same endpoint took lately. All bounds are on arrival times of the given clock, so
    that clocks of others matter for nothing.

    Not thread-safe: the caller locks.

    Args:
        share: Of the traces that are nothing special, 0 to 1; which ones depends on their ids alone.
        slow_seconds: Requests from this length on are slow.
        settle_seconds: From the arrival of a root to the decision.
        patience_seconds: From the last span to the decision where no root came.
        longest_seconds: From the first span to the decision in any case.
        most_spans: Spans that wait at once; beyond, the oldest traces are decided early.
        most_bytes: Memory that they take.
        most_decisions: Traces whose decision is remembered.

    Attributes:
        kept: Traces kept so far, by reason.
        dropped: Traces dropped.
        late: Spans that came after the decision.
        overflow: Traces decided early, for want of room.
        lost: Spans dropped from traces with too many.
        waiting_spans: Spans of traces that are not decided.
        waiting_bytes: Memory that they take.
        ready_bytes: Memory of what is kept and was not handed out by `due` yet.
    """

    def __init__(
        self,
        share: float = 0.1,
        slow_seconds: float = 1.0,
        *,
        settle_seconds: float = 3.0,
        patience_seconds: float = 10.0,
        longest_seconds: float = 60.0,
        most_spans: int = 50_000,
        most_bytes: int = 64 << 20,
        most_decisions: int = 50_000,
    ) -> None:
        self._share = share
        self._slow = slow_seconds
        self._settle = settle_seconds
        self._patience = patience_seconds
        self._longest = longest_seconds
        self._most_spans = most_spans
        self._most_bytes = most_bytes
        self._most_decisions = most_decisions
        self._traces: dict[str, _Waiting] = {}
        self._ready: list[KeptTrace] = []
        self._decisions: OrderedDict[str, Kept | None] = OrderedDict()
        self._profiled: OrderedDict[str, None] = OrderedDict()
        self._durations: dict[tuple[str, str], RunningQuantile] = {}
        self.kept: dict[Kept, int] = {"error": 0, "profile": 0, "slow": 0, "share": 0}
        self.dropped = 0
        self.late = 0
        self.overflow = 0
        self.lost = 0
        self.waiting_spans = 0
        self.waiting_bytes = 0
        self.ready_bytes = 0

    def add(self, spans: Iterable[Span], now: float) -> None:
        """Take spans.

        Args:
            spans: Of any traces; one that came before is taken once.
            now: Seconds on the caller's clock.
        """
        traces, settle, patience = self._traces, self._settle, self._patience
        for span in spans:
            waiting = traces.get(span.trace_id)
            if waiting is None:
                waiting = self._begin(span, now)
                if waiting is None:
                    continue
            if span.span_id in waiting.spans:
                continue
            if len(waiting.spans) >= _MOST_IN_ONE:
                self.lost += 1
                continue
            waiting.spans[span.span_id] = span
            size = len(span.body) + SPAN_OVERHEAD
            waiting.size += size
            self.waiting_spans += 1
            self.waiting_bytes += size
            if span.parent_id is None or waiting.kept is not None:
                waiting.rooted = True
                waiting.due = now + settle
            elif not waiting.rooted:
                waiting.due = now + patience
        while traces and (
            self.waiting_spans > self._most_spans or self.waiting_bytes > self._most_bytes
        ):
            self.overflow += 1
            self._decide(next(iter(traces)))

    def profiled(self, trace_id: str) -> None:
        """Have a trace kept because there is a profile of it."""
        self._profiled[trace_id] = None
        if len(self._profiled) > self._most_decisions:
            self._profiled.popitem(last=False)

    def due(self, now: float) -> list[KeptTrace]:
        """Decide what is over.

        Args:
            now: Seconds on the caller's clock.

        Returns:
            What to keep, once.
        """
        longest = self._longest
        over = [
            trace_id
            for trace_id, waiting in self._traces.items()
            if waiting.due <= now or waiting.first + longest <= now
        ]
        for trace_id in over:
            self._decide(trace_id)
        ready, self._ready = self._ready, []
        self.ready_bytes = 0
        return ready

    def flush(self) -> list[KeptTrace]:
        """Decide everything now, as a process does that ends."""
        return self.due(float("inf"))

    def _begin(self, span: Span, now: float) -> _Waiting | None:
        trace_id = span.trace_id
        kept: Kept | None = None
        if trace_id in self._decisions:
            self.late += 1
            kept = self._decisions[trace_id]
            self._decisions.move_to_end(trace_id)
            if kept is None:
                kept = self._reason([span])
                if kept is None:
                    return None
                self._remember(trace_id, kept)
                self.dropped -= 1
                self.kept[kept] += 1
        waiting = self._traces[trace_id] = _Waiting(now, kept)
        return waiting

    def _decide(self, trace_id: str) -> None:
        waiting = self._traces.pop(trace_id)
        self.waiting_spans -= len(waiting.spans)
        self.waiting_bytes -= waiting.size
        spans = list(waiting.spans.values())
        kept = waiting.kept
        if kept is None:
            kept = self._reason(spans)
            if kept is None and zlib.crc32(trace_id.encode()) < self._share * 2**32:
                # Not by the id's own digits: head sampling goes by these already.
                kept = "share"
            self._remember(trace_id, kept)
            if kept is None:
                self.dropped += 1
                return
            self.kept[kept] += 1
        else:
            self.late += len(spans) - 1
        self.ready_bytes += waiting.size
        self._ready.append(KeptTrace(trace_id, kept, spans))

    def _remember(self, trace_id: str, kept: Kept | None) -> None:
        self._decisions[trace_id] = kept
        if len(self._decisions) > self._most_decisions:
            self._decisions.popitem(last=False)

    def _reason(self, spans: list[Span]) -> Kept | None:
        """Return why spans are to be kept; None where that is a matter of the share."""
        failed = profiled = slow = False
        for span in spans:
            failed = failed or span.error
            profiled = profiled or span.profiled
            if span.entry:
                slow = self._is_slow(span) or slow
        if failed:
            return "error"
        if profiled or spans[0].trace_id in self._profiled:
            return "profile"
        return "slow" if slow else None

    def _is_slow(self, span: Span) -> bool:
        seconds = span.seconds
        key = (span.service, span.endpoint or span.name)
        durations = self._durations.get(key)
        if durations is None:
            if len(self._durations) >= _MOST_ENDPOINTS:
                return seconds >= self._slow
            durations = self._durations[key] = RunningQuantile(0.99)
        usual = durations.value
        durations.add(seconds)
        return seconds >= self._slow or (usual is not None and seconds > usual)
