"""The benchmarks lie beside the package and are imported from the root of the repository."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

ROOT = str(Path(__file__).parents[2])
if ROOT not in sys.path:
    sys.path.append(ROOT)


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """Benchmarks configure the logging of their process, which here is that of all tests."""
    root = logging.getLogger()
    loggers = {
        name: logging.getLogger(name)
        for name in ("httpx", "httpcore", "opentelemetry", "urllib3", "uvicorn.error")
    }
    levels = {name: logger.level for name, logger in loggers.items()}
    handlers, level = list(root.handlers), root.level
    yield
    structlog.reset_defaults()
    root.handlers = handlers
    root.setLevel(level)
    for name, logger in loggers.items():
        logger.setLevel(levels[name])
