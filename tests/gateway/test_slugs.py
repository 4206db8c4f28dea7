"""Errors of answers are named as the service that answers names them."""

from __future__ import annotations

import pytest

from affectscope.gateway.slugs import problem_slug


@pytest.mark.parametrize(
    ("status", "body", "slug"),
    [
        (503, b'{"type": "urn:affectscope:problem:overloaded"}', "overloaded"),
        (503, b"gone", "unavailable"),
        (500, b'{"type": "about:blank"}', "internal"),
        (404, b"[]", "not-found"),
        (418, b'{"type": 3', "request-error"),
    ],
)
def test_the_problem_says_it_or_else_the_status(status: int, body: bytes, slug: str) -> None:
    assert problem_slug(status, body) == slug
