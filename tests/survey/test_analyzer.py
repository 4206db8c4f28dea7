"""Questionnaires are scored by their published rules, and nothing else is."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affectscope.affect import QualityNoted, SurveyResult, SurveyScored
from affectscope.errors import EmptyInput, InvalidValue
from affectscope.survey import INSTRUMENTS, SurveyAnalyzer, instrument


def scored(name: str, answers: list[object]) -> SurveyResult:
    """Return the result that the analyzer yields last."""
    record = list(SurveyAnalyzer().stream(name, answers))[-1]
    assert isinstance(record, SurveyScored)
    return record.result


class TestPhq9:
    @pytest.mark.parametrize(
        ("total", "band"),
        [
            (0, "minimal"),
            (4, "minimal"),
            (5, "mild"),
            (9, "mild"),
            (10, "moderate"),
            (14, "moderate"),
            (15, "moderately severe"),
            (19, "moderately severe"),
            (20, "severe"),
            (27, "severe"),
        ],
    )
    def test_bands_begin_where_kroenke_put_them(self, total: int, band: str) -> None:
        answers: list[object] = [min(3, max(0, total - 3 * i)) for i in range(9)]

        result = scored("phq-9", answers)

        assert (result.score, result.band) == (total, band)

    def test_two_missing_items_take_the_mean_of_the_others(self) -> None:
        result = scored("phq-9", [1, None, 2, None, 0, 3, 1, 1, 0])

        # 8 over seven items, times nine: 10.29.
        assert (result.score, result.prorated, result.missing) == (10, True, (2, 4))

    def test_a_half_is_rounded_up(self) -> None:
        # 4 over eight items, times nine: 4.5.
        assert scored("phq-9", [1, 1, 1, 1, 0, 0, 0, 0, None]).score == 5

    def test_three_missing_items_give_no_score_instead_of_a_low_one(self) -> None:
        noted, record = SurveyAnalyzer().stream("phq-9", [3, None, 3, None, 3, None, 3, 3, 3])

        assert isinstance(noted, QualityNoted)
        assert noted.flag == "incomplete"
        assert isinstance(record, SurveyScored)
        assert (record.result.score, record.result.band) == (None, None)
        assert "2, 4, 6" in record.result.interpretation

    @pytest.mark.parametrize("answer", [1, 2, 3])
    def test_item_nine_above_zero_gives_a_safety_notice_whatever_the_total(
        self, answer: int
    ) -> None:
        result = scored("phq-9", [0] * 8 + [answer])

        assert len(result.notices) == 1
        assert "self-harm" in result.notices[0]

    def test_the_notice_comes_even_without_a_score(self) -> None:
        assert scored("phq-9", [None, None, None, 0, 0, 0, 0, 0, 1]).notices

    def test_an_unanswered_item_nine_is_said_to_tell_nothing(self) -> None:
        result = scored("phq-9", [1] * 8 + [None])

        assert "Item 9 has no answer" in result.interpretation
        assert "Item 9" not in scored("phq-9", [1] * 9).interpretation

    @pytest.mark.parametrize("answer", [0, None])
    def test_no_notice_without_a_reason(self, answer: int | None) -> None:
        assert scored("phq-9", [1] * 8 + [answer]).notices == ()


class TestOthers:
    def test_gad_7_reaches_from_0_to_21(self) -> None:
        assert scored("gad-7", [0] * 7).band == "minimal"
        assert scored("gad-7", [3] * 7).score == 21
        assert scored("gad-7", [1, 1, 1, 1, 1, 2, 3]).band == "moderate"

    def test_who_5_is_the_sum_times_four(self) -> None:
        assert scored("who-5", [0] * 5).score == 0
        assert scored("who-5", [5] * 5).score == 100
        assert scored("who-5", [3, 3, 3, 2, 1]).score == 48
        assert scored("who-5", [3, 3, 3, 2, 1]).band == "reduced"

    @pytest.mark.parametrize("name", ["gad-7", "who-5"])
    def test_rules_without_replacement_give_no_score(self, name: str) -> None:
        answers: list[object] = [1] * len(instrument(name).items)
        answers[0] = None

        assert scored(name, answers).score is None

    def test_who_5_ships_no_item_text(self) -> None:
        assert set(instrument("who-5").items) == {""}

    def test_names_are_found_in_any_case(self) -> None:
        assert instrument("PHQ-9") is INSTRUMENTS["phq-9"]


class TestInstruments:
    @pytest.mark.parametrize("name", INSTRUMENTS)
    def test_bands_cover_every_score_without_gap_or_overlap(self, name: str) -> None:
        one = instrument(name)

        assert one.bands[0].lowest == one.score_range[0]
        assert one.bands[-1].highest == one.score_range[1]
        for before, after in zip(one.bands, one.bands[1:], strict=False):
            assert after.lowest == before.highest + 1

    @pytest.mark.parametrize("name", INSTRUMENTS)
    def test_every_item_has_a_key_of_its_own(self, name: str) -> None:
        one = instrument(name)

        assert len(set(one.keys)) == len(one.items)

    @pytest.mark.parametrize("name", INSTRUMENTS)
    def test_every_rule_names_its_source(self, name: str) -> None:
        one = instrument(name)

        assert all(any(c.isdigit() for c in source) for source in one.sources[:1])
        assert len(one.sources) == 2

    def test_a_score_outside_the_range_has_no_band(self) -> None:
        with pytest.raises(InvalidValue, match="28"):
            instrument("phq-9").band(28)


class TestBadInput:
    @pytest.mark.parametrize(
        "bad", [4, -1, 1.0, 2.5, True, "2", math.nan, math.inf, [1], {}, "🙂", 10**40]
    )
    def test_an_answer_that_is_none_names_item_and_range(self, bad: object) -> None:
        with pytest.raises(InvalidValue, match=r"item 3 of phq-9 .* valid: whole numbers 0 to 3"):
            scored("phq-9", [0, 0, bad, 0, 0, 0, 0, 0, 0])

    @pytest.mark.parametrize("count", [0, 8, 10])
    def test_a_wrong_number_of_answers_is_refused(self, count: int) -> None:
        with pytest.raises(InvalidValue, match=f"9 items, got {count}"):
            scored("phq-9", [0] * count)

    @pytest.mark.parametrize("time", [math.nan, math.inf, 10**400, True, "noon", [1]])
    def test_a_time_that_is_none_is_refused(self, time: object) -> None:
        with pytest.raises(InvalidValue, match="valid: seconds, or null"):
            list(SurveyAnalyzer().stream("who-5", [1] * 5, time=time))

    @pytest.mark.parametrize("respondent", ["", " ", "x" * 257, 3, None])
    def test_a_respondent_without_a_name_is_refused(self, respondent: object) -> None:
        with pytest.raises(InvalidValue, match="1 to 256 characters"):
            list(SurveyAnalyzer().stream("who-5", [1] * 5, respondent=respondent))

    def test_half_a_surrogate_pair_in_a_name_becomes_a_mark(self) -> None:
        (record,) = SurveyAnalyzer().stream("who-5", [1] * 5, respondent="a\ud800", time=3)

        assert isinstance(record, SurveyScored)
        assert (record.result.respondent, record.result.time) == ("a?", 3.0)
        assert record.model_dump_json()

    def test_a_long_name_is_not_echoed_whole(self) -> None:
        with pytest.raises(InvalidValue) as caught:
            scored("x" * 100_000, [0])

        assert len(caught.value.detail) < 200

    def test_all_missing_is_empty(self) -> None:
        with pytest.raises(EmptyInput):
            scored("phq-9", [None] * 9)

    def test_an_unknown_instrument_lists_the_known(self) -> None:
        with pytest.raises(InvalidValue, match=r"'mbi'; valid: phq-9, gad-7, who-5"):
            scored("mbi", [0])


@given(st.sampled_from(sorted(INSTRUMENTS)), st.data())
def test_any_valid_answers_stay_in_range_and_order(name: str, data: st.DataObject) -> None:
    one = instrument(name)
    answer = st.integers(one.lowest, one.highest)
    answers = data.draw(st.lists(answer, min_size=len(one.items), max_size=len(one.items)))

    result = scored(name, list(answers))

    assert result.score == sum(answers) * one.factor
    assert one.score_range[0] <= result.score <= one.score_range[1]
    raised = [min(one.highest, a + 1) for a in answers]
    assert scored(name, list(raised)).score >= result.score  # type: ignore[operator]


@given(st.lists(st.integers(0, 3), min_size=9, max_size=9), st.sets(st.integers(0, 8), max_size=2))
def test_prorating_stays_within_what_the_missing_items_could_add(
    answers: list[int], gaps: set[int]
) -> None:
    holed = [None if i in gaps else a for i, a in enumerate(answers)]
    given_sum = sum(a for a in holed if a is not None)

    score = scored("phq-9", list(holed)).score

    assert score is not None
    assert given_sum <= score <= given_sum + 3 * len(gaps)
