"""Label matchers."""

from __future__ import annotations

import pytest

from affectscope.errors import InvalidValue
from affectscope.observatory.matchers import Matcher


@pytest.mark.parametrize(
    ("operator", "value", "passing", "failing"),
    [
        ("=", "a", ["a"], ["", "b", "ab"]),
        ("!=", "a", ["", "b"], ["a"]),
        ("=~", "a|b.", ["a", "bc", "b\n"], ["", "ab", "abc"]),
        ("!~", "a.*", ["", "ba"], ["a", "abc"]),
        ("=~", ".*", ["", "x"], []),
    ],
)
def test_operators(operator: str, value: str, passing: list[str], failing: list[str]) -> None:
    matcher = Matcher("l", operator, value)  # type: ignore[arg-type]

    assert [text for text in passing if not matcher.matches({"l": text})] == []
    assert [text for text in failing if matcher.matches({"l": text})] == []
    assert matcher.matches({}) == matcher.matches({"l": ""})


def test_what_is_no_matcher() -> None:
    with pytest.raises(InvalidValue, match="unknown operator"):
        Matcher("l", "~", "x")  # type: ignore[arg-type]
    with pytest.raises(InvalidValue, match="invalid regular expression"):
        Matcher("l", "=~", "(")
