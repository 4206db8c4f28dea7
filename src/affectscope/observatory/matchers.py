"""Label matchers as PromQL has them: `=`, `!=`, `=~` and `!~`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, get_args

from affectscope.errors import InvalidValue

Operator = Literal["=", "!=", "=~", "!~"]
NAME = "__name__"
"""The label that holds the name of a metric."""

# An escaped character and a class of characters are one token each.
_TOKEN = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|.", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on one label; a label that a series lacks has the value "".

    Args:
        name: Label.
        operator: `=` and `!=` compare; `=~` and `!~` take a regular expression that must match
            the whole value.
        value: What to compare with, or the expression.

    Raises:
        InvalidValue: An operator that PromQL does not have, or no regular expression.
    """

    name: str
    operator: Operator
    value: str

    def __post_init__(self) -> None:
        if self.operator not in get_args(Operator):
            raise InvalidValue(
                f"unknown operator {self.operator!r}; the operators are "
                + " ".join(get_args(Operator))
            )
        if self.operator in ("=~", "!~"):
            compiled(self.value)

    def test(self) -> Callable[[str], bool]:
        """Return a function that says whether a value of the label passes."""
        wanted = self.value
        if self.operator == "=":
            return lambda value: value == wanted
        if self.operator == "!=":
            return lambda value: value != wanted
        whole = compiled(wanted).fullmatch
        if self.operator == "=~":
            return lambda value: whole(value) is not None
        return lambda value: whole(value) is None

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Say whether a series passes."""
        return self.test()(labels.get(self.name, ""))


@lru_cache(1024)
def compiled(expression: str) -> re.Pattern[str]:
    """Compile a regular expression of PromQL; `.` matches a line break too, as in Prometheus.

    Args:
        expression: In the syntax that RE2 and Python share.

    Raises:
        InvalidValue: Not a regular expression, or one that could take for ever: Python's matcher
            goes back and tries again, where that of Prometheus does not.
    """
    if _may_explode(expression):
        raise InvalidValue(
            f"the regular expression {expression!r:.200} repeats a group that itself repeats or "
            "has alternatives; write it without one of the two"
        )
    try:
        return re.compile(expression, re.DOTALL)
    except (re.error, OverflowError, RecursionError) as error:
        raise InvalidValue(f"invalid regular expression {expression!r}: {error}") from error


def _may_explode(expression: str) -> bool:
    """Say whether a group that may match in several ways is repeated: the source of exponential time.

    Args:
        expression: A regular expression, right or wrong.
    """
    # For each group that is open, whether it repeats something or has alternatives.
    open_groups = [False]
    closed = False
    for piece in _TOKEN.findall(expression):
        if piece == "(":
            open_groups.append(False)
        elif piece == ")" and len(open_groups) > 1:
            closed = open_groups.pop()
            open_groups[-1] |= closed
            continue
        elif piece in ("*", "+", "{"):
            if closed:
                return True
            open_groups[-1] = True
        elif piece == "|":
            open_groups[-1] = True
        closed = False
    return False
