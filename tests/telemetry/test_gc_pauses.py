"""Collections are timed without a lock, wherever they begin."""

from __future__ import annotations

import gc

from affectscope.telemetry.gc_pauses import GcPauses


def test_a_collection_is_timed() -> None:
    ticks = iter(range(1000))
    pauses = GcPauses("chat", clock=lambda: float(next(ticks)))
    gc.collect()
    pauses.start()

    gc.collect()
    pauses.stop()

    oldest = pauses.family.of("2")
    assert sum(oldest.counts) >= 1
    assert oldest.total == sum(oldest.counts)


def test_after_stopping_nothing_is_heard() -> None:
    before = gc.callbacks[:]
    pauses = GcPauses("chat")
    pauses.start()
    pauses.start()
    assert len(gc.callbacks) == len(before) + 1

    pauses.stop()
    pauses.stop()
    gc.collect()

    assert gc.callbacks == before
    assert sum(pauses.family.of("2").counts) == 0


def test_an_end_without_a_beginning_is_ignored() -> None:
    pauses = GcPauses("chat")
    pauses.start()

    gc.callbacks[-1]("stop", {"generation": 2})
    pauses.stop()

    assert sum(pauses.family.of("2").counts) == 0


def test_a_collection_while_the_metrics_are_shown_does_not_hang() -> None:
    pauses = GcPauses("chat")
    pauses.start()
    threshold = gc.get_threshold()
    gc.set_threshold(1)
    try:
        for _ in range(20):
            pauses.family.metric()
    finally:
        gc.set_threshold(*threshold)
        pauses.stop()

    assert sum(sum(series.counts) for series in pauses.family.series.values()) > 0
