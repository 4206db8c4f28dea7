"""Periodic work runs on its own thread, and one broken job does not end the others."""

from __future__ import annotations

import threading

from affectscope.telemetry.background import Ticker


def test_jobs_run_as_often_as_they_ask() -> None:
    often, seldom = [], []
    done = threading.Event()

    def rarely() -> None:
        seldom.append(len(often))
        done.set()

    ticker = Ticker(0.001, ((1, lambda: often.append(1)), (3, rarely)), lambda: None)
    ticker.start()
    ticker.start()
    assert done.wait(10)
    ticker.stop()
    ticker.stop()

    assert seldom[0] == 3


def test_a_broken_job_is_reported_and_the_rest_goes_on() -> None:
    failures = []
    done = threading.Event()

    def broken() -> None:
        raise OSError("gone")

    def working() -> None:
        if len(failures) >= 2:
            done.set()

    ticker = Ticker(0.001, ((1, broken), (1, working)), lambda: failures.append(1))
    ticker.start()

    assert done.wait(10)
    ticker.stop()


def test_the_thread_ends_and_may_start_again() -> None:
    ran = threading.Event()
    ticker = Ticker(0.001, ((1, ran.set),), lambda: None)
    before = threading.active_count()
    for _ in range(2):
        ran.clear()
        ticker.start()
        assert ran.wait(10)
        ticker.stop()

    assert threading.active_count() == before
