"""From the text of a query to its syntax tree, which the library promql-parser makes."""

from __future__ import annotations

import re
from datetime import timedelta
from functools import lru_cache
from typing import Any

import promql_parser

from affectscope.observatory.matchers import NAME, Matcher, Operator
from affectscope.observatory.promql.binary import Cardinality, Matching
from affectscope.observatory.promql.errors import QueryError

MOST_CHARACTERS = 10_000
MOST_DEPTH = 100
"""Brackets within brackets: the parser is recursive and would end the process."""
MOST_OPERATORS = 300
"""Each lies within the next, so they are a depth as well."""

_STRINGS = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|`[^`]*`|#[^\n]*", re.DOTALL)
_SELECTIONS = re.compile(r"\{[^{}]*\}")
_OPERATOR = re.compile(r"[-+*/%^]|[=!]=|[<>]=?|\b(?:and|or|unless|atan2)\b", re.IGNORECASE)
# The parser's own constants cannot be hashed.
_OPERATORS: dict[str, Operator] = {
    "MatchOp.Equal": "=",
    "MatchOp.NotEqual": "!=",
    "MatchOp.Re": "=~",
    "MatchOp.NotRe": "!~",
}


@lru_cache(1024)
def parse(query: str) -> promql_parser.Expr:
    """Parse a query; rules, objectives and charts ask the same ones over and over.

    Args:
        query: PromQL, up to 10,000 characters.

    Returns:
        The syntax tree, its types checked.

    Raises:
        QueryError: Not PromQL, too long, or too deep.
    """
    if len(query) > MOST_CHARACTERS:
        raise QueryError(f"the query has {len(query)} characters; at most {MOST_CHARACTERS}")
    depth = 0
    bare = _STRINGS.sub("", query)
    for character in bare:
        if character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
        if depth > MOST_DEPTH:
            raise QueryError(f"the query has more than {MOST_DEPTH} brackets within brackets")
    operators = len(_OPERATOR.findall(_SELECTIONS.sub("", bare)))
    if operators > MOST_OPERATORS:
        raise QueryError(f"the query has {operators} operators; at most {MOST_OPERATORS}")
    try:
        return promql_parser.parse(query)
    except ValueError as error:
        raise QueryError(f"invalid query: {error}") from error


def milliseconds(duration: timedelta | None) -> int:
    """Return a duration in milliseconds; 0 for none."""
    return 0 if duration is None else duration // timedelta(milliseconds=1)


def matchers(selector: promql_parser.VectorSelector) -> list[Matcher]:
    """Return the conditions of a selector, that on its name among them.

    Raises:
        QueryError: `or` between conditions, which Prometheus does not have either.
    """
    if selector.matchers.or_matchers:
        raise QueryError("`or` between label matchers is not supported; use `or` between selectors")
    found: list[Any] = list(selector.matchers.matchers)
    result = [Matcher(it.name, _OPERATORS[str(it.op)], it.value) for it in found]
    if selector.name is not None:
        result.append(Matcher(NAME, "=", selector.name))
    return result


_CARDINALITIES: dict[str, Cardinality] = {
    "VectorMatchCardinality.OneToOne": "one-to-one",
    "VectorMatchCardinality.ManyToOne": "many-to-one",
    "VectorMatchCardinality.OneToMany": "one-to-many",
    "VectorMatchCardinality.ManyToMany": "many-to-many",
}


def matching(modifier: promql_parser.BinModifier | None) -> Matching:
    """Return how a binary operator matches series.

    Raises:
        QueryError: `fill`, which Prometheus 2 does not have.
    """
    if modifier is None:
        return Matching()
    fill = modifier.fill_values
    if fill is not None and (fill.lhs is not None or fill.rhs is not None):
        raise QueryError("`fill` is not supported")
    labels = modifier.matching
    return Matching(
        _CARDINALITIES[str(modifier.card)],
        labels is not None and labels.type == promql_parser.LabelModifierType.Include,
        frozenset(labels.labels if labels is not None else ()),
        tuple(modifier.group_labels or ()),
    )
