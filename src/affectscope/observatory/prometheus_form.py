"""Queries and answers in the form of Prometheus' HTTP API, without the HTTP.

Source of the form: https://prometheus.io/docs/prometheus/latest/querying/api/
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import promql_parser

from affectscope.errors import InvalidValue
from affectscope.observatory.frames import MetricStore
from affectscope.observatory.matchers import Matcher
from affectscope.observatory.promql import Engine, QueryError, Sample, Series
from affectscope.observatory.promql.aggregation import go_number
from affectscope.observatory.promql.parsing import matchers, parse

Parameters = Mapping[str, Sequence[str]]
"""Values of each parameter, of which some may be given more than once."""

MOST_ENTRIES = 20_000
"""Series or values that a listing names."""


class PrometheusQueries:
    """Answers to the queries of Prometheus' API, each as the `data` of its answer.

    Args:
        store: Knows which series there are.
        engine: Evaluates PromQL.
        clock: Seconds since the epoch.
    """

    def __init__(
        self, store: MetricStore, engine: Engine, clock: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._engine = engine
        self._clock = clock

    def query(self, parameters: Parameters) -> dict[str, Any]:
        """Answer `query` at `time`.

        Raises:
            InvalidValue: A parameter is missing or wrong; `QueryError` for the query itself.
        """
        query = _required(parameters, "query")
        at = self._clock()
        if _first(parameters, "time"):
            at = _time(parameters, "time")
        ranges = self._engine.samples(query, at)
        if ranges is not None:
            return {"resultType": "matrix", "result": [_matrix(series) for series in ranges]}
        value = self._engine.instant(query, at)
        if isinstance(value, float):
            return {"resultType": "scalar", "result": [at, go_number(value)]}
        return {"resultType": "vector", "result": [_vector(sample, at) for sample in value]}

    def query_range(self, parameters: Parameters) -> dict[str, Any]:
        """Answer `query` from `start` to `end` by `step`.

        Raises:
            InvalidValue: A parameter is missing or wrong; `QueryError` for the query itself.
        """
        found = self._engine.range(
            _required(parameters, "query"),
            _time(parameters, "start"),
            _time(parameters, "end"),
            _duration(parameters, "step"),
        )
        return {"resultType": "matrix", "result": [_matrix(series) for series in found]}

    def series(self, parameters: Parameters) -> list[dict[str, str]]:
        """Return the labels of the series that pass any of `match[]`, whenever they were seen.

        Raises:
            InvalidValue: No `match[]`, or one that is no selector.
        """
        if not parameters.get("match[]"):
            raise InvalidValue("match[] is missing; give at least one selector such as up")
        return self._matching(parameters)[:MOST_ENTRIES]

    def labels(self, parameters: Parameters) -> list[str]:
        """Return the names of labels of the series that pass any of `match[]`, or of all."""
        names = {name for labels in self._matching(parameters) for name in labels}
        return sorted(names)[:MOST_ENTRIES]

    def label_values(self, name: str, parameters: Parameters) -> list[str]:
        """Return the values of a label in the series that pass any of `match[]`, or in all."""
        values = {labels[name] for labels in self._matching(parameters) if name in labels}
        return sorted(values)[:MOST_ENTRIES]

    def metadata(self, parameters: Parameters) -> dict[str, list[dict[str, str]]]:
        """Return type and help of `metric`, or of all, at most `limit` of them.

        Raises:
            InvalidValue: `limit` is no whole number.
        """
        limit = _first(parameters, "limit") or str(MOST_ENTRIES)
        if not limit.isdecimal():
            raise InvalidValue(f"limit is {limit!r:.80}; use a whole number, 0 or above")
        wanted = _first(parameters, "metric")
        known = {
            name: [{"type": kind, "help": text, "unit": ""}]
            for name, (kind, text) in sorted(self._store.descriptions().items())
            if not wanted or name == wanted
        }
        return dict(list(known.items())[: int(limit[:9])])

    def _matching(self, parameters: Parameters) -> list[dict[str, str]]:
        selectors: list[list[Matcher]] = []
        for text in parameters.get("match[]", ()):
            node = parse(text)
            if not isinstance(node, promql_parser.VectorSelector):
                raise QueryError(f'match[] is {text!r:.80}; use a selector such as up{{job="x"}}')
            selectors.append(matchers(node))
        found = {
            tuple(sorted(labels.items())): labels
            for selector in selectors or [[]]
            for labels in self._store.series(selector)
        }
        return list(found.values())


def answer(job: Callable[[], Any]) -> tuple[bytes, int]:
    """Run a query and return the body and the status of its answer.

    Args:
        job: Returns the `data`; may raise `InvalidValue`.
    """
    try:
        document = {"status": "success", "data": job()}
        status = 200
    except InvalidValue as error:
        kind = error.kind if isinstance(error, QueryError) else "bad_data"
        document = {"status": "error", "errorType": kind, "error": error.detail}
        status = 400 if kind == "bad_data" else 422
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode(), status


def _vector(sample: Sample, at: float) -> dict[str, Any]:
    return {"metric": sample.labels, "value": [at, go_number(sample.value)]}


def _matrix(series: Series) -> dict[str, Any]:
    return {
        "metric": series.labels,
        "values": [(at, go_number(value)) for at, value in series.points],
    }


def _first(parameters: Parameters, name: str) -> str:
    return next(iter(parameters.get(name, ())), "")


def _required(parameters: Parameters, name: str) -> str:
    value = _first(parameters, name)
    if not value:
        raise InvalidValue(f"{name} is missing; found: {', '.join(parameters) or 'nothing'}")
    return value


def _time(parameters: Parameters, name: str) -> float:
    value = _required(parameters, name)
    try:
        return float(value)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise InvalidValue(
            f"{name} is {value!r:.80}; use seconds since the epoch or a time in RFC 3339 form"
        ) from None


def _duration(parameters: Parameters, name: str) -> float:
    value = _required(parameters, name)
    try:
        return float(value)
    except ValueError:
        pass
    try:
        return promql_parser.parse_duration(value) / timedelta(seconds=1)
    except ValueError:
        raise InvalidValue(
            f"{name} is {value!r:.80}; use seconds or a duration such as 15s or 5m"
        ) from None
