"""A call made on a request's behalf carries its identity."""

from __future__ import annotations

from affectscope.telemetry import (
    RequestContext,
    Timings,
    current_request,
    outgoing_headers,
)

IDS = "a" * 32 + "b" * 16 + "c" * 16


def test_outgoing_calls_carry_the_request() -> None:
    timings = Timings(request=RequestContext([], lambda: IDS))

    with timings.activate():
        headers = outgoing_headers()

    assert headers == {
        "x-request-id": "c" * 16,
        "traceparent": f"00-{'a' * 32}-{'b' * 16}-01",
    }


def test_work_measured_within_a_request_belongs_to_it() -> None:
    request = RequestContext([], lambda: IDS)

    with Timings(request=request).activate(), Timings().activate():
        assert current_request() is request


def test_outside_of_a_request_there_is_nothing_to_carry() -> None:
    assert current_request() is None
    assert outgoing_headers() == {}
