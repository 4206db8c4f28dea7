"""Lines of logs as they arrive."""

from __future__ import annotations

import json

import pytest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue

from affectscope.observatory.otlp_logs import LEVELS, LogLine, lines_of
from affectscope.observatory.otlp_values import LONGEST
from tests.observatory.store_parts import NOW, log_request, text

TRACE, SPAN = bytes(15) + b"\1", bytes(7) + b"\1"


def read(event: str = "model loaded", **fields: object) -> LogLine:
    (line,) = lines_of(log_request("chat", event, **fields), NOW)
    return line


class TestLevels:
    @pytest.mark.parametrize(
        ("number", "level"),
        [(1, "debug"), (8, "debug"), (9, "info"), (13, "warning"), (17, "error"), (24, "critical")],
    )
    def test_by_number(self, number, level):
        assert LEVELS[read(severity_number=number, severity_text="fatal").level] == level

    @pytest.mark.parametrize(
        ("word", "level"),
        [("WARN", "warning"), ("Err", "error"), ("fatal", "critical"), ("", "info"), ("?", "info")],
    )
    def test_by_text_where_there_is_no_number(self, word, level):
        assert LEVELS[read(severity_number=0, severity_text=word).level] == level

    @pytest.mark.parametrize("number", [25, -1, 2**31 - 1])
    def test_numbers_that_mean_nothing_are_info(self, number):
        assert LEVELS[read(severity_number=number).level] == "info"


class TestTimes:
    def test_the_time_of_the_event_comes_before_that_of_its_observation(self):
        observed = int((NOW + 5) * 1e9)

        assert read(observed_time_unix_nano=observed).time == pytest.approx(NOW)
        assert read(time_unix_nano=0, observed_time_unix_nano=observed).time == pytest.approx(
            NOW + 5
        )
        assert read(time_unix_nano=0).time == NOW

    def test_a_time_that_cannot_be_is_now(self):
        assert read(time_unix_nano=2**64 - 1).time == NOW


class TestIds:
    def test_of_a_trace_and_of_a_span_in_it(self):
        line = read(trace_id=TRACE, span_id=SPAN)

        assert (line.trace_id, line.span_id) == (TRACE, SPAN)

    @pytest.mark.parametrize("trace", [b"", bytes(16), b"short", b"x" * 17])
    def test_a_trace_that_is_none_is_left_out_with_its_span(self, trace):
        line = read(trace_id=trace, span_id=SPAN)

        assert (line.trace_id, line.span_id) == (None, None)

    def test_a_span_that_is_none_is_left_out(self):
        line = read(trace_id=TRACE, span_id=b"x")

        assert (line.trace_id, line.span_id) == (TRACE, None)


class TestText:
    def test_a_body_that_is_no_text_becomes_json(self):
        body = AnyValue(array_value=ArrayValue(values=[AnyValue(int_value=1), AnyValue()]))
        (line,) = lines_of(log_request("chat", ""), NOW)
        request = log_request("chat", "x")
        request.resource_logs[0].scope_logs[0].log_records[0].body.CopyFrom(body)
        (other,) = lines_of(request, NOW)

        assert line.event == ""
        assert other.event == "[1,null]"

    def test_without_a_body_the_name_of_the_event_stands(self):
        request = log_request("chat", "x", event_name="device.crash")
        request.resource_logs[0].scope_logs[0].log_records[0].ClearField("body")

        assert lines_of(request, NOW)[0].event == "device.crash"

    def test_long_ones_are_cut_and_a_zero_hides_nothing(self):
        line = read("a\0b" + "ä" * LONGEST)

        assert line.event.startswith("a\ufffdb")
        assert len(line.event.encode()) <= LONGEST + 3

    def test_fields_read_back_and_their_words_stand_free(self):
        line = read(attributes=[text("stack", 'one\ntwo\t"three"\\n\r')])

        assert json.loads(line.fields, strict=False) == {"stack": 'one\ntwo\t"three"\\n\r'}
        assert "one\ntwo" in line.fields

    @pytest.mark.parametrize("value", ["\\", "\\\\n", "\\\\", "\\n\\", "a\\tb\n\\"])
    def test_backslashes_survive(self, value):
        line = read(attributes=[text("path", value)])

        assert json.loads(line.fields, strict=False) == {"path": value}

    def test_a_number_that_is_none_is_text(self):
        nan = KeyValue(key="score", value=AnyValue(double_value=float("nan")))

        assert json.loads(read(attributes=[nan]).fields) == {"score": "nan"}
