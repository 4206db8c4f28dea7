"""Names of OpenTelemetry in the form of Prometheus.

Source: https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/
"""

from __future__ import annotations

import re

from affectscope.observatory.otlp_values import LONGEST_NAME

_NOT_METRIC = re.compile(r"[^a-zA-Z0-9:]+")
_NOT_LABEL = re.compile(r"[^a-zA-Z0-9]+")
_ANNOTATION = re.compile(r"\{[^}]*\}")

_UNITS = {
    "d": "days",
    "h": "hours",
    "min": "minutes",
    "s": "seconds",
    "ms": "milliseconds",
    "us": "microseconds",
    "ns": "nanoseconds",
    "By": "bytes",
    "KiBy": "kibibytes",
    "MiBy": "mebibytes",
    "GiBy": "gibibytes",
    "TiBy": "tibibytes",
    "KBy": "kilobytes",
    "MBy": "megabytes",
    "GBy": "gigabytes",
    "TBy": "terabytes",
    "m": "meters",
    "V": "volts",
    "A": "amperes",
    "J": "joules",
    "W": "watts",
    "g": "grams",
    "Cel": "celsius",
    "Hz": "hertz",
    "%": "percent",
    "1": "",
}
_RATES = {
    "s": "second",
    "m": "minute",
    "min": "minute",
    "h": "hour",
    "d": "day",
    "w": "week",
    "mo": "month",
    "y": "year",
}


def metric_name(name: str, unit: str, *, total: bool, gauge: bool) -> str:
    """Return the name of a metric, with its unit, and `_total` where it only rises.

    Args:
        name: Any text.
        unit: As UCUM writes it.
        total: Whether it is a counter.
        gauge: Whether it is a gauge: without unit it is then a ratio.

    Example:
        >>> metric_name("http.server.request.duration", "s", total=False, gauge=False)
        'http_server_request_duration_seconds'
    """
    words = [word for word in _NOT_METRIC.sub("_", name[:LONGEST_NAME]).split("_") if word]
    for word in _unit_words(unit, gauge):
        if word not in words:
            words.append(word)
    if total:
        words = [*(word for word in words if word != "total"), "total"]
    found = "_".join(words) or "unnamed"
    return f"_{found}" if found[0].isdigit() else found


def label_name(name: str) -> str:
    """Return the name of a label.

    Example:
        >>> label_name("http.request.method")
        'http_request_method'
    """
    found = _NOT_LABEL.sub("_", name[:LONGEST_NAME]) or "_"
    if found[0].isdigit():
        return f"key_{found}"
    # Labels that begin with two underscores belong to Prometheus itself.
    return f"_{found.lstrip('_')}" if found.startswith("__") else found


def _unit_words(unit: str, gauge: bool) -> list[str]:
    plain = _ANNOTATION.sub("", unit[:LONGEST_NAME]).strip()
    if plain == "1" and gauge:
        return ["ratio"]
    above, divided, below = plain.partition("/")
    words = [_UNITS.get(above, above)]
    if divided and below:
        words += ["per", _RATES.get(below, below)]
    return [clean for word in words if (clean := _NOT_METRIC.sub("_", word).strip("_"))]
