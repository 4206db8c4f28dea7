"""A request's identity comes from well-formed headers, and from nothing else."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from affectscope.telemetry import RequestContext, TraceParent, parse_traceparent
from affectscope.telemetry.context import random_ids

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"
GIVEN = f"00-{TRACE}-{SPAN}-01".encode()
IDS = "a" * 32 + "b" * 16 + "c" * 16


def ids() -> str:
    return IDS


hexadecimal = st.text("0123456789abcdef", min_size=1)


@given(
    st.integers(1, 2**128 - 1), st.integers(1, 2**64 - 1), st.integers(0, 255), st.integers(0, 254)
)
def test_valid_headers_are_read(trace: int, span: int, flags: int, version: int) -> None:
    header = f"{version:02x}-{trace:032x}-{span:016x}-{flags:02x}".encode()

    parent = parse_traceparent(header)

    assert parent == TraceParent(f"{trace:032x}", f"{span:016x}", bool(flags & 1))


@given(st.binary(max_size=80))
@example(GIVEN.upper())
@example(GIVEN + b" ")
@example(GIVEN + b"\n")
@example(GIVEN + b"-00")
@example(b"ff" + GIVEN[2:])
@example(f"00-{'0' * 32}-{SPAN}-01".encode())
@example(f"00-{TRACE}-{'0' * 16}-01".encode())
@example(f"01-{TRACE}-{SPAN}-01x".encode())
@example(b"")
def test_anything_else_is_invalid(header: bytes) -> None:
    assert parse_traceparent(header) is None


def test_a_later_version_may_carry_more() -> None:
    parent = parse_traceparent(b"01" + GIVEN[2:] + b"-what-comes-next")

    assert parent == TraceParent(TRACE, SPAN, True)


def test_the_callers_trace_goes_on_with_a_span_of_our_own() -> None:
    context = RequestContext([(b"traceparent", GIVEN)], ids)

    assert context.trace_id == TRACE
    assert context.parent == TraceParent(TRACE, SPAN, True)
    assert context.traceparent == f"00-{TRACE}-{'b' * 16}-01"


def test_an_unsampled_trace_stays_unsampled() -> None:
    context = RequestContext([(b"traceparent", GIVEN[:-2] + b"00")], ids)

    assert not context.sampled
    assert context.traceparent.endswith("-00")


@pytest.mark.parametrize(
    "headers",
    [[], [(b"traceparent", b"nonsense")], [(b"traceparent", GIVEN), (b"traceparent", GIVEN)]],
    ids=["none", "malformed", "two"],
)
def test_without_one_valid_parent_a_new_trace_begins(headers: list[tuple[bytes, bytes]]) -> None:
    context = RequestContext(headers, ids)

    assert context.parent is None
    assert context.trace_id == "a" * 32
    assert context.sampled


@given(st.from_regex(rb"[A-Za-z0-9._-]{1,128}", fullmatch=True))
def test_a_well_formed_request_id_is_kept(value: bytes) -> None:
    context = RequestContext([(b"host", b"x"), (b"x-request-id", value)], ids)

    assert context.request_id.encode() == value


@pytest.mark.parametrize(
    "value", [b"", b"a" * 129, b"a b", b"a\r\nset-cookie: x", b"<script>", "é".encode(), b"a\n"]
)
def test_a_malformed_request_id_is_replaced(value: bytes) -> None:
    context = RequestContext([(b"x-request-id", value)], ids)

    assert context.request_id == "c" * 16


def test_random_ids_have_the_form_and_differ() -> None:
    made = {random_ids() for _ in range(100)}

    assert len(made) == 100
    assert all(len(one) == 64 and int(one, 16) for one in made)
