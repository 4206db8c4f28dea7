"""Exports of WhatsApp are read in both forms, both orders of dates, and without what is no message."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affectscope.chat.formats import Conversation, open_conversation, read_conversation
from affectscope.chat.messages import LONGEST_MESSAGE
from affectscope.errors import EmptyInput, PayloadTooLarge


def read(*lines: str) -> Conversation:
    found = read_conversation("\n".join(lines).encode())
    assert found.format == "whatsapp"
    return found


def times(*stamps: str) -> list[float | None]:
    return [one.time for one in read(*(f"{stamp} - Ann: hi" for stamp in stamps)).messages]


def codes(found: Conversation) -> list[str]:
    return [notice.code for notice in found.notices]


class TestForms:
    @pytest.mark.parametrize(
        "line",
        [
            "31/12/2023, 23:59 - Ann: hi: there",
            "12/31/23, 11:59 PM - Ann: hi: there",
            "12/31/23, 11:59\u202fPM - Ann: hi: there",
            "31/12/2023, 11:59 p. m. - Ann: hi: there",
            "31/12/2023, 11:59 p.\xa0m. - Ann: hi: there",
            "31.12.23, 23:59 - Ann: hi: there",
            "31.12.23 um 23:59 - Ann: hi: there",
            "31/12/2023 à 23:59 - Ann: hi: there",
            "31/12/2023 23:59 - Ann: hi: there",
            "2023-12-31, 23:59 - Ann: hi: there",
            "2023-12-31 kl. 23:59 - Ann: hi: there",
            "31-12-2023 23.59 - Ann: hi: there",
            "[31/12/2023, 23:59:59] Ann: hi: there",
            "[31.12.23, 23:59:59] Ann: hi: there",
            "[12/31/23, 11:59:59\u202fPM] Ann: hi: there",
            "\u200e[2023/12/31, 23:59:59] Ann: hi: there",
            "\ufeff[2023/12/31 下午11:59:59] Ann: hi: there",
            "[31/12/2023, 23:59:59] ~\u202fAnn: hi: there",
        ],
    )
    def test_all_of_them_are_one_message(self, line: str) -> None:
        (message,) = read(line).messages

        assert (message.speaker, message.text, message.time) == ("Ann", "hi: there", 0.0)

    def test_a_message_goes_on_over_lines(self) -> None:
        found = read(
            "1/2/24, 10:00 - Ann: one", "", "two", "10:30 - no start", "1/2/24, 10:01 - Ben: x"
        )

        assert [one.text for one in found.messages] == ["one\n\ntwo\n10:30 - no start", "x"]

    def test_lines_before_the_first_message_are_counted(self) -> None:
        found = read("cut off", "1/2/24, 10:00 - Ann: one", "1/2/24, 10:00 - Ann: two")

        assert len(found.messages) == 2
        assert "lines-before-first" in codes(found)


class TestDates:
    def test_a_day_beyond_twelve_tells_the_order_of_all(self) -> None:
        day = 86_400.0
        assert times("01/02/2024, 10:00", "13/02/2024, 10:00") == [0.0, 12 * day]
        assert times("02/01/2024, 10:00", "02/13/2024, 10:00") == [0.0, 12 * day]

    def test_the_order_in_which_time_goes_forward_is_taken(self) -> None:
        assert times("1/5/24, 10:00", "2/5/24, 10:00", "1/6/24, 10:00")[-1] == 31 * 86_400
        assert times("5/1/24, 10:00", "5/2/24, 10:00", "6/1/24, 10:00")[-1] == 31 * 86_400

    @pytest.mark.parametrize(
        ("line", "said"),
        [
            ("1/2/24, 10:00 - Ann: hi", "the day is first"),
            ("1/2/24, 10:00 AM - Ann: hi", "the month is first"),
            ("1.2.24, 10:00 - Ann: hi", "the day is first"),
        ],
    )
    def test_what_nothing_tells_is_assumed_with_a_notice(self, line: str, said: str) -> None:
        (notice,) = read(line).notices

        assert notice.code == "date-order-assumed"
        assert notice.message.endswith(said)

    def test_twelve_hours_are_read(self) -> None:
        stamps = ["12:01 AM", "1:00 am", "12:00 PM", "1:00 p.m.", "11:59 PM"]
        hours = [0, 59, 719, 779, 1438]

        assert times(*(f"31/12/23, {stamp}" for stamp in stamps)) == [60.0 * h for h in hours]

    @pytest.mark.parametrize(
        "stamp",
        ["31/12/2023, 25:00", "31/12/2023, 10:60", "32/13/2023, 10:00", "31/12/2023, 13:00 PM"],
    )
    def test_a_date_that_does_not_exist_is_text_with_a_notice(self, stamp: str) -> None:
        found = read("31/12/2023, 10:00 - Ann: one", f"{stamp} - Ben: two")

        assert found.messages[0].text == f"one\n{stamp} - Ben: two"
        assert "impossible-dates" in codes(found)
        assert "line 2" in found.notices[-1].message


class TestNoMessages:
    @pytest.mark.parametrize(
        ("rest", "code"),
        [
            ("Messages and calls are end-to-end encrypted.", "system-messages"),
            ("Ann created group “Trip: Rome”", "system-messages"),
            ("Ben left", "system-messages"),
            ("Group: \u200eAnn added Ben", "system-messages"),
            ("Ann: \u200eMissed voice call", "system-messages"),
            ("Ann: <Media omitted>", "media-messages"),
            ("Ann: <Medien ausgeschlossen>", "media-messages"),
            ("Ann: \u200eimage omitted", "media-messages"),
            ("Ann: \u200e<attached: 0001-PHOTO.jpg>", "media-messages"),
            ("Ann: IMG-20240101-WA0001.jpg (file attached)", "media-messages"),
            ("Ann: \u200ePTT-1.opus (Datei angehängt)", "media-messages"),
            ("Ann: This message was deleted", "deleted-messages"),
            ("Ann: \u200eYou deleted this message.", "deleted-messages"),
            ("Ann: ", "empty-messages"),
            ("Ann:", "empty-messages"),
        ],
    )
    def test_they_are_left_out_and_counted(self, rest: str, code: str) -> None:
        found = read("31/12/2023, 10:00 - Ann: hi", f"31/12/2023, 10:01 - {rest}")

        assert [one.text for one in found.messages] == ["hi"]
        assert codes(found) == [code]
        assert "1 " in found.notices[0].message
        assert "line 2" in found.notices[0].message

    def test_a_caption_is_a_message(self) -> None:
        found = read("31/12/2023, 10:00 - Ann: IMG-1.jpg (file attached)", "look at this", "both")

        assert found.messages[0].text == "look at this\nboth"

    @pytest.mark.parametrize("mark", [" <This message was edited>", " \u200e<Bearbeitet.>"])
    def test_the_mark_of_an_edit_is_no_text(self, mark: str) -> None:
        assert read(f"31/12/2023, 10:00 - Ann: hi{mark}").messages[0].text == "hi"

    def test_an_export_of_nothing_else_is_empty_and_says_so(self) -> None:
        with pytest.raises(EmptyInput, match="1 messages of the chat program"):
            read_conversation(b"31/12/2023, 10:00 - Ben left")


_NAMES = st.from_regex(r"[A-Z][a-zéü]{1,8}( [A-Z][a-z]{1,8})?", fullmatch=True)
_LINES = st.from_regex(r"[a-zA-Zäß,!?'😀]([a-zA-Z0-9 äß,.!?'😀]{0,40}[a-z!?])?", fullmatch=True)
_TEXTS = st.lists(_LINES, min_size=1, max_size=3).map("\n".join)
_CHATS = st.lists(st.tuples(_NAMES, _TEXTS, st.integers(1, 400_000)), min_size=1, max_size=12)
_STAMPS = [
    "[{d:%d/%m/%Y}, {d:%H:%M:%S}] ",
    "[{d:%m/%d/%y}, {h}:{d:%M:%S}\u202f{d:%p}] ",
    "{d:%d.%m.%y}, {d:%H:%M} - ",
    "{d:%Y-%m-%d}, {d:%H:%M} - ",
    "{d:%m/%d/%y}, {h}:{d:%M} {d:%p} - ",
]


class TestRoundTrip:
    @settings(max_examples=80, deadline=None)
    @given(_CHATS, st.sampled_from(_STAMPS))
    def test_what_was_exported_is_read(self, chat: list[tuple[str, str, int]], stamp: str) -> None:
        whole = ":%S" in stamp
        # A day beyond twelve, so that the order is told.
        moment = origin = datetime(2023, 12, 31)
        lines = []
        wanted = []
        for name, text, gap in [("Zoe", "start", 0), *chat]:
            moment += timedelta(seconds=gap if whole else gap // 60 * 60)
            lines.append(stamp.format(d=moment, h=int(f"{moment:%I}")) + f"{name}: {text}")
            wanted.append((name, text, (moment - origin).total_seconds()))

        found = read(*lines)

        assert [(one.speaker, one.text, one.time) for one in found.messages] == [
            (name, text, time) for name, text, time in wanted if text != "null"
        ]

    @settings(max_examples=40, deadline=None)
    @given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=60))
    def test_any_text_after_a_name_stays_one_conversation(self, text: str) -> None:
        data = f"31/12/2023, 10:00 - Ann: hi\n31/12/2023, 10:01 - Ben: {text}\n"
        found = read_conversation(data.encode("utf-8", "replace"))

        assert found.messages[0].text.startswith("hi")


class TestHostile:
    @pytest.mark.parametrize("tail", [" " * 60_000 + "x", "<" * 60_000, "\u200e<" * 10_000])
    def test_no_text_takes_long(self, tail: str) -> None:
        assert open_conversation(f"31/12/2023, 10:00 - Ann: a{tail}".encode()).count == 1

    def test_a_message_without_end_is_refused(self) -> None:
        with pytest.raises(PayloadTooLarge, match=f"line 1 is longer than {LONGEST_MESSAGE}"):
            read("31/12/2023, 10:00 - Ann: a", *["more"] * 40_000)
