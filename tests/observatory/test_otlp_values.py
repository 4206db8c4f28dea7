"""Attributes as plain values: every kind, and nothing longer than it may be."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import (
    AnyValue,
    ArrayValue,
    KeyValue,
    KeyValueList,
)

from affectscope.observatory.otlp_values import (
    LONGEST,
    LONGEST_NAME,
    MARK,
    MOST_ATTRIBUTES,
    MOST_BYTES,
    attributes_of,
    encode,
    truncate,
    value_of,
)
from tests.observatory.store_parts import text


class TestOneValue:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            (AnyValue(string_value="größer"), "größer"),
            (AnyValue(bool_value=False), False),
            (AnyValue(int_value=-(2**63)), -(2**63)),
            (AnyValue(double_value=0.5), 0.5),
            (AnyValue(bytes_value=b"\0\xff"), "AP8="),
            (AnyValue(), None),
            (
                AnyValue(array_value=ArrayValue(values=[AnyValue(int_value=1), AnyValue()])),
                [1, None],
            ),
            (AnyValue(kvlist_value=KeyValueList(values=[text("a", "b")])), {"a": "b"}),
        ],
    )
    def test_every_kind_has_its_json(self, value: AnyValue, expected: object):
        assert value_of(value) == expected
        assert type(value_of(value)) is type(expected)

    @pytest.mark.parametrize(
        ("number", "expected"), [(math.nan, "nan"), (math.inf, "inf"), (-math.inf, "-inf")]
    )
    def test_numbers_that_json_lacks_become_text(self, number: float, expected: str):
        assert value_of(AnyValue(double_value=number)) == expected
        assert json.loads(encode({"a": value_of(AnyValue(double_value=number))})) == {"a": expected}


class TestAttributes:
    def test_of_two_with_one_name_the_later_counts(self):
        assert attributes_of([text("a", "1"), text("b", "2"), text("a", "3")]) == {
            "a": "3",
            "b": "2",
        }

    def test_there_are_at_most_128(self):
        found = attributes_of(text(f"name{number}", "x") for number in range(1_000))

        assert list(found) == [f"name{number}" for number in range(MOST_ATTRIBUTES)]

    def test_together_they_stay_small_and_the_first_ones_stay(self):
        found = attributes_of(text(f"name{number}", "x" * 4_000) for number in range(100))

        assert len(encode(found)) <= MOST_BYTES
        assert list(found) == [f"name{number}" for number in range(len(found))]
        assert len(found) > 10

    def test_a_list_that_is_too_long_becomes_the_beginning_of_its_text(self):
        value = AnyValue(array_value=ArrayValue(values=[AnyValue(string_value="ä" * 100)] * 100))
        found = attributes_of([KeyValue(key="list", value=value)])["list"]

        assert isinstance(found, str)
        assert found.startswith('["ää')
        assert found.endswith(MARK)
        assert len(found.encode()) <= LONGEST

    def test_names_are_cut(self):
        assert list(attributes_of([text("n" * 10_000, "x")])) == ["n" * LONGEST_NAME]

    @given(
        st.lists(st.tuples(st.text(), st.text() | st.floats() | st.integers(-(2**63), 2**63 - 1)))
    )
    def test_whatever_comes_is_json_that_reads_back(self, pairs):
        fields = {str: "string_value", float: "double_value", int: "int_value"}
        found = attributes_of(
            KeyValue(
                key=name.encode("utf-8", "replace").decode(),
                value=AnyValue(
                    **{
                        fields[type(value)]: value.encode("utf-8", "replace").decode()
                        if isinstance(value, str)
                        else value
                    }
                ),
            )
            for name, value in pairs
        )

        assert json.loads(encode(found), parse_constant=pytest.fail) == found


class TestTruncate:
    @given(st.text(alphabet=st.characters(codec="utf-8"), max_size=300), st.integers(20, 400))
    def test_a_text_is_whole_or_a_beginning_with_a_mark(self, whole: str, longest: int):
        found = truncate(whole, longest)

        assert len(found.encode()) <= longest
        if len(whole.encode()) <= longest:
            assert found == whole
        else:
            assert found.endswith(MARK)
            assert whole.startswith(found.removesuffix(MARK))

    def test_no_character_is_cut_in_half(self):
        assert truncate("👩" * 2_000).removesuffix(MARK) == "👩" * (
            (LONGEST - len(MARK.encode())) // 4
        )
