"""Functions over a range of samples: `rate`, `avg_over_time` and their like, for all steps at once.

The formulas are those of Prometheus 2.42 (promql/functions.go): a range has both of its ends
included.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affectscope.observatory.promql.source import Floats
from affectscope.observatory.promql.vectors import Flags, Times

Window = tuple[Floats, Flags]
"""Values and presence, each of shape (series, steps)."""


@dataclass(frozen=True, slots=True)
class Ranges:
    """Series with the same times, and which of the samples each step looks at.

    Attributes:
        times: Milliseconds, shape (samples,).
        values: None is NaN for absence; shape (series, samples).
        at: The end of each step's range in milliseconds, shape (steps,).
        length: Of the range, in milliseconds.
        low: First sample of each step, shape (steps,).
        high: One after the last sample of each step, shape (steps,).
    """

    times: Times
    values: Floats
    at: Times
    length: int
    low: NDArray[np.intp]
    high: NDArray[np.intp]

    @staticmethod
    def of(times: Times, values: Floats, at: Times, length: int) -> Ranges:
        """Find the samples of each step."""
        low = np.searchsorted(times, at - length, side="left")
        high = np.searchsorted(times, at, side="right")
        return Ranges(times, values, at, length, low, high)

    def at_least(self, samples: int) -> NDArray[np.intp]:
        """Return the steps whose range has so many samples."""
        return np.flatnonzero(self.high - self.low >= samples)

    def fill(self, steps: NDArray[np.intp], values: Floats) -> Window:
        """Spread values of some steps, shape (series, len(steps)), over all steps."""
        shape = (len(self.values), len(self.at))
        result, present = np.zeros(shape), np.zeros(shape, bool)
        result[:, steps] = values
        present[:, steps] = True
        return result, present


def grouped(
    series: list[tuple[Times, Floats]],
) -> list[tuple[list[int], Times, Floats]]:
    """Drop absent samples, and bring together the series that then share their times.

    Args:
        series: Times and values of each; series may share one array of times.

    Returns:
        Groups: which series, their times, and their values, shape (series of the group, times).
    """
    groups: dict[tuple[int, bytes], list[int]] = {}
    for number, (times, values) in enumerate(series):
        groups.setdefault((id(times), np.isnan(values).tobytes()), []).append(number)
    result = []
    for members in groups.values():
        times, first = series[members[0]]
        there = ~np.isnan(first)
        matrix = np.array([series[member][1] for member in members])
        result.append((members, times[there], matrix[:, there]))
    return result


def _extrapolated(ranges: Ranges, counter: bool, per_second: bool) -> Window:
    """`rate`, `increase` (counters) and `delta`.

    Prometheus extends the difference between the first and the last sample to the ends of the
    range where those samples lie near them (within 1.1 of the mean distance of samples), else by
    half a distance; a counter is never extended to before it would have been zero.
    """
    steps = ranges.at_least(2)
    low, last = ranges.low[steps], ranges.high[steps] - 1
    values = ranges.values
    first_value = values[:, low]
    result = values[:, last] - first_value
    if counter:
        before, after = values[:, :-1], values[:, 1:]
        lost = np.zeros_like(values)
        np.cumsum(np.where(after < before, before, 0.0), axis=1, out=lost[:, 1:])
        result = result + (lost[:, last] - lost[:, low])
    to_start = (ranges.times[low] - (ranges.at[steps] - ranges.length)) / 1000
    to_end = (ranges.at[steps] - ranges.times[last]) / 1000
    sampled = (ranges.times[last] - ranges.times[low]) / 1000
    distance = sampled / (last - low)
    to_start = np.broadcast_to(to_start, result.shape)
    if counter:
        with np.errstate(divide="ignore", invalid="ignore"):
            to_zero = sampled * (first_value / result)
        nearer = (result > 0) & (first_value >= 0) & (to_zero < to_start)
        to_start = np.where(nearer, to_zero, to_start)
    threshold = distance * 1.1
    extended = sampled + np.where(to_start < threshold, to_start, distance / 2)
    extended = extended + np.where(to_end < threshold, to_end, distance / 2)
    factor = extended / sampled
    if per_second:
        factor = factor / (ranges.length / 1000)
    return ranges.fill(steps, result * factor)


def _instant(ranges: Ranges, counter: bool) -> Window:
    """`irate` and `idelta`: from the last two samples."""
    steps = ranges.at_least(2)
    last = ranges.high[steps] - 1
    newer, older = ranges.values[:, last], ranges.values[:, last - 1]
    result = newer - older
    if counter:
        seconds = (ranges.times[last] - ranges.times[last - 1]) / 1000
        result = np.where(newer < older, newer, result) / seconds
    return ranges.fill(steps, result)


def _each(function: Callable[..., Any], ranges: Ranges) -> Window:
    """Apply a function of the values in a range, shape (series, samples), to every step."""
    steps = ranges.at_least(1)
    result = np.empty((len(ranges.values), len(steps)))
    low, high = ranges.low[steps].tolist(), ranges.high[steps].tolist()
    for step, (first, end) in enumerate(zip(low, high, strict=True)):
        result[:, step] = function(ranges.values[:, first:end])
    return ranges.fill(steps, result)


def _last(ranges: Ranges) -> Window:
    steps = ranges.at_least(1)
    return ranges.fill(steps, ranges.values[:, ranges.high[steps] - 1])


def _count(ranges: Ranges) -> Window:
    steps = ranges.at_least(1)
    counts = (ranges.high - ranges.low)[steps].astype(float)
    return ranges.fill(steps, np.broadcast_to(counts, (len(ranges.values), len(steps))))


def _present(ranges: Ranges) -> Window:
    return ranges.fill(ranges.at_least(1), np.ones(1))


def _transitions(ranges: Ranges, resets: bool) -> Window:
    """`changes` and `resets`: pairs of neighbours in the range that differ, or fall."""
    steps = ranges.at_least(1)
    before, after = ranges.values[:, :-1], ranges.values[:, 1:]
    events = np.zeros_like(ranges.values)
    np.cumsum(after < before if resets else after != before, axis=1, out=events[:, 1:])
    return ranges.fill(steps, events[:, ranges.high[steps] - 1] - events[:, ranges.low[steps]])


def _line(ranges: Ranges, ahead: Floats | None) -> Window:
    """`deriv`, and `predict_linear` by `ahead` seconds at each step: least squares over a range."""
    steps = ranges.at_least(2)
    result = np.empty((len(ranges.values), len(steps)))
    for column, step in enumerate(steps):
        span = slice(ranges.low[step], ranges.high[step])
        origin = ranges.times[span.start] if ahead is None else ranges.at[step]
        x = (ranges.times[span] - origin) / 1000
        y = ranges.values[:, span]
        base = y[:, :1]
        with np.errstate(invalid="ignore"):
            x_mean, y_mean = x.mean(), (y - base).mean(axis=1)
            slope = ((y - base) * (x - x_mean)).mean(axis=1) / ((x - x_mean) ** 2).mean()
        constant = np.all(y == base, axis=1)
        slope = np.where(constant, 0.0, slope)
        slope[np.isinf(y).any(axis=1)] = np.nan
        if ahead is None:
            result[:, column] = slope
        else:
            intercept = np.where(constant, 0.0, y_mean - slope * x_mean) + base[:, 0]
            result[:, column] = slope * ahead[step] + intercept
    return ranges.fill(steps, result)


def quantiles(phi: float, values: Floats) -> Floats:
    """Return quantiles by linear interpolation between ranks, as Prometheus does.

    Args:
        phi: 0 to 1; below gives -Inf, above gives +Inf, NaN gives NaN.
        values: Shape (series, at least one value); NaN counts as the smallest.

    Returns:
        The quantile of each series, shape (series,).
    """
    series, count = values.shape
    if not 0 <= phi <= 1:
        return np.full(series, np.nan if np.isnan(phi) else np.copysign(np.inf, phi))
    absent = np.isnan(values)
    ordered = np.sort(np.where(absent, -np.inf, values), axis=1)
    ordered[np.arange(count) < absent.sum(axis=1, keepdims=True)] = np.nan
    rank = phi * (count - 1)
    lower = int(np.floor(rank))
    upper = min(lower + 1, count - 1)
    weight = rank - lower
    with np.errstate(invalid="ignore"):
        return np.asarray(ordered[:, lower] * (1 - weight) + ordered[:, upper] * weight)


def _quantile(ranges: Ranges, phi: Floats) -> Window:
    steps = ranges.at_least(1)
    result = np.empty((len(ranges.values), len(steps)))
    for column, step in enumerate(steps):
        window = ranges.values[:, ranges.low[step] : ranges.high[step]]
        result[:, column] = quantiles(float(phi[step]), window)
    return ranges.fill(steps, result)


RANGE_FUNCTIONS: dict[str, Callable[[Ranges], Window]] = {
    "rate": partial(_extrapolated, counter=True, per_second=True),
    "increase": partial(_extrapolated, counter=True, per_second=False),
    "delta": partial(_extrapolated, counter=False, per_second=False),
    "irate": partial(_instant, counter=True),
    "idelta": partial(_instant, counter=False),
    "avg_over_time": partial(_each, partial(np.mean, axis=1)),
    "sum_over_time": partial(_each, partial(np.sum, axis=1)),
    "min_over_time": partial(_each, partial(np.min, axis=1)),
    "max_over_time": partial(_each, partial(np.max, axis=1)),
    "stddev_over_time": partial(_each, partial(np.std, axis=1)),
    "stdvar_over_time": partial(_each, partial(np.var, axis=1)),
    "count_over_time": _count,
    "last_over_time": _last,
    "present_over_time": _present,
    "changes": partial(_transitions, resets=False),
    "resets": partial(_transitions, resets=True),
    "deriv": partial(_line, ahead=None),
}
"""Functions of a range alone."""

RANGE_FUNCTIONS_WITH_NUMBER: dict[str, Callable[[Ranges, Floats], Window]] = {
    "quantile_over_time": _quantile,
    "predict_linear": _line,
}
"""Functions of a range and of a number at every step."""
