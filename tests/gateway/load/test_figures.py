"""What a run writes down adds up, and stays small however long the run."""

from __future__ import annotations

import pytest
from hdrh.histogram import HdrHistogram

from affectscope.gateway.load.figures import BLOCKS, MOST_POINTS, Figures, Step


class TestFigures:
    def test_corrected_times_hold_the_wait_and_raw_times_leave_it_out(self) -> None:
        figures = Figures(["chat"], 10)
        figures.schedule("chat", 1.0)
        figures.send("chat", 3.0, 0.0, waited=True)
        figures.succeed("chat", intended=1.0, sent=3.0, end=3.5)

        found = figures.document(10)
        assert found["corrected"]["max_seconds"] == pytest.approx(2.5, rel=2e-3)
        assert found["raw"]["max_seconds"] == pytest.approx(0.5, rel=2e-3)
        assert figures.waited == 1

    def test_a_request_that_is_given_up_counts_as_an_error_with_all_its_time(self) -> None:
        figures = Figures(["chat"], 10)
        figures.give_up("chat", "backend-timeout", intended=1.0, sent=2.0, end=7.0)

        found = figures.document(10)
        assert found["errors"] == {"backend-timeout": 1}
        assert (found["censored"], found["succeeded"]) == (1, 0)
        assert found["corrected"]["p50_seconds"] == pytest.approx(6, rel=2e-3)
        assert found["raw"]["p50_seconds"] == pytest.approx(5, rel=2e-3)

    def test_a_request_that_was_never_sent_is_in_the_corrected_times_alone(self) -> None:
        figures = Figures(["chat"], 10)
        figures.leave("chat", intended=4.0, end=10.0)

        found = figures.document(10)
        assert (found["unsent"], found["errors"]) == (1, {})
        assert found["corrected"]["p50_seconds"] == pytest.approx(6, rel=2e-3)
        assert found["raw"]["p50_seconds"] is None

    def test_a_quick_refusal_is_no_quick_answer(self) -> None:
        figures = Figures(["chat"], 10)
        figures.fail("chat", "overloaded", end=1.0)

        found = figures.document(10)
        assert found["errors"] == {"overloaded": 1}
        assert found["corrected"]["p50_seconds"] is None
        assert found["completed_rate"] == pytest.approx(0.1)

    def test_services_add_up_to_the_whole(self) -> None:
        figures = Figures(["chat", "survey"], 10)
        for name, seconds in (("chat", 0.1), ("chat", 0.2), ("survey", 0.4)):
            figures.schedule(name, 1)
            figures.send(name, 1, 0, waited=False)
            figures.succeed(name, 1, 1, 1 + seconds)

        each = figures.by_service(10)
        assert [each[name]["succeeded"] for name in ("chat", "survey")] == [2, 1]
        assert figures.document(10)["succeeded"] == 3
        assert figures.document(10)["corrected"]["max_seconds"] == pytest.approx(0.4, rel=2e-3)

    def test_answers_after_the_end_do_not_raise_the_rate(self) -> None:
        figures = Figures(["chat"], 1)
        figures.schedule("chat", 0.9)
        figures.send("chat", 0.9, 0, waited=False)
        figures.succeed("chat", 0.9, 0.9, 4.0)

        found = figures.document(1)
        assert found["offered_rate"] == 1
        assert found["achieved_rate"] == 0.25

    def test_what_is_settling_is_counted_and_not_judged(self) -> None:
        figures = Figures(["chat"], 10, settle=2)
        figures.succeed("chat", 1, 1, 1.5)

        found = figures.document(10)
        assert found["succeeded"] == 1
        assert found["corrected"]["max_seconds"] is None

    def test_histograms_can_be_read_by_others(self) -> None:
        figures = Figures(["chat"], 10)
        figures.succeed("chat", 0.0, 0.0, 0.5)
        figures.succeed("chat", 9.9, 9.9, 10.0)

        encoded = figures.services["chat"].encoded()
        whole = HdrHistogram.decode(encoded["corrected"])
        blocks = [HdrHistogram.decode(one) for one in encoded["blocks"]]
        assert whole.get_total_count() == 2
        assert len(blocks) == BLOCKS
        assert [one.get_total_count() for one in (blocks[0], blocks[-1])] == [1, 1]


class TestTimeLine:
    def test_each_second_is_a_point(self) -> None:
        figures = Figures(["chat"], 3)
        for at in (0.1, 0.2, 1.5):
            figures.schedule("chat", at)
            figures.send("chat", at, 0, waited=False)
            figures.succeed("chat", at, at, at + 0.05)

        first = figures.points(1.2)
        rest = figures.last_points()
        assert [point["start"] for point in first + rest] == [0, 1]
        assert [point["offered_rate"] for point in first + rest] == [2, 1]
        assert first[0]["p50_seconds"] == pytest.approx(0.05)

    def test_what_ends_after_its_point_was_told_is_not_lost(self) -> None:
        figures = Figures(["chat"], 3)
        figures.points(2.0)
        figures.fail("chat", "internal", 0.5)

        assert figures.last_points()[0]["error_rate"] == 1

    @pytest.mark.parametrize("hours", [1, 24])
    def test_a_long_run_has_no_more_points(self, hours: int) -> None:
        figures = Figures(["chat"], hours * 3600.0)

        assert len(figures.points(hours * 3600.0)) <= MOST_POINTS

    def test_a_step_with_many_requests_stays_small(self) -> None:
        step = Step()
        for number in range(50_000):
            step.succeeded += 1
            step.wait(number / 50_000)

        point = step.point(0, 1)
        assert len(step.seconds) == 10_000
        assert point["p50_seconds"] == pytest.approx(0.9, abs=0.11)
