"""Nothing of the machine's own settings reaches a test."""

from __future__ import annotations

import os
import threading

import pytest
from hypothesis import settings

# How long an example takes says nothing on a machine that does other work besides.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("AFFECTSCOPE_", "OTEL_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture
def anyio_backend() -> str:
    """Run asynchronous tests on the event loop that the services use."""
    return "asyncio"


def pytest_xdist_auto_num_workers() -> int:
    """Tests wait for processes and paced requests a third of their time: that is for others."""
    return (3 * (os.cpu_count() or 1) + 1) // 2


@pytest.fixture(scope="session", autouse=True)
def _coverage_may_be_interrupted() -> None:
    """Let a thread that holds coverage's lock take it again.

    A collection of garbage may begin while it does, and calls back into what is being covered; with
    the plain lock the thread then waits for itself.
    """
    from coverage.collector import Collector

    for one in Collector._collectors:
        if one.data_lock is not None:
            one.data_lock = threading.RLock()
