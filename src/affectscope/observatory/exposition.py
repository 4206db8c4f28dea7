"""Reads the Prometheus text format fast, for a target that answers nearly the same each time.

A line is everything up to its last space, and a value. A target repeats the former on every scrape,
so each is parsed once and then looked up. What is not known goes through the parser of
prometheus_client, one line at a time: a bad line harms no other.

Source of the format: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

from typing import get_args

import numpy as np
from prometheus_client.parser import text_string_to_metric_families

from affectscope.observatory.blocks import Floats
from affectscope.observatory.frames import MetricStore, TargetKey
from affectscope.observatory.matchers import NAME
from affectscope.observatory.series import Kind, Labels

MOST_NEW_LINES = 20_000
"""Lines of one scrape that are parsed in full; the rest waits for the next one."""

LONGEST_LINE = 8_192
"""Bytes of a line; longer ones are dropped."""

_PARTS = ("_bucket", "_count", "_sum")
_MOST_METRICS = 10_000


class ExpositionReader:
    """Turns the exposition of one target into rows of the metric store.

    Args:
        store: Gives each series its column.
        target: Whose series they are.
    """

    def __init__(self, store: MetricStore, target: TargetKey) -> None:
        self._store = store
        self._target = target
        self._columns: dict[bytes, int] = {}
        self._kinds: dict[str, str] = {}
        self._comments: set[bytes] = set()
        self.dropped_lines = 0
        """Lines, so far, that were no samples, too long, or beyond a limit."""

    def read(self, body: bytes) -> Floats:
        """Read one answer of the target.

        Args:
            body: UTF-8.

        Returns:
            Values by column, NaN where a series is absent; shape (columns,).
        """
        columns: list[int] = []
        values: list[float] = []
        unknown: list[bytes] = []
        known = self._columns
        for line in body.split(b"\n"):
            series, _, value = line.rpartition(b" ")
            column = known.get(series)
            if column is None:
                unknown.append(line)
                continue
            try:
                number = float(value)
            except ValueError:
                self.dropped_lines += 1
                continue
            columns.append(column)
            values.append(number)
        if unknown:
            self._learn(unknown, columns, values)
        row = np.full(max(columns, default=-1) + 1, np.nan)
        row[columns] = values
        return row

    def _learn(self, lines: list[bytes], columns: list[int], values: list[float]) -> None:
        """Parse lines in full, and remember what stands before their values."""
        series: list[tuple[str, Labels, Kind]] = []
        origins: list[tuple[bytes | None, float]] = []
        budget = MOST_NEW_LINES
        for raw in lines:
            line = raw.strip()
            if not line or line in self._comments:
                continue
            budget -= 1
            if budget < 0 or len(line) > LONGEST_LINE:
                self.dropped_lines += 1
            elif line.startswith(b"#"):
                self._comment(line)
            else:
                try:
                    name, labels, value, stamped = _sample(line)
                except ValueError:
                    self.dropped_lines += 1
                    continue
                series.append((name, labels, self._kind(name)))
                key, _, last = raw.rpartition(b" ")
                # Next time the last word counts as the value: only where it is, now too.
                plain = key and not stamped and _reads_as(last, value)
                origins.append((key if plain else None, value))
        found = self._store.columns(self._target, series)
        if len(self._columns) > 2 * MOST_NEW_LINES:
            self._columns.clear()
        for column, (origin, value) in zip(found, origins, strict=True):
            if column >= 0:
                columns.append(column)
                values.append(value)
                if origin is not None:
                    self._columns[origin] = column

    def _comment(self, line: bytes) -> None:
        words = line.decode("utf-8", "replace").split(None, 3)
        if len(self._comments) < 2 * _MOST_METRICS:
            self._comments.add(line)
        if len(words) < 3 or words[0] != "#":
            return
        name, text = words[2], words[3] if len(words) > 3 else ""
        if words[1] == "TYPE" and len(self._kinds) < _MOST_METRICS:
            self._kinds[name] = text
            self._store.describe(name, kind=text)
        elif words[1] == "HELP":
            text = text.replace("\\n", "\n").replace("\\\\", "\\")
            self._store.describe(name, text=text)

    def _kind(self, name: str) -> Kind:
        found = self._kinds.get(name)
        for part in _PARTS:
            base = self._kinds.get(name.removesuffix(part)) if name.endswith(part) else None
            if found is None and base in ("histogram", "summary"):
                found = base
        for kind in get_args(Kind):
            if found == kind:
                return kind  # type: ignore[no-any-return]
        return "untyped"


def _sample(line: bytes) -> tuple[str, Labels, float, bool]:
    """Parse one line.

    Returns:
        Name, labels, value, and whether the line gives a time of its own, which is not used.

    Raises:
        ValueError: No sample.
    """
    try:
        (family,) = text_string_to_metric_families(line.decode())
        (sample,) = family.samples
    except ValueError:
        raise
    except Exception as error:
        # The parser trusts its input in places; nothing that a target sends may end a scrape.
        raise ValueError(f"no sample: {error!r}") from error
    if not sample.name or NAME in sample.labels:
        raise ValueError("a sample without a name of its own")
    return sample.name, sample.labels, float(sample.value), sample.timestamp is not None


def _reads_as(text: bytes, value: float) -> bool:
    try:
        number = float(text)
    except ValueError:
        return False
    return number == value or (number != number and value != value)
