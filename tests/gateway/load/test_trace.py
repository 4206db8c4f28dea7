"""Requests of a load can be recognised in traces and logs."""

from __future__ import annotations

import pytest

from affectscope.gateway.load.trace import TraceIds, user_agent
from affectscope.telemetry import parse_traceparent


@pytest.mark.parametrize(("every", "recorded"), [(0, 0), (1, 10), (4, 3), (100, 1)])
def test_few_requests_ask_to_be_recorded(every: int, recorded: int) -> None:
    ids = TraceIds(every, seed=1)
    found = [parse_traceparent(ids.next().encode()) for _ in range(10)]

    assert all(one is not None for one in found)
    assert sum(one is not None and one.sampled for one in found) == recorded


def test_ids_are_all_different() -> None:
    ids = TraceIds(1)

    assert len({ids.next() for _ in range(1000)}) == 1000


def test_the_agent_names_the_run() -> None:
    assert user_agent("9f2c") == "affectscope-load/9f2c"
