"""JSON is read an entry at a time, and what is wrong is named by line."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affectscope.chat.formats import Conversation, open_conversation, read_conversation
from affectscope.chat.formats.documents import elements
from affectscope.chat.formats.text import Text
from affectscope.chat.messages import Message, parse_messages
from affectscope.errors import (
    InvalidValue,
    MalformedRequest,
    MissingField,
    PayloadTooLarge,
    RequestError,
)


def read(text: str, name: str | None = None) -> Conversation:
    return read_conversation(text.encode(), name)


class TestForms:
    def test_the_list_alone_is_enough(self) -> None:
        assert read('[{"text": "a"}, {"text": "b", "speaker": "Ben"}]').messages == [
            Message("writer-1", None, "a"),
            Message("Ben", None, "b"),
        ]

    def test_a_lone_text_is_one_message(self) -> None:
        assert read('{"text": "hello"}').messages == [Message("writer-1", 0.0, "hello")]

    def test_other_fields_are_passed_over(self) -> None:
        found = read('{"v": [1, {"messages": 2}], "messages": [{"text": "a"}], "w": null}')

        assert [one.text for one in found.messages] == ["a"]

    def test_a_line_alone_may_be_a_message(self) -> None:
        assert read('{"text": "a", "speaker": "Ann"}').format == "ndjson"
        assert read('{"text": "a"}\n\n{"text": "b"}\n').format == "ndjson"
        assert read('{"text": "a"}', "a.ndjson").messages[0].text == "a"

    def test_dates_count_from_the_earliest(self) -> None:
        found = read(
            '[{"text": "a", "time": "2024-01-01T10:00:05"}, {"text": "b", "time": "2024-01-01T10:00"}]'
        )

        assert [one.time for one in found.messages] == [5.0, 0.0]


class TestBadInput:
    @pytest.mark.parametrize(
        ("text", "kind", "said"),
        [
            (
                '{"messages": [{"text": "a"},\n\n{"txt": "b"}]}',
                MissingField,
                "line 3 lacks 'text'; found: txt",
            ),
            ('{"messages": [{"text": "a"},\n7]}', InvalidValue, "line 2 is 7"),
            ('{"messages": [{"text": "a"},\n{"text": 5}]}', InvalidValue, r"line 2\.text is 5"),
            (
                '{"messages": [{"text": "a"}\n{"text": "b"}]}',
                MalformedRequest,
                "line 2: .* valid: ','",
            ),
            ('{"messages": [{"text": "a"},\n', MalformedRequest, "line 2"),
            ('{"messages": [{"text": NaN}]}', MalformedRequest, "NaN is no number"),
            ('{"messages": [{"text": "a"}]} x', MalformedRequest, "the end of the document"),
            ('{"messages": 5}', InvalidValue, "no list"),
            ('{"a": 1}', MissingField, "found: a"),
            ("{}", MissingField, "found: nothing"),
            ('{"text": "a",\n"messages": []}', MissingField, "line 2: needs either"),
            ('{"text": "a", "text": "b"}', MissingField, "once"),
            (
                '{"messages": [{"text": "a", "time": 1},\n{"text": "b", "time": "2024-01-01"}]}',
                InvalidValue,
                "line 2: some times",
            ),
            ('{"text": "a"}\n{"text": }\n', MalformedRequest, "line 2: .*an object a line"),
            ('{"text": "a"}\n{"text": "b", "speaker": ""}\n', InvalidValue, r"line 2\.speaker"),
            ("[" * 100_000, MalformedRequest, "line 1"),
            ('{"messages": [' + "[" * 100_000, MalformedRequest, "line 1"),
            (
                '{"messages": [{"text": "a", "n": 1' + "0" * 5_000 + "}]}",
                MalformedRequest,
                "line 1",
            ),
            ('{"k": "' + "x" * 3_000_000 + '", "messages": []}', PayloadTooLarge, "2097152"),
        ],
    )
    def test_it_is_named_by_line(self, text: str, kind: type[RequestError], said: str) -> None:
        with pytest.raises(kind, match=said) as caught:
            read(text, "a.json" if text.startswith("[[") else None)

        assert len(caught.value.detail) < 400

    def test_names_of_fields_are_text(self) -> None:
        with pytest.raises(MalformedRequest):
            read('{"a": 1, 5: 2}')


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=8,
)
_ENTRIES = st.fixed_dictionaries(
    {"text": st.text(min_size=1, max_size=80).filter(str.strip)},
    optional={
        "speaker": st.text(min_size=1, max_size=20).filter(str.strip),
        "time": st.floats(-1e6, 1e9),
    },
)


class TestRoundTrip:
    @settings(max_examples=80, deadline=None)
    @given(
        st.lists(_ENTRIES, min_size=1, max_size=12), st.sampled_from([None, 0, 3]), st.booleans()
    )
    def test_it_reads_what_the_interface_reads(
        self, entries: list[dict[str, object]], indent: int | None, ascii: bool
    ) -> None:
        document = {"messages": entries}
        text = json.dumps(document, indent=indent, ensure_ascii=ascii)
        lines = "\n".join(json.dumps(entry, ensure_ascii=ascii) for entry in entries)
        expected = parse_messages(document)

        assert read_conversation(text.encode("utf-8", "surrogatepass")).messages == expected
        assert (
            read_conversation(lines.encode("utf-8", "surrogatepass"), "a.ndjson").messages
            == expected
        )

    @settings(max_examples=60, deadline=None)
    @given(st.lists(_VALUES, max_size=6))
    def test_elements_are_those_of_the_whole_document(self, values: list[object]) -> None:
        data = json.dumps(values, indent=1).encode()

        def reopen() -> object:

            return io.BytesIO(data)

        assert [value for _, value in elements(Text(reopen))] == values  # type: ignore[arg-type]

    def test_entries_across_blocks_are_whole(self) -> None:
        entries = [{"text": "x" * (i % 997 + 1), "time": i} for i in range(3000)]

        opened = open_conversation(json.dumps({"messages": entries}).encode())

        assert [len(one.text) for one in opened] == [i % 997 + 1 for i in range(3000)]

    def test_a_number_at_the_end_of_a_block_is_whole(self) -> None:
        for pad in range(64 * 1024 - 30, 64 * 1024 + 5):
            text = "[" + " " * pad + "12345678, 2]"

            found = [
                value for _, value in elements(Text(lambda text=text: io.BytesIO(text.encode())))
            ]  # type: ignore[misc]
            assert found == [12345678, 2]
