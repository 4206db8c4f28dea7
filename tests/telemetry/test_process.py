"""The process is described in the form of `/health`."""

from __future__ import annotations

import os

import psutil

from affectscope.telemetry.process import ProcessSampler


def test_memory_and_processor_use_are_read() -> None:
    now = 0.0
    sampler = ProcessSampler(clock=lambda: now)
    used = psutil.Process().cpu_times()
    while psutil.Process().cpu_times().user - used.user < 0.05:
        sum(range(10_000))
    now = 0.1

    sampler.sample()

    assert sampler.cpu_percent >= 50
    assert sampler.memory_bytes > 1_000_000


def test_a_clock_that_stands_still_changes_nothing() -> None:
    sampler = ProcessSampler(clock=lambda: 0.0)

    sampler.sample()

    assert sampler.cpu_percent == 0.0


def test_the_report_names_the_process() -> None:
    report = ProcessSampler().report()

    assert set(report) == {"uptime_seconds", "process", "memory_bytes", "cpu_percent"}
    assert report["process"]["pid"] == os.getpid()
    assert report["process"]["threads"] >= 1
    assert report["process"]["open_files"] >= 1
    assert report["uptime_seconds"] > 0
