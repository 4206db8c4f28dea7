"""Nothing of the machine's own settings reaches a test."""

from __future__ import annotations

import os

import pytest


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
