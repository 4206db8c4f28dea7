"""The real Prometheus judges the observatory's PromQL: over given samples, and beside the scraper."""

from __future__ import annotations

import asyncio
import json
import math
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from live_system import wait_until
from real_prometheus import CASES, Prometheus, answers, prometheus, prometheus_with_samples

from affectscope.observatory.database import Database
from affectscope.observatory.frames import SCHEMA, MetricSample, MetricStore, TargetKey
from affectscope.observatory.promql import Engine, QueryError
from affectscope.observatory.scrape import Scraper

SECONDS = 14
QUERIES = [
    "up",
    "requests_total",
    'requests_total{code="500"}',
    "vanishing",
    "rate(requests_total[5s])",
    "rate(requests_total[10s] offset 2s)",
    "increase(requests_total[8s])",
    "irate(requests_total[5s])",
    "delta(level[6s])",
    "resets(requests_total[10s])",
    "changes(level[10s])",
    "avg_over_time(level[5s])",
    "max_over_time(vanishing[10s])",
    "count_over_time(vanishing[10s])",
    "last_over_time(vanishing[10s])",
    "absent(vanishing)",
    'absent(missing{service="toy"})',
    "quantile_over_time(0.9, level[10s])",
    "sum by (service) (rate(requests_total[6s]))",
    'sum(rate(requests_total{code="500"}[8s])) / sum(rate(requests_total[8s]))',
    "histogram_quantile(0.9, sum by (le) (rate(seconds_bucket[8s])))",
    "histogram_quantile(0.5, rate(seconds_bucket[6s]))",
    "topk(1, requests_total)",
    "level > 3",
    "level > bool 3",
    "requests_total and on(service) level > 2",
    "level or vanishing",
    "level unless vanishing",
    "requests_total / ignoring(code) group_left sum without (code) (requests_total)",
    "max_over_time(rate(requests_total[4s])[8s:2s])",
    "deriv(level[8s])",
    "predict_linear(level[8s], 10)",
    "abs(level - 4)",
    "clamp_max(level, 3)",
    "scalar(level)",
    "timestamp(level) > 0",
    'label_replace(level, "kind", "$1", "service", "(t.*)")',
    "sum(up) == count(up)",
    "min_over_time(up[14s])",
    "avg(level) by (service)",
]


@pytest.fixture(scope="module")
def toy() -> Iterator[int]:
    """A target whose counters grow and start anew, and of which a series goes for a while."""
    asked = [0]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            second = int(time.time() - began)
            asked[0] += 1
            body = exposition(second).encode()
            self.send_response(200)
            self.send_header("content-type", "text/plain; version=0.0.4")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    began = time.time()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


def exposition(second: int) -> str:
    since = second % 9
    lines = [
        "# TYPE requests_total counter",
        f'requests_total{{code="200"}} {7 * since}',
        f'requests_total{{code="500"}} {since * since / 3}',
        "# TYPE level gauge",
        f"level {2 + second % 5}",
        "# TYPE seconds histogram",
        *(
            f'seconds_bucket{{le="{bound}"}} {since * count}'
            for bound, count in (("0.1", 2), ("1.0", 5), ("+Inf", 6))
        ),
    ]
    if second % 8 < 4:
        lines.append(f"vanishing {second}")
    return "\n".join(lines) + "\n"


def test_what_is_recorded_is_what_prometheus_answers(tmp_path: Path) -> None:
    recorded = json.loads((CASES / "answers.json").read_text())

    with prometheus_with_samples(tmp_path) as asked:
        for case in recorded:
            assert answers(asked, case["query"]) == case


