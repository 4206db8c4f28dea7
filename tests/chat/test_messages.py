"""Messages are read as people send them, and what is wrong is named."""

from __future__ import annotations

import contextlib
import math
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affectscope.chat import Message, parse_messages
from affectscope.chat.messages import LONGEST_MESSAGE, MOST_MESSAGES, Clock, out_of_order
from affectscope.errors import (
    EmptyInput,
    InvalidValue,
    MissingField,
    PayloadTooLarge,
    RequestError,
)


def times(*values: object) -> list[float | None]:
    document = {"messages": [{"speaker": "a", "time": v, "text": "x"} for v in values]}
    return [message.time for message in parse_messages(document)]


class TestForms:
    def test_a_lone_text_is_one_message(self) -> None:
        assert parse_messages({"text": "hello"}) == [Message("writer-1", 0.0, "hello")]

    def test_speaker_and_time_may_be_absent(self) -> None:
        assert parse_messages({"messages": [{"text": "hi"}]}) == [Message("writer-1", None, "hi")]

    def test_seconds_stay_as_they_are(self) -> None:
        assert times(0, 1.5, None, -2) == [0.0, 1.5, None, -2.0]

    def test_dates_count_from_the_earliest(self) -> None:
        assert times("2026-01-01T10:00:30", None, "2026-01-01T10:00:00") == [30.0, None, 0.0]

    def test_offsets_are_respected(self) -> None:
        assert times("2026-01-01T10:00:00+01:00", "2026-01-01T09:00:05Z") == [0.0, 5.0]

    def test_the_order_is_kept_and_disorder_counted(self) -> None:
        messages = parse_messages(
            {"messages": [{"time": t, "text": "x"} for t in (3, 1, None, 2, 1)]}
        )

        assert [message.time for message in messages] == [3, 1, None, 2, 1]
        assert out_of_order(messages) == 2


class TestClock:
    def test_moments_are_noted_first_and_read_after(self) -> None:
        clock = Clock()
        early, late = datetime(2026, 1, 1, 10), datetime(2026, 1, 1, 11)
        for moment in (late, None, early):
            clock.note(moment)

        assert [clock.seconds(moment) for moment in (late, None, early)] == [3600.0, None, 0.0]

    def test_the_place_of_another_kind_is_named(self) -> None:
        clock = Clock()
        clock.note(datetime(2026, 1, 1), "line 1")
        with pytest.raises(InvalidValue, match="line 2: some times are seconds"):
            clock.note(5.0, "line 2")


class TestBadInput:
    @pytest.mark.parametrize("document", [{}, {"text": "a", "messages": []}, {"texts": "a"}])
    def test_neither_or_both_is_refused(self, document: dict[str, object]) -> None:
        with pytest.raises(MissingField, match="either 'messages' or 'text'"):
            parse_messages(document)

    @pytest.mark.parametrize(
        "document",
        [{"text": " \n"}, {"messages": []}, {"messages": [{"text": ""}, {"text": "  "}]}],
    )
    def test_nothing_to_read_is_empty(self, document: dict[str, object]) -> None:
        with pytest.raises(EmptyInput):
            parse_messages(document)

    @pytest.mark.parametrize(
        ("entry", "named"),
        [
            ("hi", r"messages\[0\]"),
            ({"text": 3}, r"messages\[0\]\.text is 3"),
            ({"text": "a", "speaker": 3}, r"messages\[0\]\.speaker is 3"),
            ({"text": "a", "speaker": ""}, "1 to 256"),
            ({"text": "a", "speaker": "x" * 257}, "1 to 256"),
            ({"text": "a", "time": "noon"}, "ISO 8601"),
            ({"text": "a", "time": math.nan}, "nan"),
            ({"text": "a", "time": math.inf}, "inf"),
            ({"text": "a", "time": True}, "True"),
            ({"text": "a", "time": 10**400}, "time is 1000"),
            ({"text": "a", "time": [1]}, "seconds"),
        ],
    )
    def test_a_bad_field_is_named(self, entry: object, named: str) -> None:
        with pytest.raises(InvalidValue, match=named):
            parse_messages({"messages": [entry]})

    def test_a_message_without_text_names_what_it_has(self) -> None:
        with pytest.raises(MissingField, match=r"messages\[1\] lacks 'text'; found: speaker"):
            parse_messages({"messages": [{"text": "a"}, {"speaker": "b"}]})

    @pytest.mark.parametrize("entries", ["hello", 3, {"text": "a"}])
    def test_messages_are_a_list(self, entries: object) -> None:
        with pytest.raises(InvalidValue, match="a list of objects"):
            parse_messages({"messages": entries})

    def test_times_of_two_kinds_are_refused(self) -> None:
        with pytest.raises(InvalidValue, match="one kind"):
            times(3, "2026-01-01T10:00:00")

    def test_dates_with_and_without_offset_are_not_guessed_together(self) -> None:
        with pytest.raises(InvalidValue, match="offset from UTC"):
            times("2026-01-01T10:00:00", "2026-01-01T10:00:00+05:00")

    def test_a_long_field_name_is_not_echoed_whole(self) -> None:
        for document in ({"k" * 50_000: 1}, {"messages": [{"k" * 50_000: 1}]}):
            with pytest.raises(MissingField) as caught:
                parse_messages(document)

            assert len(caught.value.detail) < 200

    def test_one_message_too_many_is_refused(self) -> None:
        with pytest.raises(PayloadTooLarge, match="10001 messages; at most 10000"):
            parse_messages({"messages": [{"text": "x"}] * (MOST_MESSAGES + 1)})

    def test_the_longest_message_is_measured_in_bytes(self) -> None:
        assert parse_messages({"text": "é" * (LONGEST_MESSAGE // 2)})
        with pytest.raises(PayloadTooLarge, match="65538 bytes; at most 65536"):
            parse_messages({"text": "é" * (LONGEST_MESSAGE // 2 + 1)})


class TestUnicode:
    def test_half_a_surrogate_pair_becomes_a_mark(self) -> None:
        (message,) = parse_messages({"messages": [{"speaker": "a\ud800", "text": "b\udfff"}]})

        assert (message.speaker, message.text) == ("a?", "b?")

    @given(
        st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists, max_leaves=9)
    )
    def test_any_document_is_read_or_refused(self, value: object) -> None:
        for document in (
            {"text": value},
            {"messages": value},
            {"messages": [{"text": "a", "time": value, "speaker": value}]},
        ):
            with contextlib.suppress(RequestError):
                assert parse_messages(document)
