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


@pytest.mark.parametrize(
    "expression", ["(a+)+", "((a*)b)*", "(a|aa)+", "(?:x{1,9}){1,9}", "((a|b)c){2,}", "x(\\d+)*y"]
)
def test_expressions_that_could_take_for_ever_are_refused(expression: str) -> None:
    with pytest.raises(InvalidValue, match="repeats a group"):
        Matcher("l", "=~", expression)


@pytest.mark.parametrize(
    "expression",
    [
        "(a+)b+",
        "(a|b)c*",
        "(ab)+",
        "(a+)?",
        "[(+*]+",
        "(\\(+)",
        "([)+]x)+",
        "(.+):(.*)",
        "5..|4(0|2)9",
    ],
)
def test_others_are_not(expression: str) -> None:
    Matcher("l", "=~", expression)
