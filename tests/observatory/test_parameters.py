"""Parameters that the endpoints share."""

from __future__ import annotations

import pytest

from affectscope.errors import InvalidValue
from affectscope.observatory.parameters import check_span, earliest, trace_id_of


class TestTraceId:
    @pytest.mark.parametrize("text", ["ab" * 16, "AB" * 16, f" {'ab' * 16}\n"])
    def test_is_lower_case_without_spaces_around(self, text: str):
        assert trace_id_of(text) == "ab" * 16

    @pytest.mark.parametrize("text", ["", "ab", "ab" * 17, "xy" * 16, "٣" * 32, "0x" + "a" * 30])
    def test_anything_else_is_named(self, text: str):
        with pytest.raises(InvalidValue, match=r"trace_id is .* valid: 32 hexadecimal digits"):
            trace_id_of(text)

    def test_a_long_one_is_not_quoted_whole(self):
        with pytest.raises(InvalidValue) as caught:
            trace_id_of("x" * 100_000)
        assert len(caught.value.detail) < 200


class TestTimes:
    def test_the_earliest_of_those_that_are_given(self):
        assert earliest(None, 3.0, 2.0) == 2.0
        assert earliest(None, None) is None
        assert earliest(0.0, 5.0) == 0.0

    def test_a_range_has_its_beginning_first(self):
        check_span(1.0, 1.0)
        check_span(None, 0.0)
        check_span(5.0, None)
        with pytest.raises(InvalidValue, match=r"end is 1\.0, which is before start, 2\.0"):
            check_span(2.0, 1.0)
