"""Functions of instant vectors."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np

from affectscope.observatory.matchers import compiled
from affectscope.observatory.promql.errors import QueryError
from affectscope.observatory.promql.source import Floats
from affectscope.observatory.promql.vectors import Labels, Vector, merged

_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_REFERENCE = re.compile(r"\$(?:\$|(\w+)|\{(\w+)\})", re.ASCII)

EACH: dict[str, Callable[..., Floats]] = {
    "abs": np.abs,
    "ceil": np.ceil,
    "floor": np.floor,
    "exp": np.exp,
    "ln": np.log,
    "log2": np.log2,
    "log10": np.log10,
    "sqrt": np.sqrt,
    "sgn": np.sign,
    "clamp_min": np.maximum,
    "clamp_max": np.minimum,
    "clamp": lambda values, least, most: np.maximum(least, np.minimum(most, values)),
    "round": lambda values, to=1.0: np.floor(values * (1.0 / to) + 0.5) / (1.0 / to),
}
"""Functions of every sample by itself, with numbers at every step as further arguments."""


def each(name: str, vector: Vector, numbers: list[Floats]) -> Vector:
    """Apply one of `EACH`; metric names are dropped."""
    with np.errstate(all="ignore"):
        values = EACH[name](vector.values, *numbers)
    present = vector.present
    if name == "clamp":
        present = present & (numbers[0] <= numbers[1])
    return Vector(vector.labels, np.asarray(values, float), present).without_name()


def _moments(values: Floats, unit: str) -> np.ndarray[tuple[int, ...], np.dtype[np.datetime64]]:
    # Beyond these the calendar ends; such samples are no times.
    seconds = np.clip(np.nan_to_num(values), -6e10, 2.5e11).astype("int64")
    return seconds.astype("datetime64[s]").astype(f"datetime64[{unit}]")


def _since(values: Floats, unit: str, whole: str) -> Floats:
    moments = _moments(values, unit)
    return np.asarray(moments - moments.astype(f"datetime64[{whole}]")).astype(float)


def _days_in_month(values: Floats) -> Floats:
    months = _moments(values, "M")
    return np.asarray((months + 1).astype("datetime64[D]") - months.astype("datetime64[D]")).astype(
        float
    )


CALENDAR: dict[str, Callable[[Floats], Floats]] = {
    "minute": lambda values: _since(values, "m", "h"),
    "hour": lambda values: _since(values, "h", "D"),
    "day_of_week": lambda values: (_moments(values, "D").astype(float) + 4) % 7,
    "day_of_month": lambda values: _since(values, "D", "M") + 1,
    "day_of_year": lambda values: _since(values, "D", "Y") + 1,
    "days_in_month": _days_in_month,
    "month": lambda values: _since(values, "M", "Y") + 1,
    "year": lambda values: _moments(values, "Y").astype(float) + 1970,
}
"""Functions of seconds since the epoch, in UTC; without argument of the time of the step."""


def calendar(name: str, vector: Vector) -> Vector:
    """Apply one of `CALENDAR`; metric names are dropped."""
    values = np.where(np.isnan(vector.values), np.nan, CALENDAR[name](vector.values))
    return Vector(vector.labels, values, vector.present).without_name()


def scalar(vector: Vector) -> Floats:
    """Return the one sample of each step, NaN where there is none or are several."""
    alone = vector.present.sum(axis=0) == 1
    values = np.where(vector.present, vector.values, 0.0).sum(axis=0)
    return np.where(alone, values, np.nan)


def absent(vector: Vector, labels: Labels) -> Vector:
    """Return 1 where a vector has no sample."""
    nothing = ~np.asarray(vector.present.any(axis=0))
    return Vector([labels], np.ones((1, len(nothing))), nothing[np.newaxis])


def label_replace(vector: Vector, target: str, replacement: str, source: str, regex: str) -> Vector:
    """Set a label to a text with groups of a regular expression over another label.

    Args:
        vector: Samples.
        target: Label to set; "" as its new value removes it.
        replacement: With `$1`, `${1}` or `${name}`.
        source: Label to look at.
        regex: Must match the whole value; else the series stays as it is.

    Raises:
        QueryError: A name that is no label, a wrong expression, or series that become the same.
    """
    _check(target, "destination")
    whole = compiled(regex)
    labels = []
    for own in vector.labels:
        match = whole.fullmatch(own.get(source, ""))
        labels.append(own if match is None else _set(own, target, _expand(replacement, match)))
    return merged(Vector(labels, vector.values.copy(), vector.present.copy()))


def label_join(vector: Vector, target: str, separator: str, sources: list[str]) -> Vector:
    """Set a label to the values of others, joined.

    Raises:
        QueryError: A name that is no label, or series that become the same.
    """
    for name in (target, *sources):
        _check(name, "destination" if name == target else "source")
    labels = [
        _set(own, target, separator.join(own.get(name, "") for name in sources))
        for own in vector.labels
    ]
    return merged(Vector(labels, vector.values.copy(), vector.present.copy()))


def sort(vector: Vector, descending: bool) -> Vector:
    """Order the series of an instant query by value, NaN last; a range query stays as it is."""
    if vector.values.shape[1] != 1:
        return vector
    values = vector.values[:, 0]
    return vector.rows(np.argsort(-values if descending else values, kind="stable"))


def _check(name: str, role: str) -> None:
    if _LABEL.fullmatch(name) is None:
        raise QueryError(
            f"invalid {role} label name {name!r}; use letters, digits and _", "execution"
        )


def _set(labels: Labels, name: str, value: str) -> Labels:
    others = {label: text for label, text in labels.items() if label != name}
    return {**others, name: value} if value else others


def _expand(template: str, match: re.Match[str]) -> str:
    def group(reference: re.Match[str]) -> str:
        name = reference[1] or reference[2]
        if name is None:
            return "$"
        try:
            return match[int(name) if name.isdecimal() else name] or ""
        except IndexError:
            return ""

    return _REFERENCE.sub(group, template)
