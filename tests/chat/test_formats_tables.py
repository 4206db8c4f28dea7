"""Tables: columns are guessed by name, delimiters and times by what stands there."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affectscope.chat.formats import Conversation, read_conversation
from affectscope.chat.messages import Message
from affectscope.errors import InvalidValue


def read(*lines: str, name: str | None = None) -> Conversation:
    return read_conversation("\n".join(lines).encode(), name)


def times(*cells: str) -> list[float | None]:
    return [one.time for one in read("time\ttext", *(f"{cell}\thi" for cell in cells)).messages]


class TestColumns:
    @pytest.mark.parametrize(
        "header",
        [
            "speaker,time,text",
            "From,Date,Message",
            "author,timestamp,body",
            "USER,created_at,Content",
            "Sender, Sent At ,msg",
            '"username","DateTime","utterance"',
        ],
    )
    def test_common_names_are_known(self, header: str) -> None:
        found = read(header, "Ann,2024-01-31 10:00,hi", "Ben,2024-01-31 10:01,yo")

        assert found.format == "csv"
        assert found.messages == [Message("Ann", 0.0, "hi"), Message("Ben", 60.0, "yo")]

    def test_columns_may_stand_anywhere_and_beside_others(self) -> None:
        found = read("id;text;x;user", "1;hi;;Ann")

        assert found.messages == [Message("Ann", None, "hi")]

    def test_a_day_and_a_time_of_day_belong_together(self) -> None:
        found = read("date,time,user,text", "31/01/2024,10:00:00,a,x", "01/02/2024,9:00 PM,a,y")

        assert [one.time for one in found.messages] == [0.0, 35 * 3600]

    def test_a_whole_date_beside_a_day_stands_alone(self) -> None:
        found = read("day,timestamp,text", "2024-01-31,2024-01-31T10:00:00Z,x")

        assert found.messages[0].time == 0.0

    def test_text_alone_needs_the_name_of_the_file(self) -> None:
        assert read("text", "hi").format == "text"
        assert read("text", "hi", name="a.csv").messages == [Message("writer-1", None, "hi")]

    def test_the_hint_of_a_spreadsheet_is_passed_over(self) -> None:
        assert read("sep=;", "speaker;text", "Ann;hi, you").messages[0].text == "hi, you"

    def test_a_cell_may_have_lines_quotes_and_delimiters(self) -> None:
        found = read("speaker,text", 'Ann,"one', 'two, ""three"""', "", ",,", "Ben,x", name="a.csv")

        assert [one.text for one in found.messages] == ['one\ntwo, "three"', "x"]


class TestTimes:
    @pytest.mark.parametrize(
        ("cells", "expected"),
        [
            (("0", "1.5", ""), [0.0, 1.5, None]),
            (("0:01:02", "00:01:03.5"), [62.0, 63.5]),
            (("1700000000", "1700000060"), [0.0, 60.0]),
            (("1700000000000", "1700000000500"), [0.0, 0.5]),
            (("1700000000000000", "1700000000500000"), [0.0, 0.5]),
            (("2024-01-31T10:00:00+01:00", "2024-01-31T09:00:01Z"), [0.0, 1.0]),
            (("13/02/2024 10:00", "14/02/2024, 10:00:01"), [0.0, 86_401.0]),
            (("2/13/2024 1:00 PM", "2/13/2024 1:01 PM"), [0.0, 60.0]),
            (("Jan 5, 2024 10:00 AM", "January 5, 2024 1:00 PM"), [0.0, 10_800.0]),
            (("05-Jan-24 10:00 PM", "6 Jan 2024 22:00"), [0.0, 86_400.0]),
            (("Fri, 5 Jan 2024 10:00:00", "Sat, 6th Jan 2024 10:00:00"), [0.0, 86_400.0]),
        ],
    )
    def test_usual_forms_are_read(self, cells: tuple[str, ...], expected: list[float]) -> None:
        assert times(*cells) == expected

    def test_what_is_assumed_of_times_is_noted(self) -> None:
        for line, code in (("1700000000", "epoch-times"), ("1/2/2024 10:00", "date-order-assumed")):
            (notice,) = read("time,text", f"{line},hi").notices
            assert notice.code == code

    @pytest.mark.parametrize(
        "cell", ["noon", "10:05", "31/31/2024", "2024-13-01", "5 Foo 2024", "31 Feb 2024", "1e300"]
    )
    def test_what_is_no_time_is_named(self, cell: str) -> None:
        with pytest.raises(InvalidValue, match=f"line 3: '{cell}' cannot be read; valid: seconds"):
            times("2e9", cell)

    def test_kinds_of_times_are_not_mixed(self) -> None:
        with pytest.raises(InvalidValue, match="line 3: some times are seconds"):
            times("5", "2024-01-31 10:00")


class TestBadRows:
    @pytest.mark.parametrize(
        ("row", "said"),
        [
            ("Ann,one,two", "line 4: 'Ann,one,two' cannot be read; valid: 2 cells"),
            ("Ann", "valid: 2 cells as in the header, not 1"),
            ('Ann,"one" two', "line 4: .*quotes are doubled and closed"),
            ('Ann,"one', "line 4: .*quotes"),
            ('Ann,"' + "x" * 200_000, "line 4: .*quotes"),
            ("A" * 300 + ",hi", "the name in line 4"),
        ],
    )
    def test_they_are_named_by_line(self, row: str, said: str) -> None:
        with pytest.raises(InvalidValue, match=said) as caught:
            read("speaker,text", 'Ann,"x', 'y"', row)

        assert len(caught.value.detail) < 300


_CELLS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40).filter(
    str.strip
)
_TEXTS = st.lists(_CELLS, min_size=1, max_size=3).map("\n".join)


class TestRoundTrip:
    @settings(max_examples=100, deadline=None)
    @given(
        st.lists(st.tuples(_CELLS, st.integers(0, 10**6), _TEXTS), min_size=1, max_size=10),
        st.sampled_from(",;\t"),
        st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
        st.sampled_from(["%Y-%m-%d %H:%M:%S", "%d.%m.%Y %H:%M:%S", "%m/%d/%Y %I:%M:%S %p"]),
    )
    def test_what_was_written_is_read(
        self, rows: list[tuple[str, int, str]], delimiter: str, quoting: int, form: str
    ) -> None:
        origin = datetime(2024, 1, 31)
        rows = [("Zoe", 0, "start"), *rows]
        file = io.StringIO()
        writer = csv.writer(file, delimiter=delimiter, quoting=quoting)  # type: ignore[arg-type]
        writer.writerow(["speaker", "time", "text"])
        for speaker, seconds, text in rows:
            writer.writerow([speaker, (origin + timedelta(seconds=seconds)).strftime(form), text])

        found = read_conversation(file.getvalue().encode())

        assert found.messages == [Message(who.strip(), float(at), text) for who, at, text in rows]
