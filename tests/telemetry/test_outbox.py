"""What does not fit is dropped and counted, and nothing is lost without being counted."""

from __future__ import annotations

import threading

from affectscope.telemetry.outbox import Outbox


def test_items_come_out_in_the_order_in_which_they_went_in() -> None:
    outbox = Outbox[int](10)
    for item in range(5):
        outbox.put(item)

    assert outbox.take(3) == [0, 1, 2]
    assert outbox.take(3) == [3, 4]
    assert outbox.take(3) == []


def test_what_does_not_fit_is_counted() -> None:
    outbox = Outbox[int](2)
    for item in range(5):
        outbox.put(item)

    assert (len(outbox), outbox.dropped) == (2, 3)


def test_many_threads_lose_nothing_uncounted() -> None:
    outbox = Outbox[int](1000)
    taken: list[int] = []

    def fill() -> None:
        for item in range(2000):
            outbox.put(item)

    threads = [threading.Thread(target=fill) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        taken += outbox.take(50)
    taken += outbox.take(10_000)

    assert len(taken) + outbox.dropped == 8000
