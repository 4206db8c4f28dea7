"""Which traces are kept, and when that is decided."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affectscope.observatory import tail_sampling
from affectscope.observatory.running_quantile import RunningQuantile
from affectscope.observatory.tail_sampling import TailSampler
from tests.observatory.store_parts import NOW, span


def kept(sampler: TailSampler, now: float) -> dict[str, str]:
    return {trace.trace_id.lstrip("0"): trace.kept for trace in sampler.due(now)}


class TestReasons:
    def test_errors_profiles_and_slow_ones_are_kept_without_a_share(self):
        sampler = TailSampler(share=0.0, slow_seconds=1.0)
        sampler.add([span(1)], 0)
        sampler.add([span(2), span(2, 2, 1, error=True)], 0)
        sampler.add([span(3, seconds=1.0)], 0)
        sampler.add([span(4), span(4, 2, 1, profiled=True)], 0)
        sampler.add([span(5)], 0)
        sampler.profiled(f"{5:032x}")

        assert kept(sampler, 3.0) == {"2": "error", "3": "slow", "4": "profile", "5": "profile"}
        assert sampler.kept == {"error": 1, "slow": 1, "profile": 2, "share": 0}
        assert sampler.dropped == 1

    def test_a_stage_is_not_slow_by_itself(self):
        sampler = TailSampler(share=0.0)
        sampler.add([span(1), span(1, 2, 1, seconds=9.0)], 0)
        assert kept(sampler, 9) == {}

    def test_the_share_goes_by_the_id_alone(self):
        dice = random.Random(1)
        ids = [dice.randrange(1, 2**128) for _ in range(4000)]
        first, second = TailSampler(share=0.1), TailSampler(share=0.1)
        for trace in ids:
            first.add([span(trace)], 0)
        for trace in reversed(ids):
            second.add([span(trace)], 5)
        found = kept(first, 99)
        assert found == kept(second, 99)
        assert len(found) / len(ids) == pytest.approx(0.1, abs=0.02)

    @pytest.mark.parametrize(("share", "number"), [(0.0, 0), (1.0, 50)])
    def test_none_and_all(self, share: float, number: int):
        sampler = TailSampler(share=share)
        sampler.add([span(trace) for trace in range(1, 51)], 0)
        assert len(kept(sampler, 9)) == number

    def test_what_is_slow_for_its_endpoint(self):
        sampler = TailSampler(share=0.0, slow_seconds=10.0)
        durations = random.Random(2)
        for trace in range(1, 1000):
            sampler.add([span(trace, seconds=durations.uniform(0.01, 0.02))], 0)
        sampler.due(10)
        sampler.add([span(2001, seconds=0.5)], 20)
        sampler.add([span(2002, seconds=0.5, endpoint="/other")], 20)
        assert kept(sampler, 30) == {"7d1": "slow"}

    def test_endpoints_are_bounded(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(tail_sampling, "_MOST_ENDPOINTS", 2)
        sampler = TailSampler(share=0.0)
        sampler.add([span(n, endpoint=f"/{n}", seconds=n) for n in range(4)], 0)
        assert kept(sampler, 9) == {"1": "slow", "2": "slow", "3": "slow"}


class TestTimes:
    def test_a_trace_waits_a_little_for_what_follows_its_root(self):
        sampler = TailSampler(share=1.0, settle_seconds=3.0)
        sampler.add([span(1)], 0)
        sampler.add([span(1, 2, 1)], 2.5)
        assert kept(sampler, 2.9) == {}
        (trace,) = sampler.due(3.0)
        assert [one.span_id[-1] for one in trace.spans] == ["1", "2"]
        assert sampler.waiting_spans == sampler.waiting_bytes == 0

    def test_a_trace_without_a_root_waits_for_its_last_span(self):
        sampler = TailSampler(share=1.0, patience_seconds=10.0, longest_seconds=15.0)
        sampler.add([span(1, 2, 1, entry=True)], 0)
        sampler.add([span(1, 3, 1)], 8)
        assert kept(sampler, 14) == {}
        assert kept(sampler, 15) == {"1": "share"}

    def test_clocks_of_others_do_not_matter(self):
        sampler = TailSampler(share=1.0)
        sampler.add([span(1, start=NOW - 1e6), span(1, 2, 1, start=NOW + 1e6)], 0)
        assert kept(sampler, 3) == {"1": "share"}

    def test_a_span_that_comes_twice_counts_once(self):
        sampler = TailSampler(share=1.0)
        sampler.add([span(1), span(1)], 0)
        sampler.add([span(1)], 1)
        (trace,) = sampler.due(9)
        assert len(trace.spans) == 1


class TestLate:
    def test_late_spans_follow_the_decision(self):
        sampler = TailSampler(share=0.0)
        sampler.add([span(1, seconds=2), span(2)], 0)
        assert kept(sampler, 5) == {"1": "slow"}
        sampler.add([span(1, 2, 1), span(1, 3, 1), span(2, 2, 1)], 6)
        assert sampler.waiting_spans == 2
        assert kept(sampler, 10) == {"1": "slow"}
        assert sampler.late == 3
        assert sampler.kept["slow"] == 1
        assert sampler.dropped == 1

    def test_a_late_error_changes_the_decision(self):
        sampler = TailSampler(share=0.0)
        sampler.add([span(1, 2, 1)], 0)
        assert kept(sampler, 20) == {}
        assert sampler.dropped == 1
        sampler.add([span(1, error=True)], 21)
        assert kept(sampler, 25) == {"1": "error"}
        assert (sampler.dropped, sampler.kept["error"]) == (0, 1)

    def test_decisions_are_forgotten_one_day(self):
        sampler = TailSampler(share=0.0, most_decisions=2)
        sampler.add([span(trace) for trace in (1, 2, 3)], 0)
        sampler.due(5)
        sampler.add([span(1, 2, 1)], 6)
        assert sampler.late == 0
        for trace in (4, 5, 6):
            sampler.profiled(f"{trace:032x}")
        sampler.add([span(trace) for trace in (4, 5, 6)], 7)
        assert kept(sampler, 99) == {"5": "profile", "6": "profile"}


class TestBounds:
    def test_the_oldest_are_decided_early_where_there_is_no_room(self):
        sampler = TailSampler(share=1.0, most_spans=3)
        sampler.add([span(1), span(2), span(3), span(4)], 0)
        assert sampler.overflow == 1
        assert sampler.ready_bytes > 0
        assert kept(sampler, 0) == {"1": "share"}
        assert sampler.ready_bytes == 0

    def test_memory_counts_not_only_number(self):
        big = span(1)
        big = big._replace(body="x" * 10_000)
        sampler = TailSampler(share=1.0, most_bytes=15_000)
        sampler.add([big, big._replace(trace_id="f" * 32)], 0)
        assert sampler.overflow == 1
        assert sampler.waiting_bytes < 15_000

    def test_a_trace_that_never_ends(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(tail_sampling, "_MOST_IN_ONE", 5)
        sampler = TailSampler(share=1.0)
        sampler.add([span(1, number) for number in range(1, 9)], 0)
        (trace,) = sampler.flush()
        assert (len(trace.spans), sampler.lost) == (5, 3)

    @settings(max_examples=60, deadline=None)
    @given(
        st.lists(
            st.tuples(
                st.integers(1, 6), st.integers(1, 8), st.none() | st.integers(1, 8), st.booleans()
            ),
            max_size=60,
        ),
        st.integers(1, 12),
    )
    def test_nothing_is_lost_or_twice_with_a_share_of_one(self, arrivals, most_spans):
        sampler = TailSampler(share=1.0, most_spans=most_spans)
        found: list[tuple[str, str]] = []
        for now, (trace, number, parent, error) in enumerate(arrivals):
            sampler.add([span(trace, number, parent, error=error)], now)
            found += [(t.trace_id, s.span_id) for t in sampler.due(now) for s in t.spans]
            assert sampler.waiting_spans <= most_spans
        found += [(t.trace_id, s.span_id) for t in sampler.flush() for s in t.spans]
        assert set(found) == {(f"{t:032x}", f"{n:016x}") for t, n, _, _ in arrivals}
        assert sampler.waiting_bytes == sampler.waiting_spans == 0


def test_the_quantile_is_that_of_the_last_thousand():
    quantile = RunningQuantile(0.99)
    for value in range(199):
        quantile.add(value)
    assert quantile.value is None
    for value in range(199, 3000):
        quantile.add(value)
    assert quantile.value == 2990
