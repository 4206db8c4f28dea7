"""The engine answers as Prometheus did over the same samples (tests/live/real_prometheus.py)."""

from __future__ import annotations

import json
import math
import re
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from affectscope.errors import InvalidValue
from affectscope.observatory.matchers import Matcher
from affectscope.observatory.promql import Engine, QueryError, Sample, Series
from affectscope.observatory.promql.aggregation import go_number
from affectscope.observatory.promql.source import Floats

HERE = Path(__file__).parent
AT = (1_760_000_610.0, 1_760_000_870.25)
START, END, STEP = 1_760_000_170.0, 1_760_001_370.0, 240.0
CASES = json.loads((HERE / "answers.json").read_text())

Found = list[tuple[dict[str, str], Floats, Floats]]


class Samples:
    """A source over lists; refuses the metric named `refused`."""

    def __init__(self, series: Found) -> None:
        self.series = series
        self.asked: list[tuple[float, float, float]] = []

    def select(
        self, matchers: list[Matcher], start: float, end: float, resolution: float = 0.0
    ) -> Found:
        self.asked.append((start, end, resolution))
        if any(matcher.value == "refused" for matcher in matchers):
            raise InvalidValue("refused")
        return [one for one in self.series if all(it.matches(one[0]) for it in matchers)]


def read_samples(path: Path) -> Found:
    """Read `samples.txt`; series scraped together share their times, as in the store."""
    points: dict[str, tuple[list[float], list[float]]] = {}
    for line in path.read_text().splitlines():
        if not line.startswith("#"):
            name, value, at = line.rsplit(" ", 2)
            times, values = points.setdefault(name, ([], []))
            times.append(float(at))
            values.append(float(value))
    shared: dict[tuple[float, ...], Floats] = {}
    return [
        (
            {"__name__": name.partition("{")[0], **dict(re.findall(r'(\w+)="([^"]*)"', name))},
            shared.setdefault(tuple(times), np.array(times)),
            np.array(values),
        )
        for name, (times, values) in points.items()
    ]


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(Samples(read_samples(HERE / "samples.txt")))


def number(value: float | str) -> float:
    return float(value)


def same(one: float, other: float) -> bool:
    if math.isnan(one) or math.isnan(other):
        return math.isnan(one) and math.isnan(other)
    return one == other or math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)


def check_instant(expected: Any, actual: list[Sample] | float) -> None:
    if isinstance(actual, float):
        assert same(number(expected), actual)
        return
    wanted = {tuple(sorted(labels.items())): number(value) for labels, value in expected}
    found = {tuple(sorted(it.labels.items())): it.value for it in actual}

    assert wanted.keys() == found.keys()
    assert [key for key in wanted if not same(wanted[key], found[key])] == []


def check_range(expected: Any, actual: list[Series]) -> None:
    assert [labels for labels, _ in expected] == [series.labels for series in actual]
    for (_, points), series in zip(expected, actual, strict=True):
        assert [at for at, _ in points] == [at for at, _ in series.points]
        pairs = zip(points, series.points, strict=True)
        assert [(a, b) for a, b in pairs if not same(number(a[1]), b[1])] == []


@pytest.mark.parametrize("case", CASES, ids=[case["query"] for case in CASES])
def test_answers_are_those_of_prometheus(case: dict[str, Any], engine: Engine) -> None:
    for at, expected in zip(AT, case["instant"], strict=True):
        if isinstance(expected, str) and expected in ("bad_data", "execution"):
            with pytest.raises(QueryError) as caught:
                engine.instant(case["query"], at)
            assert caught.value.kind == expected
        else:
            check_instant(expected, engine.instant(case["query"], at))
    if isinstance(case["range"], str):
        with pytest.raises(QueryError) as caught:
            engine.range(case["query"], START, END, STEP)
        assert caught.value.kind == case["range"]
    else:
        check_range(case["range"], engine.range(case["query"], START, END, STEP))