def test_the_same_samples_have_the_same_answers(tmp_path: Path, toy: int) -> None:
    """Both scrape a target at the same time; Prometheus' samples go into a store of ours."""
    configuration = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
        "scrape_configs": [
            {
                "job_name": "affectscope",
                "honor_labels": True,
                "static_configs": [
                    {"targets": [f"127.0.0.1:{toy}"], "labels": {"service": "toy"}},
                    {"targets": ["127.0.0.1:9"], "labels": {"service": "dead"}},
                ],
            }
        ],
    }
    database = Database(tmp_path / "ours" / "observatory.db", (SCHEMA,))
    replay = Database(tmp_path / "replay" / "observatory.db", (SCHEMA,))
    try:
        own = MetricStore(database)
        with prometheus(tmp_path, configuration) as asked:
            # It begins to scrape some seconds after it says that it is ready.
            wait_until(lambda: asked.ask("query", query="up")["data"]["result"], 30, "a scrape")
            targets = [
                ("toy", "Toy", f"http://127.0.0.1:{toy}"),
                ("dead", "Dead", "http://127.0.0.1:9"),
            ]
            scraper = Scraper(own, targets, interval=1.0)
            with pytest.raises(TimeoutError):
                asyncio.run(asyncio.wait_for(scraper.run(), SECONDS))
            # The last scrape of Prometheus must be over.
            end = time.time() - 1.5
            store = MetricStore(replay)
            replay_samples(asked, store, end)
            engine = Engine(store)
            for query in QUERIES:
                compare(asked, engine, query, end)
        check_own(Engine(own), time.time() - 1.0)
    finally:
        database.close()
        replay.close()


def replay_samples(asked: Prometheus, store: MetricStore, end: float) -> None:
    """Give a store what Prometheus scraped; what is not in a scrape is absent there."""
    found = asked.ask("query", query='{job="affectscope"}[1m]', time=end + 1)["data"]["result"]
    scrapes: dict[tuple[str, str], dict[float, list[MetricSample]]] = {}
    for series in found:
        labels = dict(series["metric"])
        name = labels.pop("__name__")
        target = scrapes.setdefault((labels["service"], labels["instance"]), {})
        for at, value in series["values"]:
            target.setdefault(at, []).append(MetricSample(name, labels, float(value)))
    for (service, instance), times in scrapes.items():
        assert len(times) >= SECONDS - 4
        for at in sorted(times):
            store.append(TargetKey(service, instance), at, times[at])


def compare(asked: Prometheus, engine: Engine, query: str, end: float) -> None:
    for at in np.arange(end - 8, end, 1.37):
        at = round(float(at), 3)
        answer = asked.ask("query", query=query, time=at)
        assert answer["status"] == "success", (query, answer)
        expected = answer["data"]["result"]
        actual = engine.instant(query, at)
        if isinstance(actual, float):
            assert same(float(expected[1]), actual), query
            continue
        wanted = {key(it["metric"]): float(it["value"][1]) for it in expected}
        found = {key(it.labels): it.value for it in actual}
        assert wanted.keys() == found.keys(), (query, at)
        assert all(same(wanted[it], found[it]) for it in wanted), (query, at, wanted, found)
    start = round(end - 8, 3)
    answer = asked.ask("query_range", query=query, start=start, end=round(end, 3), step=0.5)
    wanted_series = {key(it["metric"]): it["values"] for it in answer["data"]["result"]}
    found_series = {
        key(it.labels): it.points for it in engine.range(query, start, round(end, 3), 0.5)
    }
    assert wanted_series.keys() == found_series.keys(), query
    for labels, points in wanted_series.items():
        ours = found_series[labels]
        assert [at for at, _ in points] == [at for at, _ in ours], (query, labels)
        assert all(same(float(a[1]), b[1]) for a, b in zip(points, ours, strict=True)), query


def check_own(engine: Engine, end: float) -> None:
    """What our own scraper kept says the same of the target, as far as moments allow."""
    up = engine.instant("up", end)
    assert isinstance(up, list)
    assert {it.labels["service"]: it.value for it in up} == {"toy": 1.0, "dead": 0.0}
    rates = engine.range('rate(requests_total{code="200"}[5s])', end - 4, end, 1)
    assert [math.isclose(value, 7, rel_tol=0.5) for _, value in rates[0].points] != []
    gone = engine.range("vanishing", end - 9, end, 0.25)
    assert 0 < len(gone[0].points) < 33
    with pytest.raises(QueryError):
        engine.instant("rate(up)", end)


def key(labels: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(labels.items()))


def same(one: float, other: float) -> bool:
    if math.isnan(one) or math.isnan(other):
        return math.isnan(one) and math.isnan(other)
    return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)
