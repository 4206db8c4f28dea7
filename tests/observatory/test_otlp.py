"""Bodies of OTLP: both forms, every packing, and bytes that are neither."""

from __future__ import annotations

import contextlib
import gzip
import json
import time
import zlib

import pytest
from google.protobuf.json_format import MessageToDict
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from affectscope.errors import (
    InvalidValue,
    MalformedRequest,
    Overloaded,
    PayloadTooLarge,
    Refused,
    UnsupportedMedia,
)
from affectscope.observatory.otlp import MOST_BYTES, Form, read, status_of, unpack, write
from tests.observatory.store_parts import trace_request

FIELDS = (
    *("resourceSpans", "scopeSpans", "spans", "traceId", "attributes", "value"),
    *("resourceLogs", "scopeLogs", "logRecords", "body", "intValue"),
    *("resourceMetrics", "scopeMetrics", "metrics", "sum", "dataPoints"),
)
KINDS = (ExportTraceServiceRequest, ExportLogsServiceRequest, ExportMetricsServiceRequest)


class TestForm:
    @pytest.mark.parametrize(
        ("header", "form"),
        [
            ("application/x-protobuf", Form.PROTOBUF),
            ("Application/JSON; charset=utf-8", Form.JSON),
            (" application/json ", Form.JSON),
        ],
    )
    def test_is_what_the_header_says(self, header, form):
        assert Form.of(header) is form

    def test_another_one_is_named_with_the_valid_ones(self):
        with pytest.raises(UnsupportedMedia, match=r"'text/html'.*x-protobuf, application/json"):
            Form.of("text/html")


class TestUnpack:
    @given(st.binary(max_size=2_000))
    def test_what_was_packed_comes_out(self, body: bytes):
        assert unpack(body, "") == body
        assert unpack(gzip.compress(body), "gzip") == body
        assert unpack(zlib.compress(body), "deflate") == body

    @given(st.binary(min_size=1, max_size=200), st.sampled_from(["gzip", "deflate"]))
    def test_bytes_that_are_not_packed_are_refused(self, body: bytes, encoding: str):
        with pytest.raises(MalformedRequest, match=f"the body is not {encoding}"):
            unpack(b"\xff" + body, encoding)

    @pytest.mark.parametrize("levels", [1, 2])
    def test_a_bomb_ends_at_the_limit_and_soon(self, levels: int):
        bomb = bytes(64 << 20)
        for _ in range(levels):
            bomb = gzip.compress(bomb, 9)
        began = time.thread_time()
        if levels == 1:
            with pytest.raises(PayloadTooLarge, match=str(MOST_BYTES)):
                unpack(bomb, "gzip")
        else:
            # A bomb within a bomb is small: only one layer is ever unpacked.
            assert len(unpack(bomb, "gzip")) < 1 << 20
        assert time.thread_time() - began < 1.0

    def test_many_members_count_together(self):
        member = gzip.compress(bytes(1 << 20), 1)
        with pytest.raises(PayloadTooLarge):
            unpack(member * 17, "gzip")


class TestRead:
    @pytest.mark.parametrize("kind", KINDS)
    @given(body=st.binary(max_size=300))
    def test_any_bytes_are_a_message_or_refused(self, kind, body: bytes):
        for form in Form:
            with contextlib.suppress(MalformedRequest):
                assert isinstance(read(body, form, kind), kind)

    @pytest.mark.parametrize("kind", KINDS)
    @given(
        document=st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(FIELDS),
                    inner,
                    max_size=3,
                )
            ),
        )
    )
    def test_any_json_is_a_message_or_refused(self, kind, document: object):
        with contextlib.suppress(MalformedRequest):
            assert isinstance(read(json.dumps(document).encode(), Form.JSON, kind), kind)

    def test_both_forms_say_the_same(self):
        message = trace_request("chat")
        document = MessageToDict(message)
        span = document["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
        span |= {"traceId": "0" * 31 + "1", "spanId": "0" * 15 + "1"}

        by_json = read(json.dumps(document).encode(), Form.JSON, ExportTraceServiceRequest)

        assert by_json == message
        assert (
            read(write(message, Form.PROTOBUF), Form.PROTOBUF, ExportTraceServiceRequest) == message
        )

    def test_an_attribute_that_is_called_like_an_id_is_left_alone(self):
        value = {"stringValue": "not hexadecimal"}
        span = {"attributes": [{"key": "traceId", "value": value}], "traceId": "ab" * 16}
        document = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}

        message = read(json.dumps(document).encode(), Form.JSON, ExportTraceServiceRequest)

        (found,) = message.resource_spans[0].scope_spans[0].spans
        assert found.trace_id == b"\xab" * 16
        assert found.attributes[0].value.string_value == "not hexadecimal"


class TestStatus:
    @pytest.mark.parametrize(
        ("error", "code"),
        [
            (Refused("no"), 7),
            (PayloadTooLarge("big", limit=1), 8),
            (InvalidValue("odd"), 3),
            (Overloaded("later", retry_after=1.0), 14),
        ],
    )
    def test_errors_have_the_codes_of_google(self, error, code):
        assert (status_of(error).code, status_of(error).message) == (code, error.detail)

    def test_half_a_character_can_be_told(self):
        assert status_of(InvalidValue("\ud800")).message == "\\ud800"