@pytest.mark.parametrize(
    "query", ["sort(temp)", "sort_desc(temp)", "topk(3, temp)", "bottomk(3, temp)"]
)
def test_an_instant_query_keeps_the_order_by_value(query: str, engine: Engine) -> None:
    found = engine.instant(query, AT[1])

    assert isinstance(found, list)
    values = [sample.value for sample in found]
    assert values == sorted(values, reverse=query.startswith(("sort_desc", "topk")))


class TestStaleness:
    """NaN is the mark of a series that has gone."""

    times = np.arange(100.0, 160.0, 10)

    def engine(self) -> Engine:
        gone = np.array([1.0, 2, 3, np.nan, np.nan, 9])
        return Engine(Samples([({"__name__": "x"}, self.times, gone)]))

    def test_a_series_that_has_gone_is_absent_at_once(self) -> None:
        assert self.engine().instant("x", 129.0) == [Sample({"__name__": "x"}, 3.0)]
        assert self.engine().instant("x", 130.0) == []
        assert self.engine().instant("x", 150.0) == [Sample({"__name__": "x"}, 9.0)]

    def test_a_range_skips_marks(self) -> None:
        assert self.engine().instant("count_over_time(x[1m])", 155.0) == [Sample({}, 4.0)]

    def test_a_series_that_is_always_gone_is_nothing(self) -> None:
        engine = Engine(Samples([({"__name__": "x"}, self.times, np.full(6, np.nan))]))

        assert engine.instant("rate(x[1m])", 155.0) == []
        assert engine.range("x", 100, 150, 10) == []

    def test_samples_as_they_are(self) -> None:
        assert self.engine().samples("(x[35s])", 150.0) == [
            Series({"__name__": "x"}, [(120.0, 3.0), (150.0, 9.0)])
        ]
        assert self.engine().samples("x[5s] offset 20s", 155.0) == []
        assert self.engine().samples("x", 155.0) is None


class TestLimits:
    """What would take too much is refused, and the limit named."""

    def many(self, count: int) -> Engine:
        times, values = np.array([100.0]), np.array([1.0])
        return Engine(
            Samples([({"__name__": "x", "n": str(n)}, times, values) for n in range(count)])
        )

    def test_steps(self, engine: Engine) -> None:
        with pytest.raises(QueryError, match="11000 points"):
            engine.range("temp", 0, 11_000, 1)
        assert engine.range("temp", 0, 10_999, 1) == []

    def test_series(self) -> None:
        with pytest.raises(QueryError, match="50001 series; at most 50000"):
            self.many(50_001).instant("x", 100)

    def test_values(self) -> None:
        with pytest.raises(QueryError, match="at most 5000000 values"):
            self.many(600).range("x", 0, 10_000, 1)

    def test_steps_of_a_subquery(self, engine: Engine) -> None:
        with pytest.raises(QueryError, match="widen its step"):
            engine.instant("max_over_time(vector(1)[10y:1s])", 1e9)

    @pytest.mark.parametrize(
        ("start", "end", "step"),
        [(0, 1, 0), (0, 1, -1), (1, 0, 1), (0, math.inf, 1), (math.nan, 1, 1), (0, 1, math.nan)],
    )
    def test_times_that_are_none(
        self, start: float, end: float, step: float, engine: Engine
    ) -> None:
        with pytest.raises(QueryError):
            engine.range("temp", start, end, step)


@pytest.mark.parametrize(
    ("query", "part"),
    [
        ("x" * 10_001, "10001 characters"),
        ("(" * 200 + "x" + ")" * 200, "100 brackets"),
        ("-" * 301 + "x", "301 operators"),
        ("1" + "+1" * 4999, "4999 operators"),
        ("x" + " or x" * 1000, "1000 operators"),
        ("foo(x)", "unknown function"),
        ("end()", "not supported"),
        ("mad_over_time(x[5m])", "not supported"),
        ('x{a="b" or c="d"}', "use `or` between selectors"),
        ("temp @ 1e30", "no time"),
        ('"text"', "a string is no answer"),
        ('("text")', "a string is no answer"),
        ("temp[5m]", "such as rate"),
        ("refused", "refused"),
        ('temp{host=~"\\\\pL"}', "regular expression"),
        ("limitk(1, temp)", "unknown aggregation"),
        ("temp + fill(0) temp", "not supported"),
        ("topk(1e300, temp)", "number of series"),
    ],
)
def test_a_query_that_cannot_be_answered_says_why(query: str, part: str, engine: Engine) -> None:
    with pytest.raises(QueryError) as caught:
        engine.instant(query, 1_760_000_610.0)

    assert part in str(caught.value)


