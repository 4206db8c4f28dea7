"""What a conversation says as a whole, and what it is too short to say."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from affectscope.affect import Segment, affect_from, vocabulary
from affectscope.chat.conversation import (
    LEAST_EXCHANGES,
    LEAST_JUDGED,
    ConversationStatistics,
)

LABELS = vocabulary("goemotions-28").labels


def judged(valence: float, time: float = 0.0, label: str = "joy") -> Segment:
    """Return a segment as the analyzer gives it."""
    shares = [0.9 if name == label else 0.01 for name in LABELS]
    affect = affect_from(
        *("goemotions-28", shares),
        valence=valence,
        arousal=0.1,
        present=[label],
    )
    return Segment(start=time, end=time, affect=affect, text="x")


def silent(reason: str) -> Segment:
    return Segment(start=0.0, end=0.0, abstained=reason, text="x")


class TestSpeakers:
    def test_each_has_one_summary_with_means_and_labels(self) -> None:
        whole = ConversationStatistics()
        whole.add("Ann", judged(0.5))
        whole.add("Ben", judged(-0.5, label="anger"))
        whole.add("Ann", judged(0.1, label="love"))
        whole.add("Ann", silent("not-english"))

        summary = whole.summary()

        ann, ben = summary.speakers
        assert (ann.speaker, ann.messages, ann.judged) == ("Ann", 3, 2)
        assert ann.valence == pytest.approx(0.3)
        assert ann.labels == {"joy": 0.5, "love": 0.5}
        assert (ben.valence, ben.valence_deviation) == (pytest.approx(-0.5), None)
        assert (summary.messages, summary.judged) == (4, 3)
        assert summary.abstained == {"not-english": 1}

    def test_who_was_never_judged_has_no_mean(self) -> None:
        whole = ConversationStatistics()
        whole.add("Ann", silent("no-words"))

        (ann,) = whole.summary().speakers
        assert (ann.valence, ann.arousal, ann.labels, ann.trend) == (None, None, {}, None)

    def test_few_messages_have_no_trend(self) -> None:
        whole = ConversationStatistics()
        for i in range(LEAST_JUDGED - 1):
            whole.add("Ann", judged(i / 20))

        assert whole.summary().speakers[0].trend is None

    def test_enough_have_one(self) -> None:
        whole = ConversationStatistics()
        for i in range(LEAST_JUDGED):
            whole.add("Ann", judged(i / 20))

        trend = whole.summary().speakers[0].trend
        assert trend is not None
        assert trend.slope == pytest.approx(0.05, abs=1e-6)
        assert trend.messages == LEAST_JUDGED

    def test_a_turning_point_names_the_message_of_the_conversation(self) -> None:
        random = np.random.default_rng(0)
        whole = ConversationStatistics()
        for i in range(60):
            level = 0.5 if i < 36 else -0.5
            whole.add("Ann", judged(level + float(random.normal(0, 0.1)), time=10.0 * i))
            whole.add("Ben", silent("no-words"))

        (point,) = whole.summary().speakers[0].turning_points
        assert (point.message, point.time) == (72, 360.0)
        assert point.before == pytest.approx(0.5, abs=0.1)
        assert point.after == pytest.approx(-0.5, abs=0.1)


class TestReciprocity:
    def test_an_echo_is_found_and_has_a_direction(self) -> None:
        random = np.random.default_rng(1)
        whole = ConversationStatistics()
        for _ in range(40):
            said = float(random.uniform(-0.9, 0.9))
            whole.add("Ann", judged(said))
            whole.add("Ben", judged(float(np.clip(said + random.normal(0, 0.1), -1, 1))))

        found = {(one.speaker, one.follows): one for one in whole.summary().reciprocity}
        echo, reply = found["Ben", "Ann"], found["Ann", "Ben"]
        assert (echo.exchanges, reply.exchanges) == (40, 39)
        assert echo.correlation is not None
        assert echo.correlation > 0.8
        assert echo.p_value is not None
        assert echo.p_value <= 0.005
        assert reply.p_value is not None
        assert reply.p_value > 0.01

    def test_too_few_exchanges_say_nothing(self) -> None:
        whole = ConversationStatistics()
        for i in range(LEAST_EXCHANGES - 1):
            whole.add("Ann", judged(i / 20))
            whole.add("Ben", judged(i / 20))

        one = whole.summary().reciprocity[0]
        assert (one.correlation, one.p_value, one.abstained) == (None, None, "too-few-exchanges")

    def test_without_variation_nothing_is_said(self) -> None:
        whole = ConversationStatistics()
        for _ in range(30):
            whole.add("Ann", judged(0.2))
            whole.add("Ben", judged(0.1))

        assert {one.abstained for one in whole.summary().reciprocity} == {"no-variation"}

    def test_messages_in_a_row_are_one_turn(self) -> None:
        whole = ConversationStatistics()
        for _ in range(5):
            for _ in range(3):
                whole.add("Ann", judged(0.2))
            whole.add("Ben", judged(0.1))

        assert {one.exchanges for one in whole.summary().reciprocity} == {5, 4}

    def test_a_monologue_has_none(self) -> None:
        whole = ConversationStatistics()
        for i in range(30):
            whole.add("Ann", judged(i / 40))

        assert whole.summary().reciprocity == ()


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.one_of(st.none(), st.floats(-1, 1))), max_size=80)
)
def test_counts_always_add_up(messages: list[tuple[str, float | None]]) -> None:
    whole = ConversationStatistics()
    for speaker, valence in messages:
        whole.add(speaker, silent("no-words") if valence is None else judged(valence))

    summary = whole.summary()
    assert summary.messages == len(messages)
    assert sum(one.messages for one in summary.speakers) == len(messages)
    assert sum(one.judged for one in summary.speakers) == summary.judged
    assert summary.judged + sum(summary.abstained.values()) == len(messages)


def test_a_chat_of_strangers_does_not_fill_the_memory() -> None:
    segment = judged(0.2)
    tracemalloc.start()
    whole = ConversationStatistics()
    for i in range(20_000):
        whole.add(f"stranger {i}", segment)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert kept < 4_000_000
    summary = whole.summary()
    assert summary.messages == summary.judged == 20_000
    assert len(summary.speakers) == 50
