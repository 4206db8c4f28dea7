"""Series in promtool's notation, and a source over them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from affectscope.observatory.matchers import Matcher
from affectscope.observatory.promql.source import Floats

BEGIN = 1_760_000_000.0
_VALUE = re.compile(r"(_|-?[\d.]+)([-+][\d.]+)?(?:x(\d+))?")
_SECONDS = {"s": 1, "m": 60, "h": 3600}

Found = list[tuple[dict[str, str], Floats, Floats]]


def seconds(text: str) -> float:
    """`90s`, `70m` or `26h` as seconds."""
    return float(text[:-1]) * _SECONDS[text[-1]]


def values(notation: str) -> list[float | None]:
    """What promtool reads: `1+2x3` is 1 3 5 7, `_x2` are two gaps."""
    found: list[float | None] = []
    for token in notation.split():
        match = _VALUE.fullmatch(token)
        assert match is not None, token
        first, step, times = match.groups()
        if first == "_":
            found += [None] * int(times or 1)
        else:
            found += [
                float(first) + index * float(step or 0) for index in range(int(times or 0) + 1)
            ]
    return found


class SeriesSource:
    """A source over promtool's input series, which begin at `BEGIN`."""

    def __init__(self, entries: Sequence[dict[str, Any]], interval: str) -> None:
        pause = seconds(interval)
        self.series: Found = []
        for entry in entries:
            name = entry["series"]
            points = [
                (BEGIN + index * pause, value)
                for index, value in enumerate(values(entry["values"]))
                if value is not None
            ]
            self.series.append(
                (
                    {
                        "__name__": name.partition("{")[0],
                        **dict(re.findall(r'(\w+)="([^"]*)"', name)),
                    },
                    np.array([at for at, _ in points]),
                    np.array([value for _, value in points]),
                )
            )

    def select(
        self, matchers: Sequence[Matcher], start: float, end: float, resolution: float = 0.0
    ) -> Found:
        found = []
        for labels, times, numbers in self.series:
            if all(matcher.matches(labels) for matcher in matchers):
                within = (times >= start) & (times <= end)
                found.append((labels, times[within], numbers[within]))
        return found
