"""Spans as they arrive: what is read from them, and what is never believed."""

from __future__ import annotations

import json

import pytest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span as ProtoSpan
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from affectscope.observatory.otlp_spans import Span, service_of, spans_of, time_of
from affectscope.observatory.otlp_values import LONGEST_NAME
from tests.observatory.store_parts import NOW, proto_span, resource, text, trace_request

PARENT = bytes(7) + b"\2"
DAY = 86_400.0


def read(**fields: object) -> Span:
    spans, refused = spans_of(trace_request("chat", **fields), NOW)
    assert refused == 0
    return spans[0]


class TestWhatIsRead:
    def test_a_request(self):
        whole = KeyValue(key="http.response.status_code", value=AnyValue(int_value=503))
        yes = KeyValue(key="affectscope.profiled", value=AnyValue(bool_value=True))
        span = read(
            attributes=[
                text("http.route", "/analyze-chat"),
                text("error.type", "lost"),
                whole,
                yes,
            ],
            status=Status(code=Status.STATUS_CODE_ERROR, message="gone"),
        )

        assert (span.endpoint, span.status, span.error_type) == ("/analyze-chat", 503, "lost")
        assert (span.error, span.profiled, span.entry, span.service) == (True, True, True, "chat")
        assert (span.start, span.seconds) == (NOW, pytest.approx(0.25, abs=1e-6))
        assert span.document["status_message"] == "gone"
        assert span.document["kind"] == "server"

    def test_events_are_kept_with_their_times_up_to_a_limit(self):
        events = [
            ProtoSpan.Event(name=f"event {number}", time_unix_nano=int((NOW + 0.1) * 1e9))
            for number in range(1_000)
        ]
        found = read(events=events).document["events"]

        assert [event["name"] for event in found] == [f"event {number}" for number in range(64)]
        assert found[0]["time"] == pytest.approx(NOW + 0.1)

    @pytest.mark.parametrize(
        ("flags", "kind", "entry"),
        [
            (0x300, ProtoSpan.SPAN_KIND_INTERNAL, True),
            (0x100, ProtoSpan.SPAN_KIND_SERVER, False),
            (0, ProtoSpan.SPAN_KIND_SERVER, True),
            (0, ProtoSpan.SPAN_KIND_CONSUMER, True),
            (0, ProtoSpan.SPAN_KIND_CLIENT, False),
        ],
    )
    def test_where_a_request_enters_a_process(self, flags, kind, entry):
        span = read(parent_span_id=PARENT, flags=flags, kind=kind)

        assert span.parent_id == PARENT.hex()
        assert span.entry is entry


class TestIds:
    @pytest.mark.parametrize(
        "fields",
        [
            {"trace_id": b""},
            {"trace_id": bytes(16)},
            {"trace_id": b"x" * 15},
            {"trace_id": b"x" * 17},
            {"span_id": b""},
            {"span_id": b"x" * 9},
        ],
    )
    def test_a_span_without_proper_ids_is_refused(self, fields):
        request = trace_request("chat", proto_span(), proto_span(**fields))

        spans, refused = spans_of(request, NOW)

        assert (len(spans), refused) == (1, 1)

    @pytest.mark.parametrize("parent", [b"", bytes(8), b"x", b"x" * 16])
    def test_a_parent_that_is_none_makes_a_root(self, parent):
        span = read(parent_span_id=parent)

        assert span.parent_id is None
        assert span.entry

    def test_a_span_whose_id_is_all_zero_is_refused(self):
        _, refused = spans_of(trace_request("chat", span_id=bytes(8)), NOW)

        assert refused == 1


class TestTimes:
    def test_an_end_before_the_beginning_is_no_negative_time(self):
        assert read(end_time_unix_nano=int((NOW - 60) * 1e9)).seconds == 0

    def test_a_span_without_a_beginning_begins_at_its_end(self):
        span = read(start_time_unix_nano=0)

        assert (span.start, span.seconds) == (pytest.approx(NOW + 0.25), 0)

    def test_a_span_without_times_is_of_now(self):
        span = read(start_time_unix_nano=0, end_time_unix_nano=0)

        assert (span.start, span.end) == (NOW, NOW)

    @pytest.mark.parametrize(
        ("nanoseconds", "expected"),
        [
            (2**64 - 1, NOW),
            (int((NOW + 3 * DAY) * 1e9), NOW),
            (int((NOW + 3600) * 1e9), NOW + 3600),
            (int((NOW - 400 * DAY) * 1e9), NOW - 400 * DAY),
            (0, NOW),
        ],
    )
    def test_a_clock_may_be_hours_off_but_not_days_ahead(self, nanoseconds, expected):
        assert time_of(nanoseconds, NOW) == pytest.approx(expected)


class TestHostile:
    def test_names_and_services_are_cut(self):
        request = trace_request("s" * 10_000, name="n" * 10_000)
        (span,), _ = spans_of(request, NOW)

        assert (len(span.service), len(span.name)) == (LONGEST_NAME, LONGEST_NAME)

    @pytest.mark.parametrize("kind", [-1, 6, 2**31 - 1])
    def test_a_kind_of_tomorrow_is_internal(self, kind):
        assert read(kind=kind).document["kind"] == "internal"

    @pytest.mark.parametrize("value", ["503", 5.5, -1, 1000, True])
    def test_a_status_that_is_none_is_left_out(self, value):
        kind = {str: "string_value", float: "double_value", int: "int_value", bool: "bool_value"}
        status = AnyValue(**{kind[type(value)]: value})
        span = read(attributes=[KeyValue(key="http.response.status_code", value=status)])

        assert span.status is None

    def test_a_route_that_is_no_text_becomes_one(self):
        route = KeyValue(key="http.route", value=AnyValue(int_value=7))

        assert read(attributes=[route]).endpoint == "7"

    def test_any_text_stays_readable_json(self):
        span = read(name='"\\\n\0\u2028👩‍🚀', attributes=[text('"}', "\x01\x7f")])
        document = json.loads(span.body)

        assert document["name"] == '"\\\n\0\u2028👩‍🚀'
        assert document["attributes"] == {'"}': "\x01\x7f"}


class TestServiceOf:
    def test_it_is_the_resource_that_says_it(self):
        assert service_of(resource("chat")) == "chat"

    def test_without_a_name_it_is_unknown(self):
        number = KeyValue(key="service.name", value=AnyValue(int_value=3))

        assert service_of(Resource()) == "unknown_service"
        assert service_of(Resource(attributes=[number])) == "unknown_service"
