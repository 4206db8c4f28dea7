"""What the observatory counts of its own work."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from affectscope.observatory.otlp import Form
from affectscope.observatory.own_metrics import OwnMetrics
from affectscope.observatory.retention import Retention
from affectscope.telemetry.instruments import Counters
from tests.observatory.store_parts import NOW, Stores, log_request, proto_span, span, trace_request

DAY = 86_400.0
PREFIX = "affectscope_observatory_"


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[Stores]:
    stores = Stores(tmp_path, share=0.0)
    yield stores
    stores.close()


@pytest.fixture
def retention(stores: Stores) -> Retention:
    deleting = {"logs": stores.logs.delete_before}
    return Retention(stores.database, deleting, 30 * DAY, 1 << 30, wall=stores.clock)


@pytest.fixture
def registry(stores: Stores, retention: Retention) -> CollectorRegistry:
    registry = CollectorRegistry(auto_describe=False)
    told = Counters("affectscope_notifications", "Messages.", ("outcome",), {})
    registry.register(
        OwnMetrics(stores.database, stores.intake, stores.sampler, stores.metrics, retention, told)
    )
    return registry


def value(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    return registry.get_sample_value(f"{PREFIX}{name}", {"service": "observatory", **labels})


@pytest.mark.anyio
async def test_what_comes_in_and_what_is_refused(stores, registry):
    spans = trace_request("chat", proto_span(), proto_span(trace_id=b"no id"))
    lines = log_request("chat", "one", "two")
    await stores.intake.traces(spans.SerializeToString(), "", Form.PROTOBUF)
    await stores.intake.logs(lines.SerializeToString(), "", Form.PROTOBUF)

    assert value(registry, "taken_total", signal="spans") == 1
    assert value(registry, "taken_total", signal="logs") == 2
    assert value(registry, "taken_total", signal="metrics") == 0
    assert value(registry, "lost_total", reason="malformed-span") == 1
    assert value(registry, "waiting", kind="spans") == 1


def test_traces_by_why_they_are_kept(stores, registry):
    stores.sampler.add([span(1, error=True), span(2, seconds=9), span(3)], NOW)
    stores.settle()

    kept = {
        why: value(registry, "traces_total", kept=why)
        for why in ("error", "slow", "profile", "share", "dropped")
    }
    assert kept == {"error": 1, "slow": 1, "profile": 0, "share": 0, "dropped": 1}
    assert value(registry, "waiting", kind="spans") == 0


@pytest.mark.anyio
async def test_the_file_and_what_was_deleted_of_it(stores, retention, registry):
    old = log_request("chat", "old", time_unix_nano=int((NOW - 40 * DAY) * 1e9))
    await stores.intake.logs(old.SerializeToString(), "", Form.PROTOBUF)
    retention.sweep()

    assert value(registry, "deleted_total", kind="logs") == 1
    assert value(registry, "file_bytes", part="file") == stores.database.path.stat().st_size
    assert value(registry, "file_bytes", part="log") == 0