@pytest.mark.parametrize(
    "query",
    [
        "1" + "+1" * 300,
        "1" + "^1" * 300,
        "x" + " or x" * 300,
        "-" * 300 + "x",
        "abs(" * 100 + "x" + ")" * 100,
        "max_over_time(" * 49 + "x" + "[1m:1m])" * 49,
    ],
)
def test_the_deepest_queries_do_not_end_the_process(query: str, engine: Engine) -> None:
    done: list[object] = []
    thread = threading.Thread(target=lambda: done.append(engine.instant(query, AT[0])))

    thread.start()
    thread.join(20)

    assert len(done) == 1


def test_brackets_and_signs_within_strings_are_no_depth(engine: Engine) -> None:
    assert engine.instant('temp{host="' + "(" * 200 + "-" * 100 + '"}', AT[0]) == []


def test_coarse_samples_do_for_long_ranges() -> None:
    source = Samples([])

    Engine(source).range("rate(x[5m]) + y", 3600, 7200, 30)

    assert source.asked == [(3300.0, 7200.0, 10.0), (3300.0, 7200.0, 30.0)]


def test_values_that_are_no_times_have_a_calendar_all_the_same() -> None:
    times = np.array([100.0])
    engine = Engine(Samples([({"__name__": "x"}, times, np.array([1e300]))]))

    assert isinstance(engine.instant("year(x)", 100), list)


class TestSeriesThatTakeTurns:
    """Two series with the same labels but one, of which one ends before the other begins."""

    def engine(self, overlap: int = 0) -> Engine:
        early = np.arange(0.0, 300 + overlap, 10)
        late = np.arange(300.0, 600, 10)
        # The mark that it has gone: else it would stand for five minutes more.
        ends = np.append(np.ones(len(early) - 1), np.nan)
        return Engine(
            Samples(
                [
                    ({"__name__": "x", "run": "1"}, early, ends),
                    ({"__name__": "x", "run": "2"}, late, np.full(30, 2.0)),
                    ({"__name__": "y"}, np.array([0.0, 250, 500]), np.full(3, 10.0)),
                ]
            )
        )

    @pytest.mark.parametrize(
        "query",
        [
            'label_replace(x, "run", "", "", "")',
            "sum(x)",
            "x * ignoring(run) y / 10",
            "y * 0 + ignoring(run) x",
            "-1 * -x * ignoring(run) (y / 10)",
        ],
    )
    def test_are_one_where_that_label_does_not_count(self, query: str) -> None:
        found = self.engine().range(query, 0, 500, 100)

        assert [value for series in found for _, value in series.points] == [1, 1, 1, 2, 2, 2]

    @pytest.mark.parametrize(
        ("query", "part"),
        [
            ('label_replace(x, "run", "", "", "")', "same labelset"),
            ("x * ignoring(run) y", "many-to-one matching must be explicit"),
            ("y * ignoring(run) x", "on the right hand-side"),
            ("x * ignoring(run) group_right y", "on the left hand-side"),
            ("x * on() group_left(run) y", "grouping labels must ensure unique matches"),
        ],
    )
    def test_are_an_error_where_both_are_there(self, query: str, part: str) -> None:
        with pytest.raises(QueryError, match=part) as caught:
            self.engine(overlap=50).range(query, 0, 500, 20)
        assert caught.value.kind == "execution"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1"),
        (0.1, "0.1"),
        (1e21, "1000000000000000000000"),
        (-1.5e-7, "-0.00000015"),
        (math.nan, "NaN"),
        (math.inf, "+Inf"),
        (-math.inf, "-Inf"),
        (-0.0, "-0"),
    ],
)
def test_numbers_are_written_as_prometheus_does(value: float, text: str) -> None:
    assert go_number(value) == text
